"""What is said of where articles come from: how each source stands, what fails, and what is there more than once."""

from collections.abc import Sequence

from bot.words.figures import articles, moment, number
from bot.words.language import N_, _, ngettext
from index.articles.acquire import Supply
from index.web.guard import named

ORIGINS = N_("Where the articles come from:")

_KINDS = {
    "folder": N_("folder"),
    "url": N_("page"),
    "feed": N_("feed"),
    "sitemap": N_("sitemap"),
    "added": N_("added by hand"),
}


def origin(value: Supply) -> str:
    """Say how a source stands: its kind, how many articles, when something came last, what fails of it, and why."""
    failing = ngettext("{n} page fails", "{n} pages fail", value.failing).format(n=number(value.failing))
    facts = [
        _(_KINDS[value.kind]) if value.name not in ("", value.kind) else "",
        articles(value.articles),
        _("last success {when}").format(when=moment(value.success)) if value.success else _("never read yet"),
        failing if value.failing else "",
    ]
    lines = [" · ".join(filter(None, facts)), named(value.place)]
    if value.reason:
        since = f" ({moment(value.failure)})" if value.failure else ""
        lines.append(f"✗ {value.reason}{since}")
    return "\n".join(filter(None, lines))


def origin_called(value: Supply) -> str:
    """Name a source."""
    if value.name == value.kind:
        return _(_KINDS[value.kind])
    return value.name or _("The folder of the library")


def other_origins(count: int) -> str:
    """Say that there are more sources than were named."""
    return ngettext(
        "… and {n} more source. `footnote sources` names all.",
        "… and {n} more sources. `footnote sources` names all.",
        count,
    ).format(n=number(count))


def failing(found: Sequence[Supply]) -> str:
    """Say how many sources fail, and why the first of them does; nothing where none fails."""
    wrong = [one for one in found if one.fails]
    if not wrong:
        return ""
    said = ngettext("{n} source fails", "{n} sources fail", len(wrong)).format(n=number(len(wrong)))
    return f"{said}: {origin_called(wrong[0])}: {wrong[0].reason}"


def copies(count: int) -> str:
    """Say how many articles are there more than once."""
    return ngettext("{n} article is a copy of another", "{n} articles are copies of others", count).format(
        n=number(count)
    )
