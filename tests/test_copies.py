"""One story in several outlets is found at indexing, cited once, and named with the others that print it."""

import contextlib
import datetime as dt
import logging
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot import words
from bot.browsing import pages
from index.errors import Cancelled
from index.library import Library
from index.records import Answer, ArticleId
from index.stories.copies import compare
from index.stories.groups import Groups
from index.truth.ledger import Ledger, discard
from index.truth.tables import articles
from index.truth.tables import copies as pairs
from index.truth.tables import signatures as signed
from tests.bench import copies
from tests.conftest import BAKERY, HARBOUR, HOURS, WHEN, MakeLibrary, settings_for
from tests.fakemodel import WordModel

AGENCY = (
    f"{HARBOUR}\n\nThe ferry will go on from a new pier, which the county pays for. Work begins in spring and takes "
    "two years, said the engineer Ole Strand. During that time the fish market moves to the railway yard, where there "
    "is room for thirty stalls. A petition against the flats has 2,300 signatures so far."
)


def put(folder: Path, name: str, text: str, *, date: str = "", source: str = "") -> None:
    folder.mkdir(exist_ok=True)
    known = f"title: {name}\n" + (f"date: {date}\n" if date else "") + (f"source: {source}\n" if source else "")
    (folder / f"{name}.md").write_text(f"---\n{known}---\n\n{text}\n", encoding="utf-8")


@pytest.fixture
def outlets(tmp_path: Path) -> Path:
    """An agency's story, which two papers took over, and two other articles."""
    folder = tmp_path / "papers"
    put(folder, "agency", AGENCY, date="2024-05-01", source="Agency")
    shorter = AGENCY.rpartition("\n\n")[0]
    put(
        folder,
        "courier",
        f"From our desk on the coast.\n\n{AGENCY}\n\nSubscribe to us.",
        date="2024-05-02",
        source="Courier",
    )
    put(
        folder,
        "post",
        f"This came in overnight.\n\n{shorter}\n\nAll rights reserved.",
        date="2024-05-03",
        source="Post",
    )
    put(folder, "bakery", BAKERY, date="2024-06-02", source="Courier")
    put(folder, "hours", HOURS, date="2024-07-03", source="Post")
    return folder


def cited(answer: Answer) -> list[ArticleId]:
    """Return the articles of the first claim: the one that is cited, then those that say the same."""
    of = {citation.number: citation.article.id for citation in answer.citations}
    return [of[number] for claim in answer.claims[:1] for number in (*claim.citations, *claim.also)]


def test_a_story_in_three_outlets_is_cited_once_and_also_in_the_others(
    make_library: MakeLibrary, outlets: Path
) -> None:
    library = make_library()
    library.index(outlets)
    answer = library.ask(WHEN)
    assert cited(answer) == ["agency.md", "courier.md", "post.md"]
    assert {citation.quote for citation in answer.citations} == {
        "The old harbour of Lindholm was closed to cargo ships in 1987."
    }
    assert len(answer.claims) == 1


def test_copies_do_not_take_the_places_of_other_articles(make_library: MakeLibrary, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    for n in range(12):
        put(
            folder,
            f"paper{n:02}",
            f"{AGENCY}\n\nYou read Paper {n}, the best of all.",
            date=f"2024-05-{n + 1:02}",
            source=f"Paper {n}",
        )
    put(folder, "museum", "A museum of the harbour shows cargo ships that were built in Lindholm.", date="2024-01-01")
    library = make_library()
    library.index(folder)
    hits, _ = library.search(WHEN, limit=4)
    found = [hit.passage.article.id for hit in hits]
    assert "museum.md" in found
    assert set(found) == {"museum.md", "paper00.md"}


def test_what_only_a_copy_tells_is_found_in_the_copy(make_library: MakeLibrary, outlets: Path) -> None:
    more = f"{AGENCY}\n\nThe diver Karla Mohr found an anchor of 1640 in the mud below the pier."
    put(outlets, "courier", more, date="2024-05-02", source="Courier")
    library = make_library()
    library.index(outlets)
    answer = library.ask("Which diver found an anchor in the mud below the pier?")
    assert cited(answer) == ["courier.md"]
    assert "anchor of 1640" in answer.text


RUSSIAN = (
    "Старая гавань Линдхольма закрыта для грузовых судов с 1987 года. С тех пор ею пользуются только рыбацкие лодки и "
    "паром до острова. Город хочет построить на набережной дома, но жители против: они собрали две тысячи подписей.\n\n"
    "Паром будет ходить от нового причала, за который платит область. Работы начнутся весной и займут два года, сказал "
    "инженер Олег Странд. Рыбный рынок на это время переедет на железнодорожный двор, где хватит места для тридцати "
    "прилавков."
)


def test_what_only_a_copy_tells_is_found_in_the_forms_that_its_language_gives_the_words(
    library: Library, tmp_path: Path
) -> None:
    folder = tmp_path / "russian"
    more = f"{RUSSIAN}\n\nВодолазы нашли под причалами старинные якоря."
    put(folder, "agency", RUSSIAN, date="2024-05-01", source="Агентство")
    put(folder, "courier", more, date="2024-05-02", source="Курьер")
    library.index(folder)
    assert grouped(library) == [["agency.md", "courier.md"]]
    asked, other = "Кто находил старинный якорь?", "Сколько подписей собрали жители?"  # no form of the text's own
    found = {
        question: {hit.passage.article.id for hit in library.search(question, limit=9)[0]}
        for question in (asked, other)
    }
    assert found == {asked: {"agency.md", "courier.md"}, other: {"agency.md"}}


@pytest.mark.parametrize(
    "told, corrected",
    [
        ("The talks about it have succeeded.", "The talks about it have failed."),
        ("Der Rat hat zugestimmt.", "Der Rat hat nicht zugestimmt."),
        ("The mayor has agreed.", "It is not true that the mayor has agreed."),
    ],
)
def test_a_copy_that_corrects_the_story_is_found_though_the_question_has_no_word_of_it(
    library: Library, tmp_path: Path, told: str, corrected: str
) -> None:
    folder = tmp_path / "papers"
    first, _, last = AGENCY.partition("Work begins")
    put(folder, "agency", f"{first}{told} Work begins{last}", date="2024-05-01", source="Agency")
    put(folder, "courier", f"{first}{corrected} Work begins{last}", date="2024-05-02", source="Courier")
    put(folder, "post", f"{first}{told} Work begins{last}", date="2024-05-03", source="Post")
    library.index(folder)
    assert grouped(library) == [["agency.md", "courier.md", "post.md"]]
    found = [hit.passage for hit in library.search("Who pays for the pier of the ferry?", limit=9)[0]]
    assert any(corrected in passage.text for passage in found)
    assert {passage.article.id for passage in found} == {"agency.md", "courier.md"}


def test_what_says_the_opposite_is_neither_cited_in_place_of_the_answer_nor_named_beside_it(
    make_library: MakeLibrary, tmp_path: Path
) -> None:
    folder = tmp_path / "papers"
    yes, no = "The ferry company has signed the contract.", "The ferry company hasn't signed the contract."
    for name, day, sentence in (("agency", 1, no), ("courier", 2, yes), ("post", 3, yes)):
        put(folder, name, f"{AGENCY}\n\n{sentence}", date=f"2024-05-0{day}", source=name)
    library = make_library()
    library.index(folder)
    assert grouped(library) == [["agency.md", "courier.md", "post.md"]]
    answer = library.ask("Has the ferry company signed the contract?")
    of = {citation.number: citation for citation in answer.citations}
    for claim in answer.claims:
        said = {of[number].quote for number in (*claim.citations, *claim.also)}
        assert not {yes, no} <= said
    assert {citation.quote for citation in answer.citations} >= {yes}


def test_a_question_about_a_period_is_answered_from_the_copy_of_that_period(
    make_library: MakeLibrary, outlets: Path
) -> None:
    library = make_library()
    library.index(outlets)
    answer = library.ask("When was the old harbour of Lindholm closed to cargo ships? since 2 May 2024")
    assert answer.period is not None
    assert answer.period.earliest == dt.date(2024, 5, 2)
    assert cited(answer) == ["courier.md", "post.md"]


def test_where_the_article_that_spoke_is_removed_the_next_one_speaks(make_library: MakeLibrary, outlets: Path) -> None:
    library = make_library()
    library.index(outlets)
    (outlets / "agency.md").unlink()
    library.index(outlets)
    assert cited(library.ask(WHEN)) == ["courier.md", "post.md"]
    library.rollback()
    assert cited(library.ask(WHEN)) == ["agency.md", "courier.md", "post.md"]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """A library that embeds quickly."""
    settings = settings_for(tmp_path / "data", library__confirm_removal=1.0)
    with Library(settings, embedder=WordModel()) as made:
        yield made


def grouped(library: Library) -> list[list[str]]:
    """Return the groups of the current revision, who speaks first."""
    revision = library.revision()
    assert revision is not None
    groups = Groups(library._ledger, revision.number)
    return sorted([groups.article(row).id for row in groups.told_by(head)] for head in groups._by_head)


def test_a_reindex_compares_only_what_changed(
    library: Library, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "stories"
    told = copies.told(copies.of_seeds(40), most=40)
    for at, one in enumerate(told):
        put(folder, f"s{at:02}", one.text, source=one.outlet)
    caplog.set_level(logging.INFO, "index.stories.copies")
    library.index(folder)
    assert f"compared {len(told)} articles" in caplog.text
    before = grouped(library)
    assert before
    caplog.clear()
    library.index(folder)
    assert "compared" not in caplog.text
    put(folder, "s03", AGENCY, source="Agency")
    library.index(folder)
    assert "compared 1 articles, and their words with 0 others" in caplog.text
    caplog.clear()
    put(folder, "new", AGENCY, source="Courier")
    library.index(folder)
    assert "compared 1 articles, and their words with 1 others: 1 copies" in caplog.text
    assert ["s03.md", "new.md"] in grouped(library) or ["new.md", "s03.md"] in grouped(library)


def test_reports_made_from_one_template_are_no_copies(library: Library, tmp_path: Path) -> None:
    draw = random.Random(1)
    for n in range(30):
        put(tmp_path / "weather", f"day{n:02}", copies.report(draw), source="Weather" if n % 2 else "")
    library.index(tmp_path / "weather")
    assert grouped(library) == []


def test_two_reports_alone_that_differ_in_figures_are_no_copies(library: Library, tmp_path: Path) -> None:
    draw = random.Random(2)
    for n in range(2):
        put(tmp_path / "weather", f"day{n}", copies.report(draw))
    library.index(tmp_path / "weather")
    assert grouped(library) == []


def test_what_an_outlet_puts_under_each_article_makes_no_copies(library: Library, tmp_path: Path) -> None:
    foot = " ".join(copies.report(random.Random(3)).split()[:90])
    for number, story in enumerate(copies.of_seeds(12)):
        put(tmp_path / "paper", f"n{number:02}", f"{' '.join(story[0].split()[:60])}.\n\n{foot}", source="Post")
    library.index(tmp_path / "paper")
    assert grouped(library) == []


def test_the_longest_of_those_published_on_one_day_speaks(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    put(folder, "a", AGENCY, date="2024-05-02", source="A")
    put(folder, "b", f"{AGENCY}\n\n{BAKERY}", date="2024-05-02", source="B")
    put(folder, "c", AGENCY, source="C")
    library.index(folder)
    assert grouped(library) == [["b.md", "a.md", "c.md"]]


def test_who_resembles_only_a_copy_of_the_first_is_in_no_group_with_it(library: Library, tmp_path: Path) -> None:
    parts = [paragraph for story in copies.of_seeds(3) for paragraph in story][:12]
    folder = tmp_path / "chain"
    for name, some in (("a", parts[:6]), ("b", parts[2:9]), ("c", parts[5:12])):
        put(folder, name, "\n\n".join(some), date=f"2024-05-0{ord(name) - 96}", source=name)
    library.index(folder)
    assert grouped(library) == [["a.md", "b.md"]]


def test_a_stopped_comparison_leaves_what_was_there_and_is_made_the_next_time(library: Library, outlets: Path) -> None:
    stages: list[str] = []
    with pytest.raises(Cancelled):
        library.index(outlets, watch=lambda p: stages.append(p.stage), stop=lambda: stages[-1:] == ["comparing"])
    assert library.revision() is None
    library.index(outlets)
    assert grouped(library) == [["agency.md", "courier.md", "post.md"]]


def test_nearly_all_copies_are_found_and_nearly_nothing_else(tmp_path: Path) -> None:
    told = copies.told(copies.of_seeds(200), most=300)
    with contextlib.closing(Ledger(tmp_path)) as ledger:
        copies.stage(ledger, told)
        compare(ledger, 1, watch=lambda _: None, stop=lambda: False)
        precision, recall = copies.quality(ledger, told)
    assert len(copies.known(told)) > 100
    assert precision >= 0.98
    assert recall >= 0.95


def test_of_long_stories_little_more_is_held_than_their_letters(tmp_path: Path) -> None:
    long = "\n\n".join(paragraph for story in copies.of_seeds(40) for paragraph in story)
    with contextlib.closing(Ledger(tmp_path)) as ledger:
        copies.stage(ledger, [copies.Told(n, f"Outlet {n}", "Long", f"{long}\n\nOutlet {n}.") for n in range(4)])
        groups = Groups(ledger, 1)
        with ledger.reading() as db:
            rows = db.execute(sa.select(articles.c.row)).scalars().all()
        assert groups.told_in(rows[0], ["Outlet 0.", "Outlet 1."]) == [True, False]
        tracemalloc.start()
        try:
            for row in rows[1:]:
                groups.told_in(row, [long])
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert held < 4 * len(long) * len(rows[1:]), (held, len(long))


def test_a_library_on_postgresql_finds_the_same_copies_and_forgets_those_of_a_draft(
    tmp_path: Path, database: str
) -> None:
    told = copies.told(copies.of_seeds(30), most=40)
    found = []
    for address in ("", database):
        with contextlib.closing(Ledger(tmp_path, address)) as ledger:
            copies.stage(ledger, told)
            compare(ledger, 1, watch=lambda _: None, stop=lambda: False)
            with ledger.reading() as db:
                ids = sa.select(articles.c.row, articles.c.id)
                of = {row.row: row.id for row in db.execute(ids)}
                found.append({frozenset((of[one.article], of[one.other])) for one in db.execute(sa.select(pairs))})
            groups = Groups(ledger, 1)
            assert len(groups) > 0
            with ledger.writing() as db:
                discard(db, above=0)
                left = [db.execute(sa.select(sa.func.count()).select_from(table)).scalar() for table in (pairs, signed)]
            assert left == [0, 0]
    assert found[0] == found[1]
    assert found[0]


def test_a_ledger_without_signatures_is_given_them_at_the_next_change(
    library: Library, outlets: Path, caplog: pytest.LogCaptureFixture
) -> None:
    library.index(outlets)
    with library._ledger.writing() as db:
        for table in (pairs, signed):
            table.drop(db)
        db.execute(sa.text("PRAGMA user_version = 5"))
    library.close()
    caplog.set_level(logging.INFO, "index.stories.copies")
    with Library(settings_for(library.data), embedder=WordModel()) as again:
        put(outlets, "hours", f"{HOURS} Nobody objected.")
        again.index(outlets)
        assert "compared 5 articles" in caplog.text
        assert grouped(again) == [["agency.md", "courier.md", "post.md"]]


def test_what_was_replaced_leaves_no_signature_behind(library: Library, outlets: Path) -> None:
    for turn in range(3):
        put(
            outlets,
            "courier",
            f"Turn {turn} of our desk on the coast.\n\n{AGENCY}",
            date="2024-05-02",
            source="Courier",
        )
        library.index(outlets)
    with library._ledger.reading() as db:
        assert db.execute(sa.select(sa.func.count()).select_from(signed)).scalar() == 5 + 1
        assert db.execute(sa.select(sa.func.count()).select_from(pairs)).scalar() == 3 + 2


def test_an_article_names_who_published_its_story_too(library: Library, outlets: Path) -> None:
    library.index(outlets)
    assert [other.source for other in library.copies(ArticleId("courier.md"))] == ["Agency", "Post"]
    assert library.copies(ArticleId("bakery.md")) == []
    passages = library.passages_of(ArticleId("courier.md"))
    whole = passages[0].article
    html = pages.article(
        whole, len(passages), pages.cut(whole, passages), 0, copies=library.copies(ArticleId("courier.md"))
    )
    assert "Also published by: Agency, Post\n" in html


def test_who_has_more_copies_than_are_named_counts_the_others() -> None:
    assert words.also_published([], most=3) == ""
    assert words.also_published(["A", "B", "C", "D"], most=3) == "Also published by: A, B, C and 1 other"
    assert words.also_published(list("ABCDE"), most=3) == "Also published by: A, B, C and 2 others"


def test_whoever_is_killed_between_comparing_and_publishing_finds_all_copies_the_next_time(
    library: Library, outlets: Path
) -> None:
    library.index(outlets)
    with library._ledger.writing() as db:  # as an update from an older version leaves it
        for table in (pairs, signed):
            db.execute(table.delete())
    put(outlets, "hours", f"{HOURS} Nobody objected.")
    stages: list[str] = []
    with pytest.raises(Cancelled):
        library.index(outlets, watch=lambda p: stages.append(p.stage), stop=lambda: stages[-1:] == ["embedding"])
    library.index(outlets)
    assert grouped(library) == [["agency.md", "courier.md", "post.md"]]
