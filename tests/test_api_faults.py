"""Whatever the Bot API does to us, over real sockets: the question is answered, and so is the next one."""

import time

import pytest

from bot import words
from bot.lifecycle import Lifecycle
from bot.receiving.poll import Patience
from bot.sending import pace
from bot.sending.pace import Limits
from index.library import Library
from tests.botapi import BotApi
from tests.conftest import ADMIN, GUEST, WHEN, Serve, answered, until

BRISK = Patience(hold=1, beyond=1.0)
QUICK = Limits(1_000.0, 0.0, 1_000, call=1.0)

STATUSES = [
    {"status": 401, "description": "Unauthorized"},
    {"status": 404, "description": "Not Found"},
    {"status": 409, "description": "Conflict: terminated by other getUpdates request"},
    {"status": 429, "description": "Too Many Requests: retry after 1", "retry_after": 1},
    {"status": 500},
    {"status": 502, "body": "<html><body>Bad Gateway</body></html>"},
]
WIRE = ["hang", "reset", "truncated", "drip", "html", "garbage", "empty"]
LATER = ("getMe", "deleteWebhook", "sendChatAction", "setMyCommands")
METHODS = [
    *("getUpdates", "sendMessage", "getMe"),
    *(pytest.param(name, marks=pytest.mark.nightly) for name in LATER[1:]),
]


@pytest.fixture(autouse=True)
def _faults_are_expected(expected: list[str]) -> None:
    expected.append("")


@pytest.mark.parametrize("fault", STATUSES, ids=lambda fault: str(fault["status"]))
@pytest.mark.parametrize("method", METHODS)
def test_after_a_refusal_of_any_call_the_question_and_the_next_one_are_answered(
    api: BotApi, serve: Serve, shared: Library, method: str, fault: dict[str, object]
) -> None:
    anna = api.person(GUEST, "Anna")
    api.fail_next(method, times=2, **fault)
    with serve(shared, patience=BRISK, limits=QUICK):
        assert "1987" in answered(anna, WHEN).text
        assert "1987" in answered(anna, WHEN).text
    assert any(refused.injected for refused in api.refusals)
    assert answers(api) == 2


@pytest.mark.parametrize("kind", WIRE)
@pytest.mark.parametrize("method", [*METHODS[:2], *(pytest.param(name, marks=pytest.mark.nightly) for name in LATER)])
def test_after_a_broken_answer_to_any_call_the_question_and_the_next_one_are_answered(
    api: BotApi, serve: Serve, shared: Library, method: str, kind: str
) -> None:
    anna = api.person(GUEST, "Anna")
    api.fault_next(method, kind, seconds=5)
    with serve(shared, patience=BRISK, limits=QUICK):
        anna.says(WHEN)
        until(lambda: answers(api) >= 1 and api.faults)
        anna.says(WHEN)
        until(lambda: len([m for m in anna.chat if m.from_bot and "1987" in m.text]) >= 2)
    assert all("1987" in m.text for m in anna.chat if m.from_bot)
    assert answers(api) <= 3


def test_a_gateway_that_gave_up_waiting_may_have_passed_it_on(api: BotApi, serve: Serve, shared: Library) -> None:
    anna = api.person(GUEST, "Anna")
    api.fault_next("sendMessage", "html", status=504, effect=True, times=3)
    with serve(shared, patience=BRISK, limits=QUICK) as bot:
        anna.says(WHEN)
        until(lambda: answers(api) == 2 and bot._parts.inbox.waiting() == 0)
        api.heal()
        assert "1987" in answered(anna, WHEN).text
    assert answers(api) == 3


@pytest.mark.parametrize("kind", ["hang", "reset", "truncated"])
def test_a_reply_that_may_have_arrived_is_repeated_once_and_says_so(
    api: BotApi, serve: Serve, shared: Library, kind: str
) -> None:
    anna = api.person(GUEST, "Anna")
    api.fault_next("sendMessage", kind, effect=True, times=3)
    with serve(shared, patience=BRISK, limits=QUICK):
        anna.says(WHEN)
        until(lambda: answers(api) == 2)
        time.sleep(1.5)
        api.heal()
        assert "1987" in answered(anna, WHEN).text
    first, again, *_ = [m.text for m in anna.chat if m.from_bot]
    assert words.PERHAPS_AGAIN not in first
    assert again.startswith(words.PERHAPS_AGAIN)
    assert answers(api) == 3


def test_a_reply_that_may_have_arrived_is_not_repeated_before_telegram_answers_again(
    api: BotApi, serve: Serve, shared: Library
) -> None:
    anna = api.person(GUEST, "Anna")
    with serve(shared, patience=BRISK, limits=QUICK):
        api.fault_next("sendMessage", "hang")
        api.fault_next("getMe", "hang", times=2)
        anna.says(WHEN)
        until(lambda: len(api.faults) == 3)
        assert answers(api) == 0
        until(lambda: answers(api) == 1)
    assert [m.text.startswith(words.PERHAPS_AGAIN) for m in anna.chat if m.from_bot] == [True]


def test_the_api_may_be_away_at_the_start_and_in_between(api: BotApi, serve: Serve, shared: Library) -> None:
    anna = api.person(GUEST, "Anna")
    with serve(shared, patience=BRISK, limits=QUICK):
        assert "1987" in answered(anna, WHEN).text
        with api.away():
            time.sleep(0.3)
        assert "1987" in answered(anna, WHEN).text
    assert answers(api) == 2


def test_a_reply_that_cannot_be_sent_for_long_is_sent_when_telegram_is_back(
    api: BotApi, serve: Serve, shared: Library
) -> None:
    anna = api.person(GUEST, "Anna")
    with serve(shared, patience=BRISK, limits=QUICK):
        api.fail_next("sendMessage", status=502, times=4)
        anna.says(WHEN)
        until(lambda: answers(api) == 1)
    assert words.PERHAPS_AGAIN not in anna.chat[-1].text


@pytest.mark.parametrize("patience", [pace.PATIENCE, 0.5], ids=["waits", "comes back"])
def test_telegram_is_left_alone_for_as_long_as_it_says(
    api: BotApi, serve: Serve, shared: Library, patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "PATIENCE", patience)
    retry_after = 4
    anna, boris = api.person(GUEST, "Anna"), api.person(GUEST + 100, "Boris")
    with serve(shared, patience=BRISK, limits=QUICK):
        api.fail_next("sendMessage", status=429, retry_after=retry_after)
        anna.says(WHEN)
        until(lambda: any(refused.injected for refused in api.refusals))
        refused = time.monotonic()
        assert "1987" in answered(boris, WHEN).text  # another chat need not wait
        assert time.monotonic() - refused < retry_after
        until(lambda: answers(api) == 2)
        assert time.monotonic() - refused >= retry_after - 0.1
    assert words.PERHAPS_AGAIN not in anna.chat[-1].text


def test_who_blocked_the_bot_is_not_written_to_again_and_others_are(api: BotApi, serve: Serve, shared: Library) -> None:
    anna, boris = api.person(GUEST, "Anna"), api.person(GUEST + 100, "Boris")
    with serve(shared, patience=BRISK, limits=QUICK):
        anna.says(WHEN)
        anna.blocks()
        boris.says(WHEN)
        until(lambda: any(m.from_bot for m in boris.chat))
        time.sleep(1.2)
        tried = [refused for refused in api.refusals if refused.method == "sendMessage"]
        assert len(tried) <= 1
        anna.unblocks()
        assert "1987" in answered(anna, WHEN).text


def test_markup_that_telegram_does_not_like_is_sent_as_plain_text(api: BotApi, serve: Serve, shared: Library) -> None:
    anna = api.person(GUEST, "Anna")
    with serve(shared, patience=BRISK, limits=QUICK):
        api.fail_next("sendMessage", status=400, description="Bad Request: can't parse entities: unsupported start tag")
        reply = answered(anna, WHEN)
    assert "1987" in reply.text
    assert "<" not in reply.text
    assert "&" not in reply.text
    assert [entity.type for entity in reply.entities if entity.type in ("bold", "text_link")] == []


@pytest.mark.parametrize(
    "poison",
    [
        {"message": "no object"},
        {"message": {"message_id": "x", "date": "y", "chat": {"id": GUEST, "type": "private"}}},
        {"message": {"message_id": 1, "date": 1, "chat": {"id": GUEST}, "from": 5, "text": {"a": 1}}},
        {"callback_query": {"id": 1}},
        {"message": {"message_id": 1, "date": 10**30, "chat": {"id": 10**40, "type": "private"}, "text": "x"}},
        {"unknown_kind": {"deeply": [[[[[]]]]]}},
        {},
    ],
    ids=["string", "fields", "types", "query", "huge", "unknown", "nothing"],
)
def test_an_update_that_cannot_be_read_is_set_aside_and_the_rest_of_its_batch_goes_on(
    api: BotApi, serve: Serve, shared: Library, poison: dict[str, object]
) -> None:
    anna, boris = api.person(GUEST, "Anna"), api.person(GUEST + 100, "Boris")
    api.inject(poison)
    boris.says(WHEN)
    anna.says(WHEN)
    with serve(shared, patience=BRISK, limits=QUICK) as bot:
        for person in (boris, anna):
            person.waits(lambda m: "1987" in m.text, timeout=90)
        until(lambda: bot._parts.inbox.waiting() == 0)
        fetched = len(api.calls("getUpdates"))
        assert "1987" in answered(anna, WHEN).text
        assert len(api.calls("getUpdates")) - fetched < 10  # it is not fetched again and again


def test_an_update_without_a_number_is_left_out_and_the_others_are_answered(
    api: BotApi, serve: Serve, shared: Library
) -> None:
    anna = api.person(GUEST, "Anna")
    with serve(shared, patience=BRISK, limits=QUICK):
        api.inject({"update_id": "seven", "message": {}})
        assert "1987" in answered(anna, WHEN).text
        assert "1987" in answered(anna, WHEN).text


def test_an_admin_who_edits_what_is_shown_hears_of_no_error(api: BotApi, serve: Serve, own_library: Library) -> None:
    boss = api.person(ADMIN, "Boss")
    with serve(own_library, patience=BRISK, limits=QUICK):
        api.fault_next("editMessageText", "reset", times=2)
        boss.says("/reindex")
        boss.waits(lambda m: "There was nothing to do" in m.text or "Nothing" in m.text, timeout=90)
        assert "1987" in answered(boss, WHEN).text


def test_a_bot_that_is_silent_for_too_long_ends_with_an_error(api: BotApi, serve: Serve, shared: Library) -> None:
    bot: Lifecycle
    with serve(shared, patience=BRISK, limits=QUICK, delivery__silence=2) as bot:
        api.fail_next("getUpdates", status=404, times=1_000)
        until(lambda: bot.lacks == "it is stopping", seconds=20)
    assert bot._code == 1


def answers(api: BotApi) -> int:
    return sum("1987" in str(call.parameters.get("text")) for call in api.calls("sendMessage"))
