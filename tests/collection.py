"""A folder of small articles that carry their version in every passage, and what a library holds of such a folder."""

import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from index.library import Library
from index.records import Hit

Versions = Mapping[str, int]
"""The version of each article, by the name of its file without the suffix."""

SIZES = {"chunk__size": 18, "chunk__overlap": 0, "library__confirm_removal": 1.0}
"""Settings under which every sentence below becomes a passage of its own, and any reindex is agreed to."""

_MARK = re.compile(r"\b([a-z]+\d+)v(\d+)\b")
_ALL = 1_000
_WORDS = [f"{one}{other}" for one in ("har", "bo", "mill", "ra", "wo") for other in ("ven", "lin", "to", "der", "ka")]
_WORDS += [f"{word}{end}" for word in _WORDS for end in ("ne", "mi", "gu", "fa", "tor", "sil", "pon", "dra", "lu")]


def mark(name: str, version: int) -> str:
    """Return the word that no other article and no other version of this one has."""
    return f"{name}v{version}"


def put(folder: Path, articles: Versions) -> None:
    """Make a folder hold exactly these articles."""
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.stem not in articles:
            path.unlink()
    for name, version in articles.items():
        path, words = folder / f"{name}.txt", text(name, version)
        if not path.is_file() or path.read_text() != words:
            path.write_text(words)


def text(name: str, version: int) -> str:
    """Return an article of three passages about nothing that others tell of."""
    draw = random.Random(mark(name, version))
    passages = [" ".join(draw.sample(_WORDS, 9)) for _ in range(3)]
    return f"Report {name}\n\n" + "\n\n".join(f"A passage of {mark(name, version)} tells of {p}." for p in passages)


def held(library: Library) -> dict[str, int]:
    """Return the version of every article that a search of everything finds.

    Raises:
        AssertionError: two versions of one article are mixed, or an article lacks a passage.
    """
    hits, _ = library.search("passage tells", limit=_ALL)
    found = versions(hits)
    assert len(hits) == 3 * len(found), f"{len(hits)} passages of {len(found)} articles"
    return found


def versions(hits: Sequence[Hit]) -> dict[str, int]:
    """Return the versions of the articles that were found; no article may come in two."""
    found: dict[str, int] = {}
    for hit in hits:
        for words in (hit.passage.text, hit.passage.article.text):
            for name, version in _MARK.findall(words):
                assert f"{name}.txt" == hit.passage.article.id
                assert found.setdefault(name, int(version)) == int(version), f"{name} in two versions"
    return found
