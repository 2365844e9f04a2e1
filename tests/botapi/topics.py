"""Threads: the topics of a forum, and the chains of replies that a supergroup without topics numbers the same way."""

from typing import Final

from tests.botapi.records import Chat, Message
from tests.botapi.refusal import refuse, unsupported

GENERAL: Final = 1
"""The thread of the topic every forum has; its messages tell of no thread, and none can be sent by its number."""


def place(chat: Chat, draft: Message) -> tuple[int | None, bool]:
    """Tell the thread of a message that is about to come into a chat, and whether that is a topic.

    A reply stays where the message it answers is.
    """
    replied = chat.messages.get(draft.reply_to) if draft.reply_to else None
    if chat.is_forum:
        thread = draft.thread or (replied.thread if replied else None)
        return thread, thread is not None
    if chat.kind == "supergroup" and replied:
        return replied.thread or replied.id, False
    return None, False


def check_thread(
    chat: Chat, thread: int | None, replied: Message | None = None, *, general: bool = False
) -> int | None:
    """Return the thread to write into, if one is named; `general` lets it be that of the general topic.

    Raises Refusal where there is no such topic.
    """
    if not thread:
        return None
    if chat.person:
        raise unsupported("message_thread_id")
    if general and chat.is_forum and thread == GENERAL:
        return None
    if thread not in chat.topics:
        raise refuse("message thread not found")
    if replied and replied.thread != thread:
        raise unsupported("a reply into another topic")
    return thread
