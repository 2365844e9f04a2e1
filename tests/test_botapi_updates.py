"""The Bot API server for tests keeps updates until they are fetched, by one bot at a time."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest
from telegram.error import Conflict
from telegram.ext import ApplicationBuilder

from tests.barebot import Bot, keyboard
from tests.botapi import BotApi, Person

CONFLICT = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi() as api:
        yield api


def test_updates_wait_until_they_are_confirmed(anna: Person, bot: Bot) -> None:
    for text in "abc":
        anna.says(text)
    first, second, third = bot.call("getUpdates")
    assert [first["update_id"] + 1, second["update_id"] + 1] == [second["update_id"], third["update_id"]]
    assert bot.call("getUpdates", limit=1) == [first]
    assert bot.call("getUpdates", offset=second["update_id"]) == [second, third]
    assert bot.call("getUpdates") == [second, third]
    assert bot.call("getWebhookInfo")["pending_update_count"] == 2
    assert bot.call("getUpdates", offset=-1) == [third]
    assert bot.call("getUpdates", offset=third["update_id"] + 1) == []


def test_only_allowed_kinds_arrive_and_the_choice_is_remembered(anna: Person, bot: Bot) -> None:
    bot.call("getUpdates", allowed_updates=["callback_query"])
    anna.says("unheard")
    assert bot.call("getUpdates") == []
    bot.call("sendMessage", chat_id=7, text="x", reply_markup=keyboard(callback_data="a"))
    anna.presses(anna.chat[-1], "Go")
    assert [update["callback_query"]["data"] for update in bot.call("getUpdates")] == ["a"]
    assert bot.call("getWebhookInfo")["allowed_updates"] == ["callback_query"]
    bot.call("getUpdates", allowed_updates=[])
    anna.says("heard")
    assert bot.call("getUpdates")[-1]["message"]["text"] == "heard"


def test_pending_updates_can_be_dropped(anna: Person, bot: Bot) -> None:
    anna.says("x")
    bot.call("deleteWebhook")
    assert len(bot.call("getUpdates")) == 1
    bot.call("deleteWebhook", drop_pending_updates=True)
    assert bot.call("getUpdates") == []


def test_a_long_poll_waits_for_its_time_and_no_longer(bot: Bot) -> None:
    began = time.monotonic()
    assert bot.call("getUpdates", timeout=1) == []
    assert 1 <= time.monotonic() - began < 4


def test_a_long_poll_ends_with_the_update(anna: Person, bot: Bot) -> None:
    began = time.monotonic()
    timer = threading.Timer(0.2, anna.says, ["at last"])
    timer.start()
    [update] = bot.call("getUpdates", timeout=30)
    assert update["message"]["text"] == "at last"
    assert 0.2 <= time.monotonic() - began < 4
    timer.join()


def wait_for_poll(api: BotApi) -> None:
    """Wait until a poll hangs."""
    end = time.monotonic() + 5
    while api.polls == 0 and time.monotonic() < end:
        time.sleep(0.005)
    assert api.polls


def test_the_older_of_two_polls_is_terminated(api: BotApi, anna: Person, bot: Bot) -> None:
    with ThreadPoolExecutor() as threads:
        older: Future[str] = threads.submit(bot.refusal, "getUpdates", timeout=20)
        wait_for_poll(api)
        newer = threads.submit(bot.call, "getUpdates", timeout=20)
        assert older.result(2) == f"409 {CONFLICT}"
        anna.says("x")
        assert [update["message"]["text"] for update in newer.result(2)] == ["x"]
    assert [each.method for each in api.refusals] == ["getUpdates"]


def test_fighting_polls_are_slowed_down(anna: Person, bot: Bot) -> None:
    with ThreadPoolExecutor() as threads:
        polls = []
        for method in (bot.refusal, bot.refusal, bot.call):
            polls.append(threads.submit(method, "getUpdates", timeout=20))
            time.sleep(0.1)
        assert polls[0].done()
        began = time.monotonic()
        assert polls[1].result(5) == f"409 {CONFLICT}"
        assert 2.5 < time.monotonic() - began < 4
        anna.says("enough")


def test_a_poll_whose_bot_has_died_makes_no_conflict(api: BotApi, anna: Person, bot: Bot) -> None:
    with pytest.raises(httpx.ReadTimeout):
        bot.http.post(f"{bot.address}/getUpdates", data={"timeout": "30"}, timeout=0.2)
    anna.says("x")
    assert len(bot.call("getUpdates", timeout=30)) == 1
    assert api.refusals == []


def test_two_bots_with_one_token_notice_each_other(api: BotApi) -> None:
    async def poll() -> None:
        async with ApplicationBuilder().token(api.token).base_url(f"{api.url}/bot").build() as app:
            await app.bot.get_updates(timeout=20)

    async def scenario() -> None:
        older = asyncio.create_task(poll())
        await asyncio.to_thread(wait_for_poll, api)
        newer = asyncio.create_task(poll())
        with pytest.raises(Conflict, match="only one bot instance"):
            await older
        newer.cancel()
        await asyncio.wait([newer])

    asyncio.run(scenario())


def test_a_server_ends_with_a_poll_still_hanging(http: httpx.Client) -> None:
    with ThreadPoolExecutor() as threads:
        with BotApi() as api:
            poll = threads.submit(Bot(api, http).call, "getUpdates", timeout=50)
            wait_for_poll(api)
            began = time.monotonic()
        assert poll.result(1) == []
        assert time.monotonic() - began < 4
