"""Looking at a folder: what counts as a change, when it has come to rest, and what happens when it vanishes."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from watchfiles import Change

from bot.terminal import watch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "articles"
    made.mkdir()
    (made / "a.md").write_text("One.")
    return made


def due(looks: Iterator[bool], *, within: float) -> float | None:
    """Return after how many seconds the collection is to be read, or None when not within that time."""
    start = time.monotonic()
    while time.monotonic() - start < within:
        if next(looks):
            return time.monotonic() - start
    return None


@pytest.mark.parametrize(
    "kind, name, counts",
    [
        (Change.modified, "a.md", True),
        (Change.added, "deep/er/b.HTML", True),
        (Change.deleted, "c.txt", True),
        (Change.added, "folder.of.articles", True),
        (Change.deleted, "folder.of.articles", True),
        (Change.modified, "folder.of.articles", False),
        (Change.added, "picture.png", False),
        (Change.modified, "a.md.part", False),
        (Change.modified, ".a.md.swp", False),
        (Change.added, ".git/a.md", False),
        (Change.added, "footnote-data/a.md", False),
        (Change.modified, "", False),
        (Change.modified, "../other/a.md", False),
    ],
)
def test_only_what_may_be_an_article_or_a_folder_of_them_counts(
    folder: Path, kind: Change, name: str, *, counts: bool
) -> None:
    (folder / "folder.of.articles").mkdir()
    path = folder.parent / "other" / "a.md" if name.startswith("..") else folder / name
    assert watch._matters(kind, path, root=folder, data=folder / "footnote-data") is counts


def test_a_burst_is_one_change_and_a_growing_file_is_awaited(folder: Path) -> None:
    looks = watch.looks(folder, data=folder / "data")
    first = due(looks, within=2)
    assert first is not None
    assert first < 1
    for _ in range(6):
        with (folder / "b.md").open("a") as file:
            file.write("More. " * 1_000)
        (folder / "c.md").write_text("Another.")
        assert due(looks, within=0.5) is None
    assert due(looks, within=10) is not None
    (folder / "noise.png").write_text("x")
    assert due(looks, within=3) is None


def test_a_folder_that_vanishes_and_one_that_comes_back_are_read(folder: Path) -> None:
    looks = watch.looks(folder, data=folder.parent / "data")
    assert due(looks, within=2) is not None
    folder.rename(folder.with_name("away"))
    assert due(looks, within=10) is not None
    assert due(looks, within=1) is None
    folder.with_name("away").rename(folder)
    assert due(looks, within=10) is not None
    (folder / "b.md").write_text("Two.")
    assert due(looks, within=10) is not None


def test_a_link_that_is_pointed_elsewhere_is_followed(folder: Path, tmp_path: Path) -> None:
    other, link = tmp_path / "other", tmp_path / "current"
    other.mkdir()
    link.symlink_to(folder)
    looks = watch.looks(link, data=tmp_path / "data")
    assert due(looks, within=2) is not None
    link.unlink()
    link.symlink_to(other)
    assert due(looks, within=10) is not None
    (other / "a.md").write_text("Two.")
    assert due(looks, within=10) is not None


@pytest.mark.nightly
def test_one_jsonl_file_is_watched_through_being_replaced(tmp_path: Path) -> None:
    file = tmp_path / "corpus.jsonl"
    file.write_text("{}\n")
    looks = watch.looks(file, data=tmp_path / "data")
    assert due(looks, within=2) is not None
    for _ in range(2):
        (tmp_path / "new").write_text("{}\n{}\n")
        (tmp_path / "new").rename(file)
        assert due(looks, within=10) is not None
    (tmp_path / "a.md").write_text("No line of it.")
    assert due(looks, within=3) is None


@pytest.mark.nightly
def test_what_never_comes_to_rest_is_read_all_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LONGEST", 3.0)
    looks = watch.looks(folder, data=folder.parent / "data")
    assert due(looks, within=2) is not None
    read = 0
    for n in range(20):
        (folder / "log.md").write_text(f"Line {n}.")
        read += due(looks, within=0.4) is not None
    assert read >= 1
