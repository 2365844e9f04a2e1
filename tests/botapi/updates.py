"""The queue behind getUpdates and the webhook. Knows nothing of what an update tells."""

from collections.abc import Iterable
from typing import Final

from tests.botapi.formatting import Json
from tests.botapi.records import Waiting

FIRST_UPDATE_ID: Final = 700_000_001
NOT_BY_DEFAULT: Final = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
"""Updates a bot gets only when it asks for them by name."""


class Updates:
    """The queue behind getUpdates and the webhook."""

    def __init__(self) -> None:
        """Start empty, with every kind of update allowed that a bot gets by default."""
        self._next_id = FIRST_UPDATE_ID
        self._queue: list[Waiting] = []
        self.allowed: frozenset[str] = frozenset()

    def __len__(self) -> int:
        """Count the unconfirmed updates."""
        return len(self._queue)

    def allow(self, kinds: Iterable[str]) -> None:
        """Remember the wanted kinds for updates to come; none stands for the default."""
        self.allowed = frozenset(kinds)

    def add(self, kind: str, content: Json, *, lane: int) -> bool:
        """Queue an update and tell so, unless the bot does not want its kind."""
        wanted = kind in self.allowed or (not self.allowed and kind not in NOT_BY_DEFAULT)
        if wanted:
            self.inject({"update_id": self._next_id, kind: content}, lane=lane)
        return wanted

    def inject(self, update: Json, *, lane: int) -> Json:
        """Queue an update as it is, wanted or not; it gets an id unless it has one."""
        update = {"update_id": self._next_id, **update}
        given = update["update_id"]
        number = given if isinstance(given, int) else self._next_id
        self._next_id = max(self._next_id, number + 1)
        self._queue.append(Waiting(number, lane, update))
        return update

    def fetch(self, offset: int, limit: int) -> list[Json]:
        """Confirm the updates below `offset` and return the next ones; a negative one keeps that many from the end."""
        if offset < 0:
            self._queue = self._queue[offset:]
        elif offset:
            self._queue = [waiting for waiting in self._queue if waiting.id >= offset]
        return [waiting.update for waiting in self._queue[:limit]]

    def lanes(self) -> set[int]:
        """Name the lanes in which something waits."""
        return {waiting.lane for waiting in self._queue}

    def first(self, lane: int) -> Waiting | None:
        """Return what is next in a lane."""
        return next((waiting for waiting in self._queue if waiting.lane == lane), None)

    def remove(self, taken: Waiting) -> None:
        """Take out what a webhook has taken, if it is still there."""
        self._queue = [waiting for waiting in self._queue if waiting is not taken]

    def clear(self) -> None:
        """Drop everything that waits."""
        self._queue.clear()
