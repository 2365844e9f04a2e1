"""Metrics: what is counted, and that nothing from outside can make them grow."""

import math
import threading
from collections.abc import Iterator

import prometheus_client
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.running.metrics import MOST, Metrics
from index.library import Library
from index.records import Answer
from tests.conftest import WHEN


def shown(metrics: Metrics) -> dict[str, float]:
    """Read what is rendered as Prometheus would: the value of each series."""
    text, kind = metrics.render()
    assert kind.startswith("text/plain; version=0.0.4")
    return dict(_series(text.decode()))


def _series(text: str) -> Iterator[tuple[str, float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            yield f"{sample.name}[{labels}]", sample.value


def refusal(**timings: float) -> Answer:
    return Answer("Who?", (), (), (), (), probability=0.1, revision=1, timings=timings)


def test_questions_begin_at_zero_so_that_the_first_is_seen_as_an_increase() -> None:
    before = shown(Metrics())
    for outcome in ("answered", "refused", "failed"):
        assert before[f"footnote_questions_total[outcome={outcome}]"] == 0


def test_an_answer_counts_with_the_times_of_its_stages(shared: Library) -> None:
    metrics, answer = Metrics(), shared.ask(WHEN)
    assert answer.answered
    metrics.answered(answer)
    after = shown(metrics)
    assert after["footnote_questions_total[outcome=answered]"] == 1
    for stage, milliseconds in answer.timings.items():
        assert after[f"footnote_stage_seconds_count[stage={stage}]"] == 1
        assert after[f"footnote_stage_seconds_sum[stage={stage}]"] == pytest.approx(milliseconds / 1000)


def test_refusals_and_failures_are_counted_apart() -> None:
    metrics = Metrics()
    metrics.answered(refusal(embed=4.0))
    metrics.failed()
    metrics.failed()
    after = shown(metrics)
    assert after["footnote_questions_total[outcome=answered]"] == 0
    assert after["footnote_questions_total[outcome=refused]"] == 1
    assert after["footnote_questions_total[outcome=failed]"] == 2
    assert after["footnote_stage_seconds_bucket[le=0.0025,stage=embed]"] == 0
    assert after["footnote_stage_seconds_bucket[le=0.005,stage=embed]"] == 1


def test_times_to_the_reply_fall_into_buckets_and_a_clock_set_back_is_no_time() -> None:
    metrics = Metrics()
    for seconds in (0.2, 7.0, 7_200.0, -3.0):
        metrics.took(seconds)
    after = shown(metrics)
    assert after["footnote_question_seconds_count[]"] == 4
    assert after["footnote_question_seconds_sum[]"] == pytest.approx(7_207.2)
    assert after["footnote_question_seconds_bucket[le=10.0]"] == 3


def test_updates_reindexes_errors_and_requests_are_counted_by_a_word() -> None:
    metrics = Metrics()
    metrics.update("stored")
    metrics.reindexed("changed")
    metrics.error("StoreUnavailable")
    metrics.webhook(401)
    after = shown(metrics)
    assert after["footnote_updates_total[outcome=stored]"] == 1
    assert after["footnote_reindexes_total[outcome=changed]"] == 1
    assert after["footnote_errors_total[kind=StoreUnavailable]"] == 1
    assert after["footnote_webhook_requests_total[status=401]"] == 1


def test_numbers_are_read_when_they_are_asked_for_and_unknown_until_then() -> None:
    metrics, waiting = Metrics(), [3]
    assert math.isnan(shown(metrics)["footnote_waiting[]"])
    metrics.watch(waiting=lambda: waiting[0], revision=lambda: 7)
    metrics.watch(articles=lambda: 17, poll_age=lambda: 0.5)
    after = shown(metrics)
    assert after["footnote_waiting[]"] == 3
    assert after["footnote_revision[]"] == 7
    assert after["footnote_articles[]"] == 17
    assert after["footnote_last_poll_age_seconds[]"] == 0.5
    waiting[0] = 4
    assert shown(metrics)["footnote_waiting[]"] == 4


def test_a_number_that_cannot_be_read_is_unknown_and_the_others_are_shown() -> None:
    metrics = Metrics()
    metrics.watch(waiting=lambda: 1 / 0, revision=lambda: 7)
    after = shown(metrics)
    assert math.isnan(after["footnote_waiting[]"])
    assert after["footnote_revision[]"] == 7


def test_labels_cannot_grow_without_end_or_hold_what_is_no_word() -> None:
    metrics = Metrics()
    for n in range(10 * MOST):
        metrics.error(f"Error{n}")
    metrics.update('x"} 1\nfootnote_questions_total 99')
    metrics.update("x" * 100)
    metrics.update("")
    after = shown(metrics)
    kinds = [name for name in after if name.startswith("footnote_errors_total")]
    assert len(kinds) == MOST + 1
    assert after["footnote_errors_total[kind=other]"] == 9 * MOST
    assert after["footnote_updates_total[outcome=other]"] == 3


def test_two_sets_of_metrics_share_nothing_and_leave_the_global_one_alone() -> None:
    one, other = Metrics(), Metrics()
    one.failed()
    assert shown(other)["footnote_questions_total[outcome=failed]"] == 0
    assert b"footnote" not in prometheus_client.generate_latest()


def test_counting_from_many_threads_loses_nothing() -> None:
    metrics = Metrics()

    def count() -> None:
        for _ in range(500):
            metrics.answered(refusal(embed=1.0))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = shown(metrics)
    assert after["footnote_questions_total[outcome=refused]"] == 2000
    assert after["footnote_stage_seconds_count[stage=embed]"] == 2000


def test_the_process_itself_is_measured() -> None:
    assert shown(Metrics())["process_resident_memory_bytes[]"] > 1_000_000
