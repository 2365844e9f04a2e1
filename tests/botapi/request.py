"""The body of a request: parameters and files, from wherever the Bot API takes them. Knows no method."""

from typing import Final

from aiogram.types import BufferedInputFile
from aiohttp import web

from tests.botapi.refusal import Refusal, refuse

MAX_BODY: Final = 64 << 20
"""Bytes that are read before a request is refused unread; a method says what a file may have."""


async def read_request(request: web.Request) -> dict[str, object]:
    """Collect parameters from query, form, multipart or JSON; a file comes as aiogram's BufferedInputFile."""
    given: dict[str, object] = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError as exc:
            raise refuse("Can't parse the JSON of the request") from exc
        if not isinstance(body, dict):
            raise refuse("Object expected as the request")
        return given | body
    try:
        form = await request.post()
    except web.HTTPRequestEntityTooLarge as exc:
        raise Refusal(413, "Request Entity Too Large") from exc
    return given | {name: _read(value) for name, value in form.items()}


def _read(value: object) -> object:
    if not isinstance(value, web.FileField):
        return value
    with value.file as file:
        return BufferedInputFile(file.read(), filename=value.filename)
