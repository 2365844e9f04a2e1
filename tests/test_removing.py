"""/remove and the button under an article, by the real bot: what goes is named first, and what stays is explained."""

import pytest

from bot import words
from index.library import Library
from tests.botapi import BotApi, Message, Person
from tests.conftest import ADMIN, GUEST, WHEN, MakeLibrary, Serve, answered
from tests.golden import Golden, Transcript

MILL = (
    b"---\ntitle: The <i>mill</i>\nurl: https://example.org/mill\n---\n\n"
    b"The water mill of Aldby was sold to a brewer.\n"
)
FERRY = b"---\ntitle: The ferry\n---\n\nThe ferry to Vessel will be replaced in spring by a ship from Norway.\n"


@pytest.fixture
def boss(api: BotApi) -> Person:
    return api.person(ADMIN, "Boss")


@pytest.fixture
def library(own_library: Library) -> Library:
    """Three articles of a folder, and two that somebody added."""
    own_library.add([own_library.file("mill.md", MILL), own_library.file("the ferry.md", FERRY)])
    return own_library


def gone(person: Person, asked: Message) -> Message:
    assert person.presses(asked, "Remove").answer(60).text == words.REMOVING
    return person.waits(lambda m: m.id == asked.id and m.text.startswith("Done in"), timeout=90)


def held(library: Library) -> int:
    revision = library.revision()
    return revision.articles if revision else 0


def test_an_article_goes_once_somebody_agreed_and_stays_away(
    serve: Serve, library: Library, boss: Person, golden: Golden
) -> None:
    told = Transcript()
    with serve(library):
        assert answered(boss, "/remove").text == words.REMOVE_HOW
        asked = boss.says("/remove https://example.org/mill")
        told.says("Boss", asked)
        shown = boss.waits(lambda m: "Remove" in m.labels, after=asked)
        told.says("Footnote", shown)
        assert held(library) == 5
        done = gone(boss, shown)
        assert "Added 0, changed 0, removed 1, unchanged 4, failed 0." in done.text
        library.index()
        assert held(library) == 4
        assert boss.presses_data(shown, shown.buttons[0][0].data or "").answer(60).text == words.NOT_HELD
        unknown = answered(boss, "/remove nothing.md")
        assert unknown.text == "No article has the id or the address nothing.md."
    golden(told, "remove")


def test_who_names_very_many_articles_is_told_that_some_are_left_for_another_message(
    serve: Serve, library: Library, boss: Person
) -> None:
    with serve(library):
        asked = answered(boss, "/remove " + " ".join(f"nothing{number}.md" for number in range(10)))
    assert asked.text.count("No article has the id") == 8
    assert asked.text.endswith(words.too_many_articles(8))


def test_an_id_with_a_space_is_found_and_who_keeps_it_keeps_it(serve: Serve, library: Library, boss: Person) -> None:
    with serve(library):
        shown = answered(boss, "/remove added:the ferry.md")
        assert shown.text.startswith("The ferry\n1 passage\n\nShall I remove it?")
        assert boss.presses(shown, "Keep").answer(60).text == words.KEPT
        boss.waits(lambda m: m.id == shown.id and m.text == words.KEPT and not m.labels)
    assert held(library) == 5


def test_a_file_of_the_folder_is_explained_and_of_several_each_is_asked_about(
    serve: Serve, library: Library, boss: Person
) -> None:
    with serve(library):
        stays = answered(boss, "/remove bakery.md")
        assert stays.text == (
            "A bakery moves\nThis one stays: bakery.md is a file in a folder: remove it there, and the next reindex "
            "leaves it out."
        )
        assert stays.labels == ()
        several = answered(boss, "/remove added:mill.md bakery.md https://example.org/mill nowhere")
        assert several.labels == ("Remove", "Keep")
        assert "No article has the id or the address nowhere." in several.text
        assert several.text.count("The <i>mill</i>") == 1


def test_the_view_of_an_article_has_a_button_for_admins_where_it_can_go(
    serve: Serve, library: Library, boss: Person, api: BotApi
) -> None:
    anna = api.person(GUEST, "Anna")
    with serve(library):
        assert "Remove" not in answered(boss, "/article bakery").labels
        assert "Remove" not in answered(anna, "/article ferry").labels
        page = answered(boss, "/article ferry")
        assert page.labels == ("Remove",)
        assert boss.presses(page, "Remove").answer(60).text == ""
        asked = boss.waits(lambda m: m.text.startswith("The ferry\n1 passage"), after=page)
        reply = boss.says("/remove", reply_to=page)
        again = boss.waits(lambda _: True, after=reply)
        assert again.text == asked.text
        gone(boss, asked)
    assert held(library) == 4


def test_a_reply_to_an_answer_asks_about_what_it_cites(serve: Serve, library: Library, boss: Person) -> None:
    with serve(library):
        told = answered(boss, "Who bought the water mill of Aldby?")
        assert "brewer" in told.text
        asked = boss.says("/remove", reply_to=told)
        shown = boss.waits(lambda _: True, after=asked, timeout=90)
        assert shown.text.startswith("The <i>mill</i>\n1 passage")
        other = answered(boss, WHEN)
        asked = boss.says("/remove", reply_to=other)
        assert "harbour.md is a file in a folder" in boss.waits(lambda _: True, after=asked, timeout=90).text


def test_the_last_article_stays(serve: Serve, make_library: MakeLibrary, boss: Person) -> None:
    only = make_library()
    only.add([only.file("mill.md", MILL)])
    with serve(only):
        shown = answered(boss, "/remove added:mill.md")
        assert boss.presses(shown, "Remove").answer(60).text == words.REMOVING
        boss.waits(lambda m: m.id == shown.id and "That is all there is" in m.text, timeout=90)
    assert held(only) == 1
