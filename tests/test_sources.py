"""Finding and reading article files, on real folders."""

import datetime as dt
import json
import os
from pathlib import Path

import pytest

from index.articles.sources import archived, jsonl_articles, read, scan
from index.errors import SourceError
from index.records import Article, ArticleId, Failure

MB = 1 << 20
needs_permissions = pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")


def _write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text of {name}", encoding="utf-8")


def _ids(folder: Path) -> list[str]:
    origins, failures = scan(folder)
    assert failures == []
    return [origin.id for origin in origins]


def test_articles_are_found_at_any_depth_in_order_of_id(tmp_path: Path) -> None:
    _write(tmp_path, "b.txt", "a/z.md", "a/y/x.html", "c.htm", "B.MARKDOWN", "a.TXT")
    assert _ids(tmp_path) == ["B.MARKDOWN", "a.TXT", "a/y/x.html", "a/z.md", "b.txt", "c.htm"]


def test_other_files_are_silently_no_articles(tmp_path: Path) -> None:
    _write(tmp_path, "a.txt", "a.png", "queries.jsonl", "README", "a.txt.gz", "txt")
    assert _ids(tmp_path) == ["a.txt"]


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    _write(tmp_path, "a.txt", ".b.txt", ".git/c.txt", "d/.e/f.md")
    assert _ids(tmp_path) == ["a.txt"]


def test_a_folder_named_like_an_article_is_a_folder(tmp_path: Path) -> None:
    _write(tmp_path, "a.txt/b.txt")
    assert _ids(tmp_path) == ["a.txt/b.txt"]


def test_a_pipe_named_like_an_article_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    assert _ids(tmp_path) == []


def test_an_origin_tells_size_and_time_of_its_file(tmp_path: Path) -> None:
    _write(tmp_path, "a.txt")
    os.utime(tmp_path / "a.txt", ns=(5, 1_700_000_000_123_456_789))
    [origin], _ = scan(tmp_path)
    assert (origin.size, origin.mtime_ns) == (13, 1_700_000_000_123_456_789)
    assert origin.path.read_text(encoding="utf-8") == "text of a.txt"


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    _write(tmp_path, "real/a.txt")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert _ids(tmp_path / "link") == ["a.txt"]


def test_a_link_that_leads_out_of_the_folder_is_a_failure(tmp_path: Path) -> None:
    _write(tmp_path, "in/a.txt", "out/b.txt", "out/c.png")
    (tmp_path / "in/b.txt").symlink_to(tmp_path / "out/b.txt")
    (tmp_path / "in/c.png").symlink_to(tmp_path / "out/c.png")
    (tmp_path / "in/out").symlink_to(tmp_path / "out")
    origins, failures = scan(tmp_path / "in")
    assert [origin.id for origin in origins] == ["a.txt"]
    reason = "is a link that leads out of the folder"
    assert failures == [Failure("b.txt", reason), Failure("out", reason)]


def test_a_link_to_a_file_inside_is_followed_even_where_the_file_is_hidden(tmp_path: Path) -> None:
    """A mounted ConfigMap is made of such links."""
    _write(tmp_path, "..data/a.txt")
    (tmp_path / "a.txt").symlink_to("..data/a.txt")
    assert _ids(tmp_path) == ["a.txt"]
    [origin], _ = scan(tmp_path)
    assert read(origin, limit=MB) == b"text of ..data/a.txt"


def test_a_circle_of_folders_ends(tmp_path: Path) -> None:
    _write(tmp_path, "a/b.txt")
    (tmp_path / "a/again").symlink_to(tmp_path)
    assert _ids(tmp_path) == ["a/b.txt"]


def test_links_to_nothing_and_to_themselves_are_failures(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to("gone.txt")
    (tmp_path / "b.txt").symlink_to("b.txt")
    origins, failures = scan(tmp_path)
    assert origins == []
    assert [failure.name for failure in failures] == ["a.txt", "b.txt"]


def test_a_name_that_is_not_utf8_is_a_failure_that_can_be_shown(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"text")
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    assert scan(tmp_path) == ([], [Failure("caf?.txt", "has a name that is not UTF-8")])


def test_a_folder_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"There is no folder .*/gone: create it and put articles in it"):
        scan(tmp_path / "gone")


def test_a_file_instead_of_a_folder_says_what_to_do(tmp_path: Path) -> None:
    _write(tmp_path, "a.txt")
    with pytest.raises(SourceError, match=r"a\.txt is a file, not a folder: name the folder that holds"):
        scan(tmp_path / "a.txt")


def test_a_link_to_itself_instead_of_a_folder_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(SourceError, match=r"loop"):
        scan(tmp_path / "loop")


@needs_permissions
def test_a_folder_inside_that_may_not_be_read_is_a_failure(tmp_path: Path) -> None:
    _write(tmp_path, "a.txt", "shut/b.txt")
    (tmp_path / "shut").chmod(0)
    origins, failures = scan(tmp_path)
    (tmp_path / "shut").chmod(0o700)
    assert [origin.id for origin in origins] == ["a.txt"]
    assert failures == [Failure("shut", "cannot be read: permission denied")]


@needs_permissions
def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    _write(tmp_path, "a.txt")
    [origin], _ = scan(tmp_path)
    origin.path.chmod(0)
    with pytest.raises(SourceError, match=r"^cannot be read: permission denied$"):
        read(origin, limit=MB)


def test_a_file_that_went_away_says_so(tmp_path: Path) -> None:
    _write(tmp_path, "a.txt")
    [origin], _ = scan(tmp_path)
    origin.path.unlink()
    with pytest.raises(SourceError, match=r"^cannot be read: no such file or directory$"):
        read(origin, limit=MB)


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    [origin], _ = scan(tmp_path)
    with pytest.raises(SourceError, match=r"^is empty$"):
        read(origin, limit=MB)


@pytest.mark.parametrize(
    "limit,words",
    [(20 * MB, "20 MB"), (20_000_000, "20 MB"), (64 << 10, "64 KB"), (500_000, "500 KB"), (1, "1 bytes")],
)
def test_a_file_over_the_limit_is_refused_and_one_at_the_limit_is_not(tmp_path: Path, limit: int, words: str) -> None:
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(limit + 1)
    [origin], _ = scan(tmp_path)
    with pytest.raises(SourceError, match=f"^is larger than {words}$"):
        read(origin, limit=limit)
    assert len(read(origin, limit=limit + 1)) == limit + 1


def _corpus(tmp_path: Path, *lines: bytes | dict[str, object]) -> list[Article | Failure]:
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines))
    return list(jsonl_articles(path))


def test_a_corpus_line_is_an_article_with_its_text_untouched(tmp_path: Path) -> None:
    text = " \r\n Two  spaces \n\n\n\n ‘quotes’ e\u0301 👩\u200d🚀\t"
    line = {"id": "7", "title": "A\nb", "date": "2025-10-16", "source": "X", "url": "https://x.y", "text": text, "n": 1}
    assert _corpus(tmp_path, line) == [Article(ArticleId("7"), "A b", text, dt.date(2025, 10, 16), "X", "https://x.y")]


def test_numbers_of_a_database_are_ids_and_dates_as_well(tmp_path: Path) -> None:
    expected = Article(ArticleId("101"), "2025", "x", dt.date(2025, 10, 16))
    assert _corpus(tmp_path, {"id": 101, "title": 2025, "date": 20251016, "text": "x"}) == [expected]


def test_what_cannot_be_stored_is_replaced_one_for_one(tmp_path: Path) -> None:
    [article] = _corpus(tmp_path, b'{"id": "7", "text": "a\\u0000b\\ud800c\\ud83d\\ude80"}')
    assert isinstance(article, Article)
    assert article.text == "a\ufffdb\ufffdc🚀"


def test_what_a_corpus_does_not_know_is_empty(tmp_path: Path) -> None:
    [article] = _corpus(tmp_path, {"id": "7", "title": "", "date": "", "source": "", "url": "", "text": "x"})
    assert isinstance(article, Article)
    assert (article.title, article.date, article.source, article.url, article.headings) == ("", None, "", "", ())


@pytest.mark.parametrize(
    "line,reason",
    [
        (b"{", "line 2 is not JSON"),
        (b'"text"', "line 2 is not a JSON object"),
        (b"\xff\xfe", "line 2 is not JSON"),
        (b"[" * 100_000, "line 2 is not JSON"),
        (b'{"text": "x"}', "line 2 has no id"),
        (b'{"id": true, "text": "x"}', "line 2 has no id"),
        (b'{"id": "7"}', "line 2 has no text"),
        (b'{"id": "7", "text": " \\n "}', "line 2 has no text"),
    ],
)
def test_a_broken_line_is_a_failure_and_the_others_are_read(tmp_path: Path, line: bytes, reason: str) -> None:
    first, broken, last = _corpus(tmp_path, {"id": "1", "text": "x"}, line, b"", {"id": "4", "text": "y"})
    assert isinstance(first, Article)
    assert broken == Failure("corpus.jsonl", reason)
    assert isinstance(last, Article)


def test_a_corpus_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read: no such file or directory"):
        list(jsonl_articles(tmp_path / "gone.jsonl"))


# --- archives inside a folder


def _archived(tmp_path: Path, *lines: bytes, limit: int = MB) -> list[Article | Failure]:
    (tmp_path / "old").mkdir()
    (tmp_path / "old/news.jsonl").write_bytes(b"\n".join(lines))
    [origin], _ = scan(tmp_path)
    return list(archived(origin, limit=limit))


GOOD = b'{"id": "1", "text": "It rained.", "author": "Anna", "language": "en-GB"}'


def test_each_line_of_an_archive_is_an_article_named_by_its_own_id_wherever_it_stands(tmp_path: Path) -> None:
    [moved, article] = _archived(tmp_path, b'{"id": "2", "text": "It snowed."}', GOOD)
    assert article == Article(ArticleId("old/news.jsonl#1"), title="", text="It rained.", author="Anna", language="en")
    assert isinstance(moved, Article)
    assert moved.id == "old/news.jsonl#2"


@pytest.mark.parametrize(
    "line,failure",
    [
        (b"{", Failure("old/news.jsonl line 2", "is not JSON")),
        (b'{"id": "2"}', Failure("old/news.jsonl#2", "has no text")),
        (b'{"id": "2", "text": "' + b"x" * 100 + b'"}', Failure("old/news.jsonl line 2", "is larger than 100 bytes")),
    ],
)
def test_a_line_that_breaks_is_named_as_its_article_if_it_can_be(tmp_path: Path, line: bytes, failure: Failure) -> None:
    first, broken, last = _archived(tmp_path, GOOD, line, GOOD, limit=100)
    assert (type(first), broken, type(last)) == (Article, failure, Article)


@pytest.mark.parametrize("line,reason", [(b"{", "is not JSON"), (b'{"question": "Why?"}', "has no id")])
def test_a_file_whose_first_line_is_no_article_is_one_failure(tmp_path: Path, line: bytes, reason: str) -> None:
    assert _archived(tmp_path, line, *[GOOD] * 9) == [
        Failure("old/news.jsonl", f"holds no articles: its first line {reason}")
    ]


@needs_permissions
def test_an_archive_that_may_not_be_read_is_one_failure(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch(mode=0)
    [origin], _ = scan(tmp_path)
    assert list(archived(origin, limit=MB)) == [Failure("a.jsonl", "cannot be read: permission denied")]
