"""The root of all errors with a message for people, and the one that settings raise; `index.errors` has the tree."""


class FootnoteError(Exception):
    """Anything the person who runs or asks Footnote can read and act on: one clear sentence, no secret in it."""


class SettingsError(FootnoteError):
    """A setting is unknown, out of bounds or unreadable."""
