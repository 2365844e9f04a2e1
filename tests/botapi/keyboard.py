"""Inline keyboards: what Telegram accepts on a button. Knows no messages."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup
from pydantic import BaseModel

from tests.botapi.formatting import check_url, utf16_length
from tests.botapi.refusal import refuse, unsupported

MAX_BUTTONS: Final = 100
MAX_DATA_BYTES: Final = 64
MAX_COPIED_LENGTH: Final = 256
STYLES: Final = frozenset({"danger", "success", "primary"})

_LOOKS: Final = frozenset({"text", "style", "icon_custom_emoji_id"})
_ACTIONS: Final = frozenset({"url", "callback_data", "copy_text"})


@dataclass(frozen=True, slots=True)
class Button:
    """A button as a person sees it: exactly one of `data`, `url` and `copies` is set."""

    label: str
    data: str | None = None
    url: str | None = None
    copies: str | None = None
    style: str | None = None


Keyboard: TypeAlias = tuple[tuple[Button, ...], ...]


def quick_keyboard(markup: dict[str, Any]) -> Keyboard:
    """Take an inline keyboard for right and keep its rows."""
    return tuple(
        tuple(Button(each["text"], each.get("callback_data"), each.get("url")) for each in row)
        for row in markup["inline_keyboard"]
    )


def read_keyboard(markup: BaseModel | Keyboard | None) -> Keyboard:
    """Check an inline keyboard and keep its rows; one that was read already stays as it is."""
    if markup is None:
        return ()
    if isinstance(markup, tuple):
        return markup
    if not isinstance(markup, InlineKeyboardMarkup):
        raise unsupported(type(markup).__name__)
    rows = (tuple(_read_button(button) for button in row) for row in markup.inline_keyboard)
    keyboard = tuple(row for row in rows if row)
    if sum(map(len, keyboard)) > MAX_BUTTONS:
        raise refuse("reply markup is too long")
    return keyboard


def check_keyboard(keyboard: Keyboard) -> None:
    """Check what only Telegram's own servers check, after the chat and the text."""
    for button in _buttons(keyboard):
        if button.data is not None and len(button.data.encode()) > MAX_DATA_BYTES:
            raise refuse("BUTTON_DATA_INVALID")
        if button.copies is not None and not 1 <= utf16_length(button.copies) <= MAX_COPIED_LENGTH:
            raise refuse("BUTTON_COPY_TEXT_INVALID")


def find_button(keyboard: Keyboard, label: str) -> Button | None:
    """Find the first button with that label."""
    return next((button for button in _buttons(keyboard) if button.label == label), None)


def _buttons(keyboard: Keyboard) -> Iterable[Button]:
    return (button for row in keyboard for button in row)


def _read_button(button: InlineKeyboardButton) -> Button:
    actions = {
        name for name in type(button).model_fields.keys() - _LOOKS if getattr(button, name) not in {None, "", False}
    }
    if not actions:
        raise refuse("Can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if len(actions) > 1:  # the real server obeys one of them and ignores the rest
        raise refuse(f"Can't parse inline keyboard button: Several actions: {', '.join(sorted(actions))}")
    if actions - _ACTIONS or button.icon_custom_emoji_id:
        raise unsupported(f"inline keyboard button with {', '.join(sorted(actions))} or an icon")
    if button.style is not None and button.style not in STYLES:
        raise refuse("Can't parse inline keyboard button: Invalid style")
    return Button(
        button.text,
        data=button.callback_data,
        url=_checked(button.url) if button.url else None,
        copies=button.copy_text.text if button.copy_text else None,
        style=button.style,
    )


def _checked(url: str) -> str:
    try:
        return check_url(url)
    except ValueError as exc:
        raise refuse(f"Inline keyboard button URL '{url}' is invalid: {exc}") from exc
