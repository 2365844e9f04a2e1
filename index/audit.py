"""Check a segment against the ledger: counts, and every sampled vector finds itself. Run as a process of its own.

    python -m index.audit DATA REVISION SEGMENT FINGERPRINT

Prints what is wrong and exits with 1; exits with 0 when nothing is. A damaged index may end it with a signal instead.
"""

import sys
from pathlib import Path

import numpy as np

from index.errors import FootnoteError
from index.ledger import Ledger
from index.lexicon import Lexicon
from index.snapshot import SEGMENTS
from index.vectors import Segment

SAMPLE = 2_000
"""Vectors that must find themselves. If 0.25 % of a segment were lost, 2,000 miss it with a chance of 0.7 %."""

NEAR = 0.9999
"""Cosine at which a vector has found itself: float32 keeps six digits; a twin with the same text is as good."""


def problem(data: Path, *, revision: int, segment: str, fingerprint: str) -> str:
    """Return what is wrong with a segment in words, or nothing."""
    ledger = Ledger(data)
    folder = data / SEGMENTS / segment
    vectors, words = Segment(folder / "vectors"), Lexicon(folder / "words")
    try:
        _, passages = ledger.counts(revision)
        if (vectors.count, words.count) != (passages, passages):
            return f"{passages} passages, but {vectors.count} vectors and {words.count} in the word index"
        ids = [passage.id for passage in ledger.stored(revision)]
        sample = ids[:: max(1, len(ids) // SAMPLE)]
        for number, vector in ledger.vectors(sample, model=fingerprint).items():
            if not np.isclose(np.linalg.norm(vector), 1.0, atol=1e-3):
                return f"the vector of passage {number} is not of unit length"
            found = vectors.nearest(vector, limit=1)
            if not found or max(found.values()) < NEAR:
                return f"passage {number} does not find itself"
    finally:
        vectors.close()
        ledger.close()
    return ""


def main(arguments: list[str]) -> int:
    """Check what the arguments name."""
    data, revision, segment, fingerprint = arguments
    try:
        found = problem(Path(data), revision=int(revision), segment=segment, fingerprint=fingerprint)
    except FootnoteError as error:
        found = str(error)
    if found:
        print(found)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
