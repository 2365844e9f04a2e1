"""What is made current is open already, and what cannot be opened is not made current."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from index.errors import Damaged
from index.segments.served import Served
from index.segments.snapshot import Snapshot
from index.truth.draft import Draft
from index.truth.ledger import Ledger
from tests import killed, warm
from tests.collection import held, put


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    put(tmp_path / "articles", {f"a{n}": 1 for n in range(20)})
    with warm.workers():
        yield tmp_path


def noting(monkeypatch: pytest.MonkeyPatch, done: list[str]) -> None:
    """Note when a snapshot is opened, and when a revision or its segments are made current."""
    for owner, name, what in ((Served, "_open", "open"), (Draft, "publish", "switch"), (Ledger, "point", "switch")):
        work = getattr(owner, name)

        def noted(*arguments: Any, work: Any = work, what: str = what, **named: Any) -> Any:
            done.append(what)
            return work(*arguments, **named)

        monkeypatch.setattr(owner, name, noted)


@pytest.mark.parametrize("direct", [0, 4_000])
def test_nobody_waits_for_the_opening_of_a_new_revision(
    place: Path, monkeypatch: pytest.MonkeyPatch, direct: int
) -> None:
    with killed.How(direct=direct, share=0.1).library(place / "data") as library:
        library.index(place / "articles")
        done: list[str] = []
        noting(monkeypatch, done)
        new = {f"a{n}": 2 for n in range(20)}
        put(place / "articles", new)
        library.index(place / "articles")
        assert done == ["open", "switch"] * (2 if direct == 0 else 1)  # with 0, all are merged after the switch
        assert held(library) == new
        assert done.count("open") == done.count("switch")


def test_what_cannot_be_opened_is_not_made_current(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with killed.library(place / "data") as library:
        library.index(place / "articles")
        old, before = held(library), library.revision()
        put(place / "articles", {f"a{n}": 2 for n in range(20)})

        def refuse(*_: object) -> None:
            raise Damaged("cut short")

        with monkeypatch.context() as patch:
            patch.setattr(Snapshot, "warm", refuse)
            with pytest.raises(Damaged, match="cut short"):
                library.index(place / "articles")
        assert library.revision() == before
        assert held(library) == old
        assert {path.name for path in (place / "data" / "segments").iterdir()} == library._ledger.named()
        library.index(place / "articles")
        assert held(library) == {f"a{n}": 2 for n in range(20)}
