"""What only admins may do begins here: whoever writes or presses it is let on, or told why not."""

from telegram import CallbackQuery, Message, Update
from telegram.ext import ContextTypes

from bot import render, words
from bot.gate import Gate, accessible, in_own_words
from bot.say import answer, say


async def admin_chat(gate: Gate, update: Update, context: ContextTypes.DEFAULT_TYPE) -> int | None:
    """Return the chat of an admin who wrote the command; tell anybody else, and an admin who passed it on."""
    chat, message = update.effective_chat, update.effective_message
    if chat is None or message is None:
        return None
    if not gate.is_admin(update):
        refusal = words.ADMINS_ONLY
    elif not in_own_words(message):
        refusal = words.OWN_WORDS
    else:
        return chat.id
    await say(context.bot, chat.id, render.text(refusal))
    return None


async def pressed(gate: Gate, update: Update) -> tuple[CallbackQuery, Message] | None:
    """Return a button that an admin pressed, and its message; tell anybody else, and of a message that is too old."""
    query = update.callback_query
    if query is None:
        return None
    message = accessible(query.message)
    if not gate.is_admin(update):
        await answer(query, words.ADMINS_ONLY, alert=True)
    elif message is None:
        await answer(query, words.TOO_OLD, alert=True)
    else:
        return query, message
    return None
