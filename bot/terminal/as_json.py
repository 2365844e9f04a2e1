"""The JSON forms of what the Library returns, for `--json`. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from index.articles.acquire import Supply, Understood
from index.library import Status
from index.records import Answer, Article, ArticleId, Citation, Failure, Hit, Passage, Plan, Report, Revision
from index.web.guard import named


def answer(value: Answer) -> dict[str, Any]:
    """Return an answer: its claims, numbered citations, or the nearest articles; and the time of each stage in ms."""
    return {
        "question": value.question,
        "understood": value.understood or None,
        "answered": value.answered,
        "answer": value.text,
        "probability": round(value.probability, 4),
        "claims": [
            {"text": claim.text, "citations": list(claim.citations), "also": list(claim.also)} for claim in value.claims
        ],
        "missing": list(value.missing),
        "unasked": list(value.unasked),
        "citations": [_citation(citation) for citation in value.citations],
        "nearest": [_article(article) for article in value.nearest],
        "unknown_words": list(value.unknown_words),
        "period": _period(value),
        "revision": value.revision,
        "timings_ms": _rounded(value.timings),
    }


def why(value: Answer) -> dict[str, Any]:
    """Return an answer with all that led to it: the ranked passages, and what the judge saw of each sentence."""
    return {
        **answer(value),
        "threshold": round(value.threshold, 4),
        "judged": [
            {
                "article_id": judged.passage.article.id,
                "start": judged.start,
                "end": judged.end,
                "text": judged.text,
                "probability": round(judged.probability, 4),
                "features": {name: round(seen, 4) for name, seen in judged.features.items()},
            }
            for judged in value.judged
        ],
        "passages": hits(value.question, value.hits, {})["passages"],
    }


def hits(question: str, found: Sequence[Hit], timings: Mapping[str, float]) -> dict[str, Any]:
    """Return ranked passages with their scores."""
    return {
        "question": question,
        "passages": [
            {
                "rank": rank,
                **_article(hit.passage.article),
                **_slice(hit.passage),
                "score": round(hit.score, 6),
                "dense": round(hit.dense, 6),
                "lexical": round(hit.lexical, 6),
                "rerank": None if hit.rerank is None else round(hit.rerank, 6),
            }
            for rank, hit in enumerate(found, start=1)
        ],
        "timings_ms": _rounded(timings),
    }


def report(value: Report) -> dict[str, Any]:
    """Return what an indexing run did."""
    return {
        "revision": value.revision,
        "articles": value.articles,
        "added": value.added,
        "changed": value.changed,
        "removed": value.removed,
        "unchanged": value.unchanged,
        "failed": _failures(value.failures),
        "passages": value.passages,
        "embedded": value.embedded,
        "seconds": round(value.seconds, 3),
    }


def plan(value: Plan) -> dict[str, Any]:
    """Return what an indexing run would do."""
    return {
        "folder": value.folder,
        "served": value.served,
        "added": value.added,
        "changed": value.changed,
        "removed": value.removed,
        "unchanged": value.unchanged,
        "failed": _failures(value.failures),
        "embeds_again": value.again,
        "wants_consent": value.consent,
        "changes": value.changes,
    }


def added(some: Sequence[Understood], failed: Sequence[Failure], done: Report | None) -> dict[str, Any]:
    """Return what was added, as it was understood, and what came of indexing it (null: that comes later)."""
    return {
        "added": [
            {
                **_article(one.article),
                "bytes": one.sent.size,
                "passages": one.passages,
                "replaces": one.replaces,
            }
            for one in some
        ],
        "failed": _failures(failed),
        "report": report(done) if done else None,
    }


def removed(ids: Sequence[ArticleId], done: Report | None) -> dict[str, Any]:
    """Return what was removed, and what came of indexing it (null: none of it was served)."""
    return {"removed": list(ids), "report": report(done) if done else None}


def supplies(found: Sequence[Supply]) -> dict[str, Any]:
    """Return where articles come from; the folder of the library has no name."""
    return {
        "sources": [
            {
                "name": one.name or None,
                "kind": one.kind,
                "place": named(one.place) or None,
                "articles": one.articles,
                "failing": one.failing,
                "last_success": one.success.isoformat() if one.success else None,
                "last_failure": one.failure.isoformat() if one.failure else None,
                "reason": one.reason or None,
            }
            for one in found
        ]
    }


def revision(value: Revision) -> dict[str, Any]:
    """Return a revision and its counts."""
    return {
        "revision": value.number,
        "made_at": value.made_at.isoformat(),
        "folder": value.folder,
        "articles": value.articles,
        "passages": value.passages,
        "segments": len(value.segments),
        "rests": value.held,
    }


def status(value: Status, *, every: int) -> dict[str, Any]:
    """Return what a library holds, and the minutes after which the bot reads its folder again (0: never)."""
    nothing = {"revision": None, "made_at": None, "folder": None, "articles": 0, "passages": 0, "segments": 0}
    return {
        "data": str(value.data),
        "model": value.model,
        "runtime": value.runtime,
        "reranker": value.reranker or None,
        "disk_bytes": value.disk,
        "copies": value.copies,
        **(revision(value.revision) if value.revision else {**nothing, "rests": False}),
        "reindex_every_minutes": every,
    }


def figures(values: Mapping[str, float]) -> dict[str, float | None]:
    """Return measured figures; null for what a set cannot measure, since JSON has no NaN."""
    return {name: None if math.isnan(value) else round(value, 4) for name, value in values.items()}


def _citation(value: Citation) -> dict[str, Any]:
    return {
        "number": value.number,
        **_article(value.article),
        "page": value.page,
        "section": value.section or None,
        "quote": value.quote,
        "start": value.start,
        "end": value.end,
        "passage": _slice(value.passage),
    }


def _period(value: Answer) -> dict[str, Any] | None:
    """Return when the articles asked for were published; `beyond`: none of them answers, so all were searched."""
    if value.period is None:
        return None
    earliest, latest = value.period.earliest, value.period.latest
    return {
        "earliest": earliest.isoformat() if earliest else None,
        "latest": latest.isoformat() if latest else None,
        "newest": value.period.newest,
        "beyond": value.beyond,
    }


def _article(value: Article) -> dict[str, Any]:
    return {
        "article_id": value.id,
        "title": value.title,
        "source": value.source,
        "date": value.date.isoformat() if value.date else None,
        "url": value.url or None,
    }


def _slice(value: Passage) -> dict[str, Any]:
    return {
        "heading": value.heading,
        "page": value.page,
        "section": value.section or None,
        "text": value.text,
        "start": value.start,
        "end": value.end,
    }


def _failures(failures: Sequence[Failure]) -> list[dict[str, str]]:
    return [{"name": failure.name, "reason": failure.reason} for failure in failures]


def _rounded(timings: Mapping[str, float]) -> dict[str, float]:
    return {name: round(ms, 2) for name, ms in timings.items()}
