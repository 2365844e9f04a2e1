"""The Bot API server for tests knows inline mode: people ask after the bot's name, see results, pick one."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from telegram import InlineQueryResultArticle, InlineQueryResultsButton, InputTextMessageContent
from telegram.ext import ApplicationBuilder

from tests.barebot import Bot, keyboard
from tests.botapi import BotApi, Entity, Person

TOO_OLD = "400 Bad Request: query is too old and response timeout expired or query ID is invalid"


class Clock:
    """Stands still until it is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(clock: Clock) -> Iterator[BotApi]:
    with BotApi(clock=clock) as api:
        api.enable_inline()
        yield api
        assert api.findings == []


@pytest.fixture
def bela(api: BotApi) -> Person:
    return api.person(8, "Béla", username="bela", opened=False)


def article(id: str = "1", text: str = "In <b>Budapest</b>", **more: object) -> dict[str, object]:  # noqa: A002
    content = {"message_text": text, "parse_mode": "HTML"}
    return {"type": "article", "id": id, "title": f"Result {id}", "input_message_content": content, **more}


def test_a_bot_has_inline_mode_when_told_so(bot: Bot) -> None:
    assert bot.call("getMe")["supports_inline_queries"] is True
    with BotApi() as other:
        assert Bot(other, bot.http).call("getMe")["supports_inline_queries"] is False
        with pytest.raises(LookupError, match="no inline mode"):
            other.person(7, "Anna").asks_inline("Where?")
        refusal = Bot(other, bot.http).refusal("answerInlineQuery", inline_query_id="1", results=[])
        assert refusal == "400 Bad Request: USER_BOT_INVALID"


def test_a_person_sees_results_and_sends_one(api: BotApi, anna: Person, bela: Person, bot: Bot) -> None:
    group = api.group("Readers", anna, bela)
    asked = bela.asks_inline("Where?", into=group)
    [update] = bot.updates()
    query = update["inline_query"]
    assert (query["from"]["id"], query["query"], query["offset"], query["chat_type"]) == (8, "Where?", "", "supergroup")
    results = [article(description="2025", reply_markup=keyboard(callback_data="more")), article("2", "Nowhere")]
    bot.call("answerInlineQuery", inline_query_id=query["id"], results=results)
    first, second = asked.results()
    assert (first.title, first.description, first.text, second.description) == ("Result 1", "2025", "In Budapest", None)
    assert first.entities == (Entity("bold", 3, 8),)
    assert first.buttons[0][0].data == "more"

    sent = asked.picks("Result 1")
    assert (sent.sender, sent.text, sent.labels, sent.from_bot) == (bela.user, "In Budapest", ("Go",), False)
    [update] = bot.updates()
    assert update["message"]["via_bot"]["username"] == "footnote_test_bot"
    assert group.chat == [sent]
    with pytest.raises(LookupError, match="no result 'Result 3': Result 1, Result 2"):
        asked.picks("Result 3")
    with pytest.raises(LookupError, match="not in the private chat of Anna"):
        asked.picks(second, into=anna)
    assert asked.picks(second, into=bela).chat_id == bela.id


def test_of_a_picked_message_the_bot_knows_no_more_than_an_id(anna: Person, bot: Bot) -> None:
    asked = anna.asks_inline("Where?")
    results = [article(reply_markup=keyboard(callback_data="more"))]
    bot.call("answerInlineQuery", inline_query_id=asked.query_id, results=results)
    sent = asked.picks("Result 1")
    bot.updates()
    press = anna.presses(sent, "Go")
    [update] = bot.updates()
    query = update["callback_query"]
    assert "message" not in query
    inline_id = query["inline_message_id"]
    assert bot.call("editMessageText", inline_message_id=inline_id, text="In Vienna") is True
    assert (anna.chat[0].text, anna.chat[0].labels) == ("In Vienna", ())
    assert bot.refusal("editMessageText", inline_message_id="?", text="x") == "400 Bad Request: MESSAGE_ID_INVALID"
    bot.call("answerCallbackQuery", callback_query_id=press.query_id)


def test_what_is_cached_is_not_asked_again(clock: Clock, anna: Person, bela: Person, bot: Bot) -> None:
    asked = anna.asks_inline("Where?")
    bot.call("answerInlineQuery", inline_query_id=asked.query_id, results=[article()], cache_time=60)
    again = bela.asks_inline("Where?")
    assert again.was_cached
    assert again.results() == asked.results()
    assert not bela.asks_inline("where?").was_cached
    assert not bela.asks_inline("Where?", "5").was_cached
    clock.now += 60
    assert not anna.asks_inline("Where?").was_cached
    assert len(bot.updates()) == 4


@pytest.mark.parametrize("given, seconds", [(None, 300), (100_000, 86_400), (0, 0), (-1, 0)])
def test_a_cache_lasts_as_long_as_it_may(clock: Clock, anna: Person, bot: Bot, given: int | None, seconds: int) -> None:
    asked = anna.asks_inline("Where?")
    more = {} if given is None else {"cache_time": given}
    bot.call("answerInlineQuery", inline_query_id=asked.query_id, results=[article()], **more)
    clock.now += max(0.0, seconds - 0.5)
    assert anna.asks_inline("Where?").was_cached == (seconds > 0)
    clock.now += 0.5
    assert not anna.asks_inline("Where?").was_cached


def test_a_personal_answer_is_cached_for_one_person(anna: Person, bela: Person, bot: Bot) -> None:
    asked = anna.asks_inline("Mine?")
    bot.call("answerInlineQuery", inline_query_id=asked.query_id, results=[article()], is_personal=True)
    assert not bela.asks_inline("Mine?").was_cached
    assert anna.asks_inline("Mine?").was_cached


def test_a_person_scrolls_for_more_and_presses_the_button_above(anna: Person, bot: Bot) -> None:
    asked = anna.asks_inline("Where?")
    button = {"text": "Ask in private", "start_parameter": "ask-1"}
    results = [article(str(n)) for n in range(50)]
    bot.call("answerInlineQuery", inline_query_id=asked.query_id, results=results, next_offset="50", button=button)
    assert (len(asked.results()), asked.answer().button) == (50, "Ask in private")
    assert asked.presses_button().text == "/start ask-1"
    more = asked.more()
    assert [update.get("inline_query", {}).get("offset") for update in bot.updates()] == ["", None, "50"]
    bot.call("answerInlineQuery", inline_query_id=more.query_id, results=[])
    assert more.results() == ()
    with pytest.raises(LookupError, match="no more results"):
        more.more()
    with pytest.raises(LookupError, match="no button"):
        more.presses_button()


def test_an_answer_comes_once_and_in_time(anna: Person, bot: Bot) -> None:
    asked, late = anna.asks_inline("a"), anna.asks_inline("b")
    with pytest.raises(AssertionError, match="the inline query was not answered"):
        asked.results(0.01)
    timer = threading.Timer(0.1, bot.call, ["answerInlineQuery"], {"inline_query_id": asked.query_id, "results": []})
    timer.start()
    assert asked.results(5) == ()
    timer.join()
    assert bot.refusal("answerInlineQuery", inline_query_id=asked.query_id, results=[]) == TOO_OLD
    late.expires()
    assert bot.refusal("answerInlineQuery", inline_query_id=late.query_id, results=[]) == TOO_OLD


def test_a_client_sends_at_most_256_characters(anna: Person) -> None:
    anna.asks_inline("x" * 256)
    with pytest.raises(ValueError, match="257 characters"):
        anna.asks_inline("x" * 257)


PARSED = "400 Bad Request: can't parse inline query result: "
BUTTON = "400 Bad Request: can't parse inline query results button: "
HERE = "400 Bad Request: not reproduced by this test server: "


def content(**content: object) -> dict[str, object]:
    return {"type": "article", "id": "1", "title": "x", "input_message_content": content}


@pytest.mark.parametrize(
    "parameters, refusal",
    [
        ({"results": [article(str(n)) for n in range(51)]}, "400 Bad Request: too many inline query results specified"),
        ({"results": [article("x"), article("x")]}, "400 Bad Request: RESULT_ID_DUPLICATE"),
        ({"results": [article("")]}, "400 Bad Request: RESULT_ID_INVALID"),
        ({"results": [article("ж" * 33)]}, "400 Bad Request: RESULT_ID_INVALID"),
        ({"results": [article(title=" ")]}, "400 Bad Request: ARTICLE_TITLE_EMPTY"),
        ({"results": ["x"]}, f"{PARSED}Inline query result must be an object"),
        ({"results": [{"id": "1"}]}, f'{PARSED}Can\'t find field "type"'),
        ({"results": [{"type": "article"}]}, f'{PARSED}Can\'t find field "id"'),
        ({"results": [{"type": "article", "id": "1"}]}, f'{PARSED}Can\'t find field "message_text"'),
        (
            {"results": [{"type": "article", "id": "1", "input_message_content": {"message_text": "x"}}]},
            f'{PARSED}Can\'t find field "title"',
        ),
        (
            {"results": [{"type": "hologram", "id": "1"}]},
            f'{PARSED}type "hologram" is unsupported for the inline query result',
        ),
        ({"results": [{"type": "photo", "id": "1"}]}, f"{HERE}an inline result of type photo"),
        ({"results": [content(latitude=1.0, longitude=1.0)]}, f"{HERE}an inline result whose message is no text"),
        (
            {"results": [article(thumbnail_url="https://example.com/a.png")]},
            f"{HERE}an inline result with thumbnail_url",
        ),
        ({"results": [article(text="")]}, f"{PARSED}Message text is empty"),
        ({"results": [article(text="<b></b>")]}, "400 Bad Request: text must be non-empty"),
        (
            {"results": [article(text="a <b>b")]},
            f"{PARSED}Can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        ),
        ({"results": [content(message_text="x", parse_mode="BB")]}, f"{PARSED}Unsupported parse_mode"),
        ({"results": [article(text="x" * 4097)]}, "400 Bad Request: MESSAGE_TOO_LONG"),
        ({"results": [article(colour="red")]}, "400 Bad Request: unknown field results[0].colour"),
        (
            {"results": [content(message_text="x", colour="red")]},
            "400 Bad Request: unknown field results[0].input_message_content.colour",
        ),
        ({"results": [article(title=1)]}, f'{PARSED}Field "title" must be of type String'),
        ({"results": [article(reply_markup=keyboard(callback_data="ж" * 33))]}, "400 Bad Request: BUTTON_DATA_INVALID"),
        ({"results": [], "next_offset": "x" * 65}, "400 Bad Request: NEXT_OFFSET_INVALID"),
        (
            {"results": [], "button": {"text": "Go"}},
            f"{BUTTON}InlineQueryResultsButton must have exactly one optional field",
        ),
        ({"results": [], "button": {"start_parameter": "x"}}, f'{BUTTON}Can\'t find field "text"'),
        ({"results": [], "button": {"text": "Go", "start_parameter": ""}}, "400 Bad Request: START_PARAM_INVALID"),
        ({"results": [], "button": {"text": "Go", "start_parameter": "a b"}}, "400 Bad Request: START_PARAM_INVALID"),
        (
            {"results": [], "button": {"text": "Go", "start_parameter": "x" * 65}},
            "400 Bad Request: START_PARAM_INVALID",
        ),
        ({"results": [], "switch_pm_text": "Go"}, f"{HERE}switch_pm_text"),
        ({"results": {}}, '400 Bad Request: field "results" must be of type Array'),
    ],
)
def test_a_wrong_answer_is_refused_in_the_words_of_telegram(
    anna: Person, bot: Bot, parameters: dict[str, Any], refusal: str
) -> None:
    asked = anna.asks_inline("Where?")
    assert bot.refusal("answerInlineQuery", inline_query_id=asked.query_id, **parameters) == refusal
    bot.call("answerInlineQuery", inline_query_id=asked.query_id, results=[article("ж" * 32)])


def test_an_answer_without_a_query_is_none(bot: Bot) -> None:
    assert bot.refusal("answerInlineQuery", results=[]) == TOO_OLD


def test_a_link_that_telegram_drops_is_found(api: BotApi, anna: Person, bot: Bot) -> None:
    asked = anna.asks_inline("Where?")
    results = [article(text='<a href="nowhere">there</a>')]
    bot.call("answerInlineQuery", inline_query_id=asked.query_id, results=results)
    assert "1 link(s) dropped" in api.findings[0]
    api._state.findings.clear()


def test_the_library_answers_inline_queries(api: BotApi, anna: Person) -> None:
    asked = anna.asks_inline("Where?")

    async def answer() -> None:
        async with ApplicationBuilder().token(api.token).base_url(f"{api.url}/bot").build() as app:
            [update] = await app.bot.get_updates()
            assert update.inline_query
            text = InputTextMessageContent("<i>There</i>", parse_mode="HTML")
            button = InlineQueryResultsButton("More", start_parameter="more")
            result = InlineQueryResultArticle("1", "There", text, description="2025")
            assert await update.inline_query.answer([result], cache_time=5, is_personal=True, button=button)

    asyncio.run(answer())
    [result] = asked.results()
    assert (result.title, result.text, result.entities) == ("There", "There", (Entity("italic", 0, 5),))
    assert (asked.answer().cache_time, asked.answer().is_personal, asked.answer().start_parameter) == (5, True, "more")
