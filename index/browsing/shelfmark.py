"""Shelfmarks: twelve characters that stand for a name of any length where there is room for no more. No I/O.

The same name has the same mark on every machine and in every revision; what a mark stands for is looked up.
"""

import hashlib
import threading
from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable, Iterable

from index.records import ArticleId

MARK = r"[A-Za-z0-9_-]{12}"
"""How a shelfmark looks."""

REMEMBERED = 4_096
"""Shelfmarks whose articles are remembered: those of what was shown last. A few hundred kilobytes."""


def shelfmark(name: str) -> str:
    """Return the mark of a name: 72 bits, so that among a million names two are alike once in ten billion libraries."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=9).digest()
    return urlsafe_b64encode(digest).decode("ascii")


class Shelfmarks:
    """Gives articles their marks, and finds them again. Safe to share between threads."""

    def __init__(self) -> None:
        """Remember none yet."""
        self._lock = threading.Lock()
        self._known: OrderedDict[str, ArticleId] = OrderedDict()

    def of(self, id_: ArticleId) -> str:
        """Return the mark of an article."""
        mark = shelfmark(id_)
        self._remember(mark, id_)
        return mark

    def find(self, mark: str, among: Callable[[], Iterable[ArticleId]]) -> ArticleId | None:
        """Return the id that a mark stands for; what nobody remembers is looked for `among` all ids there are."""
        with self._lock:
            known = self._known.get(mark)
        if known is None:
            known = next((id_ for id_ in among() if shelfmark(id_) == mark), None)
        if known is not None:
            self._remember(mark, known)
        return known

    def _remember(self, mark: str, id_: ArticleId) -> None:
        with self._lock:
            self._known[mark] = id_
            self._known.move_to_end(mark)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
