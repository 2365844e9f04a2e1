"""Counts and times for Prometheus, in a registry of their own. Knows nothing of HTTP, and asks nobody for numbers.

No label comes from outside: outcomes, stages and kinds of errors are words of this program, and at most `MOST` of each
are told apart.
"""

import logging
import math
import re
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from index.records import Answer

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""What every Prometheus reads, and all that our names need."""

MOST = 50
"""Different values of one label; a wrong call must cost a wrong number, not the memory of a monitoring system."""

OTHER = "other"
"""The label of all values beyond."""

STAGES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bounds in seconds: a stage takes from under a millisecond to the deadline of a question."""

QUESTIONS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3_600.0, 21_600.0)
"""Bounds in seconds: a question may have waited for as long as the bot was away."""

_WORD = re.compile(r"\w{1,64}", re.ASCII)
"""Outcomes, stages, classes, and statuses of HTTP."""

Reading = Callable[[], float]

_Kind = TypeVar("_Kind", Counter, Histogram)

log = logging.getLogger(__name__)


class Metrics:
    """What the bot does, counted. Every method may be called from any thread."""

    def __init__(self) -> None:
        """Start all counts at zero, and what is read from others at "not known" (NaN)."""
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._questions = self._counter(
            "questions",
            "Questions that were answered, refused, or failed.",
            "outcome",
            ("answered", "refused", "failed"),
        )
        self._updates = self._counter("updates", "Updates of Telegram, by what became of them.", "outcome")
        self._reindexes = self._counter("reindexes", "Runs of indexing, by how they ended.", "outcome")
        self._errors = self._counter("errors", "Errors, by their class.", "kind")
        self._webhook = self._counter("webhook_requests", "Requests to the webhook, by status.", "status")
        self._stages = _Labelled(
            Histogram(
                "footnote_stage_seconds",
                "Time that a stage of answering took.",
                ["stage"],
                buckets=STAGES,
                registry=self._registry,
            )
        )
        self._took = Histogram(
            "footnote_question_seconds",
            "Time from the arrival of a question to its reply.",
            buckets=QUESTIONS,
            registry=self._registry,
        )
        self._waiting = self._gauge("waiting", "Updates that are stored and not done.")
        self._revision = self._gauge("revision", "Number of the revision that is served.")
        self._articles = self._gauge("articles", "Articles that are served.")
        self._poll_age = self._gauge("last_poll_age_seconds", "Time since Telegram was last heard.")

    def answered(self, answer: Answer) -> None:
        """Count a question that the Library answered or refused, and how long each stage of that took."""
        self._questions.of("answered" if answer.answered else "refused").inc()
        for stage, milliseconds in answer.timings.items():
            self._stages.of(stage).observe(milliseconds / 1000)

    def failed(self) -> None:
        """Count a question that got neither an answer nor a refusal: an error, or the deadline."""
        self._questions.of("failed").inc()

    def took(self, seconds: float) -> None:
        """Note the time from the arrival of a question to its reply. A clock that was set back counts as no time."""
        self._took.observe(max(0.0, seconds))

    def update(self, outcome: str) -> None:
        """Count an update of Telegram under what became of it, in one word."""
        self._updates.of(outcome).inc()

    def reindexed(self, outcome: str) -> None:
        """Count a run of indexing under how it ended, in one word."""
        self._reindexes.of(outcome).inc()

    def error(self, kind: str) -> None:
        """Count an error under the name of its class."""
        self._errors.of(kind).inc()

    def webhook(self, status: int) -> None:
        """Count a request to the webhook under the status of its response."""
        self._webhook.of(str(status)).inc()

    def watch(
        self,
        *,
        waiting: Reading | None = None,
        revision: Reading | None = None,
        articles: Reading | None = None,
        poll_age: Reading | None = None,
    ) -> None:
        """Read these numbers whenever metrics are asked for; `poll_age` is in seconds.

        They are read in a thread of their own, one reader at a time; one that raises is shown as NaN.
        """
        readings = (
            (self._waiting, waiting),
            (self._revision, revision),
            (self._articles, articles),
            (self._poll_age, poll_age),
        )
        for gauge, reading in readings:
            if reading is not None:
                gauge.set_function(_or_unknown(reading))

    def render(self) -> tuple[bytes, str]:
        """Return everything in Prometheus' text form, and its content type. As slow as what `watch` was given."""
        return generate_latest(self._registry), CONTENT_TYPE

    def _counter(self, name: str, what: str, label: str, known: Iterable[str] = ()) -> "_Labelled[Counter]":
        return _Labelled(Counter(f"footnote_{name}", what, [label], registry=self._registry), known)

    def _gauge(self, name: str, what: str) -> Gauge:
        gauge = Gauge(f"footnote_{name}", what, registry=self._registry)
        gauge.set(math.nan)
        return gauge


class _Labelled(Generic[_Kind]):
    """A metric with one label that takes a bounded number of values."""

    def __init__(self, metric: _Kind, known: Iterable[str] = ()) -> None:
        """Show the `known` values at zero from the start, so that their first increase is seen as one."""
        self._metric: _Kind = metric
        self._values = set(known)
        for value in self._values:
            metric.labels(value)

    def of(self, value: str) -> _Kind:
        """Return the metric of a value, or of all others together where it is no word or there are too many."""
        if value not in self._values and len(self._values) < MOST and _WORD.fullmatch(value):
            self._values.add(value)
        return self._metric.labels(value if value in self._values else OTHER)


def _or_unknown(reading: Reading) -> Reading:
    """Make a reading that fails one that is not known: the other numbers are worth showing all the same."""

    def read() -> float:
        try:
            return float(reading())
        except Exception as error:  # noqa: BLE001 - whatever a database or a library thinks of
            log.warning("a number for the metrics cannot be read (%s)", type(error).__name__)
            return math.nan

    return read
