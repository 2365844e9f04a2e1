"""Looking around in a library: articles one by one, by outlet, since when; questions grouped, and questions to ask."""

import itertools
import re
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.browsing import alike, shelfmark
from index.browsing.alike import groups
from index.browsing.examples import ASKED, question_about
from index.browsing.shelfmark import MARK, Shelfmarks
from index.errors import NotIndexed
from index.library import Library
from index.models.embed import Vectors
from index.records import ArticleId, Outlet
from index.truth.ledger import digest_of
from tests.conftest import BAKERY, HARBOUR, MakeLibrary, write

BAKERY_ID, HARBOUR_ID, GONE = ArticleId("bakery.md"), ArticleId("harbour.md"), ArticleId("gone.md")


@pytest.fixture(params=["sqlite", "postgresql"])
def library(request: pytest.FixtureRequest, make_library: MakeLibrary) -> Library:
    """A library that nothing was indexed in, on either database."""
    flags = {"store__database": request.getfixturevalue("database")} if request.param == "postgresql" else {}
    return make_library(**flags)


def test_an_article_is_had_whole_and_its_passages_in_order(library: Library, folder: Path) -> None:
    library.index(folder)
    article = library.article(HARBOUR_ID)
    assert article is not None
    assert (article.title, article.source, article.text) == ("The old harbour", "The Gazette", HARBOUR)
    (folder / "long.md").write_text("# Depot\n\n" + "\n\n".join(f"## Hall {n}\n\n{HARBOUR}" for n in range(9)))
    library.index(folder)
    passages = library.passages_of(ArticleId("long.md"))
    assert [passage.heading for passage in passages] == [f"Hall {n}" for n in range(9)]
    assert [passage.start for passage in passages] == sorted({passage.start for passage in passages})
    assert all(passage.article == library.article(ArticleId("long.md")) for passage in passages)
    hits, _ = library.search("Depot")
    assert {hit.passage for hit in hits if hit.passage.article.id == "long.md"} <= set(passages)
    assert library.article(GONE) is None
    assert library.passages_of(GONE) == []


def test_what_was_changed_removed_or_taken_back_is_seen_as_it_is_now(library: Library, folder: Path) -> None:
    library.index(folder)
    write(folder / "bakery.md", title="A bakery stays", text=BAKERY)
    (folder / "library.md").unlink()
    library.index(folder)
    assert library.article(ArticleId("library.md")) is None
    assert getattr(library.article(BAKERY_ID), "title", "") == "A bakery stays"
    assert library.outlets()[0].articles == 2
    library.rollback()
    assert library.article(ArticleId("library.md")) is not None
    assert getattr(library.article(BAKERY_ID), "title", "") == "A bakery moves"
    assert library.since([BAKERY_ID]) == {BAKERY_ID: 1}


def test_a_digest_tells_whether_an_article_is_still_what_it_was(library: Library, folder: Path) -> None:
    library.index(folder)
    cited = library.ask("When was the old harbour of Lindholm closed to cargo ships?").citations[0].article
    kept = library.digest(cited)
    assert library.digests([HARBOUR_ID, GONE]) == {HARBOUR_ID: kept}
    write(folder / "bakery.md", title="A bakery moves", text=BAKERY)
    (folder / "harbour.md").write_text((folder / "harbour.md").read_text() + "\n\n\n")
    assert library.index(folder).changed == 2
    assert library.digests([HARBOUR_ID])[HARBOUR_ID] == kept
    write(folder / "harbour.md", title="The old harbour", date="2024-05-01", text=HARBOUR.replace("1987", "1988"))
    library.index(folder)
    assert library.digests([HARBOUR_ID])[HARBOUR_ID] != kept
    article = library.article(HARBOUR_ID)
    assert article is not None
    assert library.digests([HARBOUR_ID]) == {HARBOUR_ID: digest_of(article)}


def test_since_is_the_revision_of_the_last_change_and_a_rebuild_is_none(
    library: Library, make_library: MakeLibrary, folder: Path
) -> None:
    library.index(folder)
    write(folder / "bakery.md", title="A bakery moves", text=BAKERY.replace("August", "October"))
    assert library.index(folder).revision == 2
    assert library.since([BAKERY_ID, HARBOUR_ID, GONE]) == {BAKERY_ID: 2, HARBOUR_ID: 1}
    address = library._settings.store.database
    flags = {"store__database": address.get_secret_value()} if address else {}
    rebuilt = make_library(chunk__size=40, chunk__overlap=0, **flags)
    write(folder / "library.md", title="Library hours", text="It is open all day.")
    assert rebuilt.index(folder).revision == 3
    assert len(rebuilt.passages_of(HARBOUR_ID)) > 1
    assert rebuilt.since([BAKERY_ID, HARBOUR_ID, ArticleId("library.md")]) == {
        BAKERY_ID: 2, HARBOUR_ID: 1, "library.md": 3,
    }  # fmt: skip


def test_more_articles_are_asked_about_than_one_statement_holds(own_library: Library) -> None:
    ids = [ArticleId(f"no-{n}.md") for n in range(1_200)]
    assert own_library.since([*ids, BAKERY_ID]) == {BAKERY_ID: 1}
    assert set(own_library.digests([BAKERY_ID, *ids])) == {BAKERY_ID}
    assert own_library.since([]) == own_library.digests([]) == {}


def test_outlets_are_counted_and_their_articles_listed(library: Library, folder: Path) -> None:
    (folder / "undated.md").write_text("---\ntitle: Undated\nsource: The Gazette\n---\n\nNobody knows when.")
    (folder / "nobody.txt").write_text("A title of its own\n\nSome text about nothing in particular.")
    (folder / "courier.md").write_text("---\ntitle: Fair\nsource: Éclair\ndate: 2023-02-01\n---\n\nThe fair begins.")
    library.index(folder)
    gazette, none, courier = library.outlets()
    assert gazette.name == "The Gazette"
    assert (gazette.articles, str(gazette.first), str(gazette.last)) == (4, "2024-05-01", "2024-07-03")
    assert none == Outlet("", 1)
    assert (courier.name, courier.articles, courier.first) == ("Éclair", 1, courier.last)
    assert [article.id for article in library.newest(limit=9, source="The Gazette")] == [
        "library.md", "bakery.md", "harbour.md", "undated.md",
    ]  # fmt: skip
    assert [article.id for article in library.newest(limit=1, offset=1, source="The Gazette")] == ["bakery.md"]
    assert [article.id for article in library.newest(limit=9, source="")] == ["nobody.txt"]
    assert library.newest(limit=9, source="the gazette") == []
    assert len(library.newest(limit=9)) == 6


LOOKS: list[Callable[[Library], object]] = [
    lambda library: library.article(BAKERY_ID),
    lambda library: library.passages_of(BAKERY_ID),
    lambda library: library.outlets(),
    lambda library: library.newest(limit=1),
    lambda library: library.since([BAKERY_ID]),
    lambda library: library.digests([BAKERY_ID]),
    lambda library: library.examples(3),
]


@pytest.mark.parametrize("look", LOOKS)
def test_before_the_first_indexing_there_is_nothing_to_look_at(
    look: Callable[[Library], object], make_library: MakeLibrary
) -> None:
    with pytest.raises(NotIndexed):
        look(make_library())


ALIKE = [
    ["When does the library open?", "What are the opening hours of the library?", "what time does the library open"],
    ["How much does the new bridge cost?", "What will the new bridge cost?", "cost of the new bridge?"],
    ["What range does a Tomahawk missile have?", "How far can a Tomahawk fly?"],
    ["Who is the mayor of Lindholm?"],
]


def test_questions_that_mean_the_same_are_one_group_and_the_largest_comes_first(shared: Library) -> None:
    texts = list(itertools.chain(*itertools.zip_longest(*reversed(ALIKE), fillvalue="")))
    texts = [text for text in texts if text]
    found = [{texts[index] for index in group} for group in shared.alike(texts)]
    assert {frozenset(group) for group in found} == {frozenset(group) for group in ALIKE}
    assert [len(group) for group in found] == [3, 3, 2, 1]


def test_no_text_one_text_and_the_same_text_again(shared: Library) -> None:
    assert shared.alike([]) == []
    assert shared.alike(["Who?"]) == [[0]]
    assert shared.alike(["", "Where  is it?", "where is IT?", " "], least=0.99) == [[0, 3], [1, 2]]


def test_two_thousand_questions_are_grouped(shared: Library) -> None:
    texts = [text.replace("?", f" in {1000 + n}?") for n in range(250) for text in [*ALIKE[0], *ALIKE[1], *ALIKE[2]]]
    found = shared.alike(texts)
    assert sorted(itertools.chain(*found)) == list(range(2_000))
    assert [len(group) for group in found] == sorted(map(len, found), reverse=True)
    assert len(found[0]) > 500


def slowly(vectors: Vectors, least: float) -> set[frozenset[int]]:
    """Average linkage as it is defined: the mean of all cosines between two groups, looked up anew each time."""
    near = vectors @ vectors.T
    held = [frozenset([index]) for index in range(len(vectors))]
    while len(held) > 1:
        mean = {
            pair: float(near[np.ix_(sorted(pair[0]), sorted(pair[1]))].mean())
            for pair in itertools.combinations(held, 2)
        }
        one, other = max(mean, key=lambda pair: mean[pair])
        if mean[one, other] < least:
            break
        held = [group for group in held if group not in (one, other)] + [one | other]
    return set(held)


@given(st.integers(1, 24), st.integers(0, 10_000), st.sampled_from([0.3, 0.5, 0.7, 0.9]))
def test_groups_are_those_of_average_linkage(count: int, seed: int, least: float) -> None:
    vectors = made(count, seed)
    found = groups([str(n) for n in range(count)], embed=lambda _: vectors, least=least)
    assert {frozenset(group) for group in found} == slowly(vectors, least)


@given(st.integers(0, 10_000))
def test_those_beyond_what_is_compared_join_the_nearest_group_or_stay_alone(seed: int) -> None:
    vectors = made(40, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alike, "MOST", 25)
        found = groups([str(n) for n in range(40)], embed=lambda _: vectors, least=0.7)
    assert sorted(itertools.chain(*found)) == list(range(40))
    assert {frozenset(group) & set(range(25)) for group in map(frozenset, found)} - {frozenset()} == slowly(
        vectors[:25], 0.7
    )


def made(count: int, seed: int) -> Vectors:
    draw = np.random.default_rng(seed)
    vectors = draw.normal(size=(1 + count // 4, 16))[draw.integers(0, 1 + count // 4, count)]
    vectors = vectors + 0.6 * draw.normal(size=(count, 16))
    unit: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


def test_every_example_is_answered_from_the_collection(seeded: Library) -> None:
    found = seeded.examples(5)
    assert len(found) == len(set(found)) == 5
    assert all(seeded.ask(question).answered for question in found)
    assert seeded.examples(2) == found[:2]


@pytest.fixture
def asked(own_library: Library, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that finding examples asked."""
    said: list[str] = []
    ask = own_library.ask
    monkeypatch.setattr(own_library._examples, "_ask", lambda question: said.append(question) or ask(question))
    return said


def test_examples_are_found_once_a_revision(own_library: Library, folder: Path, asked: list[str]) -> None:
    threads = [threading.Thread(target=own_library.examples, args=(3,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first = own_library.examples(3)
    assert "What is known about “The old harbour”?" in first
    assert len(asked) == 3
    (folder / "harbour.md").unlink()
    own_library.index(folder)
    assert "What is known about “The old harbour”?" not in own_library.examples(3)
    assert len(asked) == 5


def test_what_the_article_of_a_title_does_not_answer_is_no_example(
    own_library: Library, folder: Path, asked: list[str]
) -> None:
    write(
        folder / "odd.md",
        title="In which month does the bakery Morgenrot move to the station square?",
        date="2025-01-01",
        text="It rained, and nobody came.",
    )
    write(folder / "mute.md", title="???", date="2025-01-02", text="Nothing was said.")
    own_library.index(folder)
    assert "In which month does the bakery Morgenrot move to the station square?" not in own_library.examples(9)
    assert "In which month does the bakery Morgenrot move to the station square?" in asked
    assert len(asked) == 4


def test_a_dozen_questions_are_asked_at_most(own_library: Library, folder: Path, asked: list[str]) -> None:
    for n in range(30):
        write(folder / f"depot-{n}.md", title=f"The depot number {n}", text=f"Depot {n} holds {n * 3} lamps.")
    own_library.index(folder)
    assert len(own_library.examples(50)) <= ASKED
    assert len(asked) == ASKED


def test_each_outlet_is_asked_about_before_any_is_twice(own_library: Library, folder: Path, asked: list[str]) -> None:
    for n in range(20):
        write(folder / f"depot-{n}.md", title=f"The depot number {n}", date="2025-01-01", text="It holds lamps.")
    (folder / "fair.md").write_text(
        "---\ntitle: The spring fair\nsource: Courier\ndate: 2020-01-01\n---\n\nThe fair begins."
    )
    own_library.index(folder)
    own_library.examples(3)
    assert "What is known about “The spring fair”?" in asked[:2]


@pytest.mark.parametrize(
    "title, question",
    [
        ("The old harbour", "What is known about “The old harbour”?"),
        ("A bakery moves", "What is known about “A bakery moves”?"),
        ('The "old" harbour of “Lindholm”', "What is known about “The 'old' harbour of ‘Lindholm’”?"),
        ("Пекарня «Заря» переезжает", "What is known about “Пекарня «Заря» переезжает”?"),
        ("Minsk I and Minsk II: two truces that failed", "What is known about “Minsk I and Minsk II”?"),
        ("Guide: how to ask", "What is known about “Guide: how to ask”?"),
        ("How a grid is repaired.", "What is known about “How a grid is repaired”?"),
        ("Why Hungary? The country behind the plan", "Why Hungary?"),
        ("Who  pays\nfor it?", "Who pays for it?"),
        ("Really?", "What is known about “Really”?"),
        ("", ""),
        (" … ", ""),
        ("???", ""),
        ("long " * 30, ""),
    ],
)
def test_a_title_makes_a_question(title: str, question: str) -> None:
    assert question_about(title) == question


def test_an_article_is_found_by_its_shelfmark_in_another_process_and_another_revision(
    library: Library, make_library: MakeLibrary, folder: Path
) -> None:
    long = ArticleId("ä" * 60 + "/" + "deep/" * 60 + "long.md")
    (folder / long).parent.mkdir(parents=True)
    write(folder / long, title="Deep", text=BAKERY)
    library.index(folder)
    marks = {id_: library.shelfmark(id_) for id_ in (BAKERY_ID, HARBOUR_ID, long)}
    assert all(re.fullmatch(MARK, mark) for mark in marks.values())
    other = make_library(**{"store__database": library._place.database} if library._place.database else {})
    assert {id_: other.shelved(mark) for id_, mark in marks.items()} == {id_: id_ for id_ in marks}
    write(folder / "bakery.md", title="A bakery stays", text=BAKERY)
    (folder / "harbour.md").unlink()
    library.index(folder)
    third = make_library(**{"store__database": library._place.database} if library._place.database else {})
    assert third.shelved(marks[BAKERY_ID]) == BAKERY_ID
    assert third.shelved(marks[HARBOUR_ID]) is None
    assert third.shelved("AAAAAAAAAAAA") is None


def test_shelfmarks_that_are_forgotten_are_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelfmark, "REMEMBERED", 2)
    marks, ids = Shelfmarks(), [ArticleId(f"{n}.md") for n in range(5)]
    given = [marks.of(id_) for id_ in ids]
    looked: list[int] = []

    def among() -> list[ArticleId]:
        looked.append(1)
        return ids

    assert [marks.find(mark, among) for mark in reversed(given)] == ids[::-1]
    assert len(looked) == 3
    assert len(marks._known) == 2


@pytest.mark.parametrize(
    "words, titles",
    [
        ("harbour", ["The old harbour", "Harbour, new", "The harbour of old"]),
        ("OLD HARB", ["The old harbour", "The harbour of old"]),
        ("the old harbour!", ["The old harbour", "The harbour of old"]),
        ("Ärger", ["Viel ÄRGER"]),
        ("bour", []),
        ("harbour zeppelin", []),
        ("?!", []),
        ("", []),
        ("%", []),
    ],
)
def test_articles_are_found_by_words_of_their_titles(
    library: Library, folder: Path, words: str, titles: list[str]
) -> None:
    write(folder / "new.md", title="Harbour, new", date="2023-01-01", text="One text about it.")
    write(folder / "of.md", title="The harbour of old", date="2022-01-01", text="Another text about it.")
    write(folder / "ä.md", title="Viel ÄRGER", date="2021-01-01", text="And a third one.")
    library.index(folder)
    assert [article.title for article in library.titled(words, limit=9)] == titles
    assert [article.title for article in library.titled(words, limit=1)] == titles[:1]
    assert not any(article.text for article in library.titled(words, limit=9))
