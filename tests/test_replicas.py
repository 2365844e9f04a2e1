"""Several processes, each with a data directory of its own, serve one library from PostgreSQL and a Chroma server."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from index.errors import Busy, Damaged, SettingsError, StoreUnavailable
from index.library import Library
from index.records import Progress
from index.segments import lexicon
from index.segments.store import Server, Shape
from index.truth.ledger import Ledger
from tests import killed, warm
from tests.collection import SIZES, Versions, held, put
from tests.conftest import settings_for, until
from tests.fakemodel import WordModel
from tests.postgres import PASSWORD, QUOTED, Postgres

Open = Callable[[str], Library]

OLD = {f"a{n}": 1 for n in range(30)}
NEW = {**OLD, "a3": 2, "a4": 2, "b0": 1}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    put(tmp_path / "articles", OLD)
    with warm.workers():
        yield tmp_path


@pytest.fixture
def replica(place: Path, database: str, server: str) -> Iterator[Open]:
    """Open the library as another machine does: in a data directory of this name."""
    with contextlib.ExitStack() as opened:

        def make(name: str, **more: object) -> Library:
            flags = {"store__database": database, "store__url": server, "library__delta_share": 50.0, **SIZES, **more}
            return opened.enter_context(Library(settings_for(place / name, **flags), embedder=WordModel()))

        yield make


def test_the_process_that_makes_segments_is_told_the_address_where_nobody_sees_it(replica: Open, place: Path) -> None:
    one = replica("one")
    seen: list[str] = []

    def look(progress: Progress) -> None:
        if progress.stage == "building" and not seen:
            with psutil.Process().oneshot():
                seen.extend(str(child.cmdline()) for child in psutil.Process().children(recursive=True))

    one.index(place / "articles", watch=look)
    assert seen
    assert not any(QUOTED in arguments for arguments in (*seen, repr(one._place), repr(one._settings)))


def words_of(library: Library) -> Path:
    revision = library.revision()
    assert revision is not None
    return library.data / "segments" / revision.words


def index(library: Library, place: Path, articles: Versions) -> None:
    put(place / "articles", articles)
    library.index(place / "articles")


def test_what_one_indexes_all_serve_within_seconds_and_none_fails_meanwhile(replica: Open, place: Path) -> None:
    one, other = replica("one"), replica("other")
    index(one, place, OLD)
    assert other.keep_up()
    assert not other.keep_up()
    seen: list[dict[str, int]] = []
    stop = threading.Event()

    def ask(library: Library) -> None:
        while not stop.is_set():
            seen.append(held(library))

    asking = [threading.Thread(target=ask, args=(library,)) for library in (one, other)]
    for thread in asking:
        thread.start()
    try:
        for version in (2, 3):
            new = {**OLD, "a3": version, f"b{version}": 1}
            index(one, place, new)
            until(lambda new=new: held(other) == new, seconds=5)
    finally:
        stop.set()
        for thread in asking:
            thread.join()
    assert all(len(found) in (30, 31) for found in seen)
    assert len(seen) > 8
    assert one.check() == other.check() == ""
    assert words_of(one).name == words_of(other).name
    assert len([path for path in words_of(other).parent.iterdir() if "words" in path.name]) <= 3


def test_who_lags_behind_never_takes_the_writers_lock_and_takes_only_what_changed(
    replica: Open, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = replica("one"), replica("other")
    index(one, place, OLD)
    assert held(other) == OLD
    monkeypatch.setattr(Library, "_mend", lambda *_: pytest.fail("it was mended"))
    index(one, place, NEW)
    with one._ledger.alone(doing="indexing"), monkeypatch.context() as patch:
        patch.setattr(lexicon, "build", lambda *_: pytest.fail("all words were read again"))
        assert other.keep_up()
        assert held(other) == NEW
    for version in (3, 4):  # it misses two revisions, after which the ledger forgets what it had
        index(one, place, {**NEW, "a3": version})
    assert held(other) == {**NEW, "a3": 4}
    one.rollback()
    until(lambda: held(other) == {**NEW, "a3": 3}, seconds=5)


def test_while_the_words_are_made_here_the_revision_before_is_served(
    replica: Open, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = replica("one"), replica("other")
    index(one, place, OLD)
    assert held(other) == OLD
    index(one, place, NEW)
    go, work = threading.Event(), lexicon.derive

    def slowly(*arguments: object, **named: object) -> None:
        go.wait(20)
        work(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(lexicon, "derive", slowly)
    for _ in range(3):
        assert held(other) == OLD
    go.set()
    until(lambda: held(other) == NEW, seconds=5)


def test_only_one_can_index_and_the_other_is_told_who_does(replica: Open, place: Path) -> None:
    one, other = replica("one"), replica("other")
    index(one, place, OLD)
    told = rf"PostgreSQL database .* in use: process {os.getpid()} on .* is indexing since 20"
    with one._ledger.alone(doing="indexing"):
        for refused in (lambda: other.index(place / "articles"), other.rollback, lambda: one.plan(place / "articles")):
            with pytest.raises(Busy, match=told):
                refused()
        assert held(other) == OLD
    index(other, place, NEW)
    until(lambda: held(one) == NEW, seconds=5)
    assert {name for name in one._store.names() if "-" in name} <= one._ledger.named()


def test_words_that_broke_here_are_made_again_here(replica: Open, place: Path) -> None:
    one, other = replica("one"), replica("other")
    index(one, place, OLD)
    assert held(other) == OLD
    revision = other.revision()
    other.close()
    for path in words_of(one).parent.parent.parent.joinpath("other", "segments").rglob("*.term"):
        path.write_bytes(b"rubbish")
    again = replica("other")
    assert held(again) == OLD
    assert again.revision() == revision


def test_a_replica_that_was_killed_while_it_made_its_words_makes_them_at_its_next_start(
    replica: Open, place: Path
) -> None:
    one = replica("one")
    index(one, place, OLD)
    unfinished = place / "other" / "segments" / words_of(one).name
    unfinished.mkdir(parents=True)
    (unfinished / "meta.json").write_text("{")
    (place / "other" / "making" / "segments" / words_of(one).name).mkdir(parents=True)
    assert held(replica("other")) == OLD
    assert not (place / "other" / "making").exists()


def test_words_that_cannot_be_made_here_are_one_sentence_and_what_was_served_still_is(
    replica: Open, place: Path
) -> None:
    one, other = replica("one"), replica("other")
    index(one, place, OLD)
    assert held(other) == OLD
    index(one, place, NEW)
    (place / "other" / "making").write_text("where a folder should be, as on a disk that takes no more")
    with pytest.raises(Damaged, match="cannot be made"):
        other.keep_up()
    assert held(other) == OLD
    (place / "other" / "making").unlink()
    other.keep_up()  # unless the question before has just done that, in the background
    assert held(other) == NEW


def test_a_second_data_directory_without_a_server_for_vectors_is_told_that_it_needs_one(
    replica: Open, place: Path
) -> None:
    one, other = replica("one", store__url=""), replica("other", store__url="")
    index(one, place, OLD)
    with pytest.raises(SettingsError, match=rf"kept in {place}/one on .*\[store\] url.*footnote index"):
        held(other)
    assert held(one) == OLD
    one.close()
    index(other, place, NEW)  # the first is gone for good: its vectors are built here, without the model
    assert held(other) == NEW
    assert other.check() == ""


def test_a_collection_that_only_the_revision_before_names_stays_on_the_server(replica: Open, place: Path) -> None:
    one, other = replica("one"), replica("other")
    index(one, place, OLD)
    assert held(other) == OLD
    index(one, place, NEW)
    revision = one.before()
    assert revision is not None
    with contextlib.closing(Server(one._place.url, token="", library=one._ledger.library)) as store:
        assert set(revision.segments) <= store.names()


def test_a_database_that_is_away_is_named_without_its_password_and_the_next_question_works(
    place: Path, replica: Open, postgres: Postgres
) -> None:
    one, other = replica("one"), replica("other")
    index(one, place, OLD)
    assert held(other) == OLD
    postgres.stop()
    try:
        said = []
        for refused in (lambda: held(one), lambda: index(one, place, NEW), other.keep_up, lambda: replica("third")):
            with pytest.raises(StoreUnavailable, match=r"^The PostgreSQL database library_\d+ at 127.0.0.1:\d+ ") as no:
                refused()
            said.append(str(no.value))
    finally:
        postgres.start()
    assert not any(secret in sentence for secret in (PASSWORD, QUOTED) for sentence in said)
    assert held(one) == held(other) == OLD
    index(other, place, NEW)
    until(lambda: held(one) == NEW, seconds=5)
    postgres.restart()  # while nobody asked
    assert held(one) == NEW


def test_a_writer_whose_lock_was_lost_and_taken_by_another_changes_nothing_more(
    replica: Open, place: Path, postgres: Postgres
) -> None:
    one, other = replica("one"), replica("other")
    index(one, place, OLD)
    put(place / "articles", NEW)
    taken: list[dict[str, int]] = []

    def lose(_: object) -> None:
        if not taken:
            postgres.restart()
            other.index(place / "articles")
            taken.append(held(other))

    with pytest.raises(Busy, match="another process has used it since"):
        one.index(place / "articles", watch=lose)
    until(lambda: held(one) == NEW, seconds=5)
    assert one.check() == ""


def test_a_writer_whose_lock_was_lost_does_not_remove_what_the_next_one_is_making(
    replica: Open, place: Path, postgres: Postgres
) -> None:
    one, other = replica("one"), replica("other")
    index(one, place, OLD)
    making = other._store.making("000002-base-new", Shape(1, 2))
    with one._ledger.alone(doing="indexing"):
        postgres.restart()
        with other._ledger.alone(doing="indexing"), making as collection:
            with pytest.raises(Busy, match="another process has used it since"):
                one._builder().clear()
            collection.add(ids=["1"], embeddings=[[1.0, 0.0]])
    assert "000002-base-new" in other._store.names()


@pytest.mark.crash
@pytest.mark.parametrize(
    "stage",
    [
        *("building", "publishing"),
        *(pytest.param(s, marks=pytest.mark.nightly) for s in ("reading", "embedding", "clearing")),
    ],
)
def test_a_builder_that_is_killed_leaves_the_old_or_the_new_and_frees_the_lock(
    replica: Open, place: Path, stage: str
) -> None:
    other = replica("other")
    index(other, place, OLD)
    put(place / "articles", NEW)
    how = killed.How(share=50.0, url=other._place.url, database=other._place.database)
    builder = warm.process(killed.act, "index", place, how)
    until(lambda: stage in [what for _, what in killed.entries(place / "diary")])
    builder.kill()
    builder.join()
    assert held(other) in (OLD, NEW)
    until(lambda: free(other), seconds=5)
    other.index(place / "articles")
    assert held(other) == NEW
    assert other.check() == ""


def free(library: Library) -> bool:
    try:
        with library._ledger.alone(doing="looking"):
            return True
    except Busy:
        return False


def test_several_that_start_at_once_on_a_new_database_all_can(tmp_path: Path, database: str) -> None:
    troubles: list[Exception] = []

    def start(n: int) -> None:
        try:
            Ledger(tmp_path / str(n), database).close()
        except Exception as error:  # noqa: BLE001  whatever it is, the test shows it
            troubles.append(error)

    threads = [threading.Thread(target=start, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles


def test_words_that_lost_only_the_file_their_readers_lock_are_made_here_again(replica: Open, place: Path) -> None:
    one = replica("one")
    index(one, place, OLD)
    with replica("other") as other:
        assert held(other) == OLD
    (words_of(other) / "readers.lock").unlink()
    assert held(replica("other")) == OLD
