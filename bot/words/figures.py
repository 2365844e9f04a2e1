"""Numbers, dates, lengths of time and sizes, as the language of the moment writes them."""

import datetime as dt

from babel.core import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal

from bot.words.language import LANGUAGE, _, ngettext
from index.records import Revision


def number(value: float, digits: int = 0) -> str:
    """Write a number with its thousands apart and so many digits after the point."""
    shape = "#,##0" + ("." + "0" * digits if digits else "")
    return format_decimal(round(value, digits), shape, locale=LANGUAGE.get())


def day(date: dt.date | None) -> str:
    """Write a date as 16 Oct 2025."""
    # Translators: a date, in the letters of Unicode's date patterns
    return format_date(date, _("d MMM y"), locale=LANGUAGE.get()) if date else ""


def day_of_year(date: dt.date) -> str:
    """Write a date as 16 Oct."""
    # Translators: a date without its year, in the letters of Unicode's date patterns
    return format_date(date, _("d MMM"), locale=LANGUAGE.get())


def moment(at: dt.datetime) -> str:
    """Write a point in time as 06 Oct 2025, 14:05, by the clock of this machine."""
    # Translators: a date with the time, in the letters of Unicode's date patterns
    return format_datetime(at.astimezone(), _("dd MMM y, HH:mm"), locale=LANGUAGE.get())


def when(value: Revision) -> str:
    """Write when a revision was made."""
    return moment(value.made_at)


def duration(seconds: float) -> str:
    """Write a length of time in its two largest units, or in the largest where there is nothing of the other."""
    if round(seconds) < 60:
        return _("{seconds} s").format(seconds=number(seconds, 1 if seconds < 10 else 0))
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours and minutes:
        return _("{hours} h {minutes} min").format(hours=number(hours), minutes=minutes)
    if hours:
        return _("{hours} h").format(hours=number(hours))
    if rest:
        return _("{minutes} min {seconds} s").format(minutes=minutes, seconds=rest)
    return _("{minutes} min").format(minutes=minutes)


def megabytes(size: float) -> str:
    """Write a number of bytes in megabytes."""
    return _("{size} MB").format(size=number(size / 1e6, 1))


def size(value: int) -> str:
    """Write a number of bytes in kilobytes, or in megabytes where there are many."""
    return megabytes(value) if value >= 100_000 else _("{size} KB").format(size=number(max(0.1, value / 1e3), 1))


def language_name(code: str) -> str:
    """Name a language, in the language of the moment; by its code where nobody knows its name."""
    try:
        return Locale.parse(code, sep="-").get_display_name(LANGUAGE.get()) or code
    except (UnknownLocaleError, ValueError):
        return code


def articles(count: int) -> str:
    """Write a number of articles."""
    return ngettext("{n} article", "{n} articles", count).format(n=number(count))


def passages(count: int) -> str:
    """Write a number of passages."""
    return ngettext("{n} passage", "{n} passages", count).format(n=number(count))
