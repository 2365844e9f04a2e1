"""Measure what the analysis of each language brings to BM25, on manual pages: real text that many systems have.

    python -m tests.bench.languages DIR

DIR holds a folder of gzipped manual pages for each language, such as /usr/share/man or what `dpkg -x` unpacks of the
packages manpages-de, -fr, -ru and -zh. A question is the line under a page's first heading that says what the page
is about; the page, without that line, is what should be found. Pages hardly translated are left out. Prints
nDCG@10 and hit@10 for English analysis, as if no language were known, and for that of the languages told, one language
alone and all of them in one index.
"""

import argparse
import gzip
import math
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from index.records import PassageId, Stored
from index.segments import lexicon
from index.segments.lexicon import Lexicon
from index.text.language import Detector, code

LONGEST = 4_000
"""Characters of a page: about as many as five passages have."""

FEWEST = 20
"""Pages below which a language says nothing."""

FOREIGN = {"de": 0.008, "fr": 0.015, "es": 0.012, "pl": 0.03, "it": 0.006, "ru": 0.5, "uk": 0.5, "zh": 0.3, "ja": 0.3}
"""Share of a page's letters outside ASCII below which it is still mostly English."""

_MACRO = re.compile(r"^\.\w+ ?")
_DROPPED = re.compile(r"""^[.'](?:\\"|(?:TH|so|ds|de|if|ie|nr|IX)\b)""")
_ESCAPE = re.compile(r"\\f.|\\[&%|^/,]|\\\(..|\\\[.*?\]|\\e|\\s[+-]?\d")
_SAYS = re.compile(r"\s[-—–]{1,2}\s*(?=\D)")

Item = tuple[str, str]
"""A question, and the page that answers it."""


def main() -> None:
    """Measure every language that has enough pages."""
    parser = argparse.ArgumentParser(description="BM25 with and without the analysis of each language.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    detector = Detector()
    sets = {language: items for language in FOREIGN if len(items := pages(folder, language)) >= FEWEST}
    told = {language: [detector.language(page) for _, page in items] for language, items in sets.items()}
    print("| pages | questions | told right | English analysis | its own | all in one index: English | their own |")
    print("|---|---|---|---|---|---|---|")
    together = [item for items in sets.values() for item in items]
    everything = [name for names in told.values() for name in names]
    first = 0
    for language, items in sets.items():
        right = sum(name == language for name in told[language]) / len(items)
        alone = [figures(items, names, range(len(items))) for names in ([""] * len(items), told[language])]
        here = range(first, first + len(items))
        mixed = [figures(together, names, here) for names in ([""] * len(together), everything)]
        print(f"| {language} | {len(items)} | {right:.3f} | {' | '.join([*alone, *mixed])} |", flush=True)
        first += len(items)


def pages(folder: Path, language: str) -> list[Item]:
    """Return questions and pages of a language; of pages with one question only the first."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*/man[158]/*.gz")):
        if code(path.parent.parent.name) == language and not path.is_symlink():
            lines = list(_lines(gzip.decompress(path.read_bytes()).decode(errors="replace")))
            at = next((at for at, line in enumerate(lines[:40]) if _SAYS.search(line)), None)
            if at is None:
                continue
            question, page = _SAYS.split(lines[at], maxsplit=1)[1].strip(" .。"), " ".join(lines[at + 1 :])[:LONGEST]
            if len(page) > 300 and len(question) >= 5 and _foreign(page) >= FOREIGN[language]:
                found.setdefault(question, page)
    return list(found.items())


def _lines(source: str) -> Iterator[str]:
    for line in source.replace(r"\-", "-").replace(r"\(em", " - ").splitlines():
        text = "" if _DROPPED.match(line) else _ESCAPE.sub("", _MACRO.sub("", line)).strip()
        if text:
            yield text


def _foreign(text: str) -> float:
    letters = [letter for letter in text if letter.isalpha()]
    return sum(not letter.isascii() for letter in letters) / max(1, len(letters))


def figures(items: Sequence[Item], languages: Sequence[str], asked: range) -> str:
    """Return nDCG@10 and hit@10 of the questions with the numbers `asked`."""
    numbered = enumerate(zip(items, languages, strict=True))
    passages = (Stored(PassageId(at), "", "", page, language) for at, ((_, page), language) in numbered)
    with tempfile.TemporaryDirectory() as place:
        lexicon.build(Path(place) / "words", passages)
        words = Lexicon(Path(place) / "words")
        ranks = [[int(number) for number in words.best(items[at][0], limit=10)] for at in asked]
    gains = [1 / math.log2(found.index(at) + 2) if at in found else 0.0 for at, found in zip(asked, ranks, strict=True)]
    return f"{sum(gains) / len(gains):.3f}, {sum(gain > 0 for gain in gains) / len(gains):.3f}"


if __name__ == "__main__":
    main()
