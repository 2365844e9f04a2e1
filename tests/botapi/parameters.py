"""The parameters of a request, read strictly into aiogram's models of the Bot API.

Stricter than the real server in one point: a field it would ignore is refused here. Knows no method's effect.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar, get_args

from aiogram.methods import TelegramMethod
from aiogram.types import (
    ForceReply,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputTextMessageContent,
    LinkPreviewOptions,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    ReplyParameters,
)
from pydantic import BaseModel, ValidationError

from tests.botapi.keyboard import quick_keyboard
from tests.botapi.refusal import Refusal, refuse, unsupported

M = TypeVar("M", bound=TelegramMethod[Any])

_MARKUPS: Final[Mapping[str, type[BaseModel]]] = {
    "inline_keyboard": InlineKeyboardMarkup,
    "keyboard": ReplyKeyboardMarkup,
    "remove_keyboard": ReplyKeyboardRemove,
    "force_reply": ForceReply,
}
_MISSING: Final = {
    "text": "Message text is empty",
    "chat_id": "chat_id is empty",
    "message_id": "Message identifier is not specified",
    "action": "Wrong parameter action in request",
    "document": "There is no document in the request",
    "photo": "There is no photo in the request",
    "inline_query_id": "query is too old and response timeout expired or query ID is invalid",
    "callback_query_id": "query is too old and response timeout expired or query ID is invalid",
}
_KINDS: Final = {"bool_type": "Boolean", "int_type": "Number", "string_type": "String", "list_type": "Array"}
_QUICK_PARTS: Final[Mapping[str, Callable[[dict[str, Any]], object]]] = {
    "reply_markup": quick_keyboard,
    "reply_parameters": lambda value: ReplyParameters.model_construct(**value),
    "link_preview_options": lambda value: LinkPreviewOptions.model_construct(**value),
}
_RESULT: Final = "Can't parse inline query result: "
_RESULTS: Final = frozenset(
    "article audio contact document game gif location mpeg4_gif photo sticker venue video voice".split()
)
"""The types of result that Telegram knows."""

_PARTS: Final = {
    "inline_keyboard": "Can't parse inline keyboard button: ",
    "commands": "Can't parse BotCommand: ",
    "scope": "Can't parse BotCommandScope: ",
    "entities": "Can't parse MessageEntity: ",
    "caption_entities": "Can't parse MessageEntity: ",
    "button": "Can't parse inline query results button: ",
}


def read_parameters(model: type[M], given: Mapping[str, object], *, supported: frozenset[str]) -> M:
    """Check the types of all parameters and that each is known; raise Refusal otherwise."""
    values = {name: _decoded(model, name, value) for name, value in given.items() if value is not None}
    if isinstance(markup := values.get("reply_markup"), dict):
        values["reply_markup"] = _read_markup(markup)
    if isinstance(results := values.get("results"), list):
        values["results"] = [_read_result(result) for result in results]
    try:
        parameters = model.model_validate(values, strict=True)
    except ValidationError as exc:
        raise _wrong(exc) from exc
    for path in _unknown(parameters):
        raise refuse(f"unknown field {path}")
    if beyond := values.keys() - supported:
        raise unsupported(", ".join(sorted(beyond)))
    return parameters


def quick_parameters(model: type[M], given: Mapping[str, object]) -> M:
    """Take all parameters for right: for load tests, in which other tests have checked what is sent."""
    values: dict[str, Any] = {name: _decoded(model, name, value) for name, value in given.items() if value is not None}
    for name, part in _QUICK_PARTS.items():
        if isinstance(value := values.get(name), dict):
            values[name] = part(value)
    return model.model_construct(**values)


def _decoded(model: type[BaseModel], name: str, value: object) -> object:
    """Read numbers, flags and objects out of the strings a form carries."""
    field = model.model_fields.get(name)
    if field is None or not isinstance(value, str):
        return value
    kinds = get_args(field.annotation) or (field.annotation,)
    if str in kinds and int not in kinds:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _read_markup(markup: dict[str, object]) -> BaseModel:
    """Choose the model by its telling field: aiogram's union would take any object for a ReplyKeyboardRemove."""
    model = next((_MARKUPS[name] for name in markup if name in _MARKUPS), None)
    if model is None:
        raise refuse(f"unknown field reply_markup.{next(iter(markup), '')}")
    try:
        return model.model_validate(markup, strict=True)
    except ValidationError as exc:
        raise _wrong(exc) from exc


def _read_result(result: object) -> InlineQueryResultArticle:
    """Choose the model of an inline result by its type, and that of its message by its telling field."""
    if not isinstance(result, dict):
        raise refuse(f"{_RESULT}Inline query result must be an object")
    kind, content = result.get("type"), result.get("input_message_content")
    if kind is None:
        raise refuse(f'{_RESULT}Can\'t find field "type"')
    if kind not in _RESULTS:
        raise refuse(f'{_RESULT}type "{kind}" is unsupported for the inline query result')
    if kind != "article":
        raise unsupported(f"an inline result of type {kind}")
    if "id" not in result:  # the real server reads it first
        raise refuse(f'{_RESULT}Can\'t find field "id"')
    if content is None:
        raise refuse(f'{_RESULT}Can\'t find field "message_text"')
    if isinstance(content, dict) and "message_text" not in content:
        raise unsupported("an inline result whose message is no text")
    try:
        text = InputTextMessageContent.model_validate(content, strict=True)
        markup = result.get("reply_markup")
        read = {"reply_markup": _read_markup(markup) if isinstance(markup, dict) else markup}
        article = InlineQueryResultArticle.model_validate(
            {**result, "input_message_content": text, **read}, strict=True
        )
    except ValidationError as exc:
        raise _wrong(exc, prefix=_RESULT) from exc
    if thumbnail := {name for name in article.model_fields_set if name.startswith("thumbnail") or name == "hide_url"}:
        raise unsupported(f"an inline result with {', '.join(sorted(thumbnail))}")
    return article


def _wrong(exc: ValidationError, *, prefix: str = "") -> Refusal:
    """Word the first error as the real server does, as far as it has words for it."""
    errors = [error for error in exc.errors() if error["type"] != "is_instance_of"]
    error = min(errors, key=lambda error: error["loc"] != ("text",))  # the real server reads the text first
    names = [part for part in error["loc"] if isinstance(part, str) and part.islower() and part not in {"int", "str"}]
    names = [name for name in names if name != "bool"]
    name, part = names[-1], _PARTS.get(names[0], "") if len(names) > 1 or "union" in error["type"] else ""
    part = prefix + part
    if error["type"] == "missing":
        known = len(names) == 1 and name in _MISSING and not prefix
        return refuse(_MISSING[name] if known else f'{part}Can\'t find field "{name}"')
    if error["type"] == "union_tag_invalid":
        return refuse(f"{part}Unsupported type specified")
    return refuse(f'{part}Field "{name}" must be of type {_KINDS.get(error["type"], "Object")}')


def _unknown(value: object, path: str = "") -> Iterator[str]:
    """Walk a model and give the path of every field the Bot API does not know."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(item, f"{path}[{index}]")
    if isinstance(value, BaseModel):
        prefix = f"{path}." if path else ""
        yield from (f"{prefix}{name}" for name in value.model_extra or ())
        for name in value.model_fields_set & type(value).model_fields.keys():
            yield from _unknown(getattr(value, name), f"{prefix}{name}")
