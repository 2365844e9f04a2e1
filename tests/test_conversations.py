"""Long conversations as golden files: somebody who watches a question, and an admin at their desk."""

import re
from pathlib import Path

import pytest

from bot import words
from bot.sending.pace import Limits
from bot.watching import lookout
from tests.botapi import BotApi
from tests.conftest import ADMIN, GUEST, STRANGER, WHEN, MakeLibrary, Serve, answered, write
from tests.golden import Golden, Transcript
from tests.test_answers import PACED, Talk

BRIDGE = "When will the new bridge of Lindholm be opened?"


def test_somebody_watches_a_question_until_there_is_news_and_ends_it(
    api: BotApi,
    serve: Serve,
    make_library: MakeLibrary,
    folder: Path,
    golden: Golden,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookout, "EVERY", 0.1)
    monkeypatch.setattr(lookout, "REST", 0.1)
    library = make_library(library__articles=str(folder))
    library.index()
    talk = Talk(api.person(GUEST, "Anna"))
    with serve(library, limits=PACED):
        talk.asks("/watch")
        begun = talk.asks(f"/watch {BRIDGE}")
        assert "So far the articles do not say" in begun.text
        talk.asks(f"/watch {BRIDGE}")
        talk.asks("/watches")
        text = "The new bridge of Lindholm will be opened on 3 June 2026."
        write(folder / "bridge.md", title="A bridge for Lindholm", text=text, date="2025-01-01")
        library.index()
        news = talk.person.waits(lambda m: m.text.startswith("Your watch"), timeout=60)
        talk.transcript.says("Footnote, by itself", news)
        stopped = talk.presses(news, words.STOP_WATCHING_BUTTON)
        assert words.STOP_WATCHING_BUTTON not in stopped.labels
        assert talk.asks("/watches").text == words.NO_WATCHES
    golden(_without_times(talk.transcript), "watch")


@pytest.mark.usefixtures("copied")
def test_an_admin_sees_to_articles_figures_and_people(
    api: BotApi, serve: Serve, make_library: MakeLibrary, folder: Path, golden: Golden
) -> None:
    library = make_library(library__articles=str(folder))
    library.index()
    anna, guest = api.person(GUEST, "Anna"), api.person(STRANGER, "Béla")
    boss = Talk(api.person(ADMIN, "Boss"))
    with serve(library, limits=Limits(1_000.0, 1.0, 1_000, call=3.0), telegram__allowed=[GUEST]):
        answered(anna, WHEN)
        answered(anna, "Which zeppelin lands in Lindholm?")
        boss.asks("/status")
        write(folder / "zoo.md", title="A zoo", text="The zoo of Lindholm keeps 14 penguins.")
        said = boss.person.says("/reindex")
        plan = boss.person.waits(lambda m: words.REINDEX_BUTTON in m.labels, after=said)
        boss.transcript.says(boss.name, said)
        boss.transcript.says("Footnote", plan)
        pressed = boss.person.presses(plan, words.REINDEX_BUTTON).answer()
        boss.transcript.presses(boss.name, words.REINDEX_BUTTON, pressed)
        done = boss.person.waits(lambda m: m.id == plan.id and m.text.startswith("Done"), timeout=60)
        boss.transcript.says("Footnote, in the end in the same message", done)
        boss.asks("/gaps")
        boss.asks("/stats")
        invitation = boss.asks("/invite 2 30 Readers of the museum")
        link = next(word for word in invitation.text.split() if word.startswith("https://t.me/"))
        said = guest.opens(link)
        welcome = guest.waits(lambda _: True, after=said)
        boss.transcript.says("Footnote, to Béla who opened the link", welcome)
        people = boss.asks("/people")
        asked = boss.presses(people, next(label for label in people.labels if label.startswith("Block")))
        boss.presses(asked, words.roll_button("b"))
        assert answered(guest, WHEN).text == words.NOT_ALLOWED
    golden(_without_times(boss.transcript), "desk")


_TIMES = (
    (re.compile(r"\d[\d,.]* MB"), "‹n› MB"),
    (re.compile(r"\d[\d,.]* s\b"), "‹n› s"),
    (re.compile(r"start=i_[\w-]+"), "start=i_‹token›"),
    (re.compile(r"\b\d{1,2} \w{3} 20(?:2[6-9]|[3-9]\d)\b"), "‹day›"),
    (re.compile(r"Version \S+"), "Version ‹n›"),
)


def _without_times(transcript: Transcript) -> Transcript:
    """Leave out what is another one in every run."""
    for pattern, mask in _TIMES:
        transcript._parts = [pattern.sub(mask, part) for part in transcript._parts]
    return transcript
