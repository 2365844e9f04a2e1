"""Let the article that speaks for a story be the one that is cited, and name the others that print the same words."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from index.asking.answer import Sentence
from index.asking.compose import ALSO, Chosen, adjoin
from index.records import Hit, Passage, Period, Span
from index.stories.groups import Groups
from index.stories.shingles import said
from index.text.sentences import sentences


def retell(chosen: Sequence[Chosen], groups: Groups, *, period: Period | None = None) -> list[Chosen]:
    """Return what was chosen, each from the first article of its group that has these very sentences.

    Where one has another word in them, or the same ones in another order, it may say the opposite: it is not named.
    Articles of another `period` do not count. What says the same in other articles stays beside it, after the copies.
    """
    if not groups:
        return list(chosen)
    return [_retold(one, groups, period) for one in chosen]


def _retold(one: Chosen, groups: Groups, period: Period | None) -> Chosen:
    member = groups.members([one.hit.passage.id]).get(one.hit.passage.id)
    if member is None:
        return one
    places: list[tuple[Sentence, ...]] = []
    for row in groups.told_by(member.head):
        own = tuple(candidate.sentence for candidate in one.candidates) if row == member.row else None
        place = own or _place(one, groups.passages(row))
        if place and (period is None or period.holds(place[0].hit.passage.article.date)):
            places.append(place)
        if len(places) > ALSO:
            break
    if not places:
        return one
    cited, *copies = places
    also = [Sentence(some[0].hit, _whole(some)) for some in copies]
    taken = {sentence.hit.passage.article.id for some in places for sentence in some}
    also += [sentence for sentence in one.also if sentence.hit.passage.article.id not in taken]
    candidates = [replace(c, sentence=sentence) for c, sentence in zip(one.candidates, cited, strict=True)]
    return replace(one, candidates=tuple(candidates), also=tuple(also[:ALSO]))


def _place(one: Chosen, passages: Sequence[Passage]) -> tuple[Sentence, ...] | None:
    """Return where an article has the sentences that were chosen: in one passage, one behind the other."""
    sought = [said(c.sentence.text) for c in sorted(one.candidates, key=lambda c: c.sentence.span.start)]
    if not all(sought):
        return None
    for passage in passages:
        hit = replace(one.hit, passage=passage)
        for found in _behind_each_other(hit, len(sought)):
            if [said(span.of(passage.article.text)) for span in found] == sought:
                return _in_order(one, [Sentence(hit, span) for span in found])
    return None


def _behind_each_other(hit: Hit, count: int) -> Iterator[Sequence[Span]]:
    spans = [span.moved(hit.passage.start) for span in sentences(hit.passage.text)]
    for at in range(len(spans) - count + 1):
        some = spans[at : at + count]
        if all(adjoin(hit, first, second) for first, second in pairwise(some)):
            yield some


def _in_order(one: Chosen, found: Sequence[Sentence]) -> tuple[Sentence, ...]:
    """Return sentences in the order of the candidates, which are in that of their probabilities."""
    starts = sorted(candidate.sentence.span.start for candidate in one.candidates)
    return tuple(found[starts.index(candidate.sentence.span.start)] for candidate in one.candidates)


def _whole(some: Sequence[Sentence]) -> Span:
    return Span(min(sentence.span.start for sentence in some), max(sentence.span.end for sentence in some))
