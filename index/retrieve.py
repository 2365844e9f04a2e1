"""Find the passages that bear on a question: dense and lexical candidates, fused, reranked. A llama-index retriever."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from config import Retrieval
from index.chunk import told
from index.embed import Embedder, Vectors
from index.followup import SHARE, Context
from index.fuse import fuse
from index.ledger import Ledger
from index.records import Hit, PassageId
from index.rerank import Reranker
from index.snapshot import Snapshot


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
    """A question with a stopwatch, how many passages it wants, and its vector for whoever needs it next.

    `context` holds the words of earlier turns that complete it.
    """

    def __init__(self, question: str, *, limit: int | None = None) -> None:
        """Ask `question` for `limit` passages; None: as many as the settings say."""
        super().__init__(query_str=question)
        self.watch = Stopwatch()
        self.limit = limit
        self.context = Context()
        self.vector: Vectors = np.empty(0, dtype=np.float32)


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
    ) -> None:
        """Search `snapshot`, whose texts are in `ledger`, with vectors of `embedder`; let `reranker` order the best."""
        super().__init__()
        self.snapshot = snapshot
        self._ledger = ledger
        self._embedder = embedder
        self._settings = settings
        self._reranker = reranker

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        query = query_bundle if isinstance(query_bundle, TimedQuery) else TimedQuery(query_bundle.query_str)
        with query.watch.stage("embed"):
            query.vector = self._vector(query)
        dense, lexical = self._candidates(query)
        with query.watch.stage("fuse"):
            ranked = fuse(dense, lexical, lexical_weight=self._settings.lexical_weight)
        wanted = query.limit or self._settings.passages
        read = self._reranker.passages if self._reranker else 0
        with query.watch.stage("fetch"):
            hits = self._hits(ranked, dense, lexical, wanted=max(wanted, read))
        if self._reranker:
            with query.watch.stage("rerank"):
                hits = self._reranker.reorder(query.query_str, hits, told=self._told)
        with query.watch.stage("fetch"):
            return [NodeWithScore(node=PassageNode.of(hit), score=hit.score) for hit in hits[:wanted]]

    def _told(self, hit: Hit) -> str:
        """Return a passage as it was embedded: with its title and heading."""
        return told(hit.passage, count=self._embedder.count, limit=self._embedder.limit)

    def _vector(self, query: TimedQuery) -> Vectors:
        """Return the unit vector of a question; of one that was completed, between it and the completed one."""
        asked = self._embedder.question(query.query_str)
        if not query.context:
            return asked
        completed = self._embedder.question(query.context.complete(query.query_str))
        both = SHARE * completed + (1 - SHARE) * asked
        return np.asarray(both / (np.linalg.norm(both) or 1.0), dtype=np.float32)

    def _candidates(self, query: TimedQuery) -> tuple[dict[PassageId, float], dict[PassageId, float]]:
        """Ask both channels, then give each candidate of one its true score in the other."""
        limit = max(self._settings.candidates, query.limit or 0)
        revision = self.snapshot.revision
        with query.watch.stage("dense"):
            dense = self.snapshot.nearest(query.vector, limit=limit)
        with query.watch.stage("lexical"):
            words, beside = self.snapshot.lexicon, query.context.weights
            lexical = words.best(query.query_str, limit=limit, beside=beside)
            lexical |= words.scores(query.query_str, [i for i in dense if i not in lexical], beside=beside)
        with query.watch.stage("dense"):
            missing = [i for i in lexical if i not in dense]
            for number, other in self._ledger.vectors(missing, model=revision.fingerprint).items():
                dense[number] = float(query.vector @ other)
        return dense, lexical

    def _hits(
        self,
        ranked: list[tuple[PassageId, float]],
        dense: dict[PassageId, float],
        lexical: dict[PassageId, float],
        *,
        wanted: int,
    ) -> list[Hit]:
        """Fetch the best passages from the ledger; what this revision does not hold is not a hit."""
        hits: list[Hit] = []
        while ranked and len(hits) < wanted:
            some, ranked = ranked[: wanted - len(hits)], ranked[wanted - len(hits) :]
            passages = self._ledger.passages([number for number, _ in some], self.snapshot.revision.number)
            hits += [
                Hit(passages[i], score, dense.get(i, 0.0), lexical.get(i, 0.0)) for i, score in some if i in passages
            ]
        return hits
