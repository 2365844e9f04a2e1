"""Questions that lean on what was said before them: which do, and what completes them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from index.asking.followup import FADE, MOST, SAID, Context, context, leans, named, names
from index.library import Library
from index.quality.evaluate import questions, run
from index.records import Turn
from index.text import analyse
from tests.conftest import Footnote, MakeLibrary, write


def content_words(question: str) -> dict[str, str]:
    return analyse.words(question, analyse.ENGLISH, own=analyse.ENGLISH)


BRIDGE = Turn("Who built the bridge at Lindholm?", "The bridge was built by the engineer Greta Halvorsen.")
MUSEUM = Turn("How many visitors does the Ember Museum have?", "In 2021 about 80,000 people came.")


def even(words: Sequence[str]) -> Mapping[str, float]:
    """Weigh all words alike."""
    return dict.fromkeys(words, 1.0)


def added(question: str, *history: Turn) -> list[str]:
    """The words, as written, that complete a question."""
    return list(context(question, history, words=content_words, weigh=even).written.values())


@pytest.mark.parametrize(
    "question",
    [
        "When was it opened?",
        "Why?",
        "and in 2023?",
        "What about the harbour?",
        "how about on Sundays",
        "Where does she live now?",
        "How much did they pay?",
        "What is its length?",
        "Is this the only one?",
        "Are there any other bridges?",
        "Who else worked there?",
        "Length",
        "How long is the bridge?",
        "I meant the old one",
        "So nobody was hurt?",
        "When was the bridge closed?",
        "What is the height of the tower?",
        "It's expensive, isn't it?",
        "Can I see this from the road?",
        "Do I need a permit?",
    ],
)
def test_a_question_with_a_gap_in_it_leans(question: str) -> None:
    assert leans(question, words=content_words)


@pytest.mark.parametrize(
    "question",
    [
        "Who painted the ceiling of the chapel in Ostrava?",
        "When did Marta Lindqvist publish her first novel?",
        "Did the Kestrel Company sell its ferry?",
        "How long does it take to sail from Vessel to Lindholm?",
        "Is it possible to fish from a pier without permission?",
        "What is a drawbridge?",
        "Who was Napoleon?",
        "How much does it cost to renew a fishing licence?",
        "What did farmers protest against last autumn?",
        "Which animals live longer than 200 years?",
        "Did more than 100 boats sink?",
        "Why do ferries sink when their doors are open?",
        "Define photosynthesis",
        "So who painted the chapel in Ostrava?",
        "",
        "?!",
    ],
)
def test_a_question_that_says_all_it_asks_does_not_lean(question: str) -> None:
    assert not leans(question, words=content_words)


def test_a_question_that_leans_gets_the_words_of_the_question_before_and_the_names_of_its_answer() -> None:
    found = context("When was it opened?", [BRIDGE], words=content_words, weigh=even)
    assert list(found.written.values()) == ["built", "bridge", "Lindholm", "Greta", "Halvorsen"]
    assert found.weights["bridg"] == FADE
    assert found.weights["greta"] == FADE * SAID
    assert found.complete("When was it opened?") == "built bridge Lindholm Greta Halvorsen: When was it opened?"


def test_a_fresh_question_is_left_alone() -> None:
    fresh = "Who painted the ceiling of the chapel in Ostrava?"
    found = context(fresh, [BRIDGE, MUSEUM], words=content_words, weigh=even)
    assert not found
    assert found.complete(fresh) == fresh


def test_a_word_of_several_parts_is_written_once() -> None:
    found = context("Why?", [Turn("Is pay-as-you-go cheaper?")], words=content_words, weigh=even)
    assert found.complete("Why?") == "pay-as-you-go cheaper: Why?"


def test_words_fade_with_every_turn_and_keep_what_they_weighed_last() -> None:
    again = Turn("Is the museum near the bridge?")
    weights = context("Why?", [BRIDGE, MUSEUM, again], words=content_words, weigh=even).weights
    assert weights["bridg"] == weights["museum"] == FADE
    assert weights["ember"] == FADE**2
    assert weights["lindholm"] == FADE**3


def test_a_turn_without_words_of_meaning_makes_nothing_older() -> None:
    assert context("Why?", [BRIDGE, Turn("And then?")], words=content_words, weigh=even).weights["bridg"] == FADE


def test_words_of_its_own_are_not_added_again() -> None:
    assert "bridge" not in added("How long is the bridge?", BRIDGE)


def test_only_the_most_telling_words_are_added_and_none_that_no_article_has() -> None:
    many = "anchor barrel candle dragon engine falcon garden hammer island jacket"
    telling = {word: float(at) for at, word in enumerate(many.split())}
    stems = {stem: telling[word] for stem, word in content_words(many).items()}
    found = context("Why?", [Turn(many)], words=content_words, weigh=lambda _: stems)
    assert list(found.written.values()) == many.split()[-MOST:]
    assert not context("Why?", [BRIDGE], words=content_words, weigh=lambda words: dict.fromkeys(words, 0.0))


def test_names_are_capital_words_that_begin_no_sentence() -> None:
    assert names("The bridge was built by Greta Halvorsen. It cost much. She left for Ostrava.") == (
        "Greta Halvorsen Ostrava"
    )
    assert named("when did Ostrava grow?")
    assert named("what happened in 1987")
    assert not named("Ostrava grows")


@given(st.text(max_size=300), st.lists(st.builds(Turn, st.text(max_size=200), st.text(max_size=200)), max_size=4))
def test_no_text_breaks_it(question: str, history: list[Turn]) -> None:
    found = context(question, history, words=content_words, weigh=even)
    assert found.complete(question).endswith(question)
    assert len(found.written) <= MOST
    assert set(found.written) == set(found.weights)
    assert not set(found.written) & set(content_words(question))
    assert all(0 < weight < 1 for weight in found.weights.values())


@given(st.text(max_size=300))
def test_without_a_history_every_question_stays_as_it_is(question: str) -> None:
    assert context(question, (), words=content_words, weigh=even) == Context()


NOUNS = st.sampled_from("ferry lighthouse orchard parliament violin glacier museum tariff reactor granary".split())


@given(st.lists(NOUNS, min_size=4, max_size=8, unique=True), st.lists(NOUNS, min_size=1, max_size=5))
def test_a_question_with_content_words_of_its_own_and_no_pronoun_is_left_alone(
    own: list[str], before: list[str]
) -> None:
    question = f"Which {own[0]} has a {' and a '.join(own[1:])}?"
    assume(not {"it", "this"} & set(question.split()))
    history = [Turn(f"Where is the {' '.join(before)}?", "In Ostrava.")]
    assert not context(question, history, words=content_words, weigh=even)


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """A folder of articles about one town and a far one."""
    folder = tmp_path / "articles"
    folder.mkdir()
    write(
        folder / "bridge.md",
        title="The bridge at Lindholm",
        text="The bridge at Lindholm was built by the engineer Greta Halvorsen. It was opened on 4 May 1931 by the "
        "mayor. The bridge is 212 metres long and carries a road and a tram line.",
    )
    write(
        folder / "harbour.md",
        title="The harbour of Lindholm",
        text="The harbour of Lindholm was opened in 1874, after ten years of digging. It is deep enough for ferries.",
    )
    write(
        folder / "ostrava.md",
        title="A theatre in Ostrava",
        text="The theatre in Ostrava was opened in 1907 with an opera. Its stage was built by the carpenter Jan Novak.",
    )
    write(
        folder / "engineer.md",
        title="An engineer's life",
        text="Greta Halvorsen was born in Ravensund in 1889. She studied mathematics before she drew bridges.",
    )
    return folder


def test_a_conversation_is_understood_turn_by_turn(make_library: MakeLibrary, town: Path) -> None:
    library = make_library()
    library.index(town)
    turns: list[Turn] = []

    def ask(question: str) -> tuple[str, str]:
        answer = library.ask(question, turns)
        turns.append(Turn(question, answer.text))
        assert answer.question == question
        return answer.text, answer.understood

    said, understood = ask("Who built the bridge at Lindholm?")
    assert "Greta Halvorsen" in said
    assert understood == ""
    said, understood = ask("When was it opened?")
    assert "4 May 1931" in said
    assert "bridge Lindholm" in understood
    assert understood.endswith(": When was it opened?")
    said, understood = ask("and the harbour?")
    assert "1874" in said
    assert "Lindholm" in understood
    said, understood = ask("Which carpenter built the stage of the theatre in Ostrava?")
    assert "Jan Novak" in said
    assert understood == ""


def test_who_an_answer_named_is_known_to_the_next_question(make_library: MakeLibrary, town: Path) -> None:
    library = make_library()
    library.index(town)
    first = "Who built the bridge at Lindholm?"
    answer = library.ask("Where was she born?", [Turn(first, library.ask(first).text)])
    assert "Ravensund" in answer.text
    assert "Halvorsen" in answer.understood


def test_search_is_completed_like_ask(make_library: MakeLibrary, town: Path) -> None:
    library = make_library()
    library.index(town)
    hits, timings = library.search("How long is it?", [BRIDGE], limit=1)
    assert hits[0].passage.article.id == "bridge.md"
    assert timings["complete"] > 0


def test_half_a_character_in_the_history_harms_nobody(shared: Library) -> None:
    assert shared.ask("When was it closed?", [Turn("the harbour \ud83d", "\ud83d")]).understood


def test_the_chat_knows_what_was_said_until_it_starts_afresh(footnote: Footnote, town: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    footnote("index", town, "--data", data)
    asked = "Who built the bridge at Lindholm?\nWhen was it opened?\n/new\nWhen was it opened?\n"
    shown = footnote("chat", "--data", data, stdin=asked).stdout
    before, after = shown.split("What was said before is forgotten.")
    assert "Understood as: built bridge Lindholm" in before
    assert "4 May 1931" in before
    assert "Understood as" not in after


def test_eval_asks_with_the_history_of_a_question_or_without(make_library: MakeLibrary, town: Path) -> None:
    (town / "queries.jsonl").write_text(
        '{"id": "1", "question": "How long is it?", "answers": ["212 metres"], "answerable": true, '
        '"evidence": [{"doc_id": "bridge.md", "quote": "212 metres"}], '
        '"history": ["Who built the bridge at Lindholm?", "Greta Halvorsen.", "Is it old?"]}\n'
    )
    library = make_library()
    library.index(town)
    asked = questions(town)
    assert asked[0].history == (Turn("Who built the bridge at Lindholm?", "Greta Halvorsen."), Turn("Is it old?", ""))
    (with_history,) = run(library, asked)
    assert with_history.articles[0] == "bridge.md"
    assert "Lindholm" in with_history.answer.understood
    (without,) = run(library, asked, history=False)
    assert without.answer.understood == ""
