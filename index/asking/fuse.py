"""Fuse what two channels say of the same candidates. Pure."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

Key = TypeVar("Key")


def fuse(dense: Mapping[Key, float], lexical: Mapping[Key, float], *, lexical_weight: float) -> list[tuple[Key, float]]:
    """Return the candidates with their fused score, best first.

    The score is the convex combination (1 - w) * cosine + w * BM25 / (highest BM25 of these candidates): BM25 has no
    upper bound of its own, cosine has. (Bruch, Gai, Ingber 2023, "An Analysis of Fusion Functions for Hybrid
    Retrieval", find it ahead of reciprocal ranks.) Give the true value of each channel for every candidate; a
    candidate that `dense` lacks was not seen by it, so it counts as the lowest cosine that was, never as zero. One
    that `lexical` lacks shares no word with the question: its BM25 is 0.
    """
    lowest = min(dense.values(), default=0.0)
    highest = max(lexical.values(), default=0.0) or 1.0
    scores = {
        key: (1 - lexical_weight) * dense.get(key, lowest) + lexical_weight * lexical.get(key, 0.0) / highest
        for key in {**dense, **lexical}
    }
    return sorted(scores.items(), key=lambda item: -item[1])


def weigh(ranked: Sequence[tuple[Key, float]], weights: Mapping[Key, float]) -> list[tuple[Key, float]]:
    """Return candidates with their score times their weight, 1.0 where none is given, best first.

    Equal ones keep their order, so weights of 1.0 change nothing. A score below zero is divided: more weight must never
    mean a lower place.
    """
    weighed = [(key, _times(score, weights.get(key, 1.0))) for key, score in ranked]
    return sorted(weighed, key=lambda item: -item[1])


def _times(score: float, weight: float) -> float:
    return score * weight if score >= 0 else score / weight
