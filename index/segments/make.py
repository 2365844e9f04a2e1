"""Make the segments of a revision from what the ledger holds, and check them. Runs in the process of `worker`."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Self

import numpy as np

from index.errors import Damaged
from index.models.embed import Vectors
from index.records import Facts
from index.segments import audit, vectors, words
from index.segments.snapshot import SEGMENTS
from index.segments.store import Embedded, Server, Store
from index.segments.worker import Job, Place
from index.truth.ledger import Ledger

Watch = Callable[[int, int], None]


def store_of(place: Place, ledger: Ledger) -> Store:
    """Return where the vectors of a library are kept."""
    if place.url:
        return Server(place.url, token=place.token, library=ledger.library)
    return Embedded(place.data / SEGMENTS)


class Workshop:
    """Makes and checks segments of one library."""

    def __init__(self, place: Place) -> None:
        """Open its ledger, for reading, and its store."""
        self.data = place.data
        self._ledger = Ledger(place.data, place.database)
        self._store = store_of(place, self._ledger)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close them."""
        self._store.close()
        self._ledger.close()

    def problems(self, revision: int) -> dict[str, str]:
        """Return what is wrong with the segments of a revision, by their names; nothing of one that is gone."""
        kept = (self._ledger.current(), self._ledger.previous())
        served = next((one for one in kept if one and one.number == revision), None)
        return audit.revision(self.data, self._store, served, ledger=self._ledger) if served else {}

    def make(self, job: Job, watch: Watch) -> list[Facts]:
        """Make and check what a job names; return the facts of each segment.

        Raises:
            Damaged: what was made failed its check.
        """
        made: list[Facts] = []
        problem = ""
        if job.words is not None:
            made.append(self._words(job))
            problem = audit.words(self.data, made[-1], ledger=self._ledger)
        if job.vectors is not None and not problem:
            made.append(self._vectors(job, watch))
            problem = self._problem(made[-1], job)
            if problem:  # vectors among which Chroma's usual graph loses too many: a denser one loses fewer
                self._store.remove(job.vectors.name)
                made[-1] = self._vectors(job, watch, dense=True)
                problem = self._problem(made[-1], job)
        if problem:
            message = f"The index that was built failed its check ({problem}); the old one stays. Try again."
            raise Damaged(message)
        return made

    def _problem(self, facts: Facts, job: Job) -> str:
        return audit.segment(
            self._store, facts, ledger=self._ledger, revision=job.revision, fingerprint=job.fingerprint
        )

    def _words(self, job: Job) -> Facts:
        assert job.words is not None  # noqa: S101  for mypy: see `make`
        folder, previous = self.data / SEGMENTS, job.words.previous
        words.make(
            folder / job.words.name,
            job.revision,
            previous=folder / previous if previous else None,
            before=self._ledger.facts([previous]).get(previous),
            ledger=self._ledger,
        )
        return self._facts(job, job.words.name, after=0)

    def _vectors(self, job: Job, watch: Watch, *, dense: bool = False) -> Facts:
        assert job.vectors is not None  # noqa: S101  as above
        planned = self._facts(job, job.vectors.name, after=job.vectors.after)
        passed = count(1)  # the vectors are read twice: to find equal ones, and to add them

        def batches() -> Iterator[tuple[vectors.Numbers, Vectors]]:
            return self._batches(job, planned, watch, done=planned.passages * (next(passed) - 1))

        rows, twins = vectors.build(self._store, planned.name, batches, dense=dense)
        return Facts(planned.name, planned.revision, planned.after, planned.last, planned.passages, rows, twins)

    def _batches(
        self, job: Job, planned: Facts, watch: Watch, *, done: int
    ) -> Iterator[tuple[vectors.Numbers, Vectors]]:
        for numbers, found in self._ledger.all_vectors(job.revision, after=planned.after, model=job.fingerprint):
            if not np.isfinite(found).all():
                message = (
                    f"{self._ledger.name} holds embeddings that are no numbers. Restore it from a backup, or move it "
                    "away and index again."
                )
                raise Damaged(message)
            yield numbers, found
            done += len(numbers)
            watch(done, 2 * planned.passages)

    def _facts(self, job: Job, name: str, *, after: int) -> Facts:
        """Plan a segment: which passages of the job's revision it is to hold."""
        whole = Facts(name, job.revision, after, self._ledger.last_number(job.revision), 0, 0)
        held = len(self._ledger.alive_numbers(whole, job.revision))
        return Facts(name, job.revision, after, whole.last, held, held)
