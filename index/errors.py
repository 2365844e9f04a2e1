"""What can go wrong in the Library, named for what the caller does next.

FootnoteError                 its message is one clear sentence, safe to show to the person who asked
├── SettingsError             mend the settings, the environment or the flags
├── SourceError               mend the folder or the file that was to be read
├── QuestionError             ask otherwise (blank, far too long)
├── NotIndexed                run `footnote index` first
├── OtherModel                the data directory was made with another model: index again, or restore the setting
├── Busy                      another process holds the data directory; try again when it is done
├── Cancelled                 the person stopped it; nothing visible changed
├── ModelUnavailable          the embedding model cannot be had
└── Damaged                   something stored cannot be read; it is rebuilt, or the message says how
"""

from config.errors import FootnoteError, SettingsError

__all__ = [
    "Busy",
    "Cancelled",
    "Damaged",
    "FootnoteError",
    "ModelUnavailable",
    "NotIndexed",
    "OtherModel",
    "QuestionError",
    "SettingsError",
    "SourceError",
]


class SourceError(FootnoteError):
    """A folder or file of articles cannot be read."""


class QuestionError(FootnoteError):
    """A question that cannot be searched for as it stands."""


class NotIndexed(FootnoteError):
    """Nothing has been indexed in this data directory yet."""


class OtherModel(FootnoteError):
    """The stored index was made with another model or chunking than the settings name."""


class Busy(FootnoteError):
    """Another process or thread holds what only one may hold."""


class Cancelled(FootnoteError):
    """The work was stopped on request before anything became visible."""


class ModelUnavailable(FootnoteError):
    """The embedding model cannot be loaded."""


class Damaged(FootnoteError):
    """Stored data failed its check."""
