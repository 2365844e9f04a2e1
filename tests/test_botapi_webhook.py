"""The Bot API server for tests posts updates to a webhook: in order, in parallel, until they are taken."""

import asyncio
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self

import httpx
import pytest
from aiohttp import web

from tests.barebot import Bot, keyboard
from tests.botapi import BotApi, Patience, Person
from tests.botapi.webhook import SECRET_HEADER

ACTIVE = (
    "409 Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)
HTTPS_WANTED = "400 Bad Request: bad webhook: An HTTPS URL must be provided for webhook"


class Hook:
    """A bot's own server: takes updates, or answers as the test wants."""

    def __init__(self, answer: Callable[[dict[str, Any]], int] = lambda _: 200, *, seconds: float = 0) -> None:
        self.answer = answer
        self.seconds = seconds
        self.url = ""
        self.got: list[dict[str, Any]] = []
        self.secrets: set[str | None] = set()
        self.at_once: defaultdict[int, int] = defaultdict(int)
        self.most_in_a_chat = self.most = 0
        self._started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.result(5)
        return self

    def __exit__(self, *_: object) -> None:
        loop, stop = self._started.result()
        loop.call_soon_threadsafe(stop.set)
        self._thread.join()

    @property
    def texts(self) -> list[str]:
        return [update["message"]["text"] for update in self.got if "message" in update]

    async def _serve(self) -> None:
        app, stop = web.Application(), asyncio.Event()
        app.router.add_post("/hook", self._take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        self._started.set_result((asyncio.get_running_loop(), stop))
        await stop.wait()
        await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        update = await request.json()
        self.secrets.add(request.headers.get(SECRET_HEADER))
        chat = (update.get("message", {}).get("chat") or {}).get("id", 0)
        self.at_once[chat] += 1
        self.most_in_a_chat = max(self.most_in_a_chat, self.at_once[chat])
        self.most = max(self.most, sum(self.at_once.values()))
        await asyncio.sleep(self.seconds)
        self.at_once[chat] -= 1
        status = self.answer(update)
        if status == 200:
            self.got.append(update)
        return web.Response(status=status)


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi(patience=Patience(pause=0.02, timeout=5)) as api:
        yield api


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=5) as http:
        yield http


def test_updates_are_posted_with_the_secret_those_that_waited_first(api: BotApi, anna: Person, bot: Bot) -> None:
    anna.says("early")
    with Hook() as hook:
        assert bot.call("setWebhook", url=hook.url, secret_token="s3cret_-")
        anna.says("late")
        sent = bot.call("sendMessage", chat_id=7, text="x", reply_markup=keyboard(callback_data="go"))
        anna.presses(next(each for each in anna.chat if each.id == sent["message_id"]), "Go")
        api.waits(lambda: api.waiting == 0)
        assert hook.texts == ["early", "late"]
        assert hook.got[2]["callback_query"]["data"] == "go"
        assert hook.secrets == {"s3cret_-"}
    assert [(each.status, each.error) for each in api.deliveries] == [(200, "")] * 3
    assert [each.update for each in api.deliveries] == hook.got
    assert api.refusals == []


def test_without_a_secret_there_is_no_header(api: BotApi, anna: Person, bot: Bot) -> None:
    with Hook() as hook:
        bot.call("setWebhook", url=hook.url)
        anna.says("x")
        api.waits(lambda: api.waiting == 0)
    assert hook.secrets == {None}


def test_an_update_is_posted_until_it_is_answered_with_2xx(api: BotApi, anna: Person, bot: Bot) -> None:
    statuses = iter([500, 302, 404, 200])
    with Hook(lambda _: next(statuses, 200)) as hook:
        bot.call("setWebhook", url=hook.url)
        anna.says("one")
        anna.says("two")
        api.waits(lambda: len(api.deliveries) == 1)
        info = bot.call("getWebhookInfo")
        assert (info["url"], info["pending_update_count"]) == (hook.url, 2)
        assert info["last_error_message"].startswith("Wrong response from the webhook: ")
        assert abs(info["last_error_date"] - time.time()) < 5
        api.waits(lambda: api.waiting == 0)
    assert hook.texts == ["one", "two"]
    assert [each.status for each in api.deliveries] == [500, 302, 404, 200, 200]
    assert api.deliveries[0].error == "Wrong response from the webhook: 500 Internal Server Error"


def test_a_webhook_that_is_not_there_yet_gets_everything_later(api: BotApi, anna: Person, bot: Bot) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        bot.call("setWebhook", url=f"http://127.0.0.1:{nobody.getsockname()[1]}/hook")
        anna.says("x")
        api.waits(lambda: len(api.deliveries) >= 2)
    assert bot.call("getWebhookInfo")["last_error_message"] == "Connection refused"
    with Hook() as hook:
        bot.call("setWebhook", url=hook.url)
        api.waits(lambda: api.waiting == 0)
    assert hook.texts == ["x"]
    assert "last_error_message" not in bot.call("getWebhookInfo")


def test_an_answer_that_does_not_come_in_time_is_none(http: httpx.Client) -> None:
    with BotApi(patience=Patience(pause=0.02, timeout=0.1)) as api, Hook(seconds=0.3) as hook:
        Bot(api, http).call("setWebhook", url=hook.url)
        api.person(7, "Anna").says("x")
        api.waits(lambda: api.deliveries)
        assert (api.deliveries[0].status, api.deliveries[0].error) == (None, "Read timeout expired")
        hook.seconds = 0
        api.waits(lambda: api.waiting == 0)


def test_chats_are_served_in_parallel_and_each_in_order(api: BotApi, bot: Bot) -> None:
    people = [api.person(id=100 + n, first_name=f"P{n}") for n in range(6)]
    for number in range(3):
        for person in people:
            person.says(f"{person.id} {number}")
    with Hook(seconds=0.03) as hook:
        bot.call("setWebhook", url=hook.url, max_connections=4)
        api.waits(lambda: api.waiting == 0)
    assert (hook.most, hook.most_in_a_chat) == (4, 1)
    for person in people:
        mine = [text for text in hook.texts if text.startswith(str(person.id))]
        assert mine == [f"{person.id} {number}" for number in range(3)]
    assert bot.call("getWebhookInfo")["max_connections"] == 4


def test_one_chat_in_trouble_holds_up_no_other(api: BotApi, anna: Person, bot: Bot) -> None:
    bela = api.person(8, "Béla")
    with Hook(lambda update: 500 if update["message"]["chat"]["id"] == 7 else 200) as hook:
        bot.call("setWebhook", url=hook.url)
        anna.says("poison")
        anna.says("behind it")
        bela.says("fine")
        api.waits(lambda: api.waiting == 2)
        assert hook.texts == ["fine"]
        hook.answer = lambda _: 200
        api.waits(lambda: api.waiting == 0)
    assert hook.texts == ["fine", "poison", "behind it"]


def test_polling_and_a_webhook_exclude_each_other(api: BotApi, anna: Person, bot: Bot) -> None:
    with Hook() as hook, ThreadPoolExecutor() as threads:
        poll = threads.submit(bot.refusal, "getUpdates", timeout=20)
        end = time.monotonic() + 5
        while not api.polls and time.monotonic() < end:
            time.sleep(0.005)
        bot.call("setWebhook", url=hook.url)
        assert poll.result(5) == "409 Conflict: terminated by setWebhook request"
        assert bot.refusal("getUpdates") == ACTIVE
        bot.call("deleteWebhook")
        anna.says("x")
        assert len(bot.call("getUpdates")) == 1
        assert bot.call("getWebhookInfo")["url"] == ""
        bot.call("setWebhook", url=hook.url)
        bot.call("setWebhook", url="")
        bot.call("getUpdates")
    assert [each.status for each in api.deliveries if each.error] == []


def test_a_webhook_chooses_kinds_and_may_drop_what_waits(api: BotApi, anna: Person, bot: Bot) -> None:
    anna.says("dropped")
    with Hook() as hook:
        bot.call("setWebhook", url=hook.url, drop_pending_updates=True, allowed_updates=["my_chat_member"])
        anna.says("unheard")
        anna.blocks()
        api.waits(lambda: api.deliveries)
        assert [sorted(update) for update in hook.got] == [["my_chat_member", "update_id"]]
        assert bot.call("getWebhookInfo")["allowed_updates"] == ["my_chat_member"]


def test_the_same_webhook_again_changes_nothing(api: BotApi, anna: Person, bot: Bot) -> None:
    with Hook(seconds=0.1) as hook:
        bot.call("setWebhook", url=hook.url)
        anna.says("x")
        end = time.monotonic() + 5
        while not hook.most and time.monotonic() < end:
            time.sleep(0.005)
        bot.call("setWebhook", url=hook.url)
        api.waits(lambda: api.waiting == 0)
    assert len(hook.got) == len(api.deliveries) == 1


def test_deleting_a_webhook_leaves_what_is_under_way_to_the_polls(api: BotApi, anna: Person, bot: Bot) -> None:
    with Hook(lambda _: 500) as hook:
        bot.call("setWebhook", url=hook.url)
        anna.says("x")
        api.waits(lambda: api.deliveries)
        bot.call("deleteWebhook")
        assert [update["message"]["text"] for update in bot.call("getUpdates")] == ["x"]


@pytest.mark.parametrize(
    "parameters, refusal",
    [
        ({"url": "http://example.com/hook"}, HTTPS_WANTED),
        ({"url": "example.com"}, HTTPS_WANTED),
        (
            {"url": "https://example.com/hook"},
            "400 Bad Request: not reproduced by this test server: a webhook that is not plain HTTP on loopback",
        ),
        (
            {"url": "http://127.0.0.1:9/", "secret_token": "a b"},
            "400 Bad Request: secret token contains unallowed characters",
        ),
        ({"url": "http://127.0.0.1:9/", "secret_token": "x" * 257}, "400 Bad Request: secret token is too long"),
        ({}, '400 Bad Request: can\'t find field "url"'),
        (
            {"url": "http://127.0.0.1:9/", "allowed_updates": ["mesage"]},
            "400 Bad Request: unknown update types mesage",
        ),
    ],
)
def test_a_wrong_webhook_is_refused(bot: Bot, parameters: dict[str, Any], refusal: str) -> None:
    assert bot.refusal("setWebhook", **parameters) == refusal
    assert bot.call("getWebhookInfo")["url"] == ""


def test_a_raw_update_is_delivered_as_it_is(api: BotApi, anna: Person, bot: Bot) -> None:
    poison = {"message": {"message_id": "one", "chat": None, "text": ["?"], "novelty": {"a": [None]}}}
    injected = api.inject(poison)
    old = api.inject({"update_id": 5, "something_new": 1})
    anna.says("fine")
    first, second, third = bot.call("getUpdates")
    assert first == injected == {"update_id": first["update_id"], **poison}
    assert second == old == {"update_id": 5, "something_new": 1}
    assert third["update_id"] == first["update_id"] + 1
    with Hook() as hook:
        bot.call("setWebhook", url=hook.url)
        api.waits(lambda: api.waiting == 0)
        assert first in hook.got
        assert second in hook.got


def test_a_server_ends_while_a_webhook_is_in_trouble() -> None:
    with Hook(lambda _: 500) as hook, httpx.Client(trust_env=False) as http:
        with BotApi(patience=Patience(pause=0.001)) as api:
            Bot(api, http).call("setWebhook", url=hook.url)
            api.person(7, "Anna").says("x")
            api.waits(lambda: len(api.deliveries) > 3)
            began = time.monotonic()
        assert time.monotonic() - began < 3
