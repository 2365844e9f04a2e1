"""Adding, removing and listing by hand: on the command line, against a real server on loopback."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import cli
from index.library import Library
from index.models.embed import Embedder
from tests.conftest import HARBOUR, WHEN, Footnote, write
from tests.test_gather import story
from tests.test_indexing import Typed
from tests.web import Web, fetcher, page, serve


@pytest.fixture
def web() -> Iterator[Web]:
    with serve({"/mill": story("/mill"), "/harbour": story("/harbour")}) as server:
        yield server


@pytest.fixture(autouse=True)
def _loopback_can_be_reached(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_library", lambda settings: Library(settings, embedder=embedder, fetcher=fetcher()))


@pytest.fixture
def data(footnote: Footnote, copied: Path, tmp_path: Path) -> Path:
    assert footnote("index", copied, "--data", tmp_path / "data").returncode == 0
    return tmp_path / "data"


MILL = "Who bought the water mill of Aldby?"


def test_a_page_is_understood_added_at_once_and_survives_a_reindex_of_the_folder(
    footnote: Footnote, web: Web, data: Path
) -> None:
    added = footnote("add", web.url("/mill?utm_source=x"), "--data", data)
    assert added.returncode == 0, added.stderr
    understood, done, counted = added.stdout.splitlines()
    assert understood.startswith("Story of mill · 127.0.0.1 · 1 passage · 0.")
    assert done.startswith("Done in")
    assert counted == "Added 1, changed 0, removed 0, unchanged 3, failed 0."
    assert "brewer" in footnote("ask", MILL, "--data", data).stdout
    again = footnote("index", "--data", data)
    assert "Added 0, changed 0, removed 0, unchanged 4, failed 0." in again.stdout
    assert web.paths() == ["/mill?utm_source=x", "/mill"]
    listed = json.loads(footnote("sources", "--json", "--data", data).stdout)["sources"]
    assert [(one["name"], one["kind"], one["articles"], one["failing"]) for one in listed] == [
        (None, "folder", 3, 0),
        ("added", "added", 1, 0),
    ]
    shown = footnote("sources", "--data", data).stdout
    assert shown.startswith("the folder · 3 articles · last success ")
    assert "\nadded · 1 article · last success " in shown


def test_a_file_is_added_under_its_name_and_a_newer_one_takes_its_place(
    footnote: Footnote, data: Path, tmp_path: Path
) -> None:
    sent = tmp_path / "sent.md"
    write(sent, title="The mill", text="The water mill of Aldby was sold to a brewer.")
    added = json.loads(footnote("add", sent, "--json", "--data", data).stdout)
    (one,) = added["added"]
    assert (one["article_id"], one["title"], one["replaces"]) == ("added:sent.md", "The mill", False)
    assert added["report"]["added"] == 1
    write(sent, title="The mill", text="The water mill of Aldby was sold to a baker.")
    assert "in place of the version before" in footnote("add", sent, "--data", data).stdout
    sent.unlink()
    assert "unchanged 4" in footnote("index", "--data", data).stdout
    assert "baker" in footnote("ask", MILL, "--data", data).stdout


def test_what_cannot_be_read_is_named_and_the_others_are_added(
    footnote: Footnote, web: Web, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "film.mp4").write_bytes(b"x")
    web.routes["/feed"] = page("<rss version='2.0'><channel></channel></rss>", kind="application/rss+xml")
    what = [web.url("/mill"), tmp_path / "empty.txt", tmp_path / "film.mp4", web.url("/none"), web.url("/feed")]
    done = footnote("add", *what, tmp_path / "missing.md", "--data", data)
    assert done.returncode == 1
    assert "Added 1," in done.stdout
    said = done.stderr.splitlines()
    assert f"footnote: {tmp_path / 'empty.txt'} is empty." in said
    assert any("film.mp4 is none of the files that can be read" in line for line in said)
    assert any(line.endswith("127.0.0.1 does not have it any more (404).") for line in said)
    assert any("a feed or a sitemap, not an article" in line for line in said)
    assert any("missing.md cannot be read: no such file or directory." in line for line in said)


def test_an_address_that_failed_is_named_without_its_secrets(footnote: Footnote, data: Path) -> None:
    said = footnote("add", "https://anna:hunter2@127.0.0.1/feed?key=s3cret", "--data", str(data))
    assert said.returncode == 1
    assert "https://127.0.0.1/feed?…" in said.stderr
    assert "hunter2" not in said.stderr
    assert "s3cret" not in said.stderr


def test_two_of_one_name_are_not_mistaken_for_each_other(footnote: Footnote, data: Path, tmp_path: Path) -> None:
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        write(tmp_path / place / "same.md", title=place, text=f"The kiln {place} was lit again.")
    done = footnote("add", tmp_path / "a" / "same.md", tmp_path / "b" / "same.md", "--data", data)
    assert done.returncode == 1
    assert "Added 1," in done.stdout
    assert "two cannot be told apart" in done.stderr


def test_what_is_added_for_later_waits_for_the_next_reindex(footnote: Footnote, web: Web, data: Path) -> None:
    done = footnote("add", "--later", web.url("/mill"), "--data", data)
    assert done.stdout.endswith("Kept; the next reindex makes it part of the library.\n")
    assert "brewer" not in footnote("ask", MILL, "--data", data).stdout
    assert "Added 1," in footnote("index", "--data", data).stdout
    assert "brewer" in footnote("ask", MILL, "--data", data).stdout


def test_a_library_may_begin_with_what_is_added(footnote: Footnote, web: Web, tmp_path: Path) -> None:
    assert "Added 1," in footnote("add", web.url("/mill"), "--data", tmp_path / "data").stdout
    assert "brewer" in footnote("ask", MILL, "--data", tmp_path / "data").stdout
    assert "unchanged 1," in footnote("index", "--data", tmp_path / "data").stdout
    assert "no folder" in footnote("doctor", "--data", tmp_path / "data").stdout


def test_what_was_added_is_removed_once_somebody_agrees_and_stays_away(
    footnote: Footnote, web: Web, data: Path
) -> None:
    url = web.url("/mill")
    footnote("add", url, "--data", data)
    refused = footnote("remove", url, "--data", data)
    assert (refused.returncode, refused.stderr) == (
        1,
        "footnote: Nobody is there to be asked. If it is meant, add --yes.\n",
    )
    asked = footnote("remove", url, "--data", data, stdin=Typed("n\n"))
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr.startswith(f"{url}  Story of mill\nRemove 1 article? [y/N] ")
    done = footnote("remove", url, "--data", data, stdin=Typed("y\n"))
    assert "removed 1, unchanged 3" in done.stdout
    assert "brewer" not in footnote("ask", MILL, "--data", data).stdout
    assert "unchanged 3, failed 0." in footnote("index", "--data", data).stdout
    unknown = footnote("remove", url, "--yes", "--data", data)
    assert (unknown.returncode, f"No article has the id or the address {url}" in unknown.stderr) == (1, True)


def test_what_a_feed_brought_and_somebody_removed_does_not_come_back_but_may_be_added(
    footnote: Footnote, web: Web, data: Path, tmp_path: Path
) -> None:
    items = "".join(f"<item><link>{web.url(path)}</link></item>" for path in ("/mill", "/harbour"))
    web.routes["/feed"] = page(f"<rss version='2.0'><channel>{items}</channel></rss>", kind="text/xml")
    settings = tmp_path / "footnote.toml"
    settings.write_text(f'[[source]]\nfeed = "{web.url("/feed")}"\nname = "gazette"\n')
    assert "Added 2," in footnote("index", "--data", data).stdout
    assert "removed 1, unchanged 4" in footnote("remove", web.url("/mill"), "--yes", "--data", data).stdout
    assert "unchanged 4, failed 0." in footnote("index", "--data", data).stdout
    assert "Added 1," in footnote("add", web.url("/mill"), "--data", data).stdout
    assert "unchanged 5, failed 0." in footnote("index", "--data", data).stdout
    settings.unlink()  # the feed goes with its table, and not what was added
    assert "removed 1, unchanged 4" in footnote("index", "--data", data).stdout
    assert "brewer" in footnote("ask", MILL, "--data", data).stdout


def test_a_page_of_a_feed_that_somebody_added_and_removed_stays_away(
    footnote: Footnote, web: Web, data: Path, tmp_path: Path
) -> None:
    items = "".join(f"<item><link>{web.url(path)}</link></item>" for path in ("/mill", "/harbour"))
    web.routes["/feed"] = page(f"<rss version='2.0'><channel>{items}</channel></rss>", kind="text/xml")
    (tmp_path / "footnote.toml").write_text(f'[[source]]\nfeed = "{web.url("/feed")}"\nname = "gazette"\n')
    assert "Added 1," in footnote("add", web.url("/mill"), "--data", data).stdout
    assert "removed 1, unchanged 3" in footnote("remove", web.url("/mill"), "--yes", "--data", data).stdout
    assert "Added 1," in footnote("index", "--data", data).stdout
    assert "brewer" not in footnote("ask", MILL, "--data", data).stdout


def test_a_file_of_a_folder_and_a_page_of_the_settings_are_removed_where_they_are_named(
    footnote: Footnote, web: Web, data: Path, tmp_path: Path
) -> None:
    refused = footnote("remove", "harbour.md", "--data", data)  # nobody is asked whether they mean it
    assert (refused.returncode, "harbour.md is a file in a folder: remove it there" in refused.stderr) == (1, True)
    (tmp_path / "footnote.toml").write_text(f'[[source]]\nurl = "{web.url("/mill")}"\nname = "mill"\n')
    footnote("index", "--data", data)
    refused = footnote("remove", web.url("/mill"), "--yes", "--data", data)
    assert (refused.returncode, "take the [[source]] 'mill' out of them" in refused.stderr) == (1, True)
    assert "brewer" in footnote("ask", MILL, "--data", data).stdout


def test_the_last_article_is_not_removed(footnote: Footnote, web: Web, tmp_path: Path) -> None:
    footnote("add", web.url("/mill"), "--data", tmp_path / "new")
    refused = footnote("remove", web.url("/mill"), "--yes", "--data", tmp_path / "new")
    assert (refused.returncode, "That is all there is" in refused.stderr) == (1, True)
    assert "brewer" in footnote("ask", MILL, "--data", tmp_path / "new").stdout


def test_doctor_names_a_source_that_fails(footnote: Footnote, web: Web, data: Path, tmp_path: Path) -> None:
    (tmp_path / "footnote.toml").write_text(f'[[source]]\nfeed = "{web.url("/none")}"\nname = "gazette"\n')
    shown = footnote("index", "--data", data).stdout
    assert f"✗ {web.url('/none')}: cannot be fetched: 127.0.0.1 does not have it any more (404)" in shown
    said = footnote("doctor", "--data", data).stdout
    assert "BAD  sources: gazette: cannot be fetched: 127.0.0.1 does not have it any more (404)." in said


def test_a_backup_carries_what_was_added_and_a_reindex_after_restoring_keeps_it(
    footnote: Footnote, web: Web, data: Path, tmp_path: Path
) -> None:
    footnote("add", web.url("/mill"), "--data", data)
    assert footnote("backup", tmp_path / "copy.tar.gz", "--data", data).returncode == 0
    assert footnote("restore", tmp_path / "copy.tar.gz", "--data", tmp_path / "other").returncode == 0
    web.routes.clear()
    assert "unchanged 4, failed 1." in footnote("index", "--data", tmp_path / "other").stdout
    assert "brewer" in footnote("ask", MILL, "--data", tmp_path / "other").stdout
    assert HARBOUR.split(".", maxsplit=1)[0] in footnote("ask", WHEN, "--data", tmp_path / "other").stdout
