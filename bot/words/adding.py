"""What admins read of articles that they send or remove by hand."""

from collections.abc import Sequence

from bot.words.desk import SHOWN, failures
from bot.words.figures import articles, day, language_name, passages, size
from bot.words.language import LANGUAGE, N_, _, ngettext
from index.articles.acquire import Understood
from index.records import Failure

ADD_DOES = N_("Add a page to the articles: /add and its address")
REMOVE_DOES = N_("Take an article out: /remove and its id or address")

ADD_HOW = N_(
    "Write /add and the address of a page, or several: /add https://example.org/story. You can also send me a file "
    "(txt, md, html, pdf, docx, epub, eml; up to 20 MB) or forward a message. I show what I understand of it, and add "
    "it when you say so."
)
ONLY_ADMINS_ADD = N_("Only an admin can add articles. Please write your question, and I look for the answer in those.")
OFFER_GONE = N_("This is settled already, or it waited for too long. To add it, please send it again.")
BUSY_SO_OFFER_WAITS = N_(
    "The articles are being changed just now. Nothing is lost: press this button again when that is done."
)
ADDING = N_("Adding…")
DISCARDED = N_("Discarded: nothing was added.")
KEPT_FOR_LATER = N_("What you sent is kept: the next reindex adds it. /remove takes it away again.")
DISCARD_BUTTON = N_("Discard")
NO_QUESTION = N_("Nothing is added until you choose. If it was meant as a question, discard it and write it yourself.")

REMOVE_HOW = N_(
    "Write /remove and the id or the address of an article, or send /remove as a reply to an answer or to an article "
    "that I showed you. /article finds articles by their titles."
)
REMOVE_BUTTON = N_("Remove")
REMOVING = N_("Removing…")
ASK_REMOVAL = N_("Shall I remove it? It stays away through every reindex.")
WHICH_TO_REMOVE = N_("Which one shall I remove? I ask again before I do.")
REMOVED_UNREAD = N_("Removed. It had not been indexed yet.")


def offered(seen: Sequence[tuple[Understood, str]], failed: Sequence[Failure]) -> str:
    """Say how what was sent is understood, with the title of what each would replace; and what is no article."""
    shown = [_understood(one, before) for one, before in seen]
    if len(shown) > 1:
        shown = [f"{place}. {one}" for place, one in enumerate(shown, start=1)]
        shown.insert(0, articles(len(seen)))
    parts = [*shown, "\n".join(failures(failed, most=SHOWN))]
    if seen:
        parts.append(_(NO_QUESTION))
    return "\n\n".join(filter(None, parts))


def too_many_addresses(most: int) -> str:
    """Say that one command names too many pages."""
    return ngettext(
        "That is more than {n} page. Please send the others in another message.",
        "That is more than {n} pages. Please send the others in another message.",
        most,
    ).format(n=most)


def too_many_articles(most: int) -> str:
    """Say that one command names more articles than are shown below it."""
    return ngettext(
        "I ask about {n} article at a time. Please name the others in another message.",
        "I ask about {n} articles at a time. Please name the others in another message.",
        most,
    ).format(n=most)


def would_remove(title: str, count: int, reason: str) -> str:
    """Name an article that may be removed, and what goes with it; or say why it stays."""
    if reason:
        return "\n".join([title, _("This one stays: {reason}").format(reason=reason)])
    return "\n".join([title, passages(count) if count else _("not indexed yet")])


def no_such_article(name: str) -> str:
    """Say that nothing has that id or address."""
    return _("No article has the id or the address {name}.").format(name=name)


def remove_titled(title: str) -> str:
    """Label the button that asks about one of several articles."""
    return _("Remove “{title}”").format(title=title)


def _understood(value: Understood, before: str) -> str:
    article = value.article
    foreign = article.language and article.language.partition("-")[0] != LANGUAGE.get()
    facts = [
        article.source,
        article.author,
        day(article.date),
        language_name(article.language) if foreign else "",
        passages(value.passages),
        size(value.sent.size),
    ]
    lines = [article.title, " · ".join(filter(None, facts))]
    if before:
        lines.append(_("It takes the place of “{title}”.").format(title=before))
    return "\n".join(lines)
