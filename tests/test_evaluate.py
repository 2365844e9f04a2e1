"""The figures: small cases worked out by hand."""

import io
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from index.errors import SourceError
from index.quality import evaluate
from index.quality.evaluate import EACH, Question, Run, each, measure, normalised, token_f1
from index.records import Answer, Article, ArticleId, Citation, Claim, Hit, Judged, Passage, PassageId

TEXT = "The harbour closed in 1987. It reopened in 1990."
FIRST, SECOND = (0, 27), (28, 48)


def passage(article: str, text: str = TEXT, number: int = 1) -> Passage:
    return Passage(PassageId(number), Article(ArticleId(article), article, text), 0, len(text))


def case(
    *,
    ranked: list[str],
    relevant: dict[str, float] | None = None,
    spans: tuple[tuple[int, int], ...] = (),
    golds: tuple[str, ...] = (),
    quotes: tuple[tuple[str, str], ...] = (),
    probability: float = 0.5,
    answerable: bool = True,
) -> Run:
    hits = tuple(Hit(passage(name, number=n), 1.0 / n, 0.5, 1.0) for n, name in enumerate(ranked, start=1))
    citations = tuple(Citation(n, passage("a"), s, e) for n, (s, e) in enumerate(spans, start=1))
    claims = tuple(Claim(c.quote, (c.number,)) for c in citations)
    question = Question("q", "When?", golds, quotes, relevant or {}, answerable)
    return Run(question, Answer("When?", claims, citations, (), (), probability, 1), hits, 10.0)


def test_ranks_are_counted_by_article_not_by_passage() -> None:
    one = case(ranked=["a", "a", "b", "b", "c"], relevant={"c": 1})
    assert one.articles == ["a", "b", "c"]
    figures = measure([one], {})
    assert (figures["hit@1"], figures["hit@4"], figures["mrr@10"]) == (0.0, 1.0, pytest.approx(1 / 3))
    assert figures["ndcg@10"] == pytest.approx(1 / math.log2(4))
    assert figures["recall@10"] == 1.0


def test_graded_relevance_is_discounted_by_rank() -> None:
    figures = measure([case(ranked=["b", "a"], relevant={"a": 2, "b": 1, "c": 0})], {})
    ideal = 2 + 1 / math.log2(3)
    assert figures["ndcg@10"] == pytest.approx((1 + 2 / math.log2(3)) / ideal)
    assert figures["recall@10"] == 1.0


def test_only_the_first_ten_articles_count() -> None:
    figures = measure([case(ranked=[f"x{n}" for n in range(10)] + ["a"], relevant={"a": 1})], {})
    assert (figures["hit@10"], figures["ndcg@10"], figures["mrr@10"], figures["recall@10"]) == (0, 0, 0, 0)


def test_answers_and_citations_are_held_against_the_gold() -> None:
    both = case(ranked=["a"], spans=(FIRST, SECOND), golds=("1987",), quotes=(("a", "1987"),))
    figures = measure([both], {"a": TEXT})
    assert figures["contains"] == 1.0
    assert figures["cite_precision"] == 0.5
    assert figures["cite_recall"] == 1.0
    assert figures["verbatim"] == 1.0
    wrong = case(ranked=["a"], spans=(SECOND,), golds=("1987",), quotes=(("a", "1987"),))
    figures = measure([wrong], {"a": TEXT})
    assert (figures["contains"], figures["cite_precision"], figures["cite_recall"]) == (0, 0, 0)


def test_the_right_words_of_the_wrong_article_prove_nothing() -> None:
    other = case(ranked=["a"], spans=(FIRST,), golds=("1987",), quotes=(("b", "1987"),))
    assert measure([other], {"a": TEXT})["cite_precision"] == 0.0


def test_an_abstention_holds_no_answer_and_cites_nothing() -> None:
    silent = case(ranked=["a"], golds=("1987",), quotes=(("a", "1987"),), relevant={"a": 1})
    figures = measure([silent], {"a": TEXT})
    assert (figures["contains"], figures["f1"], figures["cite_recall"], figures["refused_wrong"]) == (0, 0, 0, 1)
    assert math.isnan(figures["cite_precision"])
    assert math.isnan(figures["refused_right"])


def test_a_quote_that_is_not_in_the_article_on_the_disk_is_found() -> None:
    figures = measure([case(ranked=["a"], spans=(FIRST,))], {"a": TEXT.replace("1987", "1988")})
    assert figures["verbatim"] == 0.0


def test_refusals_are_counted_by_what_would_have_been_right() -> None:
    runs = [
        case(ranked=["a"], spans=(FIRST,), probability=0.9),
        case(ranked=["a"], probability=0.2),
        case(ranked=["a"], probability=0.3, answerable=False),
        case(ranked=["a"], probability=0.1, answerable=False),
        case(ranked=["a"], spans=(FIRST,), probability=0.6, answerable=False),
    ]
    figures = measure(runs, {"a": TEXT})
    assert figures["refused_wrong"] == 0.5
    assert figures["refused_right"] == pytest.approx(2 / 3)
    assert figures["auroc"] == pytest.approx(4 / 6)


def test_a_refusal_counts_for_the_curve_as_what_would_have_been_said() -> None:
    right, wrong = (Judged(passage("a"), start, end, {}, 0.2) for start, end in (FIRST, (28, len(TEXT))))
    refused = case(ranked=["a"], golds=("1987",), probability=0.2)
    assert [o.right for o in evaluate.outcomes([refused])] == [False]
    for judged, expected in (((right, wrong), True), ((wrong, right), False)):
        answer = replace(refused.answer, judged=judged)
        assert [o.right for o in evaluate.outcomes([replace(refused, answer=answer)])] == [expected]


def test_words_are_compared_in_the_normal_form_of_squad() -> None:
    assert normalised("The  “Old” Harbour, a port!") == "old harbour port"
    assert token_f1("in the year 1987", "1987") == pytest.approx(2 * 1 / (3 + 1))
    assert token_f1("nothing", "1987") == 0.0


def test_runs_are_written_so_that_anyone_can_compute_the_figures() -> None:
    out = io.StringIO()
    evaluate.write([case(ranked=["b", "a"], spans=(FIRST,), relevant={"a": 1})], out)
    row = json.loads(out.getvalue())
    assert row["articles"] == ["b", "a"]
    assert row["citations"][0] == {"number": 1, "article_id": "a", "quote": TEXT[:27], "start": 0, "end": 27}
    assert (row["answered"], row["probability"], row["ms"]) == (True, 0.5, 10.0)
    assert row["passages"][0]["score"] == 1.0


def test_a_set_without_questions_or_with_a_broken_line_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"queries\.jsonl"):
        evaluate.questions(tmp_path)
    (tmp_path / "queries.jsonl").write_text('{"id": "1", "question": "x", "answerable": true}\n{"id": 2}\n')
    with pytest.raises(SourceError, match="line 2"):
        evaluate.questions(tmp_path)


@pytest.mark.parametrize(
    "line, reason",
    [
        ("[]", "is not a JSON object"),
        ('{"id": 1, "question": "x"}', '"answerable": true or false'),
        ('{"id": 1, "question": "x", "answerable": "false"}', '"answerable": true or false'),
        ('{"id": 1, "question": "x", "answerable": true, "answers": "1987"}', '"answers" is not a list'),
        ('{"id": 1, "question": "x", "answerable": true, "evidence": ["in 1987"]}', '"evidence" is not a list'),
        ('{"id": 1, "answerable": true}', "question"),
    ],
)
def test_what_would_be_taken_for_something_else_is_refused_with_its_form(
    tmp_path: Path, line: str, reason: str
) -> None:
    (tmp_path / "queries.jsonl").write_text(line)
    with pytest.raises(SourceError, match=re.escape(reason)):
        evaluate.questions(tmp_path)


def test_a_limit_draws_the_same_questions_for_the_same_seed(tmp_path: Path) -> None:
    lines = [json.dumps({"id": str(n), "question": "x", "answerable": True}) for n in range(50)]
    (tmp_path / "queries.jsonl").write_text("\n".join(lines))
    drawn = [[q.id for q in evaluate.questions(tmp_path, limit=5, seed=seed)] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 5
    assert len(evaluate.questions(tmp_path)) == 50


def test_a_set_without_questions_has_nothing_to_measure() -> None:
    figures = measure([], {})
    assert figures.pop("questions") == 0
    assert all(math.isnan(value) for value in figures.values())


def test_each_question_has_every_figure_or_none() -> None:
    assert tuple(each(case(ranked=[]))) == EACH
