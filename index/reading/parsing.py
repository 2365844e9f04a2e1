"""What a process does that reads articles, feeds and sitemaps for another: one after the other, within its limits.

It begins with nothing but trusted code, imports all that parsers need, gives up what they do not need (`confine`), and
only then takes the first file. It ends when its standard input does.

    python -P -m index.reading.parsing SECONDS MEGABYTES CHARACTERS {articles|lists}
"""

import importlib
import os
import pkgutil
import sys
from dataclasses import replace
from functools import cache
from types import ModuleType
from typing import Any, BinaryIO

from index.errors import SourceError
from index.formats.extract import extract
from index.reading import confine, parcel
from index.records import Article, ArticleId
from index.system.turn import NICE
from index.text.language import Detector

FILES = 2_000
"""Files after which a process is replaced: what leaks by the file stays small, and a start costs a hundredth of it."""

_IMPORTED = (
    *("encodings", "email", "zipfile", "lxml.html", "lxml.etree", "trafilatura", "markdown_it", "yaml"),
    *("charset_normalizer", "pypdfium2", "pypdfium2_raw"),
)
"""What `extract` imports when a file needs it; of each all that belongs to it."""

_SAMPLES = {
    "a.html": b"<html><head><title>T</title><body><article><h1>T</h1><p>" + b"Some words. " * 40,
    "a.md": b"---\ntitle: T\n---\n\n# Heading\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n<p>Some</p> words.\n",
    "a.txt": "T\n\nПривет, мир. Это старый текст.\n".encode("cp1251"),
}
"""Small files that lead through what the parsers do at their first file only."""

_FEED = b"<rss version='2.0'><channel><item><title>T</title><link>http://a.example/</link></item></channel></rss>"

_SITEMAP = b"<urlset><url><loc>http://a.example/</loc></url></urlset>"


@cache
def prepare() -> Detector:
    """Import all that reading an article may need, and use it once; return what tells its language."""
    detector = Detector()
    for name in _IMPORTED:
        module = _imported(name)
        for found in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{name}."):
            _imported(found.name)
    # Not in a thread beside the imports: what a thread's heap reserves is memory that no limit would count.
    detector.load()
    for name, data in _SAMPLES.items():
        article(ArticleId(name), data, detector)
    return detector


def prepare_for_lists() -> None:
    """Import all that reading a feed or a sitemap may need, and use it once."""
    from index.web import feed, sitemap  # noqa: PLC0415  who reads articles does without

    for name in ("encodings", "lxml", "feedparser"):
        module = _imported(name)
        for found in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{name}."):
            _imported(found.name)
    feed.entries(_FEED, base="http://a.example/")
    sitemap.read(_SITEMAP)


def _imported(name: str) -> ModuleType | None:
    """Import a module. One that this machine has not the means for is not needed, or is missed by `extract` below."""
    try:
        return importlib.import_module(name)
    except Exception:  # noqa: BLE001  modules for other systems raise what they like
        return None


def serve(asked: BinaryIO, answers: BinaryIO, *, allowance: confine.Allowance, longest: int) -> None:
    """Read what is asked for, and answer each with one parcel, until there is no more."""
    for left in reversed(range(FILES)):
        lengths = asked.read(parcel.LENGTHS.size)
        if len(lengths) < parcel.LENGTHS.size:
            return
        allowance.renew()
        label, body = _answer(asked, *parcel.LENGTHS.unpack(lengths), longest=longest)
        if "reason" in label and allowance.exhausted:
            label = {"memory": True}
        last = not left or allowance.spent
        _say(answers, {**label, "last": last}, body)
        if last:
            return


def _answer(asked: BinaryIO, label: int, body: int, *, longest: int) -> tuple[dict[str, Any], bytes]:
    try:
        return _read(parcel.read(asked.read(label)), asked.read(body), longest=longest)
    except SourceError as error:
        return {"reason": str(error)}, b""
    except MemoryError:
        pass
    except Exception as error:  # noqa: BLE001  the outer edge of a process, and what it reads is hostile
        return {"crash": f"{type(error).__name__}: {error}"[:500]}, b""
    return {"memory": True}, b""  # out of the handler, which holds all that was in hand


def _read(label: dict[str, Any], data: bytes, *, longest: int) -> tuple[dict[str, Any], bytes]:
    """Do what is asked; return what answers it. Raises as the parsers do."""
    match label:
        case {"article": str(name)}:
            made = article(ArticleId(name), data, prepare())
            if len(made.text) > longest:
                return {"longer": len(made.text)}, b""
            known, text = parcel.of_article(made)
            return {"article": known}, text
        case {"language": str(stated)}:
            return {"language": prepare().language(data.decode("utf-8", "surrogatepass"), stated=stated)}, b""
        case _:
            listed = _listed(label, data)
            return ({"longer": len(listed)}, b"") if len(listed) > longest else ({"listed": True}, listed)


def _listed(label: dict[str, Any], data: bytes) -> bytes:
    from index.web import feed, sitemap  # noqa: PLC0415  imported by `prepare_for_lists`

    match label:
        case {"feed": str(base), "kind": str(kind)}:
            return parcel.of_items(feed.entries(data, base=base, kind=kind))
        case {"sitemap": _}:
            found = sitemap.read(data)
            return parcel.of_items(found.pages, found.sitemaps)
    message = "nothing of that kind is read here"
    raise ValueError(message)


def article(name: ArticleId, data: bytes, detector: Detector) -> Article:
    """Return the article that a file holds, with its language. Raises as `extract`."""
    made = extract(name, data)
    return replace(made, language=detector.language(made.text, stated=made.language))


def _say(answers: BinaryIO, label: dict[str, Any], body: bytes = b"") -> None:
    answers.write(parcel.head(label, body))
    answers.write(body)
    answers.flush()


def main() -> None:
    """Serve whoever started this process."""
    confine.follow()
    os.nice(NICE)
    seconds, megabytes, longest = map(int, sys.argv[1:4])
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)  # nothing that a library prints may get between the answers
    (prepare_for_lists if sys.argv[4] == "lists" else prepare)()
    allowance = confine.Allowance(seconds=seconds, megabytes=megabytes)
    os.dup2(nothing, 2)  # until here whoever started us may hear why this failed
    os.close(nothing)
    confine.confine()
    _say(answers, {"ready": True})
    serve(asked, answers, allowance=allowance, longest=longest)
    os._exit(0)  # tidying up might open files, which is not allowed any more


if __name__ == "__main__":
    main()
