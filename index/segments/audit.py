"""Check segments against the ledger. A damaged index can take the process down that asks it: see `worker`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from index.errors import Damaged
from index.models.embed import Vectors
from index.records import Facts, PassageId, Revision
from index.segments.lexicon import Lexicon
from index.segments.snapshot import SEGMENTS
from index.segments.store import Store
from index.segments.vectors import Numbers, Segment
from index.system.seal import opened
from index.truth.ledger import Ledger

SAMPLE = 5_000
"""Vectors that must find themselves; a segment of up to so many is checked whole.

If one in a thousand of a larger one were lost, 5,000 drawn at random miss it with a chance of 0.7 %; what was lost in
damaged graphs was 6 to 78 %.
"""

ALLOWED = 0.001
"""Share of the sample that may not find itself: an HNSW graph is approximate, and sound ones of random vectors lost up
to one in 5,000; of an embedding model's, none in 11,818."""

NEAR = 0.9999
"""Cosine at which a vector has found itself: float32 keeps six digits; a twin with the same text is as good."""

UNIT = 1e-3
"""How far the length of a vector may be from 1; models in half precision reach 5e-4."""

_AT_ONCE = 200
"""Vectors that Chroma is asked for in one call: 0.3 ms each, against 1.5 ms one by one."""


def segment(store: Store, facts: Facts, *, ledger: Ledger, revision: int, fingerprint: str) -> str:
    """Return what is wrong with a segment in words, or nothing.

    Its rows must be those of the plan, no more and no less; every vector of `revision` in it must be finite and of unit
    length; those of the sample must be stored as they are, and must find themselves, but for the few that a sound graph
    loses.
    """
    store.examine(facts.name)
    opened_segment = Segment(store, facts)
    try:
        plan = ledger.alive_numbers(facts, facts.revision)
        twins = [twin for others in facts.twins.values() for twin in others]
        rows = np.sort(np.fromiter(opened_segment.numbers(), dtype=np.int64))
        if not np.array_equal(rows, np.setdiff1d(plan, np.array(twins, dtype=np.int64))):
            return f"it has {len(rows)} rows, and not those that were planned ({len(plan)} passages)"
        asked, lost = _lost(opened_segment, ledger=ledger, revision=revision, fingerprint=fingerprint)
    except _Unsound as unsound:
        return str(unsound)
    finally:
        opened_segment.close()
    return f"{len(lost)} of {asked} passages do not find themselves" if len(lost) > ALLOWED * asked else ""


def words(data: Path, facts: Facts, *, ledger: Ledger) -> str:
    """Return what is wrong with a word index in words, or nothing."""
    directory = data / SEGMENTS / facts.name
    opened(directory, thoroughly=True)
    plan = ledger.alive_numbers(facts, facts.revision)
    found = np.sort(np.fromiter(Lexicon(directory).numbers(), dtype=np.int64))
    return "" if np.array_equal(found, plan) else f"{len(plan)} passages, but {len(found)} in the word index"


def revision(data: Path, store: Store, served: Revision, *, ledger: Ledger) -> dict[str, str]:
    """Return what is wrong with the segments of a revision, by their names; those in order are left out."""
    facts = ledger.facts([*served.segments, served.words])
    problems: dict[str, str] = {}
    for name in [*served.segments, served.words]:
        try:
            problems[name] = _problem(data, store, served, facts.get(name), ledger=ledger)
        except Damaged as damage:
            problems[name] = str(damage)
    covered = sum(len(ledger.alive_numbers(facts[name], served.number)) for name in served.segments if name in facts)
    if covered != served.passages and not any(problems.values()):
        problems[served.segments[0] if served.segments else ""] = f"{served.passages} passages, {covered} in segments"
    return {name: problem for name, problem in problems.items() if problem}


def _problem(data: Path, store: Store, served: Revision, facts: Facts | None, *, ledger: Ledger) -> str:
    if facts is None:
        return "the ledger does not know it"
    if facts.name == served.words:
        return words(data, facts, ledger=ledger)
    return segment(store, facts, ledger=ledger, revision=served.number, fingerprint=served.fingerprint)


class _Unsound(Exception):
    """A stored vector is not what any vector must be."""


def _lost(opened_segment: Segment, *, ledger: Ledger, revision: int, fingerprint: str) -> tuple[int, list[int]]:
    """Return how many vectors were asked for, and the numbers of those that do not find themselves."""
    facts = opened_segment.facts
    sample = _sample(ledger.alive_numbers(facts, revision))
    firsts = {twin: first for first, twins in facts.twins.items() for twin in twins}
    lost: list[int] = []
    for numbers, vectors in ledger.all_vectors(revision, after=facts.after, model=fingerprint):
        within = numbers <= facts.last  # the rest belongs to later segments
        _check(numbers[within], vectors[within])
        chosen = np.flatnonzero(within & np.isin(numbers, sample))
        for at in range(0, len(chosen), _AT_ONCE):
            some = chosen[at : at + _AT_ONCE]
            rows = [firsts.get(number, number) for number in map(PassageId, numbers[some].tolist())]
            found = opened_segment.find(vectors[some])
            astray = [i for i, (row, _) in enumerate(found) if row != rows[i]]
            _compare(opened_segment, [rows[i] for i in astray], vectors[some][astray])
            lost += [int(n) for n, (_, cosine) in zip(numbers[some], found, strict=True) if cosine < NEAR]
        if not within.all():
            break
    return len(sample), lost


def _compare(opened_segment: Segment, rows: Sequence[PassageId], vectors: Vectors) -> None:
    """Tell vectors that only the graph cannot find from those that were never stored: not one of these may be."""
    for row, stored, vector in zip(rows, opened_segment.vectors(rows), vectors, strict=True):
        if float(stored @ vector) < NEAR:
            message = f"the vector of passage {row} is another one"
            raise _Unsound(message)


def _check(numbers: Numbers, vectors: Vectors) -> None:
    lengths = np.linalg.norm(vectors, axis=1)
    wrong = np.flatnonzero(~(np.isfinite(lengths) & (np.abs(lengths - 1.0) <= UNIT)))
    if len(wrong):
        message = f"the vector of passage {numbers[wrong[0]]} is not finite and of unit length"
        raise _Unsound(message)


def _sample(numbers: Numbers) -> Numbers:
    if len(numbers) <= SAMPLE:
        return numbers
    return np.random.default_rng().choice(numbers, SAMPLE, replace=False)


def report(problems: dict[str, str]) -> str:
    """Put problems into one line."""
    return "; ".join(f"{name}: {problem}" for name, problem in problems.items())
