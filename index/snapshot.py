"""One revision, opened for reading: its segment and its word index, closed after the last reader."""

import threading
from pathlib import Path

from index.ledger import Revision
from index.lexicon import Lexicon
from index.vectors import Segment

SEGMENTS = "segments"
"""Folder of the data directory in which every segment has a folder of its own: `vectors` and `words`."""


class Snapshot:
    """What is needed to search one revision. Made with one reader, its maker; counts the others."""

    def __init__(self, data: Path, revision: Revision) -> None:
        """Open a revision.

        Raises:
            Damaged: one of its parts is missing or broken.
        """
        self.revision = revision
        folder = data / SEGMENTS / revision.segment
        self.lexicon = Lexicon(folder / "words")
        self.segment = Segment(folder / "vectors")
        self._readers = 1
        self._lock = threading.Lock()

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
            self.segment.close()
