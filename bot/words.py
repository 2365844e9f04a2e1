"""Everything a person reads, in one place. Pure; knows no formatting but plain text."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from bot.people import Entry, Guest, Invitation, Opened, Page
from index.library import Status
from index.records import Answer, Article, Claim, Failure, Period, Plan, Progress, Report, Revision

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
STARTED_AFRESH = "What was said before is forgotten."
NOT_ALLOWED = "This bot is private. If you think you should have access, please ask whoever runs it."
ADMINS_ONLY = "Only an admin of this bot may do that."
NOT_MINE = "I answer only buttons on messages of my own, in your private chat with me."
OWN_WORDS = "Please write that command yourself: I do not take it from a forwarded message or from another bot."
ASK_HOW = "Write /ask and your question, or just the question."
TEXT_ONLY = "I can only read text so far. Please write your question."
REINDEX_STARTED = "Reindexing…"
REINDEX_BUSY = "A reindex is running already; its message shows how far it is."
REINDEX_BUSY_BY_ITSELF = "A reindex is running already, by the schedule."
STOPPING = "Stopping…"
ENDED_ALREADY = "It has ended already."
CUT_SHORT = (
    "This reindex was cut short, because the bot ended meanwhile. The articles are as they were before; /reindex goes "
    "on with what was embedded."
)
LEFT = "All is left as it is; nothing was removed. /reindex asks again."
KEPT = "All stays as it is."
SETTLED = "This is settled already."
OUT_OF_DATE = "This question is out of date: the articles have changed since. Send /{command} for how things are now."
NOTHING_TO_UNDO = "There is no earlier revision to go back to: one is kept, the one before the current."
RESTS = "Automatic reindexing rests after a rollback, until somebody runs `footnote index` or sends /reindex."
ON_SCHEDULE = "The folder was read again on schedule."
TOO_OLD = "This message is too old for its buttons. Please send the command again."
NOT_REMOVED = "Nothing was changed."
STOPPED_AFTER = (
    "Stopped. The new articles are served already; only tidying up was cut short, and the next reindex does it."
)
SAVED = "Saved to {path}, {megabytes:,.1f} MB. It holds what people asked: keep it as private as the bot."
WATCHING = "Watching {folder}: it is read again two seconds after the last change. Ctrl-C ends it."

WHY_BUTTON = "Why"
BACK_BUTTON = "‹ Back"
MORE_BEFORE_BUTTON = "▴ More before"
MORE_AFTER_BUTTON = "▾ More after"
THANKS = "Thank you!"
THANKS_FOR_REASON = "Thank you, whoever runs this bot will see that."
WHAT_WAS_WRONG = "Thank you. What was wrong?"
ANSWER_FORGOTTEN = "I do not have this answer any more. Please ask again."
NOT_THIS_ANSWER = "This button belongs to another message."
ARTICLE_CHANGED = "The article has changed since. These are its words as they were when I answered."
ARTICLE_GONE = "The article is not in the collection any more. These are its words as they were when I answered."

_REASONS = {
    "source": "The wrong source",
    "outdated": "Outdated",
    "answer": "You should have answered",
    "refuse": "You should not have answered",
}

STOP_BUTTON = "Stop"
LEAVE_BUTTON = "Leave all as it is"
GO_BACK_BUTTON = "Go back"
STAY_BUTTON = "Keep"
NO_ARTICLES = "There are no articles yet. An admin can send /reindex."
MENDING = "The index is being repaired. Please ask again in a minute."
WENT_WRONG = (
    "Something went wrong on my side. Please try again; if it stays so, tell whoever runs this bot: error {id}."
)

LATE = "Sorry that this comes late: I was away, or busy, when you asked."
PERHAPS_AGAIN = "You may have got this already: I was cut off while I sent it."
TOO_LATE = "You asked this too long ago, while I was away, so I leave it. If you still want to know, please ask again."
CROWDED = "I am busy: very many questions are waiting. Please ask this again in a few minutes."
TOO_FAST = "You ask faster than I may answer. Please wait a minute, then ask again what has no answer by then."
TOO_MANY_TRIES = "You tried many invitations. Please wait a few minutes before you open another one."
TOO_SLOW = "This took too long, so I gave it up. Please try again, perhaps with a shorter question."

COMMANDS = {
    "ask": "Ask a question: /ask Where will they meet?",
    "sources": "The articles I know, newest first",
    "status": "What I know and how I am",
    "help": "How to ask, and what I do",
}
ADMIN_COMMANDS = {
    "reindex": "Read the folder of articles again",
    "rollback": "Go back to the articles before the last reindex",
    "invite": "Make a link that lets somebody in",
    "people": "Who was let in, who is blocked, which invitations are open",
    "block": "Answer somebody no more: /block and their id",
    "unblock": "Answer them again: /unblock and their id",
}

_STAGES = {
    "reading": "Reading articles",
    "embedding": "Embedding passages",
    "building": "Building the index",
    "merging": "Merging segments",
    "asking": "Asking",
}


def start(*, person: int, admin: bool) -> str:
    """Greet a person; tell them their id, which an operator needs for the settings."""
    role = (
        "You are an admin here: /reindex reads the articles again, /rollback undoes that."
        if admin
        else f"Your Telegram id is {person}."
    )
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


def status(value: Status, *, every: int) -> str:
    """Say what the library holds, and whether it is read again by itself, `every` so many minutes (0: never)."""
    revision = value.revision
    if revision is None:
        return NO_ARTICLES
    deltas = max(0, len(revision.segments) - 1)
    lines = [
        f"{count(revision.articles, 'article')}, {count(revision.passages, 'passage')}",
        f"Revision {revision.number}, made on {when(revision)}",
        f"{count(len(revision.segments), 'segment')}: 1 base, {count(deltas, 'delta')}" if revision.segments else "",
        f"Model {revision.model} ({value.runtime})",
        f"Reranker {value.reranker}" if value.reranker else "",
        f"Disk {value.disk / 1e6:,.1f} MB",
        f"The bot reads the folder again every {duration(60.0 * every)}." if every else "",
        RESTS if revision.held else "",
    ]
    return "\n".join(filter(None, lines))


def changes(value: Plan) -> str:
    """Write what a reindex would change, as +3 ~1 -0."""
    return f"+{value.added} ~{value.changed} -{value.removed}"


def plan(value: Plan) -> str:
    """Say in one line what a reindex is about to do."""
    failed = f" · {len(value.failures)} failed" if value.failures else ""
    again = " · all are embedded again" if value.again else ""
    return f"{changes(value)} · {value.unchanged} unchanged{failed}{again}"


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
    return "\n".join([*lines, *_failures(value.failures)])


def gone(value: Plan) -> str:
    """Say how much would be removed, and what may be behind it."""
    return (
        f"This would remove {value.removed} of {value.served} articles, because {value.folder} does not hold them any "
        "more. If a disk or a network folder is missing, bring it back."
    )


def consent(value: Plan) -> str:
    """Ask an admin whether so much may be removed."""
    return f"{plan(value)}\n\n{gone(value)} Nothing happens until you choose."


def remove_button(value: Plan) -> str:
    """Label the button that agrees to a removal."""
    return f"Remove {count(value.removed, 'article')}"


def ask_consent(value: Plan) -> str:
    """Ask at the terminal whether so much may be removed."""
    return f"{dry_run(value)}\nRemove {count(value.removed, 'article')}? [y/N] "


def nothing_to_do(value: Report) -> str:
    """Say that a reindex found all as it was."""
    return "\n".join(
        [f"Nothing to do: {count(value.unchanged, 'article')}, all as they were.", *_failures(value.failures)]
    )


def would_go_back(current: Revision, before: Revision) -> str:
    """Ask an admin whether to return to the revision before."""
    return (
        f"Now: revision {current.number}, made on {when(current)}, {count(current.articles, 'article')}.\n"
        f"Before: revision {before.number}, made on {when(before)}, {count(before.articles, 'article')}.\n\n"
        "Go back? What was indexed since is undone, and nothing reindexes by itself until somebody reindexes."
    )


def rolled_back(value: Revision) -> str:
    """Say which revision is served after a rollback."""
    return (
        f"Revision {value.number} is served again, made on {when(value)}: {count(value.articles, 'article')}, "
        f"{count(value.passages, 'passage')}.\n{RESTS}"
    )


def served_all_the_same(error: str, revision: Revision) -> str:
    """Say that `run` could not reindex and goes on with what there is."""
    return f"{error} Revision {revision.number}, made on {when(revision)}, is served as it was."


def when(value: Revision) -> str:
    """Write when a revision was made."""
    return value.made_at.astimezone().strftime("%d %b %Y, %H:%M")


def understood(answer: Answer) -> list[str]:
    """Say how a question was completed; nothing where it was left alone."""
    return [f"Understood as: {answer.understood}"] if answer.understood else []


def reason(name: str) -> str:
    """Label the button that says what was wrong with an answer."""
    return _REASONS[name]


def why(answer: Answer, made_at: str) -> str:
    """Say what an answer rests on; what follows are the likeliest sentences."""
    verdict = "I answered" if answer.answered else "I did not answer"
    revision = f"These were the articles of revision {answer.revision}"
    lines = [
        f"You asked: {answer.question}",
        *understood(answer),
        *notes(answer),
        (
            f"{verdict}: the articles answer this with a probability of {answer.probability:.2f}, and "
            f"{answer.threshold:.2f} is wanted."
        ),
        f"{revision}, read on {made_at}." if made_at else f"{revision}.",
        "The likeliest sentences:" if answer.judged else "",
    ]
    return "\n\n".join(filter(None, lines))


def decision(answer: Answer) -> str:
    """Say what decided whether an answer is given."""
    verdict = "answered" if answer.answered else "refused"
    return (
        f"{verdict.capitalize()}: the articles answer with a probability of {answer.probability:.3f}, and "
        f"{answer.threshold:.3f} is wanted ([answer] caution). The likeliest sentences, and what was seen of them:"
    )


def abstention(answer: Answer) -> list[str]:
    """Say that the articles do not hold an answer, what is nearest, and which words none of them has."""
    lines = ["The articles do not answer that, as far as I can find."]
    if answer.unknown_words:
        lines.append(f"No article mentions: {', '.join(answer.unknown_words)}")
    return lines


def claim(value: Claim) -> str:
    """Write a claim with the numbers of its citations, and of other articles that say the same."""
    also = f", also in {_numbers(value.also)}" if value.also else ""
    return f"{value.text} {_numbers(value.citations)}{also}"


def notes(answer: Answer) -> list[str]:
    """Say what stands under the claims: the parts that nothing was found on, and which articles were searched."""
    missing = f"I found no answer for: {'; '.join(answer.missing)}" if answer.missing else ""
    return [note for note in (missing, period(answer)) if note]


def _numbers(citations: Sequence[int]) -> str:
    return "".join(f"[{number}]" for number in citations)


def period(answer: Answer) -> str:
    """Say which articles were searched because the question named a time; nothing where that made no difference."""
    if answer.period is None or not answer.period.bounded:
        return ""
    then = _days(answer.period)
    if answer.beyond:
        return f"No article published {then} answers that, so I searched all of them."
    if not answer.answered:
        return f"I searched the articles published {then} first, and then all of them."
    return f"I searched only the articles published {then}."


def _days(period: Period) -> str:
    """Write a period as: from 16 to 23 Nov 2026."""
    first, last = period.earliest, period.latest
    if first is None or last is None:
        return f"since {day(first)}" if first else f"up to {day(last)}"
    if first == last:
        return f"on {day(first)}"
    same_year, same_month = first.year == last.year, (first.year, first.month) == (last.year, last.month)
    start = str(first.day) if same_month else day(first).rpartition(" ")[0] if same_year else day(first)
    return f"from {start} to {day(last)}"


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
    return "\n".join([*lines, *_failures(value.failures)])


def _failures(failures: Sequence[Failure]) -> list[str]:
    return [f"✗ {failure.name}: {failure.reason}" for failure in failures]


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


def restored(made_at: str, aside: Path | None) -> str:
    """Write what a restored backup means for the next start."""
    before = f" What was there before is kept in {aside}: remove it when you need it no more." if aside else ""
    on = day(dt.datetime.fromisoformat(made_at).date())
    return (
        f"The library is as it was on {on}. What is missing of its index is made again, without the model, "
        f"at the next question.{before}"
    )


# people

INVITE_HOW = (
    "/invite makes a link for one person, open for 7 days. /invite 5 30 Readers of the museum makes one for five "
    "people and 30 days, with a note for you; * in place of 5 lets in any number. At most {times} people and {days} "
    "days."
)
INVITE_OPEN = (
    "Everyone may ask this bot already, so nobody needs an invitation. To make it private, put your own id into "
    "[telegram] allowed in the settings and start the bot anew; then /invite makes links."
)
WELCOME = "Welcome! You have been let in."
IN_ALREADY = "You may ask already; just write a question. The invitation was not used up."
_NOT_OPENED = {
    "used up": "This invitation has been used already. Please ask whoever sent it to you for another one.",
    "expired": "This invitation has expired. Please ask whoever sent it to you for another one.",
    "revoked": "This invitation was taken back. Please ask whoever sent it to you.",
    "unknown": "I do not know this invitation. Please open the whole link, or ask whoever sent it for another one.",
}
EVERYONE_MAY_ASK = "Everyone may ask who is not blocked."
NOBODY_YET = (
    "Nobody was let in by an invitation yet, and nobody is blocked. /invite makes a link that lets somebody in."
)
BLOCK_HOW = "Write /block and the numeric id of a person. /people shows the ids of those who were let in."
UNBLOCK_HOW = "Write /unblock and the numeric id of a person. /people shows who is blocked."
ASK_BLOCK = "Block {who}? Nothing they ask is answered any more, nor what waits already."
ASK_UNBLOCK = "Unblock {who}?"
ADMIN_NOT_BLOCKED = "This is an admin, and admins cannot be blocked. Take the id out of [telegram] admins first."
BLOCKED = "{who} is blocked."
BLOCKED_ALREADY = "{who} is blocked already."
NOT_BLOCKED = "{who} is not blocked."
BANNED = "{who} is blocked in the settings: take the id out of [telegram] blocked and start the bot anew."
MAY_ASK_AGAIN = "{who} may ask again."
UNBLOCKED = "{who} is not blocked any more, but was not let in either: /invite makes a link."
REVOKED = "The invitation is taken back. Whoever opened it may still ask."
INVITATION_NOT_OPEN = "This invitation is not open any more."
LEAVING = (
    "This bot is private, and this group is not on its list, so I leave. Whoever runs it can put the id of this chat, "
    "{chat}, into [telegram] groups in the settings; then add me again."
)
INTRODUCTION = "Hello! Ask me about the articles I keep: mention me, reply to me, or write /ask and your question."


def invitation(value: Invitation, link: str) -> str:
    """Hand out an invitation."""
    label = f"\n{value.label}" if value.label else ""
    return f"{link}\n{label}\n{_admits(value)} /people shows it, and takes it back."


def opened(value: Opened, *, person: int) -> str:
    """Say to a person what came of opening an invitation."""
    match value:
        case Opened.ADMITTED:
            return f"{WELCOME}\n\n{start(person=person, admin=False)}"
        case Opened.ALREADY:
            return IN_ALREADY
        case Opened.BLOCKED:
            return NOT_ALLOWED
        case _:
            return _NOT_OPENED[value.value]


def people(value: Page, *, first: int, everyone: bool) -> str:
    """Show one page of the invitations and people, numbered from `first`."""
    top = [EVERYONE_MAY_ASK] if everyone else []
    if not value.total:
        return "\n\n".join(top or [NOBODY_YET])
    counts = [
        count(value.invitations, "open invitation"),
        f"{value.guests:,} let in",
        f"{value.outcasts:,} blocked",
    ]
    lines = [f"{number}. {_entry(entry)}" for number, entry in enumerate(value.entries, start=first)]
    return "\n\n".join([*top, ", ".join(counts), "\n".join(lines)])


def roll_button(kind: str, number: int | None = None) -> str:
    """Label the button that blocks, unblocks or revokes the entry of that number, or the one that was asked about."""
    label = {"b": "Block", "u": "Unblock", "r": "Take back"}[kind]
    return label if number is None else f"{label} {number}"


def ask_revoke(value: Invitation) -> str:
    """Ask whether an invitation is to be taken back."""
    return f"Take back this invitation? Whoever opened it may still ask.\n\n{_entry(value)}"


def who(person: int, name: str) -> str:
    """Name a person: by their id, which nobody can choose, and by the name they had."""
    return f"\u2068{name}\u2069 ({person})" if name else str(person)


def _entry(value: Entry) -> str:
    match value:
        case Invitation():
            label = f"“{value.label}”. " if value.label else ""
            return f"Invitation of {_on(value.at)}. {label}{_admits(value)}"
        case Guest():
            label = f", by “{value.label}”" if value.label else ""
            return f"{who(value.person, value.name)}, let in on {_on(value.at)}{label}"
        case _:
            return f"{who(value.person, value.name)}, blocked on {_on(value.at)}"


def _admits(value: Invitation) -> str:
    if value.remains is None:
        return f"It lets in whoever opens it until {_on(value.expires)}."
    first = "the first person who opens it" if value.remains == 1 else f"the first {value.remains:,} who open it"
    return f"It lets in {first}, until {_on(value.expires)}."


def _on(at: float) -> str:
    return day(dt.datetime.fromtimestamp(at).astimezone().date())
