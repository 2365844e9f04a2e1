"""A bot that is nothing but HTTP requests, for the tests of the Bot API server."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
from telegram import Message, Update

from tests.botapi import BotApi


class Bot:
    """A bot that speaks bare HTTP."""

    def __init__(self, api: BotApi, http: httpx.Client) -> None:
        self.address = f"{api.url}/bot{api.token}"
        self.http = http

    def answer(
        self, method: str, *, files: Mapping[str, tuple[str, bytes]] | None = None, **parameters: Any
    ) -> dict[str, Any]:
        """Call with parameters as a form, as python-telegram-bot does, and return the whole answer.

        `files` are uploads by parameter, each with its name.
        """
        form = {name: value if isinstance(value, str) else json.dumps(value) for name, value in parameters.items()}
        response = self.http.post(f"{self.address}/{method}", data=form, files=files)
        answer: dict[str, Any] = response.json()
        assert response.status_code == answer.get("error_code", 200)
        return answer

    def call(self, method: str, **parameters: Any) -> Any:
        """Call and return the result, which there must be."""
        answer = self.answer(method, **parameters)
        assert answer["ok"], answer
        return answer["result"]

    def refusal(self, method: str, **parameters: Any) -> str:
        """Call and return why it was refused, which it must be."""
        answer = self.answer(method, **parameters)
        assert not answer["ok"], answer
        return f"{answer['error_code']} {answer['description']}"

    def updates(self) -> list[dict[str, Any]]:
        """Return what waits and confirm it; python-telegram-bot must be able to read all of it."""
        waiting: list[dict[str, Any]] = self.call("getUpdates")
        if waiting:
            self.call("getUpdates", offset=waiting[-1]["update_id"] + 1)
        for update in waiting:
            read = Update.de_json(update, None)
            assert not read.api_kwargs
            assert not (isinstance(read.effective_message, Message) and read.effective_message.api_kwargs)
        return waiting


def keyboard(**button: object) -> dict[str, object]:
    """Write an inline keyboard of one button."""
    return {"inline_keyboard": [[{"text": "Go", **button}]]}
