"""Everything a person reads, in one place and in the language of the moment. Knows no formatting but plain text.

language       whom we speak to now; what translates
figures        numbers, dates, sizes
answers        what is said of and under an answer, and instead of one
access         who may ask: invitations, people, groups
door           what those hear who are not served
commands       the commands for everyone
adding         what is said of articles that admins send, and of those they remove
watches        what is said of watched questions
elsewhere      groups and inline mode
origins        where the articles come from, and what fails of it
reading        the articles themselves, and questions to begin with
personal       what is kept of a person, for how long, and how it is removed
desk           what admins read
insight        what admins read of the figures, of feedback, and of how the bot is
errors         what went wrong in the library
terminal       what the command line prints besides

`words.NAME` is what a module above calls so: a function, or a constant, which is translated each time it is asked for.
So nobody keeps one: `from bot.words import NAME` and a table filled at import would speak English for ever. Inside this
package a constant is `_(NAME)`. The translations are in ru/, a file for each module.
"""

# ruff: noqa: F403  what the areas say is said here, and mypy knows each name

from typing import TYPE_CHECKING, Any

from bot.words import (
    access,
    adding,
    answers,
    commands,
    desk,
    door,
    elsewhere,
    errors,
    figures,
    insight,
    origins,
    personal,
    reading,
    terminal,
    watches,
)
from bot.words.language import ENGLISH, _, known, languages, speak, speaking

__all__ = ["ENGLISH", "known", "languages", "speak", "speaking"]

AREAS = (
    access,
    adding,
    answers,
    commands,
    desk,
    door,
    elsewhere,
    errors,
    figures,
    insight,
    origins,
    personal,
    reading,
    terminal,
    watches,
)

_SAID = {name: value for area in AREAS for name, value in vars(area).items() if not name.startswith("_")}

if TYPE_CHECKING:
    from bot.words.access import *
    from bot.words.adding import *
    from bot.words.answers import *
    from bot.words.commands import *
    from bot.words.desk import *
    from bot.words.door import *
    from bot.words.elsewhere import *
    from bot.words.errors import *
    from bot.words.figures import *
    from bot.words.insight import *
    from bot.words.origins import *
    from bot.words.personal import *
    from bot.words.reading import *
    from bot.words.terminal import *
    from bot.words.watches import *
else:

    def __getattr__(name: str) -> Any:  # noqa: ANN401  functions, constants, tables
        """Return a function as it is, a constant or the values of a table in the language of the moment."""
        if name not in _SAID:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        match _SAID[name]:
            case str() as constant:
                return _(constant)
            case dict() as table:
                return {key: _(value) for key, value in table.items()}
            case said:
                return said
