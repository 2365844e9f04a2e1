"""Settings: one frozen, strict, bounded object in sections, and where its values come from."""

from config.load import load
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
