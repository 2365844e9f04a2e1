"""The one way to say no: an HTTP status and a description worded as the Bot API words it. Knows no method."""

from typing import Final

_PREFIXES: Final = {400: "Bad Request", 403: "Forbidden"}


class Refusal(Exception):
    """An answer with ok:false.

    `retry_after` is in whole seconds and goes with status 429, `migrate_to` is the supergroup a group has become.
    """

    def __init__(
        self, status: int, description: str, *, retry_after: int | None = None, migrate_to: int | None = None
    ) -> None:
        """Keep the parts of the answer."""
        super().__init__(description)
        self.status = status
        self.description = description
        parameters = {"retry_after": retry_after, "migrate_to_chat_id": migrate_to}
        self.parameters = {name: value for name, value in parameters.items() if value is not None}


def refuse(reason: str, *, status: int = 400) -> Refusal:
    """Compose the description as the real server does.

    The first letter becomes small unless the second character is a capital or an underscore, which keeps codes such
    as BUTTON_DATA_INVALID intact. This is the rule of `fail_query_with_error` in tdlib/telegram-bot-api.
    """
    is_code = len(reason) > 1 and (reason[1] == "_" or "A" <= reason[1] <= "Z")
    return Refusal(status, f"{_PREFIXES[status]}: {reason if is_code else reason[:1].lower() + reason[1:]}")


def unsupported(what: str) -> Refusal:
    """Refuse what the real server may well accept, so that no test passes on an effect nobody reproduced."""
    return refuse(f"not reproduced by this test server: {what}")
