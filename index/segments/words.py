"""Make the word index of a revision from the ledger: from an earlier one where there is one, else anew."""

import shutil
from pathlib import Path

from index.errors import Damaged
from index.records import Facts
from index.segments import lexicon
from index.truth.ledger import Ledger


def make(directory: Path, revision: int, *, previous: Path | None, before: Facts | None, ledger: Ledger) -> None:
    """Write the word index of a revision into a new directory; derive it from `previous`, which holds `before`.

    Where `previous` is None, or damaged, all passages are read.
    """
    if previous is None or before is None or not _derived(directory, revision, previous, before, ledger=ledger):
        lexicon.build(directory, ledger.stored(revision))


def _derived(directory: Path, revision: int, previous: Path, before: Facts, *, ledger: Ledger) -> bool:
    try:
        lexicon.derive(
            directory,
            previous=previous,
            passages=ledger.stored(revision, after=before.last),
            dead=ledger.dead(before, revision),
        )
    except Damaged:
        shutil.rmtree(directory, ignore_errors=True)
        return False
    return True
