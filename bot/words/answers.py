"""What is said of an answer: the lines around its claims, the buttons under it, and what is said instead of one."""

from collections.abc import Sequence

from bot.words.figures import day, day_of_year, number
from bot.words.language import N_, _
from index.records import Answer, Article, Citation, Claim, Passage, Period

ASK_HOW = N_("Write /ask and your question, or just the question.")
STARTED_AFRESH = N_("What was said before is forgotten.")
MENDING = N_("The index is being repaired. Please ask again in a minute.")
LATE = N_("Sorry that this comes late: I was away, or busy, when you asked.")
PERHAPS_AGAIN = N_("You may have got this already: I was cut off while I sent it.")
TOO_SLOW = N_("This took too long, so I gave it up. Please try again, perhaps with a shorter question.")

NEAREST = N_("Nearest:")
WHY_BUTTON = N_("Why")
BACK_BUTTON = N_("‹ Back")
MORE_BEFORE_BUTTON = N_("▴ More before")
MORE_AFTER_BUTTON = N_("▾ More after")
THANKS = N_("Thank you!")
THANKS_FOR_REASON = N_("Thank you, whoever runs this bot will see that.")
WHAT_WAS_WRONG = N_("Thank you. What was wrong?")
ANSWER_FORGOTTEN = N_("I do not have this answer any more. Please ask again.")
NOT_THIS_ANSWER = N_("This button belongs to another message.")
ARTICLE_CHANGED = N_("The article has changed since. These are its words as they were when I answered.")
ARTICLE_GONE = N_("The article is not in the collection any more. These are its words as they were when I answered.")

_REASONS = {
    "source": N_("The wrong source"),
    "outdated": N_("Outdated"),
    "answer": N_("You should have answered"),
    "refuse": N_("You should not have answered"),
}


def understood(answer: Answer) -> list[str]:
    """Say how a question was completed; nothing where it was left alone."""
    return [_("Understood as: {question}").format(question=answer.understood)] if answer.understood else []


def reason(name: str) -> str:
    """Label the button that says what was wrong with an answer."""
    return _(_REASONS[name])


def why(answer: Answer, made_at: str) -> str:
    """Say what an answer rests on; what follows are the likeliest sentences."""
    lines = [
        _("You asked: {question}").format(question=answer.question),
        *understood(answer),
        *notes(answer),
        _verdict(answer),
        _read(answer.revision, made_at),
        _("The likeliest sentences:") if answer.judged else "",
    ]
    return "\n\n".join(filter(None, lines))


def _verdict(answer: Answer) -> str:
    if answer.answered:
        said = _("I answered: the articles answer this with a probability of {probability}, and {threshold} is wanted.")
    else:
        said = _(
            "I did not answer: the articles answer this with a probability of {probability}, and {threshold} is wanted."
        )
    return said.format(probability=number(answer.probability, 2), threshold=number(answer.threshold, 2))


def _read(revision: int, made_at: str) -> str:
    if not made_at:
        return _("These were the articles of revision {number}.").format(number=revision)
    return _("These were the articles of revision {number}, read on {when}.").format(number=revision, when=made_at)


def abstention(answer: Answer) -> list[str]:
    """Say that the articles do not hold an answer, which words none of them has, and what was not looked for."""
    lines = [_("The articles do not answer that, as far as I can find.")]
    if answer.unknown_words:
        lines.append(_("No article mentions: {words}").format(words=", ".join(answer.unknown_words)))
    return [*lines, *waiting(answer)]


def claim(value: Claim) -> str:
    """Write a claim with the numbers of its citations, and of other articles that say the same."""
    also = _(", also in {numbers}").format(numbers=_numbers(value.also)) if value.also else ""
    return f"{value.text} {_numbers(value.citations)}{also}"


def notes(answer: Answer) -> list[str]:
    """Say what stands under the claims: the parts that have no answer, or wait, and which articles were searched."""
    parts = "; ".join(answer.missing)
    missing = _("I found no answer for: {parts}").format(parts=parts) if parts else ""
    return [note for note in (missing, *waiting(answer), period(answer)) if note]


def waiting(answer: Answer) -> list[str]:
    """Say which parts of a question were not looked for."""
    if not answer.unasked:
        return []
    said = _("I look for a few things at a time. Please ask the rest by itself: {parts}")
    return [said.format(parts="; ".join(answer.unasked))]


def _numbers(citations: Sequence[int]) -> str:
    return "".join(f"[{citation}]" for citation in citations)


def period(answer: Answer) -> str:
    """Say which articles were searched because the question named a time; nothing where that made no difference."""
    if answer.period is None or not answer.period.bounded:
        return ""
    if answer.beyond:
        said = _("No article published {then} answers that, so I searched all of them.")
    elif not answer.answered:
        said = _("I searched the articles published {then} first, and then all of them.")
    else:
        said = _("I searched only the articles published {then}.")
    return said.format(then=_days(answer.period))


def _days(period: Period) -> str:
    """Write a period as: from 16 to 23 Nov 2026."""
    first, last = period.earliest, period.latest
    if first is None or last is None:
        return _("since {day}").format(day=day(first)) if first else _("up to {day}").format(day=day(last))
    if first == last:
        return _("on {day}").format(day=day(first))
    same_year, same_month = first.year == last.year, (first.year, first.month) == (last.year, last.month)
    start = str(first.day) if same_month else day_of_year(first) if same_year else day(first)
    return _("from {first} to {last}").format(first=start, last=day(last))


def byline(article: Article, place: str = "") -> str:
    """Return title or id, place in it, outlet and date of an article, as far as they are known."""
    named = article.title or article.id
    return " · ".join(part for part in (named, place, article.source, day(article.date)) if part)


def place(where: Passage | Citation) -> str:
    """Say where in its article something stands: on which page or, without pages, in which section."""
    if where.page is not None:
        return on_page(where.page)
    return in_section(where.section) if where.section else ""


def on_page(number: int) -> str:
    """Name a page."""
    return _("p. {number}").format(number=number)


def in_section(heading: str) -> str:
    """Name a section."""
    return f"§ {heading}"
