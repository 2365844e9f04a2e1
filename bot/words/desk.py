"""What admins read: of reindexing and rolling back."""

from collections.abc import Sequence

from bot.words.figures import articles, duration, number, passages, when
from bot.words.language import N_, _, ngettext
from index.records import Failure, Plan, Progress, Report, Revision

REINDEX_STARTED = N_("Reindexing…")
REINDEX_BUSY = N_("A reindex is running already; its message shows how far it is.")
REINDEX_BUSY_BY_ITSELF = N_("A reindex is running already, by the schedule.")
RUNS_ELSEWHERE = N_(
    "Another of the bots that share these articles is at work on them, and did not hear this. Press Stop again: each "
    "press reaches one of them."
)
STOPPING = N_("Stopping…")
ENDED_ALREADY = N_("It has ended already.")
CUT_SHORT = N_(
    "This reindex was cut short, because the bot ended meanwhile. The articles are as they were before; /reindex goes "
    "on with what was embedded."
)
LOOKING = N_("Looking at what has changed…")
LEFT = N_("All is left as it is; nothing was changed. /reindex asks again.")
KEPT = N_("All stays as it is.")
SETTLED = N_("This is settled already.")
OUT_OF_DATE = N_(
    "This question is out of date: the articles have changed since. Send /{command} for how things are now."
)
NOTHING_TO_UNDO = N_("There is no earlier revision to go back to: one is kept, the one before the current.")
RESTS = N_("Automatic reindexing rests after a rollback, until somebody runs `footnote index` or sends /reindex.")
WAITS = N_("Nothing happens until you choose.")
ON_SCHEDULE = N_("The folder was read again on schedule.")

STOP_BUTTON = N_("Stop")
REINDEX_BUTTON = N_("Reindex now")
LEAVE_BUTTON = N_("Leave all as it is")
GO_BACK_BUTTON = N_("Go back")
STAY_BUTTON = N_("Keep")

SHOWN = 20
"""Files named in a chat that could not be read: a folder of thousands would send messages for minutes."""

_STAGES = {
    "fetching": N_("Fetching pages"),
    "reading": N_("Reading articles"),
    "embedding": N_("Embedding passages"),
    "comparing": N_("Looking for copies"),
    "building": N_("Building the index"),
    "merging": N_("Merging segments"),
    "asking": N_("Asking"),
}


def changes(value: Plan) -> str:
    """Write what a reindex would change, as +3 ~1 -0."""
    return f"+{value.added} ~{value.changed} -{value.removed}"


def plan(value: Plan) -> str:
    """Say in one line what a reindex is about to do."""
    parts = [
        changes(value),
        _("{n} unchanged").format(n=value.unchanged),
        _("{n} failed").format(n=len(value.failures)) if value.failures else "",
        _("all are embedded again") if value.again else "",
    ]
    return " · ".join(filter(None, parts))


def gone(value: Plan) -> str:
    """Say how much would be removed, and what may be behind it."""
    return ngettext(
        "This would remove {removed} of {served} article, because {folder} does not hold it any more. If a disk or a "
        "network folder is missing, bring it back.",
        "This would remove {removed} of {served} articles, because {folder} does not hold them any more. If a disk or "
        "a network folder is missing, bring it back.",
        value.served,
    ).format(removed=value.removed, served=value.served, folder=value.folder)


def consent(value: Plan) -> str:
    """Ask an admin whether so much may be removed."""
    return f"{plan(value)}\n\n{gone(value)} {_(WAITS)}"


def choice(value: Plan) -> str:
    """Ask an admin whether what a plan says shall be done."""
    return "\n\n".join(filter(None, [plan(value), "\n".join(failures(value.failures, most=SHOWN)), _(WAITS)]))


def remove_button(value: Plan) -> str:
    """Label the button that agrees to a removal."""
    return ngettext("Remove {n} article", "Remove {n} articles", value.removed).format(n=number(value.removed))


def nothing_to_do(value: Report) -> str:
    """Say that a reindex found all as it was."""
    said = ngettext(
        "Nothing to do: {n} article, all as they were.",
        "Nothing to do: {n} articles, all as they were.",
        value.unchanged,
    ).format(n=number(value.unchanged))
    return "\n".join([said, *failures(value.failures, most=SHOWN)])


def would_go_back(current: Revision, before: Revision) -> str:
    """Ask an admin whether to return to the revision before."""
    now = _("Now: revision {number}, made on {when}, {articles}.").format(**_of(current))
    then = _("Before: revision {number}, made on {when}, {articles}.").format(**_of(before))
    question = _("Go back? What was indexed since is undone, and nothing reindexes by itself until somebody reindexes.")
    return f"{now}\n{then}\n\n{question}"


def rolled_back(value: Revision) -> str:
    """Say which revision is served after a rollback."""
    said = _("Revision {number} is served again, made on {when}: {articles}, {passages}.").format(**_of(value))
    return f"{said}\n{_(RESTS)}"


def _of(value: Revision) -> dict[str, str]:
    return {
        "number": str(value.number),
        "when": when(value),
        "articles": articles(value.articles),
        "passages": passages(value.passages),
    }


def progress(value: Progress) -> str:
    """Show how far a long piece of work is: stage, bar, counts, rate, time left."""
    share = value.done / value.total if value.total else 1.0
    bar = "▰" * round(share * 12) + "▱" * (12 - round(share * 12))
    so_far = _("{done} of {total}").format(done=number(value.done), total=number(value.total))
    line = f"{stage(value.stage)}\n{bar} {so_far}"
    left = value.seconds_left
    if left is not None and 0 < value.done < value.total:
        rest = _("{rate}/s · {time} left").format(rate=number(value.rate), time=duration(left))
        line += f" · {rest}"
    return line


def stage(name: str) -> str:
    """Name a stage."""
    return _(_STAGES[name]) if name in _STAGES else name


def report(value: Report, *, most: int | None = None) -> str:
    """Say what an indexing run did, and name so many of the files that could not be read; None: all."""
    done = _("Done in {time}: {articles}, {passages}.").format(
        time=duration(value.seconds), articles=articles(value.articles), passages=passages(value.passages)
    )
    what = _("Added {added}, changed {changed}, removed {removed}, unchanged {unchanged}, failed {failed}.").format(
        added=value.added,
        changed=value.changed,
        removed=value.removed,
        unchanged=value.unchanged,
        failed=len(value.failures),
    )
    return "\n".join([done, what, *failures(value.failures, most=most)])


def failures(some: Sequence[Failure], *, most: int | None = None) -> list[str]:
    """Name the files that could not be read, and why; of more than `most` (None: of any number) count the rest."""
    named = [f"✗ {failure.name}: {failure.reason}" for failure in some[:most]]
    rest = len(some) - len(named)
    if not rest:
        return named
    more = ngettext(
        "✗ … and {n} more file. `footnote index --dry-run` names all.",
        "✗ … and {n} more files. `footnote index --dry-run` names all.",
        rest,
    )
    return [*named, more.format(n=number(rest))]
