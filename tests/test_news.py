"""What is news for a watch: a real library that is reindexed, rebuilt, rolled back, and looked at after each."""

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.store.news import Base, base_of, digest, news, noted
from config import Embedding
from index.library import Library
from index.models.embed import Embedder
from tests.conftest import HARBOUR, WHEN, MakeLibrary, settings_for, write

BRIDGE = "When will the new bridge of Lindholm be opened?"
OPENED = "The new bridge of Lindholm will be opened on 3 June 2026."


@dataclass
class Reader:
    """Somebody who watches one question."""

    library: Library
    question: str
    base: Base = field(default_factory=Base)

    def __post_init__(self) -> None:
        self.base = base_of(self.library.ask(self.question))

    def looks(self) -> list[str]:
        """Compare with the articles of now; return what is news."""
        answer = self.library.ask(self.question)
        since = self.library.since([citation.article.id for citation in answer.citations])
        found = news(self.base, answer, since)
        self.base = noted(self.base, answer)
        return [citation.quote for citation in found]


@pytest.fixture
def library(make_library: MakeLibrary, copied: Path) -> Library:
    made = make_library(library__articles=str(copied), library__confirm_removal=1.0)
    made.index(copied)
    return made


def bridge(folder: Path, text: str = OPENED, *, date: str = "2025-01-01", name: str = "bridge") -> None:
    write(folder / f"{name}.md", title="A bridge for Lindholm", text=text, date=date)


def test_an_answer_where_there_was_none_is_news_once(library: Library, folder: Path) -> None:
    reader = Reader(library, BRIDGE)
    assert not reader.base.answered
    bridge(folder)
    library.index()
    assert reader.looks() == [OPENED]
    assert reader.looks() == []
    assert reader.base.answered


def test_what_is_indexed_first_is_news_for_who_watched_an_empty_library(
    make_library: MakeLibrary, folder: Path
) -> None:
    library = make_library(library__articles=str(folder))
    library.index()
    reader = Reader(library, WHEN)
    reader.base = Base()
    assert reader.looks() == ["The old harbour of Lindholm was closed to cargo ships in 1987."]


def test_a_newer_article_is_news_though_it_answers_no_better(library: Library, folder: Path) -> None:
    reader = Reader(library, WHEN)
    assert reader.base.newest == dt.date(2024, 5, 1)
    again = "The old harbour of Lindholm has been closed to cargo ships since 1986, not 1987, the archive found."
    write(folder / "archive.md", title="The archive on the old harbour", text=again, date="2025-02-03")
    library.index()
    assert again in reader.looks()
    assert reader.base.newest == dt.date(2025, 2, 3)


def test_an_answer_to_a_part_that_had_none_is_news_though_it_is_older_and_no_better(
    library: Library, folder: Path
) -> None:
    reader = Reader(library, "When was the old harbour closed to cargo ships, and who designed the new bridge?")
    assert (reader.base.answered, reader.base.missing) == (True, 1)
    text = "The new bridge was designed by the architect Ida Holm."
    bridge(folder, text, date="2020-01-01")
    library.index()
    assert reader.looks() == [text]
    assert reader.base.missing == 0


def test_an_older_article_that_answers_no_better_is_none(library: Library, folder: Path) -> None:
    reader = Reader(library, WHEN)
    again = "Cargo ships have not been allowed into the old harbour of Lindholm after 1987."
    write(folder / "archive.md", title="The old harbour and its ships", text=again, date="2023-02-03")
    library.index()
    assert again in {judged.text for judged in library.ask(WHEN).judged}
    assert reader.looks() == []


def test_a_more_probable_answer_is_news_though_it_is_older(library: Library, folder: Path) -> None:
    vague = "A bridge of Lindholm was talked of; it might be opened some day."
    bridge(folder, vague, date="2025-05-05", name="vague")
    library.index()
    reader = Reader(library, BRIDGE)
    assert reader.base.answered
    bridge(folder, date="2025-01-01")
    library.index()
    before = reader.base
    assert OPENED in reader.looks()
    assert reader.base.best > before.best
    assert reader.base.newest == before.newest == dt.date(2025, 5, 5)


def test_another_number_in_the_cited_sentence_is_news_and_anything_around_it_is_not(
    library: Library, folder: Path
) -> None:
    reader = Reader(library, WHEN)
    changes = (
        HARBOUR + " The ferry is old.",
        "A note of the editor comes first. " + HARBOUR,
        HARBOUR.replace("was closed", "was  closed").replace("in 1987.", "in 1987!"),
        HARBOUR.replace("\n\n", " "),
    )
    for text in changes:
        write(folder / "harbour.md", title="The old harbour", date="2024-05-02", text=text)
        library.index()
        assert reader.looks() == [], text
    write(folder / "harbour.md", title="The old harbour", date="2024-06-01", text=HARBOUR.replace("1987", "1988"))
    library.index()
    assert reader.looks() == ["The old harbour of Lindholm was closed to cargo ships in 1988."]


def test_an_article_about_something_else_is_none(library: Library, folder: Path) -> None:
    reader = Reader(library, WHEN)
    bridge(folder, date="2026-01-01")
    library.index()
    assert reader.looks() == []


@pytest.mark.parametrize("seen", ["seen at once", "missed"])
def test_a_rebuild_with_passages_of_another_size_is_none_even_where_it_was_missed(
    library: Library, make_library: MakeLibrary, folder: Path, seen: str
) -> None:
    reader = Reader(library, WHEN)
    rebuilt = make_library(library__articles=str(folder), chunk__size=24, chunk__overlap=0)
    rebuilt.index()
    reader.library = rebuilt
    assert seen == "missed" or reader.looks() == []
    for n in range(2):  # after that nobody knows any more that the articles are older than the rebuild
        bridge(folder, f"{OPENED} It has {n} towers.")
        rebuilt.index()
    assert min(rebuilt.since(["harbour.md"]).values()) > 1
    assert reader.looks() == []


def test_embedding_with_another_model_is_none(library: Library, folder: Path, exact: Embedder, tmp_path: Path) -> None:
    reader = Reader(library, WHEN)
    settings = settings_for(tmp_path / "data", library__articles=str(folder), embedding__precision="fp32")
    assert settings.embedding != Embedding()
    with Library(settings, embedder=exact) as other:
        assert other.index().embedded == 3
        reader.library = other
        assert reader.looks() == []


def test_a_rollback_is_none_and_what_comes_after_it_is_compared(library: Library, folder: Path) -> None:
    reader = Reader(library, BRIDGE)
    bridge(folder)
    library.index()
    assert reader.looks() == [OPENED]
    library.rollback()
    assert reader.looks() == []
    assert reader.base.revision == 1
    assert not reader.base.answered
    library.index()  # the same article again: it was told
    assert reader.looks() == []
    library.rollback()
    assert reader.looks() == []
    other = "The opening of the new bridge of Lindholm is on 5 July 2026."
    bridge(folder, other)
    library.index()
    assert reader.looks() == [other]


def test_a_rollback_that_nobody_noticed_is_compared_with_the_next_revision(library: Library, folder: Path) -> None:
    reader = Reader(library, BRIDGE)
    bridge(folder, "The new bridge of Lindholm is blue.")
    library.index()
    reader.looks()
    library.rollback()
    bridge(folder)
    library.index()
    assert reader.looks() == [OPENED]


def test_an_article_that_goes_and_comes_back_is_none_and_another_one_is(library: Library, folder: Path) -> None:
    bridge(folder)
    library.index()
    reader = Reader(library, BRIDGE)
    (folder / "bridge.md").unlink()
    library.index()
    assert reader.looks() == []
    assert not reader.base.answered
    bridge(folder)
    library.index()
    assert reader.looks() == []
    (folder / "bridge.md").unlink()
    library.index()
    assert reader.looks() == []
    other = "The opening of the new bridge of Lindholm is on 5 July 2026."
    bridge(folder, other, date="2020-01-01", name="opening")
    library.index()
    assert reader.looks() == [other]


@given(st.lists(st.from_regex(r"[a-zäß0-9]+", fullmatch=True), min_size=1), st.data())
def test_a_digest_stands_for_the_words_and_nothing_else(words: list[str], data: st.DataObject) -> None:
    gaps = data.draw(
        st.lists(st.sampled_from([" ", "\n", ", ", " – ", "” "]), min_size=len(words), max_size=len(words))
    )
    spelt = "".join(word.upper() + gap for word, gap in zip(words, gaps, strict=True))
    assert digest(spelt) == digest(" ".join(words))
    assert digest(" ".join([*words, "more"])) != digest(" ".join(words))
