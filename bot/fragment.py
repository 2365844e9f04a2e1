"""To be replaced."""


def link(url: str, text: str, start: int, end: int) -> str:  # noqa: ARG001
    """Return it."""
    return url
