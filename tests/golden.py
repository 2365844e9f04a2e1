"""Conversations as a person sees them, written down: each is compared with a file that somebody has read.

`python -m pytest --golden` writes the files anew, for somebody to read and to commit.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

from tests.botapi import Button, CallbackAnswer, Entity, Message

FOLDER = Path(__file__).parent / "golden"

_MARKS = {"bold": ("**", "**"), "italic": ("_", "_"), "code": ("`", "`"), "pre": ("```", "```")}
_ID = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{16}(?![0-9A-Za-z])")
_MOMENT = re.compile(r"\b\d{1,2} \w{3} \d{4}, \d\d:\d\d\b")
_PROBABILITY = re.compile(r"\b[01]\.\d\d\b")
"""Its last digit is another one on another processor."""

_MASKS = ((_ID, "‹id›"), (_MOMENT, "‹when›"), (_PROBABILITY, "‹p›"))


class Transcript:
    """What is said and pressed in a conversation, in order."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def says(self, name: str, message: Message | str) -> None:
        """Write down a message: of a person in words, of the bot as it looks."""
        text = message if isinstance(message, str) else shown(message)
        self._parts.append(f"{name}\n{_indented(text)}")

    def presses(self, name: str, label: str, answer: CallbackAnswer) -> None:
        """Write down a press, and what pops up."""
        kind = "a box" if answer.show_alert else "a line"
        popped = f" – {kind} pops up: {answer.text}" if answer.text else ""
        self._parts.append(f"{name} presses [ {label} ]{popped}")

    def agrees(self, name: str, *, write: bool) -> None:
        """Compare with the golden file of that name, or write it."""
        path, text = FOLDER / f"{name}.txt", "\n\n".join(self._parts) + "\n"
        if write:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path} is missing: run with --golden, read it, commit it"
        assert text == path.read_text(encoding="utf-8")


def shown(message: Message) -> str:
    """Write a message with its formatting and buttons: **bold**, [label](address), > an expandable quote."""
    lines = [formatted(message.text, message.entities)]
    lines += ["  ".join(_label(button) for button in row) for row in message.buttons]
    text = "\n".join(lines)
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text


def formatted(text: str, entities: Iterable[Entity]) -> str:
    """Write a text with its formatting."""
    units = text.encode("utf-16-le")
    inserts: list[tuple[int, int, int, str]] = []
    quotes: list[tuple[int, int]] = []
    for order, entity in enumerate(entities):
        start, end = entity.offset, entity.offset + entity.length
        if entity.type in ("expandable_blockquote", "blockquote"):
            quotes.append((start, end))
        opening, closing = (
            ("[", f"]({entity.url})") if entity.type == "text_link" else _MARKS.get(entity.type, ("", ""))
        )
        inserts += [(start, 1, order, opening), (end, 0, -order, closing)]  # what opened last is closed first
    for start, end in quotes:
        lines = units[2 * start : 2 * end].decode("utf-16-le")
        inserts += [(start, 0, 1, "> ")]
        at = start
        for line in lines.split("\n")[:-1]:
            at += len(line.encode("utf-16-le")) // 2 + 1
            inserts.append((at, 0, 1, "> "))
    pieces, at = [], 0
    for place, _, _, mark in sorted(inserts, key=lambda one: one[:3]):
        pieces += [units[2 * at : 2 * place].decode("utf-16-le"), mark]
        at = place
    return "".join([*pieces, units[2 * at :].decode("utf-16-le")])


def _label(button: Button) -> str:
    return f"[ {button.label} → {button.url} ]" if button.url else f"[ {button.label} ]"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.split("\n"))


Golden: TypeAlias = Callable[[Transcript, str], None]
"""Compares a transcript with the golden file of that name."""
