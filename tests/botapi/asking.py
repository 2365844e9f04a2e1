"""Inline mode as people meet it: they type after the bot's name, see results and pick one.

All methods block the calling thread.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.botapi.formatting import Formatted
from tests.botapi.inline import cached
from tests.botapi.records import InlineAnswer, InlineQuery, InlineResult, Message
from tests.botapi.rooms import Room, troubles
from tests.botapi.state import State
from tests.botapi.wire import inline_query_json

if TYPE_CHECKING:
    from tests.botapi.people import Person

MAX_QUERY_LENGTH = 256
"""Longest query a client sends, in characters."""

LANE = 1 << 33
"""Inline queries of a person come in a row of their own, beside what the person writes."""


class Asked:
    """An inline query, waiting for the bot's answer, or answered by the cache without the bot."""

    def __init__(self, state: State, person: "Person", text: str, offset: str, into: Room) -> None:
        """Type it into that chat; raise ValueError when it is too long and LookupError without inline mode."""
        if len(text) > MAX_QUERY_LENGTH:
            raise ValueError(f"{len(text)} characters; clients send at most {MAX_QUERY_LENGTH} in an inline query")
        self._state, self._person, self._into = state, person, into
        self._query = InlineQuery(person.id, text, offset)
        with state.changed:
            if not state.inline.enabled:
                raise LookupError("the bot has no inline mode")
            self._cached = cached(state, self._query)
            self.query_id = "" if self._cached else state.new_id()
            if not self._cached:
                self._ask()

    def _ask(self) -> None:
        kind = "sender" if self._into is self._person else self._state.chats[self._into.id].kind
        self._state.inline.waiting[self.query_id] = self._query
        query = inline_query_json(
            self.query_id, person=self._person.user, text=self._query.text, offset=self._query.offset, kind=kind
        )
        self._state.queue("inline_query", query, chat_id=self._person.id + LANE)

    @property
    def was_cached(self) -> bool:
        """Whether the bot was not asked."""
        return self._cached is not None

    def answer(self, timeout: float = 60) -> InlineAnswer:
        """Wait for answerInlineQuery; raise AssertionError when none comes within `timeout` seconds."""
        if self._cached:
            return self._cached
        with self._state.changed:
            if not self._state.changed.wait_for(lambda: self.query_id in self._state.inline.answers, timeout):
                raise AssertionError(f"the inline query was not answered within {timeout} s{troubles(self._state)}")
            return self._state.inline.answers[self.query_id]

    def results(self, timeout: float = 60) -> tuple[InlineResult, ...]:
        """Wait for the results and return them as the person sees them, in their order."""
        return self.answer(timeout).results

    def more(self) -> "Asked":
        """Scroll to the end, where a client asks for more; raise LookupError when there is no more."""
        if not (offset := self.answer().next_offset):
            raise LookupError("there are no more results")
        return Asked(self._state, self._person, self._query.text, offset, self._into)

    def picks(self, result: InlineResult | str, into: Room | None = None) -> Message:
        """Send the message of a result, named by itself or by its title, into the chat of the query or another."""
        chosen = next((each for each in self.results() if result in (each, each.title)), None)
        if chosen is None:
            raise LookupError(f"no result {result!r}: {', '.join(each.title for each in self.results())}")
        room = into or self._into
        room.admits(self._person.user)
        with self._state.changed:
            chat = self._state.chats[room.id]
            body = Formatted(chosen.text, chosen.entities)
            draft = replace(
                self._state.draft(chat, sender=self._person.user, html=chosen.html, body=body),
                buttons=chosen.buttons,
                link_preview=chosen.link_preview,
                thread=room.thread,
                via_bot=self._state.bot,
                inline_id=f"BAAAAP{self._state.new_id()}" if chosen.buttons else None,
            )
            sent = room.puts(draft)
            if sent.inline_id:
                self._state.inline.picked[sent.inline_id] = (sent.chat_id, sent.id)
        return sent

    def presses_button(self) -> Message:
        """Press the button above the results, which opens the chat with the bot; raise LookupError without one."""
        if (parameter := self.answer().start_parameter) is None:
            raise LookupError("there is no button above the results")
        return self._person.opens(parameter)

    def expires(self) -> None:
        """Let the query grow too old to be answered."""
        with self._state.changed:
            self._state.inline.waiting.pop(self.query_id, None)
