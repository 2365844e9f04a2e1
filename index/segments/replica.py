"""What a data directory holds of a ledger that several share, kept in step with what others write there.

Whoever reindexes makes the word index of a new revision in its own data directory. All others make theirs from the one
they had, without the model and without the writer's lock; see `Replica.bring`. A ledger in a file has one data
directory, and nothing of this happens.
"""

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index.errors import Damaged, FootnoteError, SettingsError, Superseded
from index.records import Facts, Revision
from index.segments import audit, lexicon, words
from index.segments.snapshot import SEGMENTS
from index.segments.store import Embedded, Store
from index.system.lock import briefly
from index.system.seal import SEAL
from index.truth.ledger import Ledger

MAKING = "making"
"""Folder of the data directory in which a word index is made, before it is moved to the others."""


class Replica:
    """One data directory of a ledger. Safe to share between threads."""

    def __init__(self, data: Path, *, ledger: Ledger, store: Store) -> None:
        """Keep `data` in step with `ledger`, whose vectors are in `store`."""
        self._data = data
        self._ledger = ledger
        self._folder = data / SEGMENTS
        self._local = Embedded(self._folder)
        self._vectors_here = isinstance(store, Embedded)

    @property
    def here(self) -> str:
        """What to call this data directory before people on other machines."""
        return f"{self._data.resolve()} on {socket.gethostname()}"

    def lags(self, revision: Revision) -> bool:
        """Whether the word index of a revision has yet to be made here. Takes microseconds."""
        return self._ledger.shared and not (self._folder / revision.words / SEAL).exists()

    def bring(self, revision: Revision) -> None:
        """Make here what a revision needs and others made elsewhere. Takes what changed, or after long all, in time.

        Raises:
            SettingsError: its vectors are kept in another data directory.
            Superseded: it was replaced meanwhile, so often that it cannot be made any more.
            Busy: another process does not come to an end of making it here.
            Damaged: it cannot be made here.
        """
        if not self._ledger.shared:
            return
        self._refuse_vectors_elsewhere(revision)
        if self._is_sound(revision.words):
            return
        with briefly(self._data, "words"):  # of the processes that have this data directory
            if not self._is_sound(revision.words):
                with self._translated():
                    self._make(revision)
        self._tidy(revision)

    def missing(self, revision: Revision) -> list[str]:
        """Return the segments of vectors of a revision that ought to be here and are not."""
        names = self._local.names() if self._vectors_here and self._ledger.shared else set(revision.segments)
        return [name for name in revision.segments if name not in names]

    def settle(self) -> None:
        """Note that the vectors are kept here from now on. The caller holds the writer's lock."""
        if self._vectors_here and self._ledger.shared and self._ledger.vectors_at() != self.here:
            self._ledger.keep_vectors_at(self.here)

    def _refuse_vectors_elsewhere(self, revision: Revision) -> None:
        """Two that keep vectors in directories of their own would for ever build again what the other one built."""
        if self.missing(revision) and (other := self._ledger.vectors_at()) != self.here:
            message = (
                f"The vectors of {self._ledger.name} are kept in {other or 'another place'}, and not here. For several "
                "processes name a Chroma server that all of them reach in [store] url; where this one is alone, run "
                "`footnote index`."
            )
            raise SettingsError(message)

    def _is_sound(self, name: str) -> bool:
        try:
            lexicon.check(self._folder / name)
        except Damaged:
            return False
        return True

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Say what keeps words from being made: tantivy raises whatever it likes, on a full disk too."""
        try:
            yield
        except FootnoteError:
            raise
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).split("\n")[0][:200]
            message = f"The word index cannot be made in {self._data} ({reason}). Make room, and let us write there."
            raise Damaged(message) from error

    def _make(self, revision: Revision) -> None:
        facts = self._ledger.facts([revision.words]).get(revision.words)
        if facts is None:
            raise Superseded
        making = self._data / MAKING
        problem = ""
        for before in (*self._earlier(), None):
            shutil.rmtree(making, ignore_errors=True)  # left by a process that died here, or not what it should be
            previous = self._folder / before.name if before else None
            fresh = making / SEGMENTS / facts.name
            words.make(fresh, facts.revision, previous=previous, before=before, ledger=self._ledger)
            problem = audit.words(making, facts, ledger=self._ledger)
            if not problem:
                shutil.rmtree(self._folder / facts.name, ignore_errors=True)  # one that was damaged
                fresh.rename(self._folder / facts.name)
                shutil.rmtree(making, ignore_errors=True)
                return
        if self._ledger.current() != revision:
            raise Superseded
        message = f"The word index cannot be made ({problem}). Run `footnote index`: it is built again."
        raise Damaged(message)

    def _earlier(self) -> Iterator[Facts]:
        """Yield the newest word index that is here and sound, where the ledger still knows what it holds.

        The ledger forgets which of its passages are dead when a second revision comes after it.
        """
        known = self._ledger.facts(name for name in self._local.names() if _WORDS in name)
        yield from [known[name] for name in sorted(known, reverse=True) if self._is_sound(name)][:1]

    def _tidy(self, revision: Revision) -> None:
        """Remove word indexes that no revision will need; a writer in this directory may be making newer ones."""
        before = self._ledger.previous()
        oldest = min(revision.number, before.number if before else revision.number)
        for name in self._local.names():
            if _WORDS in name and int(name.partition("-")[0]) < oldest:
                self._local.remove(name)


_WORDS = "-words-"
