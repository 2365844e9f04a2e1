"""What admins read of the figures, of what is missing, of feedback, and of how the bot is."""

import datetime as dt
import math
from collections.abc import Sequence

from bot.desk.chart import Labels
from bot.desk.export import Exported
from bot.desk.gaps import Gap
from bot.desk.reindexing import Ended
from bot.desk.stats import Stats
from bot.store.journal import Reason
from bot.words.errors import trouble
from bot.words.figures import day, day_of_year, duration, megabytes, moment, number
from bot.words.language import N_, _, ngettext
from bot.words.origins import failing
from index.articles.acquire import Supply
from index.records import Plan, Report

_COMPLAINTS = {
    Reason.NONE: N_("no reason"),
    Reason.WRONG_SOURCE: N_("wrong source"),
    Reason.OUTDATED: N_("outdated"),
    Reason.SHOULD_HAVE_ANSWERED: N_("should have been answered"),
    Reason.SHOULD_HAVE_REFUSED: N_("should not have been answered"),
}


def how_many_days(command: str, *, most: int) -> str:
    """Say how /stats and its like are written."""
    return _("Write /{command} alone, or with a number of days from 1 to {most}: /{command} 14").format(
        command=command, most=most
    )


def days_button(days: int) -> str:
    """Label the button that chooses so many days."""
    return ngettext("Last day", "Last {n} days", days).format(n=days)


def stats(value: Stats) -> str:
    """Say in words what the picture of the figures shows."""
    first, last, busiest = value.days[0].date, value.days[-1].date, value.busiest
    if not value.questions:
        return _("Nobody asked anything from {first} to {last}.").format(first=day(first), last=day(last))
    lines = [
        _("From {first} to {last}").format(first=day(first), last=day(last)),
        _("Questions: {n}, answered {answered}, refused {refused}").format(
            n=number(value.questions), answered=number(value.answered), refused=number(value.refused)
        ),
        _("Most in a day: {n}, on {day}").format(n=number(busiest.answered + busiest.refused), day=day(busiest.date)),
        f"👍 {number(value.up)} · 👎 {number(value.down)}",
    ]
    if not math.isnan(value.p50):
        lines.append(
            _("Time to an answer: half within {half}, 95 % within {most}").format(
                half=duration(value.p50), most=duration(value.p95)
            )
        )
    return "\n".join(lines)


def stats_labels(value: Stats) -> Labels:
    """Return the words in the picture of the figures."""
    return Labels(
        title=f"{day(value.days[0].date)} – {day(value.days[-1].date)}",
        questions=_("Questions a day"),
        answered=_("answered"),
        refused=_("refused"),
        opinions=_("Opinions of the answers"),
        liked=_("good"),
        disliked=_("bad"),
        seconds=_("Seconds to an answer"),
        half=_("half within"),
        most=_("95 % within"),
        dates=tuple(day_of_year(one.date) for one in value.days),
    )


def gaps(*, questions: int, groups: int, days: int) -> str:
    """Say how many questions were refused or disliked in so many days, in how many groups."""
    if not questions:
        return ngettext(
            "In the last day nothing was refused, and nobody disliked an answer.",
            "In the last {n} days nothing was refused, and nobody disliked an answer.",
            days,
        ).format(n=days)
    heading = ngettext("Refused or disliked in the last day", "Refused or disliked in the last {n} days", days).format(
        n=days
    )
    counts = _("Questions: {questions}; grouped by meaning: {groups}, the most frequent first").format(
        questions=number(questions), groups=number(groups)
    )
    return f"{heading}\n{counts}"


def quoted(question: str) -> str:
    """Quote a question."""
    return _("“{question}”").format(question=question)


def gap(value: Gap) -> str:
    """Count the questions of a group: how many, how many were refused, how many disliked and why."""
    parts = [
        ngettext("asked {n} time", "asked {n} times", value.questions).format(n=number(value.questions)),
        _("refused {n}").format(n=number(value.refused)) if value.refused else "",
    ]
    if value.disliked:
        why = ", ".join(f"{_(_COMPLAINTS[reason])} {number(n)}" for reason, n in value.disliked.items())
        parts.append(f"👎 {number(sum(value.disliked.values()))} ({why})")
    return " · ".join(filter(None, parts))


def exported(value: Exported, *, days: int) -> str:
    """Say what the file of cases holds, and what is left to do; or that there is nothing to hand over."""
    if value.cases:
        first = [
            _("Cases from feedback: {n}. Put the file beside the articles, then: footnote eval FOLDER").format(
                n=number(value.cases)
            ),
            _("It holds what people asked: keep it as private as the bot."),
        ]
    else:
        first = [
            ngettext(
                "The feedback of the last day holds nothing that a case could be made of.",
                "The feedback of the last {n} days holds nothing that a case could be made of.",
                days,
            ).format(n=days)
        ]
    unfinished = _(
        "To be filled in: {n}. Their notes say what; until then it only counts whether they were answered, and how "
        "often answers are wrong cannot be told."
    ).format(n=number(value.unfinished))
    unexplained = _("Left out, because somebody disliked the answer and did not say why: {n}.").format(
        n=number(value.unexplained)
    )
    more = [unfinished if value.unfinished else "", unexplained if value.unexplained else ""]
    return "\n\n".join(filter(None, [*first, *more]))


def condition(
    *,
    waiting: int,
    memory: int,
    last: Ended | None,
    following: dt.datetime | None,
    version: str,
    supplies: Sequence[Supply] = (),
) -> str:
    """Say to an admin how the bot is: what waits, bytes of memory, the reindexes, failing sources, the version."""
    lines = [
        _("Waiting updates: {n}").format(n=number(waiting)),
        _("Memory {size}").format(size=megabytes(memory)),
        _last(last),
        _("Next reindex, by schedule: {when}").format(when=moment(following)) if following else "",
        failing(supplies),
        _("Version {version}").format(version=version),
    ]
    return "\n".join(filter(None, lines))


def _last(ended: Ended | None) -> str:
    if ended is None:
        return _("No reindex since the bot began")
    match ended.outcome:
        case Report() as done:
            came = _("added {added}, changed {changed}, removed {removed}, failed {failed}").format(
                added=done.added, changed=done.changed, removed=done.removed, failed=len(done.failures)
            )
        case Plan(consent=True):
            came = _("waits until an admin agrees")
        case Plan():
            came = _("nothing to do")
        case error:
            came = trouble(error)
    line = _("Last reindex, by schedule, {when}: {came}") if ended.by_itself else _("Last reindex, {when}: {came}")
    return line.format(when=moment(ended.at), came=came)
