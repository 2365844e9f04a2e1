"""Answer a question from one revision: search, judge sentences, choose claims; each part of a question by itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

from llama_index.core.schema import NodeWithScore

from config.settings import Answer as Settings
from index.asking import answer, compose, followup, kinds
from index.asking.answer import Asked
from index.asking.compose import Candidate, Chosen
from index.asking.followup import Context
from index.asking.judge import Judge, share
from index.asking.parts import Part, parts
from index.asking.retell import retell
from index.asking.retrieve import HybridRetriever, PassageNode, TimedQuery
from index.models.embed import Embedder
from index.records import Answer, Hit, Judged, PassageId, Turn
from index.text.analyse import terms

PARTS = 3
"""Parts of a question that are asked for one by one; each takes as long as a question."""

NAMED = 0.6
"""Share of the weight of a name's words that a sentence has that speaks of it."""

Name = Callable[[str], Mapping[str, float]]
"""Tells how telling the words of a name are, for articles in a language."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found for a question or for a part of it: ranked passages, and the sentences that may answer."""

    query: TimedQuery
    hits: Sequence[Hit]
    candidates: Sequence[Candidate]


class Responder:
    """Answers one question from the revision of a retriever."""

    def __init__(self, retriever: HybridRetriever, *, embedder: Embedder, judge: Judge, settings: Settings) -> None:
        """Search with `retriever`, whose model is `embedder`, and let `judge` decide what answers."""
        self._retriever = retriever
        self._lexicon = retriever.snapshot.lexicon
        self._embedder = embedder
        self._judge = judge
        self._settings = settings

    def answer(self, query: TimedQuery) -> Answer:
        """Answer from the period that a question names; where that does not answer, from all articles.

        The judge's threshold decides, and not whether others answer better: who names a time wants what is from then.
        """
        found = self._attempt(query)
        if found.answered or query.applied is None:
            return found
        other = self._attempt(query.everywhere())
        return replace(other, period=found.period, beyond=True) if other.answered else found

    def hits(self, query: TimedQuery) -> list[Hit]:
        """Return the passages nearest to a question, best first."""
        nodes: list[NodeWithScore] = self._retriever.retrieve(query)
        return [node.node.hit for node in nodes if isinstance(node.node, PassageNode)]

    def candidates(self, query: TimedQuery, hits: Sequence[Hit]) -> list[Candidate]:
        """Return the sentences of passages that may answer a question, each with what the judge makes of it."""
        read = len(hits) if query.newest else answer.READ
        found = answer.candidates(hits, read=read)
        languages = {_language(hit) for hit in hits[:read]}
        asked = {language: self._asked(query, language) for language in languages}
        around = {hit.passage.id: answer.surroundings(hit, analyse=_analyse(hit)) for hit in hits[:read]}
        made = []
        vectors = self._embedder.sentences([sentence.text for sentence in found])
        for sentence, vector in zip(found, vectors, strict=True):
            hit = sentence.hit
            words, context = frozenset(_analyse(hit)(sentence.text)), around[hit.passage.id]
            meaning = float(vector @ query.vector)
            seen = answer.features(sentence, asked[_language(hit)], words=words, around=context, meaning=meaning)
            made.append(Candidate(sentence, words, seen, self._judge.sentence(seen), vector))
        return made

    def _asked(self, query: TimedQuery, language: str) -> Asked:
        """Return what a question asks of articles in a language."""
        said = query.context.weights
        return Asked(
            weights=self._weights(query.words, language),
            beside={word: said[word] * idf for word, idf in self._lexicon.weights(list(said)).items()},
            kind=kinds.kind(query.words),
            written=kinds.words(query.words),
        )

    def _weights(self, words: str, language: str) -> dict[str, float]:
        """Return how telling the words of a question are, analysed as in articles in a language."""
        return self._lexicon.weights(list(self._lexicon.asked(words, language=language)))

    def _attempt(self, query: TimedQuery) -> Answer:
        whole = self._found(query)
        chosen, others, missing, unasked = self._chosen(whole)
        with query.watch.stage("compose"):
            chosen = retell(chosen, self._retriever.snapshot.copies, period=query.applied)
            claims, citations = compose.claims(chosen)
        judged = _ranked([whole, *others])
        return Answer(
            question=query.query_str,
            claims=claims,
            citations=citations,
            nearest=() if claims else answer.nearest(whole.hits, limit=self._settings.nearest),
            unknown_words=() if claims else self._lexicon.unknown(query.words),
            probability=self._judge.answer([sentence.probability for sentence in judged]),
            revision=self._retriever.snapshot.revision.number,
            hits=_together([whole, *others]),
            timings=query.watch.stages,
            understood=query.context.complete(query.query_str) if query.context else "",
            period=query.period if query.beyond else query.applied,
            beyond=query.beyond,
            judged=judged,
            threshold=self._judge.threshold(self._settings.caution),
            missing=missing if claims else (),
            unasked=unasked,
        )

    def _chosen(self, whole: _Found) -> tuple[list[Chosen], list[_Found], tuple[str, ...], tuple[str, ...]]:
        """Choose sentences for a question and for those of its parts that these do not speak of.

        Returns what else was found for that, the parts that nothing was found for, and those that were not looked for.
        """
        with whole.query.watch.stage("compose"):
            every = parts(whole.query.words)
            asked, later = every[:PARTS], every[PARTS:]
            most = max(self._settings.claims, len(asked))
            first = self._choose(whole, most=self._settings.claims)
            apart = any(part.apart for part in asked)
            named = [partial(self._weights, part.name) for part in asked]
            unserved = [name for name in named if apart or not _spoken_of(name, first)]
            chosen = [] if apart else first[: max(1, most - len(unserved))]
        unasked = tuple(part.name for part in later) if apart else ()
        others: list[_Found] = []
        missing = list[str]()
        for at, (part, name) in enumerate(zip(asked, named, strict=True)):
            if not apart and _spoken_of(name, chosen):
                continue
            found = self._found(self._part(whole.query, part, before=asked[:at]))
            if not apart:
                found = replace(found, candidates=[c for c in found.candidates if _speaks_of(name, c)])
            others.append(found)
            with whole.query.watch.stage("compose"):
                best = self._choose(found, most=1)
                missing += [] if best else [part.name]
                chosen = compose.together(chosen, best, most=most)
        if apart and not chosen:
            return first, others, (), unasked  # all of it together is answered, though none of its parts is
        if apart:
            chosen = compose.together(chosen, first[:1], most=most)
        elif chosen:
            names = {part.name: partial(self._weights, part.name) for part in later}
            unasked = tuple(part for part, name in names.items() if not _spoken_of(name, chosen))
        return chosen, others, tuple(missing), unasked

    def _choose(self, found: _Found, *, most: int) -> list[Chosen]:
        return compose.choose(
            found.candidates,
            threshold=self._judge.least(self._settings.caution),
            most=most,
            today=found.query.today,
            newest=found.query.newest,
        )

    def _found(self, query: TimedQuery) -> _Found:
        hits = self.hits(query)
        with query.watch.stage("judge"):
            return _Found(query, hits, self.candidates(query, hits))

    def _part(self, whole: TimedQuery, part: Part, *, before: Sequence[Part]) -> TimedQuery:
        """Return the query for a part; what stands alone may lean on the parts before it ("and when was it sold?")."""
        query = whole.about(part.question)
        if part.apart and before:
            turns = [Turn(other.question) for other in before]
            leans = followup.context(part.question, turns, words=self._lexicon.asked, weigh=self._lexicon.telling)
            query.context = Context(
                {**whole.context.written, **leans.written}, {**whole.context.weights, **leans.weights}
            )
        return query


def _spoken_of(name: Name, chosen: Sequence[Chosen]) -> bool:
    return any(_speaks_of(name, candidate) for one in chosen for candidate in one.candidates)


def _speaks_of(name: Name, candidate: Candidate) -> bool:
    """Whether a sentence, or the title or heading it stands under, has most of the weight of a name's words."""
    hit = candidate.sentence.hit
    above = _analyse(hit)(f"{hit.passage.article.title} {hit.passage.heading}")
    return share(name(_language(hit)), candidate.words | frozenset(above)) >= NAMED


def _language(hit: Hit) -> str:
    return hit.passage.article.language


def _analyse(hit: Hit) -> Callable[[str], list[str]]:
    """Return what analyses text as in the article of a passage."""
    return partial(terms, language=_language(hit))


def _together(found: Sequence[_Found]) -> tuple[Hit, ...]:
    """Return all passages that were found, each once, in the order of what they were found for."""
    every: dict[PassageId, Hit] = {}
    for hit in (hit for one in found for hit in one.hits):
        every.setdefault(hit.passage.id, hit)
    return tuple(every.values())


def _ranked(found: Sequence[_Found]) -> tuple[Judged, ...]:
    """Return all sentences that were judged, each once with its best probability, the most probable first."""
    every: dict[tuple[str, int, int], Judged] = {}
    ranked = sorted((c for one in found for c in one.candidates), key=lambda candidate: -candidate.probability)
    for candidate in ranked:
        passage, span = candidate.sentence.hit.passage, candidate.sentence.span
        judged = Judged(passage, span.start, span.end, asdict(candidate.features), candidate.probability)
        every.setdefault((passage.article.id, span.start, span.end), judged)
    return tuple(every.values())
