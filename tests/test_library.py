"""The Library as a whole: index, ask, change, break, mend. A real ledger, a real Chroma, the real model."""

import contextlib
import json
import os
import shutil
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from config import Embedding
from index.articles import sources
from index.errors import (
    Busy,
    Cancelled,
    Damaged,
    FootnoteError,
    ModelUnavailable,
    NotIndexed,
    OtherModel,
    QuestionError,
    SourceError,
)
from index.library import Library
from index.models.embed import Embedder
from index.records import Failure, Progress
from tests import killed, warm
from tests.conftest import BAKERY, MakeLibrary, settings_for, write

WHEN = "When was the old harbour of Lindholm closed to cargo ships?"


class NoModel(Embedder):
    """An embedder that fails whoever embeds passages with it: unchanged text must not cost model time."""

    def passages(self, texts: object) -> object:  # type: ignore[override]
        message = f"embedded again: {texts}"
        raise AssertionError(message)


def test_what_is_removed_while_it_is_measured_is_no_error(
    make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = make_library()
    going, scan = library.data / "segments" / "going", os.scandir
    going.mkdir()
    before = library.status().disk

    def late(path: object = ".") -> object:
        if str(path) == str(going):
            going.rmdir()
        return scan(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", late)
    assert library.status().disk == before
    assert not going.exists()


def test_a_new_data_directory_is_for_its_owner_alone(tmp_path: Path) -> None:
    with Library(settings_for(tmp_path / "data")) as library:
        assert stat.S_IMODE(library.data.stat().st_mode) == 0o700


def test_an_answer_is_the_articles_own_words_with_where_they_stand(shared: Library) -> None:
    answer = shared.ask(WHEN)
    assert answer.answered
    assert answer.claims[0].text == "The old harbour of Lindholm was closed to cargo ships in 1987."
    citation = answer.citations[0]
    assert (citation.number, citation.article.id, citation.article.title) == (1, "harbour.md", "The old harbour")
    assert (citation.article.source, citation.article.url) == ("The Gazette", "https://example.org/harbour")
    assert str(citation.article.date) == "2024-05-01"
    assert citation.quote == citation.article.text[citation.start : citation.end] == answer.claims[0].text
    assert {"embed", "dense", "lexical", "fuse", "fetch", "judge", "compose"} <= set(answer.timings)


def test_what_the_articles_do_not_hold_is_refused_with_what_is_nearest(shared: Library) -> None:
    answer = shared.ask("Which zeppelin lands in Lindholm?")
    assert not answer.answered
    assert answer.citations == ()
    assert answer.nearest[0].id == "harbour.md"
    assert "zeppelin" in answer.unknown_words
    assert "Lindholm" not in answer.unknown_words


def test_search_ranks_passages_with_both_scores(shared: Library) -> None:
    hits, timings = shared.search("rye bread", limit=2)
    assert len(hits) == 2
    assert hits[0].passage.article.id == "bakery.md"
    assert hits[0].score > hits[1].score
    assert hits[0].dense > hits[1].dense
    assert hits[0].lexical > 0 == hits[1].lexical
    assert timings["embed"] > 0


def test_the_retriever_is_one_that_llama_index_can_use(shared: Library) -> None:
    node = shared.as_retriever().retrieve("rye bread")[0]
    assert "Rye bread" in node.get_content()
    assert node.metadata["title"] == "A bakery moves"
    assert node.node.start_char_idx == 0  # type: ignore[attr-defined]


def test_added_changed_removed_and_unchanged_articles_are_counted_and_seen(
    make_library: MakeLibrary, folder: Path
) -> None:
    library = make_library()
    first = library.index(folder)
    assert (first.added, first.changed, first.removed, first.unchanged, first.revision) == (3, 0, 0, 0, 1)
    write(folder / "bakery.md", title="A bakery moves", text=BAKERY.replace("August", "October"))
    (folder / "sub").mkdir()
    write(folder / "sub" / "zoo.md", title="Zoo", text="The zoo has a new tiger named Bella.")
    (folder / "library.md").unlink()
    second = library.index(folder)
    assert (second.added, second.changed, second.removed, second.unchanged, second.revision) == (1, 1, 1, 1, 2)
    assert second.articles == 3
    assert "October" in library.ask("When does the bakery Morgenrot move to the station square?").text
    assert library.ask("What is the name of the new tiger in the zoo?").citations[0].article.id == "sub/zoo.md"
    assert all(h.passage.article.id != "library.md" for h in library.search("library opening hours")[0])


@pytest.mark.usefixtures("copied")
def test_an_unchanged_folder_costs_no_model_time_and_no_new_revision(
    make_library: MakeLibrary, folder: Path, tmp_path: Path, models: Path
) -> None:
    make_library().index(folder)
    with Library(settings_for(tmp_path / "data"), embedder=NoModel(Embedding(), models=models)) as again:
        report = again.index(folder)
    assert (report.unchanged, report.embedded, report.revision) == (3, 0, 1)


@pytest.mark.usefixtures("copied")
def test_an_article_that_comes_back_or_is_renamed_costs_no_model_time(
    make_library: MakeLibrary, folder: Path, tmp_path: Path, models: Path
) -> None:
    make_library().index(folder)
    (folder / "bakery.md").rename(folder / "renamed.md")
    with Library(settings_for(tmp_path / "data"), embedder=NoModel(Embedding(), models=models)) as again:
        report = again.index(folder)
        assert (report.added, report.removed, report.embedded) == (1, 1, 0)
        assert again.check() == ""


@pytest.mark.usefixtures("copied")
def test_a_file_that_breaks_keeps_its_last_good_version_and_is_reported(
    make_library: MakeLibrary, folder: Path
) -> None:
    library = make_library()
    library.index(folder)
    (folder / "harbour.md").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    (folder / "new.txt").write_bytes(b"")
    report = library.index(folder)
    assert (report.unchanged, report.removed) == (3, 0)
    reasons = {failure.name: failure.reason for failure in report.failures}
    assert "last good version stays" in reasons["harbour.md"]
    assert "empty" in reasons["new.txt"]
    assert "1987" in library.ask(WHEN).text


@pytest.mark.usefixtures("copied")
def test_an_empty_folder_or_one_that_does_not_exist_changes_nothing(
    make_library: MakeLibrary, folder: Path, tmp_path: Path
) -> None:
    library = make_library()
    library.index(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"no articles in .*empty.*nothing was changed"):
        library.index(tmp_path / "empty")
    with pytest.raises(SourceError, match="missing"):
        library.index(tmp_path / "missing")
    (tmp_path / "empty" / "broken.txt").write_bytes(b"")
    with pytest.raises(SourceError, match=r"broken\.txt"):
        library.index(tmp_path / "empty", agreed=True)
    status = library.status().revision
    assert status is not None
    assert (status.number, status.articles) == (1, 3)
    assert library.ask(WHEN).answered


def test_a_folder_named_like_one_of_our_packages_where_we_are_started_is_left_alone(
    make_library: MakeLibrary, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("index", "config"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise SystemExit('not ours')")
    monkeypatch.chdir(tmp_path)
    assert make_library().index(folder).added == 3


@pytest.mark.parametrize("question", ["", "   \n", "😀😀", "?!", "x" * 5_000])
def test_a_question_that_cannot_be_asked_is_told_why(shared: Library, question: str) -> None:
    with pytest.raises(QuestionError, match=r"[Pp]lease"):
        shared.ask(question)


@pytest.mark.parametrize(
    "question",
    [
        "Когда закрыли гавань?",
        "متى أغلق الميناء؟",
        "港口什么时候关闭？",
        "<b>harbour</b> *when* [x](y)",
        "a b c " * 300,
    ],
)
def test_any_script_and_any_markup_is_answered_or_refused(shared: Library, question: str) -> None:
    answer = shared.ask(question)
    assert answer.answered or answer.nearest


def test_a_folder_that_cannot_be_listed_today_keeps_its_articles(
    make_library: MakeLibrary, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "sub").mkdir()
    write(folder / "sub" / "zoo.md", title="Zoo", text="The zoo has a new tiger named Bella.")
    library = make_library()
    library.index(folder)
    there = [origin for origin in sources.scan(folder)[0] if not str(origin.id).startswith("sub/")]
    found = [*there, Failure("sub", "cannot be listed: input/output error")]
    monkeypatch.setattr(sources, "walk", lambda _: iter(found))
    report = library.index(folder)
    assert (report.removed, report.unchanged, len(report.failures)) == (0, 4, 1)
    assert "Bella" in library.ask("What is the name of the new tiger in the zoo?").text


def test_two_articles_with_one_id_are_one_article_and_a_failure(make_library: MakeLibrary, tmp_path: Path) -> None:
    rows = [{"id": "a", "text": "The harbour closed in 1987."}, {"id": "a", "text": "The bakery moved in August."}]
    (tmp_path / "corpus.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    library = make_library()
    for _ in range(3):
        report = library.index(tmp_path / "corpus.jsonl")
        assert (report.articles, len(report.failures)) == (1, 1)
        assert len(library.newest(limit=10)) == 1


def test_many_articles_with_the_same_words_can_be_indexed(make_library: MakeLibrary, folder: Path) -> None:
    for n in range(300):
        write(folder / f"same-{n}.md", title="Closed", text="This page was removed.")
    library = make_library()
    report = library.index(folder)
    assert (report.articles, report.embedded) == (303, 4)
    assert library.check() == ""
    assert "1987" in library.ask(WHEN).text


def test_several_that_start_at_once_in_a_new_directory_all_can(tmp_path: Path) -> None:
    started = [warm.process(killed.begin, tmp_path) for _ in range(4)]
    for child in started:
        child.join(60)
    assert [child.exitcode for child in started] == [0] * 4


@pytest.mark.usefixtures("copied")
def test_a_ledger_that_breaks_while_it_is_used_is_named_with_the_remedy(
    make_library: MakeLibrary, folder: Path, tmp_path: Path
) -> None:
    library = make_library()
    library.index(folder)
    library.close()
    ledger = tmp_path / "data" / "ledger.sqlite"
    for beside in ledger.parent.glob("ledger.sqlite-*"):
        beside.unlink()
    content = bytearray(ledger.read_bytes())
    content[4_096 * 2 :] = b"\xa5" * len(content[4_096 * 2 :])
    ledger.write_bytes(bytes(content))
    with pytest.raises(Damaged, match="backup"):
        make_library().ask(WHEN)


def test_before_anything_is_indexed_the_remedy_is_named(make_library: MakeLibrary) -> None:
    with pytest.raises(NotIndexed, match="footnote index"):
        make_library().ask("Anything?")


@pytest.mark.usefixtures("copied")
def test_a_data_directory_of_another_model_names_the_command_and_is_served_again_after_it(
    make_library: MakeLibrary, folder: Path, tmp_path: Path
) -> None:
    make_library().index(folder)
    other = Embedder(Embedding(query_prefix="query: ", passage_prefix="passage: "))
    with Library(settings_for(tmp_path / "data"), embedder=other) as library:
        with pytest.raises(OtherModel, match=r"footnote index.*\[embedding\] model"):
            library.ask(WHEN)
        assert library.index(folder).unchanged == 3
        assert "1987" in library.ask(WHEN).text
        write(folder / "harbour.md", title="The old harbour", text="The harbour of Lindholm was closed in 1988.")
        report = library.index(folder)
        assert (report.changed, report.unchanged) == (1, 2)
        assert "1988" in library.ask("When was the harbour of Lindholm closed?").text
        assert library.check() == ""
    with pytest.raises(OtherModel):
        make_library().ask(WHEN)


@pytest.mark.usefixtures("copied")
def test_other_passage_sizes_cut_everything_again(make_library: MakeLibrary, folder: Path) -> None:
    first = make_library().index(folder)
    smaller = make_library(chunk__size=16, chunk__overlap=0)
    assert smaller.ask(WHEN).answered
    second = smaller.index(folder)
    assert second.unchanged == 3
    assert second.passages > first.passages
    assert "1987" in smaller.ask(WHEN).text


@pytest.mark.parametrize(
    "harm",
    ["cut", "all deleted", *(pytest.param(one, marks=pytest.mark.nightly) for one in ("deleted", "words deleted"))],
)
@pytest.mark.usefixtures("copied")
def test_a_damaged_segment_is_rebuilt_from_the_ledger_without_the_model(
    make_library: MakeLibrary, folder: Path, tmp_path: Path, harm: str, embedder: Embedder
) -> None:
    first = make_library()
    first.index(folder)
    first.close()
    base, words = sorted((tmp_path / "data" / "segments").iterdir())
    match harm:
        case "deleted":
            shutil.rmtree(base)
        case "words deleted":
            shutil.rmtree(words)
        case "all deleted":
            shutil.rmtree(base)
            shutil.rmtree(words)
        case "cut":
            graph = next(base.rglob("data_level0.bin"))
            graph.write_bytes(graph.read_bytes()[:100])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedder, "passages", lambda _: pytest.fail("the model was asked"))
        library = make_library()
        assert "1987" in library.ask(WHEN).text
        assert library.check() == ""
    assert len(list((tmp_path / "data" / "segments").iterdir())) == 2


@pytest.mark.usefixtures("copied")
def test_a_reindex_mends_a_damaged_segment_even_when_nothing_changed(
    make_library: MakeLibrary, folder: Path, tmp_path: Path
) -> None:
    make_library().index(folder)
    for segment in (tmp_path / "data" / "segments").glob("*-base-*"):
        shutil.rmtree(segment)
    library = make_library()
    report = library.index(folder)
    assert report.unchanged == 3
    assert library.check() == ""


@pytest.mark.usefixtures("copied")
def test_the_thorough_check_finds_a_vector_that_is_gone_from_a_segment(
    make_library: MakeLibrary, folder: Path, tmp_path: Path
) -> None:
    library = make_library()
    library.index(folder)
    assert library.check() == ""
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "ledger.sqlite")) as db:
        keys = db.execute("SELECT key, vector FROM embeddings").fetchall()
        db.execute("UPDATE embeddings SET vector = ? WHERE key = ?", (bytes(reversed(keys[0][1])), keys[0][0]))
        db.commit()
    assert library.check() != ""


def test_a_ledger_that_is_no_ledger_is_named_with_the_remedy(make_library: MakeLibrary, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ledger.sqlite").write_bytes(b"this is not a database at all, but long enough to look" * 20)
    with pytest.raises(Damaged, match="backup"):
        make_library()


def test_a_ledger_of_a_newer_version_is_left_alone(make_library: MakeLibrary, tmp_path: Path) -> None:
    make_library().close()
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "ledger.sqlite")) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(Damaged, match="newer Footnote"):
        make_library()


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path, embedder: Embedder) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FootnoteError, match="--data"):
        Library(settings_for(tmp_path / "file" / "data"), embedder=embedder)


@pytest.mark.usefixtures("copied")
def test_two_that_index_at_once_exclude_each_other_and_people_go_on_asking(
    make_library: MakeLibrary, folder: Path
) -> None:
    library = make_library()
    library.index(folder)
    write(folder / "zoo.md", title="Zoo", text="The zoo has a new tiger named Bella.")
    inside, go_on = threading.Event(), threading.Event()

    def pause(_: Progress) -> None:
        inside.set()
        go_on.wait(30)

    thread = threading.Thread(target=lambda: library.index(folder, watch=pause))
    thread.start()
    assert inside.wait(30)
    with pytest.raises(Busy, match="indexing since"):
        make_library().index(folder)
    assert "1987" in library.ask(WHEN).text
    assert not library.ask("What is the name of the new tiger in the zoo?").answered
    go_on.set()
    thread.join()
    assert "Bella" in library.ask("What is the name of the new tiger in the zoo?").text


@pytest.mark.usefixtures("copied")
def test_another_process_sees_a_new_revision_at_its_next_question(make_library: MakeLibrary, folder: Path) -> None:
    writer, reader = make_library(), make_library()
    writer.index(folder)
    assert reader.ask(WHEN).revision == 1
    write(folder / "harbour.md", title="The old harbour", text="The old harbour of Lindholm was closed in 1988.")
    writer.index(folder)
    answer = reader.ask(WHEN)
    assert answer.revision == 2
    assert "1988" in answer.text


@pytest.mark.parametrize("stage", ["reading", "embedding"])
@pytest.mark.usefixtures("copied")
def test_a_cancelled_index_leaves_everything_as_it_was_and_the_next_one_finishes(
    make_library: MakeLibrary, folder: Path, stage: str
) -> None:
    library = make_library()
    library.index(folder)
    (folder / "bakery.md").unlink()
    write(folder / "harbour.md", title="The old harbour", text="The old harbour of Lindholm was closed in 1988.")
    seen: list[str] = []
    with pytest.raises(Cancelled):
        library.index(folder, watch=lambda p: seen.append(p.stage), stop=lambda: stage in seen)
    assert "1987" in library.ask(WHEN).text
    assert library.ask("Who owns the bakery Morgenrot?").answered
    report = library.index(folder)
    assert (report.changed, report.removed) == (1, 1)
    assert "1988" in library.ask(WHEN).text
    assert library.check() == ""


@pytest.mark.parametrize("stage", ["embedding", pytest.param("building", marks=pytest.mark.nightly)])
@pytest.mark.usefixtures("copied")
def test_a_killed_index_leaves_exactly_the_old_articles(
    make_library: MakeLibrary, folder: Path, tmp_path: Path, stage: str
) -> None:
    library = make_library()
    library.index(folder)
    write(folder / "harbour.md", title="The old harbour", text="The old harbour of Lindholm was closed in 1988.")
    dying = warm.process(killed.end_at, stage, tmp_path / "data", folder)
    dying.join(60)
    assert dying.exitcode == -9
    assert "1987" in library.ask(WHEN).text
    assert make_library().check() == ""
    assert library.index(folder).changed == 1
    assert "1988" in library.ask(WHEN).text
    assert library.check() == ""
    assert len(list((tmp_path / "data" / "segments").iterdir())) <= 4


@pytest.mark.usefixtures("copied")
def test_old_segments_and_old_rows_do_not_pile_up(make_library: MakeLibrary, folder: Path, tmp_path: Path) -> None:
    library = make_library()
    for year in range(1990, 1996):
        write(folder / "harbour.md", title="The old harbour", text=f"The old harbour was closed in {year}.")
        library.index(folder)
        assert str(year) in library.ask("When was the old harbour closed?").text
    assert len(list((tmp_path / "data" / "segments").iterdir())) <= 4
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "ledger.sqlite")) as db:
        assert db.execute("SELECT count(*) FROM articles").fetchone()[0] <= 4
        assert db.execute("SELECT count(*) FROM embeddings").fetchone()[0] <= 4


@pytest.mark.usefixtures("copied")
def test_a_model_that_cannot_be_had_changes_nothing(make_library: MakeLibrary, folder: Path, tmp_path: Path) -> None:
    make_library().index(folder)
    missing = Embedder(Embedding(model=str(tmp_path / "no-model")))
    with Library(settings_for(tmp_path / "data"), embedder=missing) as library:
        with pytest.raises(ModelUnavailable):
            library.index(folder)
        with pytest.raises(OtherModel):
            library.ask(WHEN)
    assert make_library().ask(WHEN).answered


@pytest.mark.usefixtures("copied")
def test_the_newest_articles_come_first_and_those_without_a_date_last(make_library: MakeLibrary, folder: Path) -> None:
    (folder / "undated.txt").write_text("A title of its own\n\nSome text about nothing in particular.")
    library = make_library()
    library.index(folder)
    assert [article.id for article in library.newest(limit=10)] == [
        "library.md", "bakery.md", "harbour.md", "undated.txt",
    ]  # fmt: skip
    assert [article.id for article in library.newest(limit=1, offset=1)] == ["bakery.md"]


def test_files_that_come_and_go_while_others_are_read_are_no_trouble_to_them(
    make_library: MakeLibrary, tmp_path: Path
) -> None:
    """A folder is listed twice, and the second time while it is read."""
    folder = tmp_path / "articles"
    for place in ("a", "b", "c"):
        (folder / place).mkdir(parents=True)
        for number in range(40):
            write(
                folder / place / f"{number}.md", title=f"{place} {number}", text=f"A story of {place}, number {number}."
            )

    def meddle(progress: Progress) -> None:
        if progress.stage == "reading" and progress.done == 10:
            write(folder / "b" / "-new.md", title="New", text="Something new.")
            (folder / "c" / "39.md").unlink(missing_ok=True)

    report = make_library().index(folder, watch=meddle)
    assert [failure.name for failure in report.failures] in ([], ["c/39.md"])
    assert 119 <= report.added <= 120
