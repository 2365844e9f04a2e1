"""Logging: no secret in any line, no traceback for what a network does, and no record that is lost."""

import datetime as dt
import io
import json
import logging
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram.error import NetworkError

from config import Log, log
from tests.logscan import PASSWORD, SCAN, SECRETS, TOKEN, WEBHOOK_SECRET, Scan, watched


@pytest.fixture(autouse=True)
def _as_it_was() -> object:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield None
    root.handlers[:] = before
    root.setLevel(level)


def test_a_token_is_blotted_out_of_messages_arguments_and_tracebacks(capfd: pytest.CaptureFixture[str]) -> None:
    log.start(Log())
    logger = logging.getLogger("bot.test")
    logger.info("GET https://api.telegram.org/bot%s/getMe", TOKEN)
    try:
        raise ValueError(f"no such bot {TOKEN}")
    except ValueError:
        logger.exception("failed with %s", TOKEN)
    written = capfd.readouterr().err
    assert TOKEN.partition(":")[2] not in written
    assert written.count("«token»") == 3
    assert "ValueError" in written


def test_what_the_network_refused_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    log.start(Log())
    try:
        raise NetworkError("connection reset")
    except NetworkError:
        logging.getLogger("telegram.ext").exception("polling failed")
    written = capfd.readouterr().err
    assert "polling failed (connection reset)" in written
    assert "Traceback" not in written


def test_the_level_is_kept_and_noisy_libraries_are_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    log.start(Log(level="warning"))
    logging.getLogger("bot.test").info("not shown")
    logging.getLogger("httpx").info("not shown either")
    logging.getLogger("bot.test").warning("shown")
    written = capfd.readouterr().err
    assert "not shown" not in written
    assert "shown" in written


@pytest.mark.parametrize(
    "text",
    [
        f"GET https://api.telegram.org/bot{TOKEN}/getMe",
        f"GET /bot{TOKEN.replace(':', '%3A')}/getMe and {TOKEN.replace(':', '%3a')} and {TOKEN.replace(':', '%253A')}",
        f"postgresql://anna:{PASSWORD}@db:5432/footnote",
        f"postgresql+pg8000://anna:x@{PASSWORD}@db/footnote and redis://:{PASSWORD}@cache",
        f"Authorization: Bearer {PASSWORD}",
        f"{{'authorization': 'bearer {PASSWORD}'}}",
        f"(b'authorization', b'Basic {PASSWORD}')",
        f"{{'url': 'https://x.org', 'secret_token': '{WEBHOOK_SECRET}'}}",
        f"[(b'X-Telegram-Bot-Api-Secret-Token', b'{WEBHOOK_SECRET}')]",
    ],
)
def test_what_is_shaped_like_a_secret_is_blotted_out_wherever_it_stands(text: str) -> None:
    shown = log.redact(text)
    for secret in (TOKEN.partition(":")[2], PASSWORD, WEBHOOK_SECRET):
        assert secret not in shown
    assert "«" in shown


def test_what_is_no_secret_stays() -> None:
    for text in (
        "https://example.org:8080/a@b 12:30:45 revision 3",
        "http://127.0.0.1:8000 is basic; see a@example.org",
        "the secret token was refused",
    ):
        assert log.redact(text) == text


def test_a_very_long_line_is_blotted_out_in_no_time() -> None:
    for text in ("1" * 200_000, "a" * 200_000, "://a:" * 40_000, "bearer " * 30_000, "secret_token" * 20_000):
        log.redact(text)  # what takes quadratic time here would take minutes


SECRET = 'gr"un\u00e4 \\weg/7%'


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_secrets_that_are_given_are_blotted_out_in_every_form(form: Any, capfd: pytest.CaptureFixture[str]) -> None:
    log.start(Log(form=form), secrets=[SECRET, "abc"])
    quoted = "gr%22un%C3%A4%20%5Cweg%2F7%25"
    logging.getLogger("bot.test").warning("%s %r abc", SECRET, SECRET, extra={"of": {quoted: [SECRET]}})
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("bot.test").exception("failed")
    written = capfd.readouterr().err
    assert "weg" not in written
    assert "abc" in written  # too short to be one


def test_as_json_a_record_is_one_object_with_all_it_carries(capfd: pytest.CaptureFixture[str]) -> None:
    log.start(Log(form="json"))
    logging.getLogger("bot.test").info("two\nlines about %s", "Zürich", extra={"chat": 7, "took": 0.5, "tags": {"a"}})
    try:
        raise ValueError(f"no such bot {TOKEN}")
    except ValueError:
        logging.getLogger("bot.test").exception("failed")
    plain, failed = map(json.loads, capfd.readouterr().err.splitlines())
    at = dt.datetime.fromisoformat(plain.pop("time"))
    assert abs(dt.datetime.now(dt.UTC) - at) < dt.timedelta(minutes=1)
    assert plain == {
        "level": "info",
        "logger": "bot.test",
        "message": "two\nlines about Zürich",
        "chat": 7,
        "took": 0.5,
        "tags": ["a"],
    }
    assert (failed["level"], failed["error"]) == ("error", "ValueError")
    assert "no such bot «token»" in failed["traceback"]


class Unshown:
    def __str__(self) -> str:
        raise RuntimeError(TOKEN)

    __repr__ = __str__


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_cannot_be_shown_or_encoded_does_not_lose_the_record(
    form: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, encoding="ascii", errors="strict", write_through=True))
    log.start(Log(form=form))
    logger = logging.getLogger("bot.test")
    logger.warning("half a character \udc80 and Zürich")
    logger.warning("%d of them", TOKEN)
    logger.warning(
        "object %s", Unshown(), extra={"at": Unshown(), "much": float("nan"), "more": 10**5_000, "loop": (loop := [])}
    )
    loop.append(loop)
    logger.warning("loop", extra={"loop": loop})
    lines = raw.getvalue().decode("ascii").splitlines()
    assert len(lines) == 4
    assert TOKEN not in "".join(lines)
    assert capfd.readouterr().err == ""  # Python prints there what it cannot log
    if form == "json":
        assert [json.loads(line)["level"] for line in lines] == ["warning"] * 4


@given(st.text(), st.dictionaries(st.text(min_size=1), st.one_of(st.floats(), st.binary(), st.text(), st.none())))
def test_whatever_a_record_carries_json_is_one_line_that_others_can_read(message: str, extra: dict[str, Any]) -> None:
    record = logging.makeLogRecord({"msg": message, **{f"x{key}": value for key, value in extra.items()}})
    line = log.formatter(Log(form="json")).format(record)
    assert "\n" not in line
    assert set(json.loads(line)) >= {"time", "level", "logger", "message"}
    json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_the_scan_that_watches_all_tests_catches_a_secret_that_is_not_blotted_out() -> None:
    bare = Scan(logging.Formatter())
    with pytest.raises(AssertionError, match=r"bot\.test wrote a secret"), watched(bare):
        logging.getLogger("bot.test").debug("GET /bot%s/getMe", TOKEN)
    ours = Scan()
    with watched(ours):
        logging.getLogger("httpx").debug("GET /bot%s/getMe", TOKEN)
    other = Scan(secrets=["the password of this test"])  # the scan of all tests must not find it as well
    with pytest.raises(AssertionError, match="httpx"), watched(other):
        _leak("the password of this test")


def test_every_test_is_watched_at_debug_whatever_library_logs() -> None:
    assert SCAN in logging.getLogger().handlers
    names = ("", "bot", "index", "httpx", "httpcore", "telegram.ext.ExtBot", "chromadb")
    assert all(logging.getLogger(name).isEnabledFor(logging.DEBUG) for name in names)


@pytest.mark.parametrize("place", ["message", "argument", "name", "traceback", "stack", "extra", "key", "deep"])
@given(around=st.tuples(st.text(), st.text()), secret=st.sampled_from(SECRETS))
def test_the_scan_looks_at_all_that_a_line_may_hold(place: str, around: tuple[str, str], secret: str) -> None:
    text = around[0] + secret + around[1]
    content: dict[str, Any] = {
        "message": {"msg": text, "args": None},
        "argument": {"msg": "it is %s", "args": (text,)},
        "name": {"name": text},
        "traceback": {"exc_info": (ValueError, ValueError(text), None)},
        "stack": {"stack_info": text},
        "extra": {"url": text},
        "key": {text: 1},
        "deep": {"headers": {"a": [{"b": text}]}},
    }[place]
    scan = Scan(_Bare())
    scan.emit(logging.makeLogRecord({"msg": "", **content}))
    assert scan.found


class _Bare(logging.Formatter):
    """Writes all that a record carries, and blots out nothing."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record) + str(vars(record))


def _leak(secret: str) -> None:
    log.start(Log())
    logging.getLogger("httpx").warning("it is %s", secret)


def test_a_record_that_cannot_be_written_at_all_is_told_without_its_words(capfd: pytest.CaptureFixture[str]) -> None:
    log.start(Log())
    record = logging.makeLogRecord({"name": "bot.test", "lineno": 7, "msg": TOKEN})
    logging.getLogger().handlers[0].handleError(record)
    assert capfd.readouterr().err == "a record from bot.test, line 7, cannot be written\n"
