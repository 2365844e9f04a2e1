"""Backups: one whole copy while the library is used, and a restored library that answers as it did; or nothing."""

import datetime as dt
import gzip
import hashlib
import io
import json
import os
import shutil
import signal
import sqlite3
import stat
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from index.errors import Busy, FootnoteError, SourceError
from index.library import Library
from index.rescue import backup, restore
from index.system.lock import hold
from tests import restoring, warm
from tests.conftest import WHEN, Footnote, MakeLibrary, three_articles, write

NOW = dt.datetime(2026, 11, 25, 12, 30, tzinfo=dt.UTC)
FINDER = "Who found the bell?"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere" / "copy.tar.gz"


@pytest.fixture(scope="module")
def copy(shared: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of the three small articles, with an inbox in it."""
    place = tmp_path_factory.mktemp("copy")
    shutil.copytree(shared.data, place / "data", ignore=shutil.ignore_patterns("models"))
    journal(place / "data", "first")
    backup.save(place / "data", place / "copy.tar.gz")
    return place / "copy.tar.gz"


def journal(data: Path, word: str) -> None:
    """Make an inbox like that of a bot."""
    with closing(sqlite3.connect(data / backup.JOURNAL)) as db, db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE IF NOT EXISTS updates (id INTEGER PRIMARY KEY, body TEXT)")
        db.execute("INSERT INTO updates (body) VALUES (?)", (word,))


def inbox(data: Path) -> list[str]:
    with closing(sqlite3.connect(data / backup.JOURNAL)) as db:
        return [row[0] for row in db.execute("SELECT body FROM updates ORDER BY id")]


def everything(data: Path) -> dict[str, bytes]:
    """What a data directory holds, but for locks."""
    files = [path for path in data.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return {str(path.relative_to(data)): path.read_bytes() for path in files if "models" not in path.parts}


def taken_apart(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def put_together(file: Path, parts: dict[str, bytes], *, manifest: bool = True) -> Path:
    """Write a copy with checksums that are right, whatever its parts are."""
    parts = dict(parts)
    if manifest:
        told = json.loads(parts[backup.MANIFEST])
        told["parts"] = {
            name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in parts.items()
            if name != backup.MANIFEST
        }
        parts[backup.MANIFEST] = json.dumps(told).encode()
    with tarfile.open(file, "w:gz") as tar:
        for name, content in parts.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return file


@pytest.mark.usefixtures("copied")
def test_a_copy_made_while_others_index_and_ask_answers_as_the_library_did_at_one_moment(
    make_library: MakeLibrary, folder: Path, tmp_path: Path, place: Path
) -> None:
    library = make_library()
    library.index(folder)
    stop, done = threading.Event(), threading.Event()
    answers: list[str] = []

    def ask() -> None:
        while not stop.is_set():
            answers.append(library.ask(WHEN).text)

    def index() -> None:
        write(folder / "bell.md", title="A bell", text="Peter Holm found the bell of the church in the river in 1931.")
        library.index(folder)
        done.set()

    threads = [threading.Thread(target=ask), threading.Thread(target=index)]
    for thread in threads:
        thread.start()
    copies = []
    while not done.is_set() or not copies:
        copies.append(place.with_name(f"{len(copies)}.tar.gz"))
        backup.save(library.data, copies[-1])
        done.wait(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    backup.save(library.data, place)
    assert all("1987" in text for text in answers)
    for number, file in enumerate([copies[0], place]):
        data = tmp_path / f"restored{number}"
        assert restore.restore(data, file, now=NOW) == restore.Restored(_made_at(file), None)
        again = make_library(data)
        revision = again.revision()
        assert revision is not None
        assert revision.articles == (3, 4)[revision.number - 1]
        assert again.ask(WHEN).text == answers[0]
        assert again.check() == ""
    assert make_library(data).ask(FINDER).text == library.ask(FINDER).text
    assert "Peter Holm" in library.ask(FINDER).text


def _made_at(file: Path) -> str:
    return str(json.loads(taken_apart(file)[backup.MANIFEST])["made_at"])


def test_a_copy_is_one_private_file_and_nothing_else_is_left(copy: Path) -> None:
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert {path.name for path in copy.parent.iterdir()} == {"data", copy.name}
    parts = taken_apart(copy)
    assert next(iter(parts)) == backup.MANIFEST
    assert set(parts) == {backup.MANIFEST, "ledger.sqlite", "journal.sqlite"}


def test_what_was_there_before_is_kept_aside_and_the_copy_takes_its_place(copy: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(copy.parent / "data", data)
    journal(data, "second")
    (data / "judge.json").write_text("{}")
    before = (data / "judge.json").read_bytes()
    restored = restore.restore(data, copy, now=NOW)
    assert restored.aside == data / "before-restore-20261125-123000"
    assert inbox(data) == ["first"]
    assert not (data / "judge.json").exists()
    assert (restored.aside / "judge.json").read_bytes() == before
    assert inbox(restored.aside) == ["first", "second"]
    assert {path.name for path in restored.aside.iterdir()} == {"ledger.sqlite", "journal.sqlite", "judge.json"}
    assert not list(data.glob("restore.*"))


def test_what_two_restorings_in_one_second_replace_is_all_kept(copy: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(copy.parent / "data", data)
    journal(data, "second")
    first, second = (restore.restore(data, copy, now=NOW).aside for _ in range(2))
    assert first is not None
    assert second is not None
    assert [inbox(first), inbox(second)] == [["first", "second"], ["first"]]


def test_a_copy_made_after_a_restoring_was_cut_short_is_of_one_library(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    shutil.copytree(copy.parent / "data", data)
    journal(data, "second")
    process = warm.process(restoring.until, 3, data, copy)
    process.join(60)
    assert inbox(data) == ["first", "second"]
    assert (data / restore.READY / "journal.sqlite").exists()
    assert not (data / restore.READY / "ledger.sqlite").exists()
    assert main(["backup", str(tmp_path / "again.tar.gz"), "--data", str(data)]) == 0
    restore.restore(tmp_path / "other", tmp_path / "again.tar.gz", now=NOW)
    assert inbox(tmp_path / "other") == ["first"]


def test_a_judge_of_ones_own_comes_along(shared: Library, tmp_path: Path) -> None:
    from index.asking.judge import shipped

    data = tmp_path / "data"
    shutil.copytree(shared.data, data, ignore=shutil.ignore_patterns("models", "segments"))
    own = shipped().model_copy(update={"fitted": "ours"})
    own.write(data / "judge.json")
    backup.save(data, tmp_path / "copy.tar.gz")
    restore.restore(tmp_path / "other", tmp_path / "copy.tar.gz", now=NOW)
    assert json.loads((tmp_path / "other" / "judge.json").read_text())["fitted"] == "ours"


def test_a_library_that_was_wholly_lost_is_restored(make_library: MakeLibrary, copy: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "ledger.sqlite").write_bytes(b"this was a ledger once" * 1_000)
    restore.restore(data, copy, now=NOW)
    assert "1987" in make_library(data).ask(WHEN).text


def test_a_file_that_exists_is_replaced_only_when_that_is_asked_for(shared: Library, place: Path) -> None:
    place.write_text("precious")
    with pytest.raises(SourceError, match="--force"):
        backup.save(shared.data, place)
    assert place.read_text() == "precious"
    backup.save(shared.data, place, replace=True)
    assert backup.LEDGER in taken_apart(place)


@pytest.mark.parametrize(
    "name, says", [("", "is a folder"), ("nowhere/copy.tar.gz", "does not exist"), ("/proc/copy.tar.gz", "cannot be")]
)
def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    shared: Library, tmp_path: Path, name: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_copies", lambda *_: pytest.fail("the work was begun"))
    with pytest.raises(SourceError, match=says):
        backup.save(shared.data, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_without_a_library_there_is_no_backup_and_no_trace(tmp_path: Path) -> None:
    with pytest.raises(FootnoteError, match="no library"):
        backup.save(tmp_path / "data", tmp_path / "copy.tar.gz")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_ledger_is_not_saved_as_if_it_were_whole(copy: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    content = bytearray(taken_apart(copy)["ledger.sqlite"])
    content[8_192:] = os.urandom(len(content) - 8_192)
    (data / "ledger.sqlite").write_bytes(content)
    with pytest.raises(FootnoteError, match="not written"):
        backup.save(data, tmp_path / "copy.tar.gz")
    assert not (tmp_path / "copy.tar.gz").exists()


@pytest.mark.parametrize("name", ["bot", "writer"])
def test_nothing_is_restored_under_a_bot_or_an_indexing(copy: Path, tmp_path: Path, name: str) -> None:
    data = tmp_path / "data"
    shutil.copytree(copy.parent / "data", data)
    before = everything(data)
    with hold(data, name, doing="running"), pytest.raises(Busy, match="is running"):
        restore.restore(data, copy, now=NOW)
    assert everything(data) == before


def test_nothing_is_restored_under_somebody_who_has_the_ledger_open(
    make_library: MakeLibrary, copy: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(copy.parent / "data", data)
    library = make_library(data)
    assert library.revision() is not None
    with pytest.raises(Busy, match=r"ledger\.sqlite open"):
        restore.restore(data, copy, now=NOW)
    assert not list(data.glob("*restore*"))
    assert "1987" in library.ask(WHEN).text


Hostile = Callable[[Path, dict[str, bytes]], Path]


def _member(name: str, **fields: Any) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(member, field, value)
    return member


def _with(*members: tarfile.TarInfo, first: bool = False) -> Hostile:
    """Make a copy that holds members of other kinds, after its manifest or before it."""

    def make(file: Path, parts: dict[str, bytes]) -> Path:
        with tarfile.open(file, "w:gz") as tar:
            manifest = tarfile.TarInfo(backup.MANIFEST)
            manifest.size = len(parts[backup.MANIFEST])
            if not first:
                tar.addfile(manifest, io.BytesIO(parts[backup.MANIFEST]))
            for member in members:
                tar.addfile(member, io.BytesIO(b"x" * member.size) if member.isreg() else None)
        return file

    return make


def _other(**changes: bytes | None) -> Hostile:
    """Make a copy with other parts, and checksums that are right."""

    def make(file: Path, parts: dict[str, bytes]) -> Path:
        changed = parts | {name.replace("_", "."): content for name, content in changes.items()}
        return put_together(file, {name: content for name, content in changed.items() if content is not None})

    return make


def _told(**changes: Any) -> Hostile:
    """Make a copy whose manifest says something else."""

    def make(file: Path, parts: dict[str, bytes]) -> Path:
        told = json.loads(parts[backup.MANIFEST]) | changes
        return put_together(file, parts | {backup.MANIFEST: json.dumps(told).encode()}, manifest=False)

    return make


def _sql(script: str) -> Hostile:
    """Make a copy whose ledger was changed."""

    def make(file: Path, parts: dict[str, bytes]) -> Path:
        ledger = file.with_suffix(".sqlite")
        ledger.write_bytes(parts["ledger.sqlite"])
        with closing(sqlite3.connect(ledger)) as db:
            db.executescript(script)
        return put_together(file, parts | {"ledger.sqlite": ledger.read_bytes()})

    return make


def _bytes(change: Callable[[bytearray], object]) -> Hostile:
    """Make a copy whose file was damaged."""

    def make(file: Path, parts: dict[str, bytes]) -> Path:
        content = bytearray(put_together(file, parts).read_bytes())
        change(content)
        file.write_bytes(content)
        return file

    return make


def _unpacked(change: Callable[[bytearray], object]) -> Hostile:
    """Make a copy whose content was damaged, and packed as if it were not."""

    def make(file: Path, parts: dict[str, bytes]) -> Path:
        content = bytearray(gzip.decompress(put_together(file, parts).read_bytes()))
        change(content)
        file.write_bytes(gzip.compress(bytes(content), 1))
        return file

    return make


def _pax_of_a_terabyte(content: bytearray) -> None:
    header = _member("x", type=tarfile.XHDTYPE, size=1 << 40).tobuf(tarfile.GNU_FORMAT)
    content[:0] = header


LEDGER_OF = {"size": 1 << 50, "sha256": "0" * 64}

HOSTILE: dict[str, Hostile] = {
    "no archive": lambda file, _: (file.write_bytes(b"hello") and file) or file,
    "empty": lambda file, _: file.write_bytes(b"") or file,
    "cut": _bytes(lambda content: content.__delitem__(slice(len(content) // 2, None))),
    "a bit changed": _unpacked(lambda content: content.__setitem__(40_000, content[40_000] ^ 1)),
    "packed bytes changed": _bytes(lambda content: content.__setitem__(slice(5_000, 5_020), b"\0" * 20)),
    "no manifest": _with(_member("ledger.sqlite", size=10), first=True),
    "a path outside": _with(_member("../evil", size=10)),
    "an absolute path": _with(_member("/etc/evil", size=10)),
    "a symbolic link": _with(_member("ledger.sqlite", type=tarfile.SYMTYPE, linkname="/etc/passwd")),
    "a hard link": _with(_member("ledger.sqlite", type=tarfile.LNKTYPE, linkname="/etc/passwd")),
    "a device": _with(_member("ledger.sqlite", type=tarfile.CHRTYPE)),
    "a folder": _with(_member("ledger.sqlite", type=tarfile.DIRTYPE)),
    "a header of a terabyte": _unpacked(_pax_of_a_terabyte),
    "a ledger of a petabyte": _told(parts={"ledger.sqlite": LEDGER_OF}),
    "a judge of a gigabyte": _told(parts={"ledger.sqlite": LEDGER_OF | {"size": 1}, "judge.json": LEDGER_OF}),
    "a manifest that names a path": _told(parts={"ledger.sqlite": LEDGER_OF | {"size": 1}, "../x": LEDGER_OF}),
    "a manifest without a ledger": _other(ledger_sqlite=None),
    "a manifest that is none": lambda file, parts: put_together(file, parts | {"manifest.json": b"["}, manifest=False),
    "a manifest as deep as the sea": lambda file, parts: put_together(
        file, parts | {"manifest.json": b"[" * 60_000}, manifest=False
    ),
    "a part that is missing": lambda file, parts: put_together(
        file, {name: content for name, content in parts.items() if name != "journal.sqlite"}, manifest=False
    ),
    "another part": _other(segments=b"x"),
    "a ledger that is none": _other(ledger_sqlite=b"no database at all" * 1_000),
    "a ledger without tables": _sql("DROP TABLE passages"),
    "a ledger with a trigger": _sql(
        "CREATE TRIGGER t AFTER INSERT ON about BEGIN DELETE FROM articles; END"
    ),
    "a ledger with a view": _sql("CREATE VIEW v AS SELECT 1"),
    "a newer ledger": _sql("PRAGMA user_version = 99"),
    "a newer format": _told(format=99),
    "a moment that is none": _told(made_at="yesterday"),
    "a version that is none": _told(footnote="\x1b]0;1.0", format=99),
    "a damaged inbox": _other(journal_sqlite=b"SQLite format 3\0" + b"\xff" * 8_000),
    "a judge that is none": lambda file, parts: put_together(file, parts | {"judge.json": b"{}"}),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_a_damaged_or_hostile_copy_is_one_sentence_and_nothing_is_changed(
    copy: Path, tmp_path: Path, what: str
) -> None:
    data = tmp_path / "data"
    shutil.copytree(copy.parent / "data", data)
    before = everything(data)
    file = HOSTILE[what](tmp_path / "hostile.tar.gz", taken_apart(copy))
    around = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(SourceError) as refused:
        restore.restore(data, file, now=NOW)
    assert str(file) in str(refused.value)
    assert str(refused.value).isprintable()
    assert everything(data) == before
    assert {path.name for path in tmp_path.iterdir()} == around


def test_the_parts_that_the_hostile_copies_are_made_of_can_be_restored(copy: Path, tmp_path: Path) -> None:
    file = put_together(tmp_path / "sound.tar.gz", taken_apart(copy))
    assert restore.restore(tmp_path / "data", file, now=NOW).made_at == _made_at(copy)


def test_a_process_killed_between_any_two_steps_leaves_the_old_library_or_the_new_one(
    make_library: MakeLibrary, folder: Path, copy: Path, tmp_path: Path
) -> None:
    old = tmp_path / "old"
    write(folder / "bell.md", title="A bell", text="Peter Holm found the bell of the church in the river in 1931.")
    with make_library(old) as library:
        library.index(folder)
    journal(old, "second")
    seen: list[tuple[int, list[str]]] = []
    code: int | None = None
    while code != 0:
        data = tmp_path / f"data{len(seen)}"
        shutil.copytree(old, data, ignore=shutil.ignore_patterns("models"))
        process = warm.process(restoring.until, len(seen), data, copy)
        process.join(60)
        code = process.exitcode
        assert code in (0, -signal.SIGKILL)
        with make_library(data) as again:
            revision = again.revision()
            assert revision is not None
            seen.append((revision.articles, inbox(data)))
            assert again.check() == "" or revision.articles == 3  # its segments are not there yet
        assert not (data / restore.READY).exists()
    assert len(seen) > 5
    assert {str(one) for one in seen} == {str((4, ["second"])), str((3, ["first"]))}
    assert seen == sorted(seen, reverse=True)  # the old one up to a step, the new one from there on
    assert "1987" in make_library(data).ask(WHEN).text
    killed_early = tmp_path / "data0"
    assert list(killed_early.glob("restore.new-*"))
    restore.restore(killed_early, copy, now=NOW)
    assert not list(killed_early.glob("restore.*"))


def test_the_commands_save_restore_and_say_what_they_did(
    footnote: Footnote, tmp_path: Path, make_library: MakeLibrary
) -> None:
    with make_library() as library:
        library.index(three_articles(tmp_path / "articles"))
    saved = footnote("backup", "copy.tar.gz", "--data", "data")
    assert (saved.returncode, saved.stderr) == (0, "")
    assert "copy.tar.gz" in saved.stdout
    again = footnote("backup", "copy.tar.gz", "--data", "data")
    assert (again.returncode, "--force" in again.stderr) == (1, True)
    assert footnote("backup", "copy.tar.gz", "--force", "--data", "data").returncode == 0
    restored = footnote("restore", "copy.tar.gz", "--data", "data")
    assert restored.returncode == 0, restored.stderr
    assert "before-restore-" in restored.stdout
    assert "1987" in footnote("ask", WHEN, "--data", "data").stdout
    missing = footnote("restore", "nowhere.tar.gz", "--data", "data")
    assert missing.stderr == "footnote: nowhere.tar.gz: there is no such file.\n"


@pytest.mark.parametrize("command, tool", [("backup", "pg_dump"), ("restore", "pg_restore")])
def test_with_postgresql_its_own_tools_are_named(footnote: Footnote, command: str, tool: str) -> None:
    done = footnote(command, "x.tar.gz", FOOTNOTE_DATABASE_URL="postgresql://anna:secret-word@db/footnote")
    assert done.returncode == 1
    assert tool in done.stderr
    assert "secret-word" not in done.stderr
