"""Every setting, with its bounds. What each one means is written in `default.toml`; a test keeps the two equal.

Knows nothing of files or the environment: see `load`.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

TOKEN_SHAPE = re.compile(r"\d{3,20}:[A-Za-z0-9_-]{30,80}")
"""What BotFather hands out: the bot's numeric id, a colon, 35 characters today."""

PersonId = Annotated[int, Field(gt=0, lt=2**52)]
"""Telegram promises that ids of people are positive and fit in 52 bits."""


class Section(BaseModel):
    """Base of all sections: unknown keys, wrong types and later changes are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)


class Library(Section):
    """Where articles come from and where everything made of them is stored."""

    articles: str = ""
    data: Annotated[str, Field(min_length=1)] = "footnote-data"
    largest_file_mb: Annotated[int, Field(ge=1, le=1_000)] = 20
    batch_mb: Annotated[int, Field(ge=1, le=10_000)] = 16
    confirm_removal: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    delta_share: Annotated[float, Field(ge=0.0, le=100.0)] = 0.2


class Store(Section):
    """Where the vectors are kept: in the data directory, or on a Chroma server."""

    url: Annotated[str, Field(pattern=r"^(https?://[^\s/@]+/?)?$")] = ""
    token: SecretStr | None = None


class Embedding(Section):
    """The model that turns passages and questions into vectors."""

    model: Annotated[str, Field(min_length=1)] = "all-MiniLM-L6-v2"
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    compile: bool = True
    precision: Literal["fp32", "int8"] = "int8"
    batch: Annotated[int, Field(ge=1, le=1_024)] = 32
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    query_prefix: str = ""
    passage_prefix: str = ""


class Chunk(Section):
    """How articles are cut into passages; sizes are word pieces of the embedding model."""

    size: Annotated[int, Field(ge=16, le=8_192)] = 120
    overlap: Annotated[int, Field(ge=0, le=10)] = 1


class Retrieval(Section):
    """How passages are found."""

    candidates: Annotated[int, Field(ge=1, le=1_000)] = 50
    lexical_weight: Annotated[float, Field(ge=0.0, le=1.0)] = 0.35
    passages: Annotated[int, Field(ge=1, le=100)] = 10


class Rerank(Section):
    """The model that orders the best passages anew."""

    model: str = ""
    passages: Annotated[int, Field(ge=2, le=100)] = 20


class Answer(Section):
    """How answers are composed and when they are refused."""

    claims: Annotated[int, Field(ge=1, le=3)] = 3
    caution: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    nearest: Annotated[int, Field(ge=0, le=10)] = 3
    longest_question: Annotated[int, Field(ge=10, le=100_000)] = 2_000


class Telegram(Section):
    """Who may do what in the chat, and how the Bot API is reached. The token is never read from a file of settings."""

    admins: tuple[PersonId, ...] = ()
    allowed: tuple[PersonId, ...] = ()
    reindex_every: Annotated[int, Field(ge=0, le=525_600)] = 0
    api_url: Annotated[str, Field(pattern=r"^https?://[^\s]+[^/]$")] = "https://api.telegram.org"
    token: SecretStr | None = None

    @field_validator("admins", "allowed", mode="before")
    @classmethod
    def _list_is_fine(cls, value: object) -> object:
        """TOML has lists where we keep tuples."""
        return tuple(value) if isinstance(value, list) else value

    @field_validator("token")
    @classmethod
    def _looks_like_a_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not TOKEN_SHAPE.fullmatch(value.get_secret_value()):
            message = "this is not the shape of a bot token (123456789:AA…, as @BotFather sends it)"
            raise ValueError(message)
        return value

    def may_ask(self, person: int) -> bool:
        """Whether a person may use the bot: everyone, unless an allow-list is set. Admins always may."""
        return not self.allowed or person in self.allowed or person in self.admins


class Log(Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(Section):
    """All sections. `load` makes one; components receive their section, never the whole."""

    library: Library = Library()
    store: Store = Store()
    embedding: Embedding = Embedding()
    chunk: Chunk = Chunk()
    retrieval: Retrieval = Retrieval()
    rerank: Rerank = Rerank()
    answer: Answer = Answer()
    telegram: Telegram = Telegram()
    log: Log = Log()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.retrieval.passages > self.retrieval.candidates:
            message = "retrieval.passages cannot be larger than retrieval.candidates"
            raise ValueError(message)
        return self
