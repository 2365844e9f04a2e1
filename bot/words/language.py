"""The language of the moment, and what we say in it. English is what the code says; the rest is in .po files.

Each directory beside this module that holds .po files is a language, named by its code; its parts are read as one.
"""

import contextlib
import io
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from gettext import NullTranslations
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

ENGLISH = "en"
PLACE = Path(__file__).parent
LANGUAGE: ContextVar[str] = ContextVar("language", default=ENGLISH)
"""The code of a language we have. Set for each update; tasks and `bot.running.threads` inherit it."""

_READING = threading.Lock()


def speak(code: str | None) -> None:
    """Speak the language of a code as Telegram gives it, in this context from now on; where we have none, English."""
    LANGUAGE.set(known(code))


@contextlib.contextmanager
def speaking(code: str | None) -> Iterator[None]:
    """Speak another language for a moment."""
    before = LANGUAGE.set(known(code))
    try:
        yield
    finally:
        LANGUAGE.reset(before)


def known(code: str | None) -> str:
    """Return which of our languages serves somebody whose language has this code (ru, pt-BR)."""
    language = (code or "").replace("_", "-").partition("-")[0].lower()
    return language if language in languages() else ENGLISH


@cache
def languages() -> tuple[str, ...]:
    """Return the codes of the languages we have, English first."""
    return ENGLISH, *sorted({part.parent.name for part in PLACE.glob("*/*.po")})


def _(message: str) -> str:
    """Say a message in the language of the moment."""
    return _spoken().gettext(message)


def ngettext(one: str, many: str, number: int) -> str:
    """Say a message in the form that goes with a number, in the language of the moment."""
    return _spoken().ngettext(one, many, number)


def N_(message: str) -> str:  # noqa: N802  the name by which gettext's tools know it
    """Mark a message that is said later, when it is known to whom."""
    return message


def _spoken() -> NullTranslations:
    language = LANGUAGE.get()
    with _READING:  # or two threads would read the same files
        return _catalog(language)


@cache
def _catalog(language: str) -> NullTranslations:
    """Read the parts of a language. What they lack is said in English."""
    if language == ENGLISH:
        return NullTranslations()
    whole = Catalog(locale=language)
    for part in sorted((PLACE / language).glob("*.po")):
        with part.open("rb") as lines:
            for message in read_po(lines, locale=language, abort_invalid=True):
                if message.id:
                    whole[message.id] = message
    compiled = io.BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    return Translations(compiled)
