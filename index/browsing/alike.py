"""Group texts that mean the same, by the vectors of the embedding model. Pure but for the model, which it is given."""

from collections.abc import Callable, Sequence

import numpy as np

from index.models.embed import Vectors

ALIKE = 0.7
"""Mean cosine from which questions count as one. Measured with the default model on 12 questions in 41 wordings of our
own, and on the questions of `seeds`: at 0.7, 46 of the 48 pairs of wordings are together, none of different questions,
and 5 pairs of the seeds' 64 questions that have no evidence in common, mostly on one subject. At 0.75 only 39 are
together; at 0.6 still 46, and 9 pairs of the seeds. Other models have other cosines."""

MOST = 4_000
"""Different texts compared each with each, which takes 64 MB; further ones only join the groups that these make."""


def groups(texts: Sequence[str], *, embed: Callable[[Sequence[str]], Vectors], least: float = ALIKE) -> list[list[int]]:
    """Return indices into `texts`, those of like meaning together; the largest group first, then by first index.

    Two groups are joined as long as the mean cosine between their texts is at least `least` (average linkage), the
    nearest first. Texts that differ in case or spacing alone are the same. `embed` returns unit vectors, shape (n,
    dimensions).
    """
    same: dict[str, list[int]] = {}
    for index, text in enumerate(texts):
        same.setdefault(" ".join(text.casefold().split()), []).append(index)
    if not same:
        return []
    members = list(same.values())
    vectors = embed([texts[some[0]] for some in members])
    sizes = np.array([len(some) for some in members], dtype=np.float32)
    joined = _joined(vectors[:MOST], sizes[:MOST], least=least)
    _add(joined, vectors, sizes, least=least)
    found = [sorted(index for one in group for index in members[one]) for group in joined]
    return sorted(found, key=lambda group: (-len(group), group[0]))


def _joined(vectors: Vectors, sizes: Vectors, *, least: float) -> list[list[int]]:
    """Join the two nearest groups until none are near enough; unit vectors of shape (n, dimensions), n > 0.

    The mean cosine between two groups is that of their parts, weighted by their sizes, so that one matrix of cosines
    is enough; the nearest of each row is remembered, so that joining two looks at few rows.
    """
    near = (vectors @ vectors.T).astype(np.float32)
    np.fill_diagonal(near, -np.inf)
    sizes = sizes.copy()
    best = near.argmax(axis=1)
    height = near[np.arange(len(near)), best]
    held: list[list[int]] = [[index] for index in range(len(near))]
    while height.max() >= least:
        one = int(height.argmax())
        other = int(best[one])
        near[one] = (near[one] * sizes[one] + near[other] * sizes[other]) / (sizes[one] + sizes[other])
        near[one, one] = -np.inf
        near[other], near[:, other] = -np.inf, -np.inf
        near[:, one] = near[one]
        sizes[one] += sizes[other]
        held[one], held[other] = held[one] + held[other], []
        for row in {one, other, *np.flatnonzero((best == one) | (best == other)).tolist()}:
            best[row] = near[row].argmax()
            height[row] = near[row, best[row]]
    return [group for group in held if group]


def _add(joined: list[list[int]], vectors: Vectors, sizes: Vectors, *, least: float) -> None:
    """Let each text that was left out join the group nearest to it, or make one of its own."""
    rest = range(sum(map(len, joined)), len(vectors))
    if not rest:
        return
    means = np.zeros((len(joined) + len(rest), vectors.shape[1]), dtype=np.float32)
    for place, group in enumerate(joined):
        means[place] = np.average(vectors[group], axis=0, weights=sizes[group])
    for index in rest:
        near = means[: len(joined)] @ vectors[index]
        nearest = int(near.argmax())
        if near[nearest] >= least:
            joined[nearest].append(index)
        else:
            means[len(joined)] = vectors[index]
            joined.append([index])
