"""Documents that nobody made for a test: what the packages of Debian and of Python on this machine carry."""

import gzip
import os
import re
import sysconfig
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from index.errors import SourceError
from index.reading.parsers import Limits, Parsers
from index.records import Article, ArticleId
from tests.conftest import Footnote, MakeLibrary

PLACES = [Path("/usr/share/doc"), Path("/usr/share/developers-reference"), Path(sysconfig.get_path("purelib"))]
KINDS = ("pdf", "epub", "html", "md", "txt")
EACH = 6
"""Documents of a kind that are read, the longest of each of so many folders."""

LONGEST = 500_000
"""Bytes of a document that is read: manuals of hundreds of pages would take seconds, and show nothing more."""


@cache
def carried() -> list[Path]:
    """Return all files that the packages brought."""
    there = (Path(at, name) for place in PLACES for at, _, names in os.walk(place) for name in names)
    ends = tuple(f".{kind}{packed}" for kind in KINDS for packed in ("", ".gz"))
    return [path for path in there if path.name.endswith(ends) and path.is_file() and not path.is_symlink()]


@cache
def documents(kind: str) -> list[Path]:
    """Return some documents of a kind, of folders as different as can be: the longest of each."""
    longest: dict[Path, tuple[int, Path]] = {}
    for path in carried():
        if path.name.endswith((f".{kind}", f".{kind}.gz")) and 2_000 < (size := path.stat().st_size) < LONGEST:
            longest[path.parent] = max(longest.get(path.parent, (0, path)), (size, path))
    chosen = sorted(path for _, path in longest.values())
    return chosen[:: max(1, len(chosen) // EACH)][:EACH]


def content(path: Path) -> tuple[str, bytes]:
    """Return the name and the bytes of a document; Debian packs long ones."""
    packed = path.suffix == ".gz"
    return path.name.removesuffix(".gz"), gzip.decompress(path.read_bytes()) if packed else path.read_bytes()


@pytest.fixture(scope="module")
def readers() -> Iterator[Parsers]:
    with Parsers(Limits(), most=1) as made:
        yield made


def outcome(readers: Parsers, path: Path) -> Article | str:
    """Read a document, or return why it is none. Each is read once."""
    if path not in READ:
        name, data = content(path)
        try:
            READ[path] = readers.extract(ArticleId(name), data)
        except SourceError as error:
            READ[path] = str(error)
    return READ[path]


READ: dict[Path, Article | str] = {}


@pytest.mark.parametrize("kind", KINDS)
def test_real_documents_are_articles_and_those_that_are_none_say_why(readers: Parsers, kind: str) -> None:
    found = documents(kind)
    if not found:
        pytest.skip(f"no package on this machine carries a document of the kind {kind}")
    started = time.monotonic()
    read = {path: outcome(readers, path) for path in found}
    assert time.monotonic() - started < 10 * len(found)
    articles = {path: one for path, one in read.items() if isinstance(one, Article)}
    reasons = {path: one for path, one in read.items() if isinstance(one, str)}
    known = ("is ", "has ", "holds ", "takes more than", "needs more than")
    assert all(reason.startswith(known) for reason in reasons.values()), reasons
    assert len(articles) >= 0.6 * len(found), reasons
    long = [article for article in articles.values() if len(re.findall(r"\w{3,}", article.text)) > 100]
    assert len(long) >= 0.6 * len(articles)  # there are pages of a few words, such as templates
    for path, article in articles.items():
        assert article.title.strip(), path
        assert not re.search("[\0\ud800-\udfff]", article.text), path
        for marks in (article.pages, article.headings):
            starts = [mark.start for mark in marks]
            assert starts == sorted(starts), path
            assert all(0 <= start <= len(article.text) for start in starts), path


def test_what_is_read_of_a_real_page_stands_in_it(readers: Parsers) -> None:
    found = documents("html")
    if not found:
        pytest.skip("no package on this machine carries a page")
    for path in found:
        article = outcome(readers, path)
        if isinstance(article, Article):
            written = content(path)[1].decode("utf-8", "replace")
            words = set(re.findall(r"\b[a-z]{4,}\b", article.text))
            assert sum(word in written for word in words) >= 0.99 * len(words), path


def sentences(article: Article) -> Iterator[tuple[str, int]]:
    """Yield sentences that stand once in an article, and where."""
    for found in re.finditer(r"(?<=\. )[A-Z][a-z]+ [^.\n|<>{}]{60,160}\.(?= )", article.text):
        if article.text.count(found[0]) == 1:
            yield found[0], found.start()


def real(readers: Parsers, kind: str) -> tuple[Path, Article, list[tuple[str, int]]]:
    """Return the shortest real document of a kind that has some length and sections, and five sentences of it."""
    found: list[tuple[int, Path, Article, list[tuple[str, int]]]] = []
    for path in documents(kind):
        article = outcome(readers, path)
        if isinstance(article, Article) and article.headings and len(whole := list(sentences(article))) >= 5:
            some = whole[:: len(whole) // 5][:5]
            found.append((len(article.text), path, article, some))
    if not found:
        pytest.skip(f"no package on this machine carries a long document of the kind {kind}")
    return min(found)[1:]


@pytest.mark.parametrize("kind", ["pdf", "html", pytest.param("epub", marks=pytest.mark.nightly)])
def test_what_a_real_document_says_is_cited_with_its_page_or_section(
    footnote: Footnote, make_library: MakeLibrary, readers: Parsers, tmp_path: Path, kind: str
) -> None:
    path, article, some = real(readers, kind)
    name, data = content(path)
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / name).write_bytes(data)
    done = footnote("index", folder, "--data", tmp_path / "data")
    assert "Added 1, changed 0, removed 0, unchanged 0, failed 0." in done.stdout
    library, found = make_library(), 0
    for sentence, start in some:
        passages = [hit.passage for hit in library.search(sentence)[0][:3]]
        holding = next((one for one in passages if one.start <= start < one.end), None)
        if holding is not None:
            found += 1
            assert sentence[:20] in holding.text
            assert holding.page == article.page_at(holding.start)
            assert holding.page or holding.section
    assert found >= 4
