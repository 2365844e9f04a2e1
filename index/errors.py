"""What can go wrong in the Library, named for what the caller does next.

FootnoteError                 its message is one clear sentence, safe to show to the person who asked
├── SettingsError             mend the settings, the environment or the flags
├── SourceError               mend the folder or the file that was to be read
│   └── Gone                  the page is not there any more; leave its article out when that has been so for long
├── QuestionError             ask otherwise
│   ├── Blank                 there is nothing to be asked
│   ├── Wordless              there are no words to search for
│   └── TooLong               it is longer than a question may be
├── NotIndexed                run `footnote index` first
├── OtherModel                the data directory was made with another model: index again, or restore the setting
├── Busy                      another process holds the data directory; try again when it is done
├── Cancelled                 the person stopped it; nothing visible changed
├── Superseded                a question took longer than two reindexes; asked again by the Library itself
├── TooMuchGone               a reindex would remove a large part of the collection: agree to it, or mend the folder
├── NothingToUndo             there is no earlier revision
├── StoreUnavailable          the Chroma server, or that of the database, does not answer
├── ModelUnavailable          the embedding or the reranking model cannot be had
└── Damaged                   something stored cannot be read; it is rebuilt, or the message says how
    └── Died                  the process that makes and checks segments ended over what it was asked
"""

from config.errors import FootnoteError, SettingsError

__all__ = [
    "Blank",
    "Busy",
    "Cancelled",
    "Damaged",
    "Died",
    "FootnoteError",
    "Gone",
    "ModelUnavailable",
    "NotIndexed",
    "NothingToUndo",
    "OtherModel",
    "QuestionError",
    "SettingsError",
    "SourceError",
    "StoreUnavailable",
    "Superseded",
    "TooLong",
    "TooMuchGone",
    "Wordless",
]


class SourceError(FootnoteError):
    """A folder or file of articles cannot be read."""


class Gone(SourceError):
    """A server says that it does not have a page, or not any more."""


class QuestionError(FootnoteError):
    """A question that cannot be searched for as it stands."""


class Blank(QuestionError):
    """A question of blanks."""

    def __init__(self) -> None:
        """Ask for one."""
        super().__init__("Please write your question as text.")


class Wordless(QuestionError):
    """A question of signs only."""

    def __init__(self) -> None:
        """Ask for words."""
        super().__init__("I find no words in that. Please ask your question in words.")


class TooLong(QuestionError):
    """A question of more characters than the settings allow."""

    def __init__(self, length: int, longest: int) -> None:
        """Say by how much: it has `length` of at most `longest` characters."""
        super().__init__(
            f"That is longer than a question may be ({length:,} of {longest:,} characters). Please shorten it."
        )
        self.length = length
        self.longest = longest


class NotIndexed(FootnoteError):
    """Nothing has been indexed in this data directory yet."""


class OtherModel(FootnoteError):
    """The stored index was made with another model or chunking than the settings name."""


class Busy(FootnoteError):
    """Another process or thread holds what only one may hold."""


class Cancelled(FootnoteError):
    """The work was stopped on request before anything became visible."""


class Superseded(FootnoteError):
    """The revision that was being read is gone."""

    def __init__(self) -> None:
        """Say so; nobody but a log should ever see it."""
        super().__init__("The articles changed while this was answered. Please ask again.")


class TooMuchGone(FootnoteError):
    """A reindex would remove more of the collection than it may without being asked."""


class NothingToUndo(FootnoteError):
    """There is no earlier revision to return to."""


class StoreUnavailable(FootnoteError):
    """The server that keeps the vectors, or the one that keeps all the rest, cannot be used."""


class ModelUnavailable(FootnoteError):
    """A model cannot be loaded, or is not one of the kind that was asked for."""


class Damaged(FootnoteError):
    """Stored data failed its check."""


class Died(Damaged):
    """The process that makes and checks segments ended instead of answering."""
