"""Find the passages that bear on a question: dense and lexical candidates, fused, reranked. A llama-index retriever."""

import datetime as dt
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from config import Retrieval
from index.asking.followup import SHARE, Context
from index.asking.fuse import fuse, weigh
from index.asking.when import known
from index.models.embed import Embedder, Vectors
from index.models.rerank import Reranker
from index.records import Hit, PassageId, Period
from index.segments.snapshot import Snapshot
from index.segments.within import Within
from index.stories.groups import Told
from index.text.chunk import told
from index.truth.ledger import Ledger

NEAR = 0.8
"""Who asks for the latest is given the newest of the passages that score this share of the best one's, or more: else
many older ones on the same subject keep it out. Which of them answers is judged afterwards; 0.7 to 0.9 chose alike."""


WIDER = (4, 16)
"""Times as many candidates that are looked at where copies of a few stories fill more than half of the usual number."""


class Stopwatch:
    """Milliseconds by stage."""

    def __init__(self) -> None:
        """Start with no stage measured."""
        self.stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.stages[name] = self.stages.get(name, 0.0) + (time.perf_counter() - start) * 1_000


class PassageNode(TextNode):
    """A passage as llama-index knows it; carries the hit it was made from."""

    _hit: Hit = PrivateAttr()

    @classmethod
    def of(cls, hit: Hit) -> "PassageNode":
        """Make a node of a hit: text, offsets, and metadata that citing needs."""
        article = hit.passage.article
        metadata: dict[str, Any] = {
            "article_id": article.id,
            "title": article.title,
            "date": article.date.isoformat() if article.date else "",
            "source": article.source,
            "url": article.url,
            "heading": hit.passage.heading,
            "page": hit.passage.page or "",
        }
        make: Any = cls  # pydantic's plugin does not see the aliases of llama-index's fields
        node: PassageNode = make(
            id_=str(hit.passage.id),
            text=hit.passage.text,
            metadata=metadata,
            start_char_idx=hit.passage.start,
            end_char_idx=hit.passage.end,
        )
        node._hit = hit
        return node

    @property
    def hit(self) -> Hit:
        """The hit this node was made from."""
        return self._hit


class TimedQuery(QueryBundle):
    """A question with a stopwatch, how many passages it wants, and what was found out for whoever needs it next.

    `context` holds the words of earlier turns that complete it. What was found out: its vector; `applied`, the period
    that the passages were kept to; and `beyond`, whether there are none of the period it asked for. A period that
    leaves nothing out is not applied.
    """

    def __init__(
        self,
        question: str,
        *,
        limit: int | None = None,
        period: Period | None = None,
        topic: str = "",
        today: dt.date = dt.date.max,
    ) -> None:
        """Ask `question` for `limit` passages; None: as many as the settings say. `topic` is it without the period."""
        super().__init__(query_str=question)
        self.watch = Stopwatch()
        self.limit = limit
        self.context = Context()
        self.period = period
        self.topic = topic
        self.today = today
        self.vector: Vectors = np.empty(0, dtype=np.float32)
        self.applied: Period | None = None
        self.beyond = False

    @property
    def words(self) -> str:
        """What is searched for: without the words that were understood as a period.

        Of 79 questions of squad with "last week" behind them, 42 are answered right like that, as many as without it;
        37 where only the words go and the model reads the whole sentence, 33 where all of it stays.
        """
        return self.topic if self.applied else self.query_str

    @property
    def newest(self) -> bool:
        """Whether the later of two passages is to be preferred."""
        return self.applied is not None and self.applied.newest

    def everywhere(self) -> "TimedQuery":
        """Return the same question as if it named no period."""
        return self._like(self.query_str)

    def about(self, question: str) -> "TimedQuery":
        """Return a question about a part of this one, with its period and what completes it."""
        return self._like(question, period=self.period, topic=question)

    def _like(self, question: str, *, period: Period | None = None, topic: str = "") -> "TimedQuery":
        other = TimedQuery(question, limit=self.limit, period=period, topic=topic, today=self.today)
        other.watch, other.context = self.watch, self.context
        return other


class HybridRetriever(BaseRetriever):
    """Retrieves from one revision. Safe to share between threads."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        ledger: Ledger,
        embedder: Embedder,
        settings: Retrieval,
        reranker: Reranker | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """Search `snapshot`, whose texts are in `ledger`, with vectors of `embedder`; let `reranker` order the best.

        `weights` are those of sources whose passages count more or less than others, by name.
        """
        super().__init__()
        self.snapshot = snapshot
        self._ledger = ledger
        self._embedder = embedder
        self._settings = settings
        self._reranker = reranker
        self._weights = weights or {}

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        query = query_bundle if isinstance(query_bundle, TimedQuery) else TimedQuery(query_bundle.query_str)
        with query.watch.stage("date"):
            within = self._within(query)
        with query.watch.stage("embed"):
            query.vector = self._vector(query)
        dense, lexical = self._candidates(query, within)
        with query.watch.stage("fuse"):
            ranked = fuse(dense, lexical, lexical_weight=self._settings.lexical_weight)
            if self._weights:
                ranked = self._weighed(ranked)
            if query.newest:
                ranked = self._newest_first(ranked, query.today)
        wanted = query.limit or self._settings.passages
        read = self._reranker.passages if self._reranker else 0
        with query.watch.stage("fetch"):
            told = self.snapshot.copies.told((number for number, _ in ranked), words=lambda of: self._asked(query, of))
            hits = self._hits(ranked, dense, lexical, wanted=max(wanted, read), told=told)
        if self._reranker:
            with query.watch.stage("rerank"):
                hits = self._reranker.reorder(query.words, hits, told=self._told)
        with query.watch.stage("fetch"):
            return [NodeWithScore(node=PassageNode.of(hit), score=hit.score) for hit in hits[:wanted]]

    def _asked(self, query: TimedQuery, language: str) -> frozenset[str]:
        """Return the words that are asked for, analysed as articles in a language are."""
        return frozenset([*self.snapshot.lexicon.asked(query.words, language=language), *query.context.weights])

    def _told(self, hit: Hit) -> str:
        """Return a passage as it was embedded: with its title and heading."""
        return told(hit.passage, count=self._embedder.count, limit=self._embedder.limit)

    def _vector(self, query: TimedQuery) -> Vectors:
        """Return the unit vector of a question; of one that was completed, between it and the completed one."""
        asked = self._embedder.question(query.words)
        if not query.context:
            return asked
        completed = self._embedder.question(query.context.complete(query.words))
        both = SHARE * completed + (1 - SHARE) * asked
        return np.asarray(both / (np.linalg.norm(both) or 1.0), dtype=np.float32)

    def _candidates(
        self, query: TimedQuery, within: Within | None
    ) -> tuple[dict[PassageId, float], dict[PassageId, float]]:
        """Ask both channels, then give each candidate of one its true score in the other."""
        limit = max(self._settings.candidates, query.limit or 0)
        revision = self.snapshot.revision
        words, beside = self.snapshot.lexicon, query.context.weights
        for wider in (1, *WIDER):
            with query.watch.stage("dense"):
                dense = (within or self.snapshot).nearest(query.vector, limit=limit * wider)
            with query.watch.stage("lexical"):
                lexical = (within or words).best(query.words, limit=limit * wider, beside=beside)
            copies, full = self.snapshot.copies, len(dense) == limit * wider
            if not (copies and full and copies.crowded(dense.keys() | lexical.keys(), least=limit // 2)):
                break
        with query.watch.stage("lexical"):
            lexical |= words.scores(query.words, [i for i in dense if i not in lexical], beside=beside)
        with query.watch.stage("dense"):
            missing = [i for i in lexical if i not in dense]
            for number, other in self._ledger.vectors(missing, model=revision.fingerprint).items():
                dense[number] = float(query.vector @ other)
        return dense, lexical

    def _within(self, query: TimedQuery) -> Within | None:
        """Find out what the period of a question means here, and return where to search; None: everywhere."""
        query.applied, query.beyond = None, False
        period = query.period
        if period is None:
            return None
        first, last, all_dated = self._ledger.dates(self.snapshot.revision.number)
        query.applied = Period(newest=True) if period.newest and first else None
        if not period.bounded or (all_dated and period.holds(first) and period.holds(last)):
            return None
        if within := Within(self.snapshot, ledger=self._ledger, period=period):
            query.applied = period
            return within
        # What ends before the first article is history, and the question is about it: no word on that.
        query.beyond = first is None or period.latest is None or period.latest >= first
        return None

    def _weighed(self, ranked: list[tuple[PassageId, float]]) -> list[tuple[PassageId, float]]:
        """Order passages anew by what their sources count."""
        origins = self._ledger.origins([number for number, _ in ranked])
        return weigh(ranked, {number: self._weights.get(origin, 1.0) for number, origin in origins.items()})

    def _newest_first(self, ranked: list[tuple[PassageId, float]], today: dt.date) -> list[tuple[PassageId, float]]:
        """Order those that score about as well as the best one by date; the others keep their order."""
        near = [pair for pair in ranked if pair[1] >= NEAR * ranked[0][1]]
        dates = self._ledger.dates_of([number for number, _ in near])
        near.sort(key=lambda pair: known(dates.get(pair[0]), today=today), reverse=True)
        return [*near, *ranked[len(near) :]]

    def _hits(
        self,
        ranked: list[tuple[PassageId, float]],
        dense: dict[PassageId, float],
        lexical: dict[PassageId, float],
        *,
        wanted: int,
        told: Told,
    ) -> list[Hit]:
        """Fetch the best passages from the ledger; what this revision does not hold, or tells again, is not a hit."""
        hits: list[Hit] = []
        while ranked and len(hits) < wanted:
            some, ranked = ranked[:wanted], ranked[wanted:]
            passages = self._ledger.passages([number for number, _ in some], self.snapshot.revision.number)
            hits += [
                Hit(passages[i], score, dense.get(i, 0.0), lexical.get(i, 0.0))
                for i, score in some
                if i in passages and not told.elsewhere(passages[i])
            ]
        return hits[:wanted]
