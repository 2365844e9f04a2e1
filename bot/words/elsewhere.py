"""What is said in groups that is no answer, and in inline mode."""

from bot.words.language import N_, _

INLINE_HINT = N_("Type a whole question, or ask me in private")
INLINE_REFUSAL = N_("The articles do not answer that")
PRIVATE_BUTTON = N_("This bot is private")


def ask_in_group(bot: str) -> str:
    """Say how to ask in a group, to whoever only called the bot by its name."""
    return _("Write the question beside my name: @{bot} Where will they meet? Or reply to one of my messages.").format(
        bot=bot
    )


def ask_elsewhere(bot: str) -> str:
    """Say in a group how to ask, and where all the rest is."""
    return _("Ask me by @{bot} and a question. All else is in our private chat: https://t.me/{bot}?start=help").format(
        bot=bot
    )
