"""The `[[source]]` tables of the settings: where articles come from beside the folder of the library.

Knows nothing of fetching: only what may stand in a table, and what follows from it.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Kind: TypeAlias = Literal["folder", "url", "feed", "sitemap"]
KINDS: tuple[Kind, ...] = ("folder", "url", "feed", "sitemap")

ADDED = "added"
"""The name of what people add by hand, which no table may have."""

NAME_SHAPE = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
"""What a name looks like: it begins the ids of the articles of a folder, and is typed in commands."""

Pattern = Annotated[str, Field(min_length=1, max_length=500)]
Address = Annotated[str, Field(pattern=r"^(https?://[^\s/?#@]+(/\S*)?)?$", max_length=2_000)]


def home_is_known(value: str) -> str:
    """Return a path as it is. Raises ValueError where it begins with the home directory of somebody unknown."""
    try:
        Path(value).expanduser()
    except RuntimeError:
        message = "there is no home directory of that name"
        raise ValueError(message) from None
    return value


class Source(BaseModel):
    """One place that articles come from: exactly one of folder, url, feed and sitemap is set."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)

    name: str = ""
    folder: str = ""
    url: Address = ""
    feed: Address = ""
    sitemap: Address = ""
    include: tuple[Pattern, ...] = ()
    exclude: tuple[Pattern, ...] = ()
    outlet: Annotated[str, Field(max_length=300)] = ""
    weight: Annotated[float, Field(ge=0.1, le=10.0)] = 1.0
    most: Annotated[int, Field(ge=1, le=50_000)] = 100

    @field_validator("include", "exclude", mode="before")
    @classmethod
    def _list_is_fine(cls, value: object) -> object:
        """TOML has lists where we keep tuples."""
        return tuple(value) if isinstance(value, list) else value

    @field_validator("folder")
    @classmethod
    def _home_is_known(cls, value: str) -> str:
        return home_is_known(value)

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if sum(bool(getattr(self, kind)) for kind in KINDS) != 1:
            message = "a source has exactly one of folder, url, feed and sitemap"
            raise ValueError(message)
        if not NAME_SHAPE.fullmatch(self.called) or self.called == ADDED:
            message = (
                f"a source cannot be called {self.called!r}: give it a name of up to 40 of the characters "
                f"a-z 0-9 . _ - which begins with a letter or a digit, and is not {ADDED!r}"
            )
            raise ValueError(message)
        return self

    @property
    def kind(self) -> Kind:
        """Which of the four it is."""
        return next(kind for kind in KINDS if getattr(self, kind))

    @property
    def place(self) -> str:
        """The folder or the address, as it stands in the settings."""
        return str(getattr(self, self.kind))

    @property
    def called(self) -> str:
        """Its name; where none is set, that of the folder or of the host, in small letters."""
        if self.name:
            return self.name
        known = Path(self.folder).expanduser().absolute().name if self.folder else urlsplit(self.place).hostname or ""
        return re.sub(r"[^a-z0-9._]+", "-", known.lower().removeprefix("www.")).strip("-._")[:40]


def twice(sources: Sequence[Source]) -> str:
    """Return what is wrong with several sources together, as the end of a sentence; nothing where all is well."""
    names = [source.called for source in sources]
    doubled = next((name for name in names if names.count(name) > 1), "")
    return f"two sources are called {doubled!r}: give one of them another name" if doubled else ""
