"""Draws the figures of some days as a picture for a phone. Knows no journal and no Telegram.

matplotlib is imported when the first picture is drawn: that takes a second or two, and the pictures keep 80 MB in all.
"""

import io
import math
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.desk.stats import Day, Stats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE, HIGH, DPI = 7.2, 8.4, 150
"""Inches, and points an inch: 1,080 points wide, as a phone is; Telegram shrinks what is longer than 1,280."""

MARGIN = 0.12
"""Inches around each chart."""

TICKS = 7
"""Dates below a chart that a phone has room for."""

_PAPER, _INK, _PALE = "#F4F5F7", "#2B2F36", "#C9CED6"  # easy on the eye in a light and in a dark chat
_GOOD, _BAD, _GREY = "#2A7F9E", "#D98032", "#7B8494"  # told apart by those who see no red or no green as well

_ONE_AT_A_TIME = threading.Lock()
"""matplotlib is not safe for threads: https://matplotlib.org/stable/users/faq.html#work-with-threads"""


@dataclass(frozen=True, slots=True)
class Labels:
    """The words in the picture, in the language of whoever looks at it; `dates` name each day in few letters."""

    title: str
    questions: str
    answered: str
    refused: str
    liked: str
    disliked: str
    opinions: str
    seconds: str
    half: str
    most: str
    dates: tuple[str, ...]


def png(stats: Stats, labels: Labels, *, cache: Path) -> bytes:
    """Draw questions, opinions and times, a chart each; return a PNG. `cache` is where the list of fonts is kept."""
    os.environ.setdefault("MPLCONFIGDIR", str(cache))  # or it makes a folder in the home directory, if there is one
    with _ONE_AT_A_TIME:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415
        from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415

        layout = ConstrainedLayoutEngine(w_pad=MARGIN, h_pad=MARGIN)
        figure = Figure(figsize=(WIDE, HIGH), dpi=DPI, facecolor=_PAPER, layout=layout)
        FigureCanvasAgg(figure)
        figure.suptitle(labels.title, color=_INK, fontsize=17, fontweight="bold")
        top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=[1.25, 1, 1])
        _questions(top, stats.days, labels)
        _opinions(middle, stats.days, labels)
        _times(bottom, stats.days, labels)
        places = _ticks(len(stats.days))
        bottom.set_xticks(places, [labels.dates[place] for place in places])
        bottom.set_xlim(-0.6, len(stats.days) - 0.4)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png")
        figure.clear()
    return drawn.getvalue()


def _questions(axes: "Axes", days: Sequence[Day], labels: Labels) -> None:
    at, answered = range(len(days)), [day.answered for day in days]
    axes.bar(at, answered, width=0.8, color=_GOOD, label=labels.answered)
    axes.bar(at, [day.refused for day in days], width=0.8, bottom=answered, color=_BAD, label=labels.refused)
    _finish(axes, labels.questions, highest=max(day.answered + day.refused for day in days))


def _opinions(axes: "Axes", days: Sequence[Day], labels: Labels) -> None:
    """Draw what was liked above the line and what was not below it."""
    at = range(len(days))
    axes.bar(at, [day.up for day in days], width=0.8, color=_GOOD, label=labels.liked)
    axes.bar(at, [-day.down for day in days], width=0.8, color=_BAD, label=labels.disliked)
    up, down = max(day.up for day in days), max(day.down for day in days)
    _finish(axes, labels.opinions, highest=up, lowest=-down)
    axes.axhline(0, color=_INK, linewidth=1)
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")


def _times(axes: "Axes", days: Sequence[Day], labels: Labels) -> None:
    """Draw a mark for each day: a line alone would not show a day between two without questions."""
    at = range(len(days))
    for values, colour, label in (
        ([day.p95 for day in days], _GREY, labels.most),
        ([day.p50 for day in days], _GOOD, labels.half),
    ):
        axes.plot(at, values, color=colour, label=label, linewidth=2, marker="o", markersize=5 if len(days) < 60 else 2)
    known = [value for day in days for value in (day.p50, day.p95) if not math.isnan(value)]
    _finish(axes, labels.seconds, highest=max(known, default=1.0), whole=False)


def _finish(axes: "Axes", title: str, *, highest: float, lowest: float = 0, whole: bool = True) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    axes.set_facecolor(_PAPER)
    axes.set_title(title, loc="left", color=_INK, fontsize=14)
    least = 1.0 if whole else 0.0  # whole things are counted up to one at least
    axes.set_ylim(min(lowest, -least if lowest else 0.0) * 1.12, max(highest, least) * 1.12)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=whole))
    axes.grid(axis="y", color=_PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_INK, labelsize=12, length=0)
    axes.spines[:].set_visible(False)
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False, fontsize=12, labelcolor=_INK, borderpad=0
    )


def _ticks(days: int) -> list[int]:
    """Return the days that get a date, evenly spread, with today always among them."""
    step = math.ceil(days / TICKS)
    return list(range((days - 1) % step, days, step))
