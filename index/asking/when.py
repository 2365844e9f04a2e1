"""Read from a question when what it asks for was published: "last week", "since March 2024". Pure; reads English.

A pattern finds the words, in microseconds; dateparser says which days they mean. It takes 60 ms to import and 100 ms
for its first date, so it is only asked where the pattern found something. A bare date is left alone: "in March 2024"
says what an article is about, and not when it was published.
"""

import calendar
import datetime as dt
import re

from index.records import Period

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?\b"
_YEAR = r"(?:1[5-9]|20)\d\d\b"
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day\b"
_DATE = (
    rf"(?:\d{{4}}-\d\d-\d\d\b|(?:the )?{_DAY}(?: of)? {_MONTH}(?:,? {_YEAR})?|{_MONTH} {_DAY}(?:,? {_YEAR})?|"
    rf"{_MONTH},? {_YEAR}|{_MONTH}(?! ?\d)|{_YEAR})"
)
_NUMBERS = "one two three four five six seven eight nine ten eleven twelve".split()
_COUNTS = {word: number for number, word in enumerate(_NUMBERS, start=1)} | {"a": 1, "an": 1, "couple of": 2}
_COUNTS |= {"a couple of": 2, "few": 4, "a few": 4, "several": 7}
"""Vague ones are read generously: an article too many costs less than the one that was meant."""

_COUNT = rf"(?:\d{{1,4}}|{'|'.join(sorted(_COUNTS, key=len, reverse=True))})"
_AGO = rf"(?:the day before yesterday|yesterday|today|tonight|{_COUNT} (?:day|week|month)s? ago)\b"
_CALENDAR = rf"(?:(?:last|this past) {_WEEKDAY}|(?:last|this) (?:week|month|year)\b(?! of\b))"
_NO_DATE = rf"(?!,? (?:the )?(?:{_DAY}|{_MONTH}))"
"""After a weekday: "on Monday 20 October" names the day of an event."""
_ANY = rf"(?:{_AGO}|{_CALENDAR}|{_WEEKDAY}{_NO_DATE}|{_DATE})(?!['’]s\b)"
_NOT_THEIRS = "".join(rf"(?<!\b{whose} )" for whose in ("his", "her", "its", "our", "my", "your", "their"))
_IN = r"(?:\b(?:in|on|from|of|during|over|within|for) )?"
_NEWS = r"(?:news|articles?|reports?|developments?|updates?|stories|events?)\b"

_BETWEEN = rf"\bbetween (?P<first>{_ANY}) and (?P<last>{_ANY})"
_FROM = rf"\bfrom (?P<start>{_DATE}) (?:to|until|till|through) (?P<end>{_DATE})"
"""Without weekdays: "open from Monday to Friday"."""
_SIDE = "since|after|before|until|till"
_EDGE = rf"\b(?P<edge>{_SIDE}) (?P<of>{_ANY})"
_LENGTH = rf"(?:(?P<count>{_COUNT}) (?P<units>hour|day|week|month|year)s?|(?P<unit>week|month|year))\b(?! of\b)"
_ROLLING = rf"{_IN}\b{_NOT_THEIRS}(?P<rolling>(?:the )?(?:last|past|previous) {_LENGTH})"
_ON = rf"{_AGO}|{_CALENDAR}|(?<=\bon ){_WEEKDAY}{_NO_DATE}|this (?:morning|evening)\b"
_DAYS = rf"{_IN}\b{_NOT_THEIRS}(?P<days>{_ON})(?:['’]s\b)?"
_NEWEST = (
    rf"(?<!at the )\b(?P<newest>(?:latest|newest|most recent(?:ly)?|recently|lately)\b(?: {_NEWS})?|recent {_NEWS})"
)
_TIMES = re.compile(f"{_BETWEEN}|{_FROM}|{_EDGE}|{_ROLLING}|{_DAYS}|{_NEWEST}", re.IGNORECASE)
_EITHER = re.compile(rf"\b(?:{_SIDE}),? (?:or|and) (?:{_SIDE}) {_ANY}", re.IGNORECASE)
"""Leaves nothing out: "before or after 2020"."""

_JOINED = re.compile(r",? (?:and|or) ", re.IGNORECASE)
"""Between two times either of which will do: "yesterday and today"."""

_Days = tuple[dt.date, dt.date]


def read(question: str, *, today: dt.date) -> tuple[str, Period | None]:
    """Return a question without the words that say when, and what they say; or the question as it is, and None.

    Give the question with single spaces. All that is said must hold: "latest news since Monday". What contradicts that
    counts only where it is joined to it: "yesterday and today" are both days. A day that does not exist says nothing.
    """
    if _EITHER.search(question):
        return question, None
    period: Period | None = None
    rest, at = "", 0
    for match in _TIMES.finditer(question):
        said = _said(match, today)
        if said is None:
            continue
        both = _both(period, said)
        joined = _JOINED.fullmatch(question[at : match.start()])
        if period and joined and (both is None or _are_days(period, said)):
            period, at = _either(period, said), match.end()
            if not period.bounded:  # "before 2010 and after 2020"
                return question, None
        elif both:
            period = both
            rest, at = rest + question[at : match.start()], match.end()
    return " ".join((rest + question[at:]).split()), period


def known(date: dt.date | None, *, today: dt.date) -> dt.date:
    """Return a date to order by. One in the future is a mistake or an announcement, and counts as none.

    Tomorrow's counts: further east it has begun.
    """
    return date if date is not None and (date - today).days <= 1 else dt.date.min


def _said(match: re.Match[str], today: dt.date) -> Period | None:
    """Return what one expression says."""
    group = {name: text for name, text in match.groupdict().items() if text}
    if "newest" in group:
        return Period(newest=True)
    if "edge" in group:
        return _edge(group["edge"].lower(), group["of"], today)
    if "first" in group or "start" in group:
        return _between(group.get("first") or group["start"], group.get("last") or group["end"], today)
    if "rolling" in group:
        return _rolling(group, today)
    found = _days(group["days"], today)
    return Period(*found) if found else None


def _edge(word: str, text: str, today: dt.date) -> Period | None:
    """Read "since March": it begins with its first day; "after March" with the day after its last."""
    found = _days(text, today)
    if found is None:
        return None
    first, last = found
    one = dt.timedelta(days=1)
    match word:
        case "since":
            return Period(earliest=first)
        case "after":
            return Period(earliest=last + one)
        case "before":
            return Period(latest=first - one)
    return Period(latest=last)


def _between(first: str, last: str, today: dt.date) -> Period | None:
    """Read "between March and May 2024", where the year belongs to both."""
    year = re.search(_YEAR, last)
    if year and re.search(_MONTH, first, re.IGNORECASE) and not re.search(_YEAR, first):
        first = f"{first} {year.group()}"
    one, other = _days(first, today), _days(last, today)
    return Period(one[0], other[1]) if one and other and one[0] <= other[1] else None


def _rolling(group: dict[str, str], today: dt.date) -> Period | None:
    """Read "the past 3 days", which end today. "last month", with nothing before it, is one of the calendar."""
    text, unit = group["rolling"].lower(), group.get("units") or group["unit"]
    if text.startswith("last ") and "count" not in group:
        found = _days(text, today)
        return Period(*found) if found else None
    count = group.get("count", "1").lower()
    found = _days(f"{_COUNTS.get(count, count)} {unit}s ago", today, whole=False)
    return Period(found[0], today) if found else None


def _days(text: str, today: dt.date, *, whole: bool = True) -> _Days | None:
    """Return the first and the last day of what an expression names; `whole`: of all the week, month or year."""
    from dateparser.date import DateDataParser  # noqa: PLC0415  see above

    words = re.sub(r"^(?:tonight|this morning|this evening)$", "today", text.lower())
    words = words.replace("the day before yesterday", "2 days ago").replace("this past", "last")
    words = re.sub(rf"^({_COUNT})(?= \w+ ago)", lambda m: str(_COUNTS.get(m.group(), m.group())), words)
    noon = dt.datetime.combine(today, dt.time(12))
    settings = {"RELATIVE_BASE": noon, "PREFER_DATES_FROM": "past", "RETURN_AS_TIMEZONE_AWARE": False}
    found = DateDataParser(languages=["en"], settings=settings).get_date_data(words)
    if found.date_obj is None:
        return None
    day = found.date_obj.date()
    return _around(day, found.period, today) if whole else (day, day)


def _around(day: dt.date, unit: str, today: dt.date) -> _Days:
    """Return the first and the last day of the week, month or year around a day."""
    match unit:
        case "week":
            first = day - dt.timedelta(days=day.weekday())
            last = first + dt.timedelta(days=6)
            yesterday = today - dt.timedelta(days=1)
            # To some, last week is the calendar's, to others the seven days before today: both are in.
            return first, yesterday if last < yesterday < last + dt.timedelta(days=7) else last
        case "month":
            return day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1])
        case "year":
            return dt.date(day.year, 1, 1), dt.date(day.year, 12, 31)
    return day, day


def _both(one: Period | None, other: Period) -> Period | None:
    """Return the days that are in both periods; None where there are none."""
    if one is None:
        return other
    earliest = max(filter(None, (one.earliest, other.earliest)), default=None)
    latest = min(filter(None, (one.latest, other.latest)), default=None)
    if earliest and latest and earliest > latest:
        return None
    return Period(earliest, latest, one.newest or other.newest)


def _are_days(*some: Period) -> bool:
    """Whether each has a beginning and an end; then "and" means all of them, and not what is in both."""
    return all(one.earliest and one.latest for one in some)


def _either(one: Period, other: Period) -> Period:
    """Return the days from the beginning of the earlier period to the end of the later one."""
    earliest = min(one.earliest, other.earliest) if one.earliest and other.earliest else None
    latest = max(one.latest, other.latest) if one.latest and other.latest else None
    return Period(earliest, latest, one.newest or other.newest)
