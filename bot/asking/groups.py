"""What people ask in a group, and what they are told there that is no answer. Who may ask was decided at the door."""

from telegram import Message, Update
from telegram.ext import ContextTypes

from bot import words
from bot.access import mention
from bot.access.gate import Gate
from bot.asking.questions import Questions, thread_of
from bot.sending.say import say
from bot.text import render


class Groups:
    """Answers what is meant for the bot in groups: each with one message, as a reply, where it was asked."""

    def __init__(self, questions: Questions, gate: Gate) -> None:
        """Have questions answered by `questions`; `gate` says whom it is of use to send into the private chat."""
        self._questions = questions
        self._gate = gate

    async def heard(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Answer a message that asks something; say how to ask where it only calls."""
        message = update.message
        called = mention.call(message, mention.me(context.bot)) if message is not None else None
        if message is None or called is None:
            return
        if called.how and self._gate.admits(update):
            await _reply(message, context, words.ask_elsewhere(context.bot.username))
        elif called.how or not called.question:
            await _reply(message, context, words.ask_in_group(context.bot.username))
        else:
            await self._questions.answer(message, context, called.question)


async def _reply(message: Message, context: ContextTypes.DEFAULT_TYPE, text: str) -> None:
    chat, thread = message.chat_id, thread_of(message)
    await say(context.bot, chat, render.text(text), reply_to=message.message_id, thread=thread)
