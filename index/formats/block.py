"""What each reader of a format returns: the paragraphs of a document in order, and what it says of itself."""

import re
from dataclasses import dataclass
from typing import TypeAlias

from index.records import Page

Facts: TypeAlias = dict[str, list[str]]
"""What was found for "title", "author", "date", "source", "url", "language": the most trustworthy first, unchecked.

"path" is what may be an address as seen from the page itself."""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list item or table row; a heading if `level` is 1-6.

    `tight`: no blank line before it. `place` is the same for blocks side by side in one element; `linked` counts the
    characters that are links. `pages` are those that begin in it, as offsets into `words`.
    """

    words: str
    level: int = 0
    tight: bool = False
    place: int = 0
    linked: int = 0
    pages: tuple[Page, ...] = ()


_SIGN = "\ufdd0"  # a code point that Unicode keeps out of every text, for programs to use inside
_MARK = re.compile(f" ?{_SIGN}([0-9]{{1,6}}){_SIGN} ?")


def page_mark(number: int) -> str:
    """Return a sign for the place where a page begins, to be carried through the cleaning of white space."""
    return f"{_SIGN}{number}{_SIGN}"


def paged(words: str) -> tuple[str, tuple[Page, ...]]:
    """Take the signs of pages out of a text; return it and where each page begins in it."""
    pages: list[Page] = []
    text = ""
    at = 0
    for mark in _MARK.finditer(words):
        text += words[at : mark.start()]
        spaced = " " in mark[0] and text != "" and not text[-1].isspace()
        text += " " if spaced else ""
        pages.append(Page(len(text), int(mark[1])))
        at = mark.end()
    text += words[at:]
    end = len(text.rstrip())
    return text, tuple(Page(min(page.start, end), page.number) for page in pages)


_JUNK = re.compile(
    r"(?i)(?:microsoft (?:word|powerpoint|excel)\b.*|untitled.*|document\s*\d*|title|\(?anonymous\)?|unknown"
    r"|python-docx|.*\.(?:docx?|dvi|indd|odt|pptx?|qxd|rtf|tex|txt|xlsx?|pdf|html?))"
)
"""What programs write as a title or author when nobody did: mostly the name of a file."""


def told(values: list[str]) -> list[str]:
    """Return those of a document's properties that somebody has written, not a program."""
    return [value.strip() for value in values if value.strip() and not _JUNK.fullmatch(value.strip())]
