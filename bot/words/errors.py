"""What went wrong in the library. Its own messages are English; who speaks that reads them as they are.

All others read what kind of trouble it is in their language, and the message under it where it says more than the kind:
it names paths, processes, models, of which an admin must lose nothing.
"""

from bot.words.commands import NO_ARTICLES
from bot.words.desk import NOTHING_TO_UNDO
from bot.words.figures import number
from bot.words.language import ENGLISH, LANGUAGE, N_, _
from index.errors import (
    Blank,
    Busy,
    Cancelled,
    Damaged,
    FootnoteError,
    ModelUnavailable,
    NothingToUndo,
    NotIndexed,
    OtherModel,
    SettingsError,
    SourceError,
    StoreUnavailable,
    Superseded,
    TooLong,
    TooMuchGone,
    Wordless,
)

_WHOLE = {
    Blank: N_("Please write your question as text."),
    Wordless: N_("I find no words in that. Please ask your question in words."),
    Superseded: N_("The articles changed while this was answered. Please ask again."),
    Cancelled: N_("Stopped. The articles are as they were before; what was embedded is kept for the next time."),
    NotIndexed: NO_ARTICLES,
    NothingToUndo: NOTHING_TO_UNDO,
}
"""What says all there is to say."""

_KINDS = {
    Busy: N_("The library is in use elsewhere. Wait until that is done, or stop it, and try again."),
    TooMuchGone: N_("This would remove a large part of the articles, so nothing was changed."),
    SourceError: N_("The folder of articles, or a file in it, cannot be read."),
    OtherModel: N_("The index was made with other settings of the model than those of now."),
    ModelUnavailable: N_("The model cannot be loaded."),
    StoreUnavailable: N_("The database does not answer."),
    Damaged: N_("Something that was stored cannot be read."),
    SettingsError: N_("Something in the settings is wrong."),
    FootnoteError: N_("Something went wrong."),
}
"""What the message adds to; the first that fits."""


def trouble(error: FootnoteError) -> str:
    """Say what went wrong to whoever asked for it."""
    if LANGUAGE.get() == ENGLISH:
        return str(error)
    if isinstance(error, TooLong):
        return _("That is longer than a question may be ({length} of {longest} characters). Please shorten it.").format(
            length=number(error.length), longest=number(error.longest)
        )
    if type(error) in _WHOLE:
        return _(_WHOLE[type(error)])
    kind = next(said for known, said in _KINDS.items() if isinstance(error, known))
    return "\n\n".join([_(kind), _("In detail, in English: {message}").format(message=error)])
