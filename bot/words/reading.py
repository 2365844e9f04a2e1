"""What is said around the articles themselves: lists of them, their pages, the outlets, and questions to begin with."""

import datetime as dt
from collections.abc import Sequence

from bot.words.figures import day, number
from bot.words.language import N_, _, ngettext
from index.records import Version

LATEST_DOES = N_("The newest articles, to read")
SOURCES_DOES = N_("Who published the articles I know")
ARTICLE_DOES = N_("Read an article: /article and words of its title")
NEW_DOES = N_("Begin afresh: the next question follows no other")

PAGE_BACK_BUTTON = "‹"
PAGE_ON_BUTTON = "›"
WHOLE_BUTTON = N_("Whole article")
NO_OUTLET = N_("Without an outlet")
FOUND_TITLES = N_("Articles with these words in their titles:")
ARTICLE_HOW = N_(
    "Write /article and words of a title: /article old harbour. /latest and /sources lead to all articles."
)
SEARCHED_LONG_AGO = N_("I do not know any more what you looked for. Please send /article with words of the title.")
NOT_HELD = N_("The collection does not hold this article any more.")
OUTLET_NOT_HELD = N_("The collection holds nothing of this outlet any more.")
NOT_AS_BEFORE = N_("The article has changed since. This is how it is now.")

TRY = N_("Questions that these articles answer, to ask by a tap:")
EXAMPLE_GONE = N_("The articles have changed since. /help has new questions.")


def no_such_title(sought: str) -> str:
    """Say that no article is called so."""
    return _("No article has a title with these words: {words}\n\n/latest and /sources lead to all articles.").format(
        words=sought
    )


def you_ask(question: str) -> str:
    """Repeat a question that somebody asked by a button."""
    return _("You ask: {question}").format(question=question)


def also_published(outlets: Sequence[str], *, most: int) -> str:
    """Name who published a story too, and count those after so many; nothing where nobody did."""
    if not outlets:
        return ""
    named, rest = ", ".join(outlets[:most]), len(outlets[most:])
    if not rest:
        return _("Also published by: {outlets}").format(outlets=named)
    return ngettext(
        "Also published by: {outlets} and {n} other", "Also published by: {outlets} and {n} others", rest
    ).format(outlets=named, n=number(rest))


def versions(earlier: Sequence[Version], *, most: int, kept: int) -> str:
    """Say which version of an article this is, since when, and when it changed before; nothing where it never did.

    `earlier` are the versions before it, the newest first; of `most` of the changes the day is named. Where there are
    `kept` of them, there may have been more that nobody remembers.
    """
    if not earlier:
        return ""
    days = [day(one.replaced_at.astimezone().date()) for one in earlier]
    which = number(len(earlier) + 1) + ("+" if len(earlier) >= kept else "")
    said = _("Version {n}, since {day}").format(n=which, day=days[0])
    named = list(dict.fromkeys(days[1:]))
    before = ", ".join(named[:most])
    if not before:
        return said
    if len(named) > most:
        return _("{version}; it changed before on {days} and earlier").format(version=said, days=before)
    return _("{version}; it changed before on {days}").format(version=said, days=before)


def was_called(title: str, until: dt.datetime) -> str:
    """Say how an article was called before."""
    return _("Until {day} it was called: {title}").format(day=day(until.astimezone().date()), title=title)


def from_to(first: dt.date | None, last: dt.date | None) -> str:
    """Write between which days articles were published; nothing where nobody knows."""
    if first is None or last is None or first == last:
        return day(first or last)
    return f"{day(first)} – {day(last)}"
