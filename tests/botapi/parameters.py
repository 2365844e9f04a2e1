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
    "callback_query_id": "query is too old and response timeout expired or query ID is invalid",
}
_KINDS: Final = {"bool_type": "Boolean", "int_type": "Number", "string_type": "String", "list_type": "Array"}
_QUICK_PARTS: Final[Mapping[str, Callable[[dict[str, Any]], object]]] = {
    "reply_markup": quick_keyboard,
    "reply_parameters": lambda value: ReplyParameters.model_construct(**value),
    "link_preview_options": lambda value: LinkPreviewOptions.model_construct(**value),
}
_PARTS: Final = {
    "inline_keyboard": "Can't parse inline keyboard button: ",
    "commands": "Can't parse BotCommand: ",
    "scope": "Can't parse BotCommandScope: ",
    "entities": "Can't parse MessageEntity: ",
}


def read_parameters(model: type[M], given: Mapping[str, object], *, supported: frozenset[str]) -> M:
    """Check the types of all parameters and that each is known; raise Refusal otherwise."""
    values = {name: _decoded(model, name, value) for name, value in given.items() if value is not None}
    if isinstance(markup := values.get("reply_markup"), dict):
        values["reply_markup"] = _read_markup(markup)
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


def _wrong(exc: ValidationError) -> Refusal:
    """Word the first error as the real server does, as far as it has words for it."""
    errors = [error for error in exc.errors() if error["type"] != "is_instance_of"]
    error = min(errors, key=lambda error: error["loc"] != ("text",))  # the real server reads the text first
    names = [part for part in error["loc"] if isinstance(part, str) and part.islower() and part not in {"int", "str"}]
    names = [name for name in names if name != "bool"]
    name, part = names[-1], _PARTS.get(names[0], "") if len(names) > 1 or "union" in error["type"] else ""
    if error["type"] == "missing":
        return refuse(_MISSING[name] if len(names) == 1 and name in _MISSING else f'{part}Can\'t find field "{name}"')
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
