"""The picture of an answer in the README is of a real one."""

import pytest

from index.library import Library
from tests.botapi import Person
from tests.conftest import Serve, answered
from tests.golden import FOLDER
from tests.picture import FOLDED, WIDEST, Look, Piece, _blocks, draw

QUESTION = "How long did the talks in Alaska last?"
PICTURE = FOLDER / "answer.svg"


def test_the_picture_of_the_readme_is_what_the_bot_answers(
    serve: Serve, seeded: Library, anna: Person, pytestconfig: pytest.Config
) -> None:
    with serve(seeded):
        answer = answered(anna, QUESTION)
    question = next(message for message in anna.chat if not message.from_bot)
    drawn = draw(question, answer)
    if pytestconfig.getoption("--golden"):
        PICTURE.write_text(drawn, encoding="utf-8")
    assert drawn == PICTURE.read_text("utf-8")
    assert [len(lines) for quoted, lines in _blocks(answer, WIDEST) if quoted] == [FOLDED], "one quote, folded"


def test_no_line_is_wider_than_its_bubble_and_no_word_is_lost(anna: Person) -> None:
    said = anna.says("Wide and narrow words, iiiii WWWWW illicit MMMM, 2025 – and “more”. " * 20)
    lines = [line for _, lines in _blocks(said, 300) for line in lines]
    assert len(lines) > 10
    assert all(Piece("".join(piece.text for piece in line).rstrip(), Look()).width <= 300 for line in lines)
    assert "".join(piece.text for line in lines for piece in line) == said.text


def test_bold_letters_take_more_room() -> None:
    assert Piece("word", Look(bold=True)).width > Piece("word", Look()).width
