"""Two texts are one story or are not, by their words alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.shingles import SLOTS, Story, changed, is_copy, same_words, signatures, tells_all
from tests.conftest import BAKERY, HARBOUR

TEXT = f"{HARBOUR}\n\n{BAKERY}"


def test_a_text_is_a_copy_of_itself_in_other_letters_and_lines() -> None:
    assert is_copy(Story(TEXT), Story(TEXT.upper().replace(". ", " –\n")))


def test_a_text_that_is_cut_and_framed_is_a_copy_and_another_one_is_none() -> None:
    cut = TEXT[: len(TEXT) * 2 // 3]
    assert is_copy(Story(TEXT), Story(f"Our reporter writes from the coast.\n\n{cut}\n\nAll rights are reserved."))
    assert not is_copy(Story(HARBOUR), Story(BAKERY))


def test_paragraphs_in_another_order_are_no_change() -> None:
    one, other = Story(TEXT), Story("\n\n".join(reversed(TEXT.split("\n\n"))))
    assert changed(one, other) == changed(other, one) == 0
    assert is_copy(one, other)


def test_a_figure_that_was_exchanged_counts_more_than_a_word() -> None:
    word, figure = TEXT.replace("turn the", "make the"), TEXT.replace("40 million", "70 million")
    assert changed(Story(word), Story(TEXT)) == 1
    assert changed(Story(figure), Story(TEXT)) == 3


@pytest.mark.parametrize("text", ["", "!?", "One word", "Rain."])
def test_what_is_too_short_is_a_copy_of_its_equal_alone(text: str) -> None:
    assert is_copy(Story(text), Story(text)) == bool(Story(text).words)
    assert not is_copy(Story(text), Story(TEXT))
    assert not tells_all(Story(TEXT), Story(text))


@pytest.mark.parametrize(
    "part, told",
    [
        ("Since then only fishing boats and a ferry to the island of Vessel have used it.", True),
        ("Since then only fishing boats and the ferry to the island of Vessel have used it.", True),
        ("Since then only fishing boats and a ferry to the island of Tarn have used it.", False),
        ("The work would cost 45 million crowns, and fishermen fear that they will have to leave.", False),
        ("Fishermen fear that they will not have to leave", False),
        ("A seal was seen in the harbour basin this week", False),
    ],
)
def test_a_passage_is_told_with_its_names_numbers_and_denials_or_not_at_all(part: str, told: bool) -> None:  # noqa: FBT001
    assert tells_all(Story(HARBOUR), Story(part)) is told


@pytest.mark.parametrize(
    "other, same",
    [
        ("The harbour of Lindholm was closed to all cargo ships in 1987", True),
        ("The harbour of Lindholm was closed to cargo ships in 1988", False),
        ("The harbour of Lindholm was not closed to cargo ships in 1987", False),
        ("The harbour of Arnby was closed to cargo ships in 1987", False),
    ],
)
def test_sentences_are_one_if_names_numbers_and_denials_are(other: str, same: bool) -> None:  # noqa: FBT001
    one = Story("The harbour of Lindholm was closed to cargo ships in 1987")
    assert same_words(one, Story(other)) is same


def test_scripts_without_spaces_are_compared_letter_by_letter() -> None:
    text = "湖边的老港口于一九八七年对货船关闭。此后只有渔船和一艘渡轮使用它。市议会希望把仓库改建成住宅。"
    assert is_copy(Story(text), Story(f"本报讯。{text}"))
    assert not is_copy(
        Story(text), Story("面包店将于八月从磨坊街搬到车站广场。店主说旧烤炉太重无法搬动只能出售给别人。")
    )


def test_signatures_are_the_same_in_every_process_and_tell_how_alike_texts_are() -> None:
    whole, cut = Story(TEXT), Story(TEXT[: len(TEXT) * 3 // 4])
    made = signatures([whole, cut, Story(BAKERY)])
    assert made.shape == (3, SLOTS)
    assert made[0, :4].tolist() == FIRST
    shared = len(np.intersect1d(whole.different, cut.different)) / len(np.union1d(whole.different, cut.different))
    assert abs(float((made[0] == made[1]).mean()) - shared) < 0.12


FIRST = [3099012365, 921582953, 1369580593, 455504143]


@given(text=st.text())
def test_any_text_can_be_read(text: str) -> None:
    story = Story(text)
    assert len(story.words) == len(story.written)
    assert len(story.different) <= max(1, len(story.words))
    assert is_copy(story, story) == bool(story.words)
