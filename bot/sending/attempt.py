"""The update that is being worked on, known to whatever sends messages meanwhile. Knows no Telegram and no tables."""

from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar

from bot.store.inbox import Taken
from index.truth.database import Note


class Enough(Exception):
    """The reply was begun as often as it may be: this ends the attempt."""


class Attempt:
    """One try to answer one update."""

    def __init__(
        self,
        taken: Taken,
        *,
        age: float,
        sending: Callable[[Sequence[Note]], Awaitable[bool]],
        unsent: Callable[[], Awaitable[None]],
        note: Callable[[Sequence[Note]], Awaitable[None]],
    ) -> None:
        """Work on `taken`, asked `age` seconds ago.

        `sending` and `unsent` note in the inbox what is sent, `note` writes down what belongs to it and nothing else.
        """
        self.taken = taken
        self.age = age
        self.error: Exception | None = None
        self.outcome = "done"
        self._sending = sending
        self._unsent = unsent
        self._note = note
        self._with_reply: list[Note] = []
        self.notes: list[Note] = []
        self._begun = False
        self._sent = False
        self.over = False

    async def begin(self) -> None:
        """Say that a message is about to be sent.

        Raises:
            Enough: it must not be.
        """
        if self.over:
            return
        notes, self._with_reply = self._with_reply, []
        if not self._begun:
            if not await self._sending(notes):
                raise Enough
            self._begun = True
        elif notes:
            await self._note(notes)

    def with_reply(self, note: Note) -> None:
        """Let something be written down before the next message is sent, in the transaction that notes that it is."""
        self._with_reply.append(note)

    def in_the_end(self, note: Note) -> None:
        """Let something be written down in the transaction that closes the update, or puts it back."""
        self.notes.append(note)

    async def not_sent(self) -> None:
        """Say that Telegram surely did not take the message; the reply counts as not begun where it was the first."""
        if self._begun and not self._sent and not self.over:
            self._begun = False
            await self._unsent()

    def sent(self) -> None:
        """Say that Telegram took a message."""
        self._sent = True

    def check(self) -> None:
        """Raise what a handler raised."""
        if self.error is not None:
            raise self.error

    def end(self) -> None:
        """Let what goes on in the background send what it likes."""
        self.over = True


def is_again() -> bool:
    """Whether what is being worked on was begun before, so that a part of it may be done already."""
    attempt = CURRENT.get()
    return attempt is not None and attempt.taken.again


def under_way() -> Attempt | None:
    """Return the attempt with whose notes something can be written down; None in the background, and without one."""
    attempt = CURRENT.get()
    return None if attempt is None or attempt.over else attempt


CURRENT: ContextVar[Attempt | None] = ContextVar("attempt", default=None)
