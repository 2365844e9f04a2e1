"""What is said of the questions that people watch: when a watch begins, in the list of them, and when there is news."""

import datetime as dt

from bot.words.figures import day, number
from bot.words.language import N_, _, ngettext
from index.records import Answer

WATCH_DOES = N_("Hear when new articles answer a question better")
WATCHES_DOES = N_("The questions you watch")

STOP_WATCHING_BUTTON = N_("Stop watching")
WATCH_HOW = N_(
    "Write /watch and a question: I tell you when new articles answer it better than those of today. /watch alone "
    "takes the question you asked last, or the one of the answer that you reply to."
)
NO_WATCHING = N_("Questions cannot be watched here.")
NO_WATCHES = N_("You watch no question. Write /watch and a question, and I tell you when there is something new on it.")
WATCH_ENDED = N_("I do not watch that any more.")
NOT_WATCHED = N_("You do not watch that, or not any more.")


def watch_begun(answer: Answer) -> str:
    """Say above the answer of today that the question is watched from now on."""
    today = _("This is what the articles say today.") if answer.answered else _("So far the articles do not say.")
    begun = _("I watch this for you, and write when there is something new: {question}").format(
        question=answer.question
    )
    return f"{begun}\n\n{today}"


def watch_found(question: str) -> str:
    """Say above an answer that nobody asked for now why it comes."""
    return _("Your watch, there is something new: {question}").format(question=question)


def watched_already(question: str, since: dt.date) -> str:
    """Say that somebody watches a question already."""
    return _("You watch this already, since {day}: {question}").format(day=day(since), question=question)


def too_many_watches(most: int) -> str:
    """Say that somebody watches as many questions as they may."""
    return ngettext(
        "You watch {n} question already, and may not watch more. /watches lets you remove it.",
        "You watch {n} questions already, and may not watch more. /watches lets you remove some.",
        most,
    ).format(n=number(most))


def watch_line(place: int, question: str, since: dt.date) -> str:
    """Write one line of the list of watches."""
    return _("{number}. {question} · since {day}").format(number=place, question=question, day=day(since))


def remove_watch_button(place: int) -> str:
    """Label the button that ends a watch of the list."""
    return _("Remove {number}").format(number=place)
