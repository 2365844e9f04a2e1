"""Where the articles come from, as admins and people see it: sources that fail, copies, and addresses with secrets."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import words
from bot.browsing import pages
from bot.store.inbox import FILE
from bot.text import render
from index.articles.acquire import Supply
from index.library import Library
from index.models.embed import Embedder
from tests.botapi import BotApi, Person
from tests.conftest import ADMIN, GUEST, HARBOUR, Serve, answered, settings_for, write
from tests.test_gather import MAY, rss, story
from tests.web import Web, fetcher, page
from tests.web import serve as serve_web

KEY = "k3y-S3CR3T-of-a-feed"


@pytest.fixture
def web() -> Iterator[Web]:
    with serve_web({"/mill": story("/mill")}) as server:
        server.routes[f"/feed?key={KEY}"] = lambda _: rss(server.url(""), {"/mill": MAY})
        server.routes[f"/broken?key={KEY}"] = page("<html>We moved.</html>")
        yield server


MakeOnline = Callable[..., Library]


@pytest.fixture
def online(tmp_path: Path, embedder: Embedder) -> Iterator[MakeOnline]:
    """Make a library with sources on loopback."""
    made: list[Library] = []

    def make(*sources: dict[str, Any], **flags: Any) -> Library:
        settings = settings_for(tmp_path / "data", source=list(sources), **flags)
        made.append(Library(settings, embedder=embedder, fetcher=fetcher()))
        return made[-1]

    yield make
    for library in made:
        library.close()


@pytest.fixture
def boss(api: BotApi) -> Person:
    return api.person(ADMIN, "Boss", language_code="ru")


def listed(person: Person, start: str) -> str:
    """Return what somebody is told of the sources, behind the outlets."""
    person.says("/sources")
    return person.waits(lambda message: message.text.startswith(start), timeout=90).text


def test_admins_see_how_each_source_stands_and_nobody_sees_the_key_in_an_address(  # noqa: PLR0917  all of the scene
    api: BotApi,
    serve: Serve,
    web: Web,
    online: MakeOnline,
    folder: Path,
    tmp_path: Path,
    boss: Person,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # as the program does
    library = online(
        {"feed": web.url(f"/feed?key={KEY}"), "name": "news"},
        {"feed": web.url(f"/broken?key={KEY}"), "name": "old"},
        {"url": web.url(f"/gone?key={KEY}"), "name": "lost"},
        library__articles=str(folder),
    )
    report = library.index()
    assert {failure.name for failure in report.failures} == {web.url("/broken?…"), web.url("/gone?…")}
    anna, second = api.person(GUEST, "Anna"), api.person(ADMIN + 100, "Second")
    with serve(library, telegram__admins=[ADMIN, ADMIN + 100]):
        seen, status = listed(second, "Where the articles"), answered(second, "/status").text
        assert answered(anna, "/sources").text.startswith("1. The Gazette · 3 articles")
        assert "fail" not in answered(anna, "/status").text
        russian, told = listed(boss, "Откуда берутся статьи:"), answered(boss, "/status").text
        second.says("/reindex")
        tried = second.waits(lambda message: "✗" in message.text and "Nothing" in message.text, timeout=90).text
        assert web.url("/broken?…") in tried
    assert "news · feed · 1 article · last success " in seen
    assert f"\n{web.url('/feed?…')}" in seen
    assert f"old · feed · 0 articles · never read yet\n{web.url('/broken?…')}\n✗ is no feed (" in seen
    assert "lost · page · 0 articles · never read yet · 1 page fails" in seen
    assert "The folder of the library · 3 articles" in seen
    assert seen.index("old ·") < seen.index("news ·"), "what fails stands first"
    assert "\n2 sources fail: old: is no feed" in status
    assert "lost · страница · 0 статей · ещё ни разу не читалось · не читается 1 страница" in russian
    assert "\nне читаются 2 источника: old: is no feed" in told
    said = "\n".join(message.text for person in (anna, second, boss) for message in person.chat)
    assert KEY not in said
    assert KEY not in caplog.text
    assert KEY.encode() not in (tmp_path / "data" / FILE).read_bytes()
    assert not [message for message in anna.chat if message.from_bot and "Where the" in message.text]


def test_no_key_is_shown_on_the_command_line(web: Web, online: MakeOnline, folder: Path) -> None:
    library = online(
        {"feed": web.url(f"/broken?key={KEY}"), "name": "old"},
        {"url": web.url(f"/gone?key={KEY}"), "name": "lost"},
        library__articles=str(folder),
    )
    report = library.index()
    assert KEY not in words.report(report)
    shown = words.supplies(library.sources())
    assert web.url("/broken?…") in shown
    assert KEY not in shown
    assert KEY not in words.failing(library.sources())


def test_the_status_counts_the_articles_that_are_copies_of_others(
    api: BotApi, serve: Serve, online: MakeOnline, tmp_path: Path
) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    for name in ("agency", "courier", "post"):
        write(folder / f"{name}.md", title=name, text=HARBOUR * 3)
    write(folder / "other.md", title="Other", text="The bakery sells rye bread.")
    library = online(library__articles=str(folder), library__confirm_removal=1.0)
    library.index()
    anna = api.person(GUEST, "Anna")
    with serve(library):
        assert "\n2 articles are copies of others\n" in answered(anna, "/status").text
        (folder / "post.md").unlink()
        library.index()
        assert "\n1 article is a copy of another\n" in answered(anna, "/status").text
        (folder / "agency.md").unlink()
        library.index()
        assert "cop" not in answered(anna, "/status").text


def test_what_is_said_of_many_sources_fits_a_message_and_counts_the_rest() -> None:
    place, reason = f"https://example.org/{'<p>' * 900}", "<b>&" * 900
    many = [Supply(f"source-{n}", "feed", place, 1, reason=reason if n > 30 else "") for n in range(40)]
    html = pages.origins(many)
    assert html.count("source-") == pages.ORIGINS
    assert "source-31" in html
    assert "<p>" not in html
    assert "28 more sources" in html
    assert render.units(html) < 6 * render.LIMIT
