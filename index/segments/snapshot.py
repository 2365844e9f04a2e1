"""One revision, opened for reading: its segments and its word index, closed after the last reader."""

import heapq
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from index.errors import Damaged
from index.models.embed import Vectors
from index.records import Facts, PassageId, Revision
from index.segments.lexicon import Lexicon
from index.segments.store import Store
from index.segments.vectors import Segment
from index.stories.groups import Groups
from index.system.lock import Reading
from index.system.seal import damage
from index.truth.ledger import Ledger

SEGMENTS = "segments"
"""Folder of the data directory in which every segment of vectors or of words has a folder of its own."""


class Snapshot:
    """What is needed to search one revision. Made with one reader, its maker; counts the others."""

    def __init__(
        self,
        data: Path,
        revision: Revision,
        *,
        ledger: Ledger,
        store: Store,
        before: "Snapshot | None" = None,
        made: Sequence[Facts] = (),
    ) -> None:
        """Open a revision; the segments that it shares with the snapshot `before` are not opened again.

        `made` are segments that the ledger does not know yet.

        Raises:
            Damaged: one of its parts is missing or broken.
        """
        self.revision = revision
        facts = ledger.facts(revision.segments) | {one.name: one for one in made}
        lost = [name for name in revision.segments if name not in facts]
        if lost or not revision.words:
            raise Damaged(damage(data / SEGMENTS / (lost or ["words"])[0], "the ledger does not know it"))
        shared = {part.segment.facts.name: part for part in before.parts} if before else {}
        with ExitStack() as undo:
            self._words = _Words(data / SEGMENTS / revision.words)
            undo.callback(self._words.close)
            self.parts: list[_Part] = []
            for name in revision.segments:
                part = shared.get(name)
                if part is None or not part.enter():
                    # Not the base: small or not, it would have to be read whole at every start.
                    part = _Part(Segment(store, facts[name], quickly=bool(self.parts)))
                undo.callback(part.leave)
                self.parts.append(part)
            self._dead = [ledger.dead(part.segment.facts, revision.number) for part in self.parts]
            self.copies = Groups(ledger, revision.number)
            undo.pop_all()
        self._readers = 1
        self._lock = threading.Lock()

    @property
    def lexicon(self) -> Lexicon:
        """Its word index."""
        return self._words.lexicon

    @property
    def rows(self) -> int:
        """How many passages its segments hold, the dead ones among them."""
        return sum(part.segment.facts.passages for part in self.parts)

    @property
    def dead(self) -> int:
        """How many of them the revision does not hold any more."""
        return sum(len(dead) for dead in self._dead)

    def nearest(self, question: Vectors, *, limit: int) -> dict[PassageId, float]:
        """Return the passages of all segments nearest to a vector of shape (dimensions,), with cosines, best first."""
        found: dict[PassageId, float] = {}
        for part, dead in zip(self.parts, self._dead, strict=True):
            found |= part.segment.nearest(question, limit=limit, dead=dead)
        return dict(heapq.nlargest(limit, found.items(), key=lambda item: item[1]))

    def warm(self, dimensions: int) -> None:
        """Ask each segment once: Chroma reads a graph from the disk when it is first asked."""
        self.nearest(np.full(dimensions, dimensions**-0.5, dtype=np.float32), limit=1)

    def enter(self) -> bool:
        """Count one more reader; False when the last has gone already."""
        with self._lock:
            self._readers += self._readers > 0
            return self._readers > 0

    def leave(self) -> None:
        """Count one reader less; the last one closes the files."""
        with self._lock:
            self._readers -= 1
            last = self._readers == 0
        if last:
            for part in self.parts:
                part.leave()
            self._words.close()


class _Words:
    """A word index, held against being removed while it is read."""

    def __init__(self, directory: Path) -> None:
        try:
            self._reading = Reading(directory)
        except OSError as error:
            raise Damaged(damage(directory, str(error))) from error
        try:
            self.lexicon = Lexicon(directory)
        except Damaged:
            self._reading.close()
            raise

    def close(self) -> None:
        self._reading.close()


class _Part:
    """A segment that several snapshots share; the last of them closes it."""

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self._users = 1
        self._lock = threading.Lock()

    def enter(self) -> bool:
        with self._lock:
            self._users += self._users > 0
            return self._users > 0

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            last = self._users == 0
        if last:
            self.segment.close()
