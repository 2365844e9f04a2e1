"""What only the command line prints. In English: whoever runs the program reads its English documentation as well."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from bot.words.desk import changes, failures, gone
from bot.words.figures import articles, day, megabytes, moment, passages, when
from index.articles.acquire import Supply, Understood
from index.records import Answer, Article, ArticleId, Plan, Revision
from index.web.guard import named

IN_THE_TERMINAL = (
    "This is the chat in the terminal. For Telegram: write /newbot to @BotFather, and put the token it gives you into "
    "a file .env here, as TELEGRAM_BOT_TOKEN=…"
)
RANKED = "Passages found, best first, those of its parts after the question's (meaning: cosine; words: BM25):"
FITTED = "{count} questions about a collection, with {model}"
CALIBRATED = (
    "The judge was fitted to {summary}. From the next start on, this library's answers are judged by {path}; remove it "
    "to return to the judge that comes with the install."
)
CHAT_HOW = "A question may lean on those before it. /new starts afresh, quit ends."
NOT_REMOVED = "Nothing was changed."
STOPPED_AFTER = (
    "Stopped. The new articles are served already; only tidying up was cut short, and the next reindex does it."
)
SAVED = "Saved to {path}, {megabytes:,.1f} MB. It holds what people asked: keep it as private as the bot."
ADDED_LATER = "Kept; the next reindex makes it part of the library."
REMOVE_NEEDS_YES = "Nobody is there to be asked. If it is meant, add --yes."
NO_SOURCES = (
    "There is nothing yet. Run `footnote index FOLDER` or `footnote add URL`, or name a [[source]] in the settings."
)
NO_FOLDER_TO_WATCH = (
    "There is no folder to watch: the articles come from the web, or were added. Name a folder, or let the bot reindex "
    "on a schedule ([telegram] reindex_every)."
)
WATCHING = "Watching {folder}: it is read again two seconds after the last change. Ctrl-C ends it."


def decision(answer: Answer) -> str:
    """Say what decided whether an answer is given."""
    verdict = "Answered" if answer.answered else "Refused"
    return (
        f"{verdict}: the articles answer with a probability of {answer.probability:.3f}, and "
        f"{answer.threshold:.3f} is wanted ([answer] caution). The likeliest sentences, and what was seen of them:"
    )


def dry_run(value: Plan) -> str:
    """Say what a reindex would do, and what it would ask."""
    failed = f", {len(value.failures)} failed" if value.failures else ""
    lines = [f"{changes(value)}, {value.unchanged} unchanged{failed}"]
    if not value.changes:
        lines.append(f"Nothing to do: the library agrees with {value.folder}.")
    if value.again:
        lines.append(
            "All passages are embedded again, because the model, its prefixes or the sizes of passages in the settings "
            "are not those that the index was made with."
        )
    if value.consent:
        lines.append(f"{gone(value)} That wants consent: `footnote index --yes`, or the button under /reindex.")
    return "\n".join([*lines, *failures(value.failures)])


def ask_consent(value: Plan) -> str:
    """Ask at the terminal whether so much may be removed."""
    return f"{dry_run(value)}\nRemove {articles(value.removed)}? [y/N] "


def served_all_the_same(error: str, revision: Revision) -> str:
    """Say that `run` could not reindex and goes on with what there is."""
    return f"{error} Revision {revision.number}, made on {when(revision)}, is served as it was."


def restored(made_at: str, aside: Path | None) -> str:
    """Write what a restored backup means for the next start."""
    before = f" What was there before is kept in {aside}: remove it when you need it no more." if aside else ""
    on = day(dt.datetime.fromisoformat(made_at).date())
    return (
        f"The library is as it was on {on}. What is missing of its index is made again, without the model, "
        f"at the next question.{before}"
    )


def understood_as(value: Understood) -> str:
    """Say what was sent, as it is understood: title, outlet, date, passages, size."""
    article = value.article
    size = megabytes(value.sent.size) if value.sent.size >= 100_000 else f"{value.sent.size / 1000:.1f} KB"
    facts = [article.title, article.source, day(article.date), passages(value.passages), size]
    newer = ["in place of the version before"] if value.replaces else []
    return " · ".join(filter(None, [*facts, *newer]))


def ask_removal(some: Sequence[Article]) -> str:
    """Ask at the terminal whether these articles may be removed."""
    named = "\n".join(
        f"{article.id}  {article.title}" if article.title != article.id else article.id for article in some
    )
    return f"{named}\nRemove {articles(len(some))}? [y/N] "


def removed_unread(ids: Sequence[ArticleId]) -> str:
    """Say that what was kept for the next reindex is not any more."""
    return f"{articles(len(ids))} removed; none of it had been indexed."


def supplies(found: Sequence[Supply]) -> str:
    """List where articles come from: name, kind, how many, when something came last, and what is wrong."""
    lines: list[str] = []
    for one in found:
        name = f"{one.name} ({one.kind})" if one.name and one.name != one.kind else one.name or "the folder"
        last = f"last success {moment(one.success)}" if one.success else "never read yet"
        failing = f"{one.failing} failing" if one.failing else ""
        lines.append(" · ".join(filter(None, [name, articles(one.articles), last, failing])))
        lines += [f"    {named(one.place)}"] if one.place else []
        if one.reason:
            since = f" ({moment(one.failure)})" if one.failure else ""
            lines.append(f"    ✗ {one.reason}{since}")
    return "\n".join(lines) or NO_SOURCES


def nothing_indexed(data: Path) -> str:
    """Say that a library is empty, and what fills it."""
    return f"Nothing has been indexed in {data} yet. Run: footnote index FOLDER"
