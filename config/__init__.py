"""Settings: one frozen, strict, bounded object in sections, and where its values come from."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.layers import load
    from config.settings import (
        Answer,
        Chunk,
        Conversation,
        Delivery,
        Embedding,
        Fetch,
        Library,
        Log,
        Rerank,
        Retrieval,
        Settings,
        Store,
        Telegram,
        Web,
    )
    from config.sources import Source

__all__ = [
    "Answer",
    "Chunk",
    "Conversation",
    "Delivery",
    "Embedding",
    "Fetch",
    "Library",
    "Log",
    "Rerank",
    "Retrieval",
    "Settings",
    "Source",
    "Store",
    "Telegram",
    "Web",
    "load",
]


def __getattr__(name: str) -> object:
    """Import what is asked for: processes that know no settings do not wait for pydantic, 0.15 s."""
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    place = {"load": "config.layers", "Source": "config.sources"}.get(name, "config.settings")
    globals()[name] = found = getattr(import_module(place), name)
    return found
