"""Everything a person reads, in one place. Pure; knows no formatting but plain text."""

import datetime as dt
from collections.abc import Sequence

from index.library import Status
from index.records import Answer, Article, Progress, Report

IN_THE_TERMINAL = (
    "This is the chat in the terminal. For Telegram: write /newbot to @BotFather, and put the token it gives you into "
    "a file .env here, as TELEGRAM_BOT_TOKEN=…"
)
NOT_ALLOWED = "This bot is private. If you think you should have access, please ask whoever runs it."
ADMINS_ONLY = "Only an admin of this bot may do that."
ASK_HOW = "Write /ask and your question, or just the question."
TEXT_ONLY = "I can only read text so far. Please write your question."
REINDEX_STARTED = "Reindexing…"
REINDEX_BUSY = "A reindex is running already; its message shows how far it is."
NO_ARTICLES = "There are no articles yet. An admin can send /reindex."
MENDING = "The index is being repaired. Please ask again in a minute."
WENT_WRONG = (
    "Something went wrong on my side. Please try again; if it stays so, tell whoever runs this bot: error {id}."
)

COMMANDS = {
    "ask": "Ask a question: /ask Where will they meet?",
    "sources": "The articles I know, newest first",
    "status": "What I know and how I am",
    "help": "How to ask, and what I do",
}
ADMIN_COMMANDS = {"reindex": "Read the folder of articles again"}

_STAGES = {
    "reading": "Reading articles",
    "embedding": "Embedding passages",
    "building": "Building the index",
    "asking": "Asking",
}


def start(*, person: int, admin: bool) -> str:
    """Greet a person; tell them their id, which an operator needs for the settings."""
    role = "You are an admin here: /reindex reads the articles again." if admin else f"Your Telegram id is {person}."
    return (
        "Ask me anything about the articles I keep. I answer with their own words and show where each one stands; "
        f"where they do not say, I tell you so. /help says more.\n\n{role}"
    )


def help_text(*, admin: bool, examples: Sequence[str]) -> str:
    """Explain how to ask, with titles from the collection as examples of what it is about."""
    commands = {**COMMANDS, **(ADMIN_COMMANDS if admin else {})}
    lines = ["Just write a question. Whole questions work best: “Where will they meet?” rather than “meeting”.", ""]
    lines += ["Each claim has a number; under the answer you find that passage, with the words I rely on in bold."]
    if examples:
        lines += ["", "Some of what I know about:", *(f"• {title}" for title in examples)]
    lines += ["", *(f"/{name} – {what}" for name, what in commands.items())]
    return "\n".join(lines)


def status(value: Status) -> str:
    """Say what the library holds."""
    revision = value.revision
    if revision is None:
        return NO_ARTICLES
    made = revision.made_at.astimezone().strftime("%d %b %Y, %H:%M")
    return (
        f"{count(revision.articles, 'article')}, {count(revision.passages, 'passage')}\n"
        f"Revision {revision.number}, made on {made}\nModel {revision.model} ({value.runtime})\n"
        f"Disk {value.disk / 1e6:,.1f} MB"
    )


def abstention(answer: Answer) -> list[str]:
    """Say that the articles do not hold an answer, what is nearest, and which words none of them has."""
    lines = ["The articles do not answer that, as far as I can find."]
    if answer.unknown_words:
        lines.append(f"No article mentions: {', '.join(answer.unknown_words)}")
    return lines


def progress(value: Progress) -> str:
    """Show how far a long piece of work is: stage, bar, counts, rate, time left."""
    share = value.done / value.total if value.total else 1.0
    bar = "▰" * round(share * 12) + "▱" * (12 - round(share * 12))
    line = f"{_STAGES.get(value.stage, value.stage)}\n{bar} {value.done:,} of {value.total:,}"
    left = value.seconds_left
    if left is not None and 0 < value.done < value.total:
        line += f" · {value.rate:,.0f}/s · {duration(left)} left"
    return line


def stage(name: str) -> str:
    """Name a stage."""
    return _STAGES.get(name, name)


def report(value: Report) -> str:
    """Say what an indexing run did."""
    lines = [
        f"Done in {duration(value.seconds)}: {count(value.articles, 'article')}, {count(value.passages, 'passage')}.",
        (
            f"Added {value.added}, changed {value.changed}, removed {value.removed}, unchanged {value.unchanged}, "
            f"failed {len(value.failures)}."
        ),
    ]
    return "\n".join([*lines, *(f"✗ {failure.name}: {failure.reason}" for failure in value.failures)])


def byline(article: Article) -> str:
    """Return title, outlet and date of an article, as far as they are known."""
    return " · ".join(part for part in (article.title, article.source, day(article.date)) if part)


def day(date: dt.date | None) -> str:
    """Write a date as 16 Oct 2025."""
    return f"{date.day} {date.strftime('%b %Y')}" if date else ""


def duration(seconds: float) -> str:
    """Write a length of time in its two largest units."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def count(number: int, noun: str) -> str:
    """Write a number with its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
