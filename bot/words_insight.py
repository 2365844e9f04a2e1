"""What admins read of the figures, of what is missing, of feedback, and of how the bot is."""

import datetime as dt
import math

from bot import words
from bot.chart import Labels
from bot.export import Exported
from bot.gaps import Gap
from bot.journal import Reason
from bot.reindexing import Ended
from bot.stats import Stats
from index.records import Plan, Report

_ = lambda x: x


def ngettext(one, other, n):
    return one if n == 1 else other


def _day(d):
    return words.day(d)


def _duration(d):
    return words.duration(d)


def how_many_days(command: str, *, most: int) -> str:
    """Say how /stats and its like are written."""
    return _("Write /{command} alone, or with a number of days from 1 to {most}: /{command} 14").format(
        command=command, most=most
    )


def days_button(number: int) -> str:
    """Label the button that chooses so many days."""
    return ngettext("{n} day", "{n} days", number).format(n=number)


def gaps_page(number: int, last: int) -> str:
    """Label the button between those that turn the page."""
    return _("{number} of {last}").format(number=number, last=last)


def stats(value: Stats) -> str:
    """Say in words what the picture of the figures shows."""
    first, last, busiest = value.days[0].date, value.days[-1].date, value.busiest
    heading = _("From {first} to {last}").format(first=_day(first), last=_day(last))
    if not value.questions:
        return f"{heading}: {_('nobody asked anything.')}"
    lines = [
        f"{heading}:",
        ngettext("{n:,} question", "{n:,} questions", value.questions).format(n=value.questions),
        _("{answered:,} answered, {refused:,} refused ({share:.0%})").format(
            answered=value.answered, refused=value.refused, share=value.refused / value.questions
        ),
        _("Most in a day: {n:,}, on {day}").format(n=busiest.answered + busiest.refused, day=_day(busiest.date)),
        f"👍 {value.up:,}  👎 {value.down:,}",
    ]
    if not math.isnan(value.p50):
        lines.append(
            _("Half of the answers came within {half}, 95 % within {most}").format(
                half=_duration(value.p50), most=_duration(value.p95)
            )
        )
    return "\n".join(lines)


def stats_labels(value: Stats) -> Labels:
    """Return the words in the picture of the figures."""
    return Labels(
        title=f"{_day(value.days[0].date)} – {_day(value.days[-1].date)}",
        questions=_("Questions a day"),
        answered=_("answered"),
        refused=_("refused"),
        opinions=_("Opinions of the answers"),
        liked=_("liked"),
        disliked=_("disliked"),
        seconds=_("Seconds to the answer"),
        half=_("half within"),
        most=_("95 % within"),
        dates=tuple(_short(day.date) for day in value.days),
    )


def _short(date: dt.date) -> str:
    """Write a date without its year, as in 16 Oct."""
    return _day(date).rpartition(" ")[0]


def gaps(*, questions: int, groups: int, days: int) -> str:
    """Say how many questions were refused or disliked in so many days, in how many groups."""
    period = ngettext("In the last day", "In the last {n} days", days).format(n=days)
    if not questions:
        return _("{period} nothing was refused, and nobody disliked an answer.").format(period=period)
    asked = ngettext("{n:,} question", "{n:,} questions", questions).format(n=questions)
    meant = ngettext("{n:,} meaning", "{n:,} meanings", groups).format(n=groups)
    return _("{period}, refused or disliked: {asked} of {meant}, the most frequent first.").format(
        period=period, asked=asked, meant=meant
    )


def quoted(question: str) -> str:
    """Quote a question."""
    return _("“{question}”").format(question=question)


def gap(value: Gap) -> str:
    """Count the questions of a group: how many, how many were refused, how many disliked and why."""
    counts = [ngettext("asked {n:,} time", "asked {n:,} times", value.questions).format(n=value.questions)]
    if value.refused:
        counts.append(_("refused: {n:,}").format(n=value.refused))
    if value.disliked:
        why = ", ".join(f"{_complaint(reason)}: {n:,}" for reason, n in value.disliked.items())
        counts.append(f"👎 {sum(value.disliked.values()):,} ({why})")
    return " · ".join(counts)


def _complaint(reason: Reason) -> str:
    return {
        Reason.NONE: _("no reason"),
        Reason.WRONG_SOURCE: _("wrong source"),
        Reason.OUTDATED: _("outdated"),
        Reason.SHOULD_HAVE_ANSWERED: _("should have been answered"),
        Reason.SHOULD_HAVE_REFUSED: _("should have been refused"),
    }[reason]


def exported(value: Exported, *, days: int) -> str:
    """Say what the file of cases holds, and what is left to do; or that there is nothing to hand over."""
    period = ngettext("the last day", "the last {n} days", days).format(n=days)
    unexplained = ngettext(
        "{n:,} answer that somebody disliked without a reason is left out.",
        "{n:,} answers that somebody disliked without a reason are left out.",
        value.unexplained,
    ).format(n=value.unexplained)
    lines = [unexplained] if value.unexplained else []
    if not value.cases:
        nothing = _("There is no feedback of {period} to make cases of.").format(period=period)
        return "\n".join([nothing, *lines])
    cases = ngettext(
        "{n:,} case from the feedback of {period}.", "{n:,} cases from the feedback of {period}.", value.cases
    ).format(n=value.cases, period=period)
    how = _("Put the file beside the articles, then: footnote eval <folder>")
    if value.unfinished:
        fill = ngettext(
            "{n:,} of them has a note that says what to fill in; until then it is only counted as answered or refused.",
            "{n:,} of them have a note that says what to fill in; until then they are only counted as answered or "
            "refused.",
            value.unfinished,
        ).format(n=value.unfinished)
        lines = [fill, *lines]
    return "\n".join([cases, how, *lines, _("It holds what people asked: keep it as private as the bot.")])


def condition(*, waiting: int, memory: int, last: Ended | None, following: dt.datetime | None, version: str) -> str:
    """Say to an admin how the bot is: what waits, bytes of memory, the last reindex and the next, the version."""
    lines = [
        ngettext("{n:,} update waits", "{n:,} updates wait", waiting).format(n=waiting),
        _("Memory {megabytes:,.0f} MB").format(megabytes=memory / 1e6),
        _last(last),
        _("Next reindex by schedule: {when}").format(when=_moment(following)) if following else "",
        _("Version {version}").format(version=version),
    ]
    return "\n".join(filter(None, lines))


def _last(ended: Ended | None) -> str:
    if ended is None:
        return _("No reindex since the bot began")
    match ended.outcome:
        case Report() as report:
            came = _("+{added} ~{changed} -{removed}, {failed} failed").format(
                added=report.added, changed=report.changed, removed=report.removed, failed=len(report.failures)
            )
        case Plan(consent=True):
            came = _("it waits for an admin to agree")
        case Plan():
            came = _("nothing to do")
        case error:
            came = str(error)
    line = _("Last reindex, by schedule, {when}: {came}") if ended.by_itself else _("Last reindex, {when}: {came}")
    return line.format(when=_moment(ended.at), came=came)


def _moment(at: dt.datetime) -> str:
    return at.astimezone().strftime("%d %b %Y, %H:%M")
