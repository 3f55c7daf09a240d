"""Which photos training examples are made of: random quadruplets, batches of P x K, and mined hard examples.

Everything is vectorised and works on labels alone: int (photos,), the person of each photo.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.map import neighbours as map_neighbours


class PhotosByPerson:
    """Photos grouped by person. People with a single photo serve as negatives only."""

    def __init__(self, labels: NDArray[np.integer[Any]]) -> None:
        """Raises UserError for fewer than three people, or if nobody has two photos."""
        self.order = np.argsort(labels, kind="stable")
        _, self.starts, self.counts = np.unique(labels[self.order], return_index=True, return_counts=True)
        self.with_pairs = np.flatnonzero(self.counts > 1)
        if len(self.counts) < 3:
            raise UserError(f"Training needs at least three people; this gallery has {len(self.counts)}.")
        if not len(self.with_pairs):
            raise UserError("Training needs at least one person with two photos.")

    def photos(self, people: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
        """A random photo of each of the people, (n,)."""
        return self.order[self.starts[people] + _random_below(self.counts[people], random)]

    def pairs(
        self, people: NDArray[np.int64], random: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Two different random photos of each of the people, (n,) each. Everybody must have two."""
        counts = self.counts[people]
        first = _random_below(counts, random)
        second = (first + 1 + _random_below(counts - 1, random)) % counts
        return self.order[self.starts[people] + first], self.order[self.starts[people] + second]

    def others(self, taken: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
        """A random other person for each row of one or two different people: (n, 1) or (n, 2) to (n,)."""
        chosen = random.integers(len(self.counts) - taken.shape[1], size=len(taken))
        # Skip the taken people, the lower number first. Sorting the rows instead would double the drawing time.
        first, last = taken[:, 0], taken[:, -1]
        for column in (np.minimum(first, last), np.maximum(first, last))[: taken.shape[1]]:
            chosen += chosen >= column
        return chosen


def _random_below(counts: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """A random number below each count. Three times as fast as ``random.integers`` with an array of limits."""
    return (random.random(len(counts)) * counts).astype(np.int64)


def split_people(labels: NDArray[np.integer[Any]], share: float, seed: int) -> NDArray[np.bool_]:
    """The photos (photos,) of a random share of people to hold out.

    Both sides keep at least three people, one of them with two photos. Raises UserError if there are too few.
    """
    people, counts = np.unique(labels, return_counts=True)
    paired = np.random.default_rng(seed).permutation(people[counts > 1])
    single = np.random.default_rng(seed).permutation(people[counts == 1])
    held_out = np.concatenate([kind[: max(round(len(kind) * share), 1)] for kind in (paired, single) if len(kind)])
    if len(paired) < 2 or len(held_out) < 3 or len(people) - len(held_out) < 3:
        raise UserError(
            f"{len(people)} people, {len(paired)} of them with two photos or more, are too few to train on some and "
            "measure on others. Add people or photos to the gallery."
        )
    return np.isin(labels, held_out)


def sample_people(count: int, labels: NDArray[np.integer[Any]], seed: int) -> NDArray[np.bool_]:
    """The photos (photos,) of about ``count`` random people, with the same share of people with two photos.

    All photos if there are no more people, or if fewer than two people have two photos.
    """
    people = PhotosByPerson(labels)
    if len(people.counts) <= count or len(people.with_pairs) < 2:
        return np.ones(len(labels), bool)
    return split_people(labels, count / len(people.counts), seed)


def draw_quadruplets(people: PhotosByPerson, count: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Photos of anchor, positive and two negatives, of two other people: (count, 4).

    Every person with two photos is equally likely as anchor, every other person as negative.
    """
    anchors = random.choice(people.with_pairs, size=count)
    anchor, positive = people.pairs(anchors, random)
    first = people.others(anchors[:, None], random)
    second = people.others(np.stack([anchors, first], axis=1), random)
    return np.stack([anchor, positive, people.photos(first, random), people.photos(second, random)], axis=1)


def draw_p_by_k(people: PhotosByPerson, p: int, k: int, random: np.random.Generator) -> NDArray[np.int64]:
    """K photos each of P people with two or more photos, without repetition: (p * k,), grouped by person.

    People with fewer than K photos contribute all of theirs.
    """
    chosen = random.permutation(people.with_pairs)[:p]
    parts = [people.order[people.starts[person] + random.permutation(people.counts[person])[:k]] for person in chosen]
    return np.concatenate(parts)


def with_hard_negatives(
    quadruplets: NDArray[np.int64],
    labels: NDArray[np.integer[Any]],
    neighbours: NDArray[np.int64],
    random: np.random.Generator,
) -> NDArray[np.int64]:
    """Quadruplets (n, 4) with the first negative replaced by one of the anchor's nearest photos of other people.

    neighbours: (photos, k), as :func:`nearest_photos` gives them. An anchor keeps its random negative if all of its
    neighbours show its own person or the person of the second negative.
    """
    rows = quadruplets.copy()
    near = neighbours[rows[:, 0]]
    allowed = (labels[near] != labels[rows[:, 0], None]) & (labels[near] != labels[rows[:, 3], None])
    # The largest of random weights is a uniform draw among the allowed ones.
    weights = np.where(allowed, random.random(near.shape), -1.0)
    place = weights.argmax(axis=1)
    found = allowed.any(axis=1)
    rows[found, 2] = near[found, place[found]]
    return rows


def nearest_photos(embeddings: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """The ``count`` nearest other photos of each photo by cosine, nearest first: (photos, count).

    All other photos, (photos, photos - 1), if there are no more.
    """
    return map_neighbours.nearest_photos(map_neighbours.Neighbours(np.ascontiguousarray(embeddings)), count)[0]


def batch_hard(distances: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Each photo of a batch with its farthest positive and nearest negative: (n, 3).

    distances (n, n) and labels (n,) of the batch (Hermans et al. 2017, arXiv 1703.07737). Photos without a positive
    or a negative in the batch are left out.
    """
    same = labels[:, None] == labels
    positive = same & ~np.eye(len(labels), dtype=bool)
    usable = positive.any(axis=1) & (~same).any(axis=1)
    far = np.where(positive, distances, -np.inf).argmax(axis=1)
    near = np.where(same, np.inf, distances).argmin(axis=1)
    return np.stack([np.arange(len(labels)), far, near], axis=1)[usable]


def semi_hard(distances: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Every positive pair of a batch with the nearest negative that is farther than the positive: (n, 3).

    distances (n, n) and labels (n,) of the batch. If no negative is farther, the farthest one is taken
    (Schroff et al. 2015, section 3.2).
    """
    same = labels[:, None] == labels
    anchors, positives = np.nonzero(same & ~np.eye(len(labels), dtype=bool))
    negative = ~same[anchors]
    kept = negative.any(axis=1)
    anchors, positives, negative = anchors[kept], positives[kept], negative[kept]
    farther = negative & (distances[anchors] > distances[anchors, positives][:, None])
    nearest_farther = np.where(farther, distances[anchors], np.inf).argmin(axis=1)
    farthest = np.where(negative, distances[anchors], -np.inf).argmax(axis=1)
    return np.stack([anchors, positives, np.where(farther.any(axis=1), nearest_farther, farthest)], axis=1)
