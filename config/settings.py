"""Every setting, with its bounds. What each one means is written in `default.toml`; a test keeps the two equal.

Knows nothing of files or the environment: see `load`.
"""

import hashlib
import hmac
import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from config.sources import Source, home_is_known, twice

TOKEN_SHAPE = re.compile(r"\d{3,20}:[A-Za-z0-9_-]{30,80}")
"""What BotFather hands out: the bot's numeric id, a colon, 35 characters today."""

DATABASE_SHAPE = re.compile(r"^postgresql://[^\s/]+/[^\s/?]+(\?\S*)?$")
"""The address of a database; its password may hold what an address may, percent-encoded."""

SECRET_SHAPE = re.compile(r"[A-Za-z0-9_-]{1,256}")
"""What Telegram takes as the secret of a webhook."""

PersonId = Annotated[int, Field(gt=0, lt=2**52)]
"""Telegram promises that ids of people are positive and fit in 52 bits."""

GroupId = Annotated[int, Field(lt=0, gt=-(2**52))]
"""And that those of groups are negative."""


class Section(BaseModel):
    """Base of all sections: unknown keys, wrong types and later changes are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)


class Library(Section):
    """Where articles come from and where everything made of them is stored."""

    articles: str = ""
    data: Annotated[str, Field(min_length=1)] = "footnote-data"
    largest_file_mb: Annotated[int, Field(ge=1, le=1_000)] = 20
    parse_seconds: Annotated[int, Field(ge=1, le=3_600)] = 30
    parse_mb: Annotated[int, Field(ge=64, le=65_536)] = 512
    batch_mb: Annotated[int, Field(ge=1, le=10_000)] = 16
    confirm_removal: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    delta_share: Annotated[float, Field(ge=0.0, le=100.0)] = 0.2
    gone_after: Annotated[int, Field(ge=1, le=1_000)] = 3
    recheck_hours: Annotated[int, Field(ge=0, le=8_760)] = 24

    @field_validator("articles", "data")
    @classmethod
    def _home_is_known(cls, value: str) -> str:
        return home_is_known(value)


class Store(Section):
    """Where the vectors are kept: in the data directory, or on a Chroma server; and the database of all the rest."""

    url: Annotated[str, Field(pattern=r"^(https?://[^\s/@]+(/[^\s/@]+/[^\s/@]+)?/?)?$")] = ""
    token: SecretStr | None = None
    database: SecretStr | None = None

    @field_validator("database")
    @classmethod
    def _is_postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not DATABASE_SHAPE.match(value.get_secret_value()):
            message = "this is not the address of a PostgreSQL database (postgresql://user:password@host:5432/name)"
            raise ValueError(message)
        return value


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
    blocked: tuple[PersonId, ...] = ()
    groups: tuple[GroupId, ...] = ()
    webhook: Annotated[str, Field(pattern=r"^(https?://[^\s/?#@]+/[^\s?#]*)?$")] = ""
    reindex_every: Annotated[int, Field(ge=0, le=525_600)] = 0
    watches: Annotated[int, Field(ge=0, le=1_000)] = 20
    api_url: Annotated[str, Field(pattern=r"^https?://[^\s]+[^/]$")] = "https://api.telegram.org"
    token: SecretStr | None = None
    webhook_secret: SecretStr | None = None

    @field_validator("admins", "allowed", "blocked", "groups", mode="before")
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

    @field_validator("webhook_secret")
    @classmethod
    def _is_a_secret_telegram_takes(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not SECRET_SHAPE.fullmatch(value.get_secret_value()):
            message = "the secret of a webhook is 1 to 256 of the characters A-Z a-z 0-9 _ -"
            raise ValueError(message)
        return value

    def hook_secret(self) -> str:
        """Return what Telegram has to show at our webhook; empty where there is neither that setting nor a token.

        Without a setting it follows from the token, so that all bots of one token agree on it, and tells nothing of it.
        """
        if self.webhook_secret is not None:
            return self.webhook_secret.get_secret_value()
        token = self.token.get_secret_value() if self.token else ""
        return hmac.new(token.encode(), b"footnote webhook secret 1", hashlib.sha256).hexdigest() if token else ""


class Delivery(Section):
    """How questions are taken in, how many, and how they are brought to an end. Times are in seconds."""

    oldest: Annotated[int, Field(ge=60, le=86_400)] = 21_600
    late: Annotated[int, Field(ge=1, le=86_400)] = 120
    keep: Annotated[int, Field(ge=0, le=31_536_000)] = 604_800
    deadline: Annotated[int, Field(ge=1, le=3_600)] = 60
    waiting: Annotated[int, Field(ge=1, le=1_000_000)] = 1_000
    burst: Annotated[int, Field(ge=1, le=10_000)] = 20
    per_minute: Annotated[int, Field(ge=1, le=10_000)] = 20
    stopping: Annotated[int, Field(ge=0, le=3_600)] = 20
    silence: Annotated[int, Field(ge=0, le=86_400)] = 300


class Conversation(Section):
    """How questions follow each other, and how long answers are kept."""

    follow_up: Annotated[int, Field(ge=0, le=86_400)] = 900
    keep_days: Annotated[int, Field(ge=1, le=36_500)] = 365


class Web(Section):
    """Where the program listens: for the health of the bot, its metrics, and in webhook mode for Telegram."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8_484
    largest_body_kb: Annotated[int, Field(ge=16, le=65_536)] = 1_024


class Fetch(Section):
    """How pages and feeds of the web are fetched."""

    seconds: Annotated[float, Field(ge=1.0, le=3_600.0)] = 60.0
    pause: Annotated[float, Field(ge=0.0, le=3_600.0)] = 1.0
    at_once: Annotated[int, Field(ge=1, le=64)] = 4
    contact: Annotated[str, Field(pattern=r"^[!-'*-~]{0,200}$")] = ""


class Log(Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    form: Literal["text", "json"] = "text"


class Settings(Section):
    """All sections, and the sources. `load` makes one; components receive their section, never the whole."""

    library: Library = Library()
    store: Store = Store()
    embedding: Embedding = Embedding()
    chunk: Chunk = Chunk()
    retrieval: Retrieval = Retrieval()
    rerank: Rerank = Rerank()
    answer: Answer = Answer()
    telegram: Telegram = Telegram()
    delivery: Delivery = Delivery()
    conversation: Conversation = Conversation()
    web: Web = Web()
    fetch: Fetch = Fetch()
    log: Log = Log()
    source: tuple[Source, ...] = ()

    @field_validator("source", mode="before")
    @classmethod
    def _tables_are_fine(cls, value: object) -> object:
        """TOML has lists where we keep tuples."""
        return tuple(value) if isinstance(value, list) else value

    @field_validator("source")
    @classmethod
    def _can_be_told_apart(cls, value: tuple[Source, ...]) -> tuple[Source, ...]:
        if problem := twice(value):
            raise ValueError(problem)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.retrieval.passages > self.retrieval.candidates:
            message = "retrieval.passages cannot be larger than retrieval.candidates"
            raise ValueError(message)
        if self.telegram.webhook and not self.web.port:
            message = "telegram.webhook needs a web.port to listen on"
            raise ValueError(message)
        return self
