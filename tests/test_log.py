"""Logging: no token in any line, no traceback for what a network does."""

import logging

import pytest
from telegram.error import NetworkError

from config import log

TOKEN = "123456789:AAabcdefghijklmnopqrstuvwxyz0123456"


@pytest.fixture(autouse=True)
def _as_it_was() -> object:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield None
    root.handlers[:] = before
    root.setLevel(level)


def test_a_token_is_blotted_out_of_messages_arguments_and_tracebacks(capfd: pytest.CaptureFixture[str]) -> None:
    log.start("info")
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
    log.start("info")
    try:
        raise NetworkError("connection reset")
    except NetworkError:
        logging.getLogger("telegram.ext").exception("polling failed")
    written = capfd.readouterr().err
    assert "polling failed (connection reset)" in written
    assert "Traceback" not in written


def test_the_level_is_kept_and_noisy_libraries_are_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    log.start("warning")
    logging.getLogger("bot.test").info("not shown")
    logging.getLogger("httpx").info("not shown either")
    logging.getLogger("bot.test").warning("shown")
    written = capfd.readouterr().err
    assert "not shown" not in written
    assert "shown" in written
