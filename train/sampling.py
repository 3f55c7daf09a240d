"""Which photos a training example is made of: tuples drawn at random, batches of P x K, and mined hard ones.

Everything is vectorised over tuples and works on labels alone: int (photos,), the number of each photo's person.
"""

from __future__ import annotations

import numpy as np

from pipeline.errors import UserError


class People:
    """Photos by person. People with one photo serve as negatives only."""

    def __init__(self, labels: np.ndarray) -> None:
        """Raises UserError for fewer than three people, or where nobody has two photos."""
        self.order = np.argsort(labels, kind="stable")
        _, self.starts, self.counts = np.unique(labels[self.order], return_index=True, return_counts=True)
        self.with_pairs = np.flatnonzero(self.counts > 1)
        if len(self.counts) < 3:
            raise UserError(f"Training needs at least three people; here are {len(self.counts)}.")
        if not len(self.with_pairs):
            raise UserError("Training needs at least one person with two photos or more.")

    def photos(self, people: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """A photo at random of each of the given people, int64 (n,)."""
        return self.order[self.starts[people] + _below(self.counts[people], random)]

    def pairs(self, people: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Two different photos of each of the given people, who must have two."""
        counts = self.counts[people]
        first = _below(counts, random)
        second = (first + 1 + _below(counts - 1, random)) % counts
        return self.order[self.starts[people] + first], self.order[self.starts[people] + second]

    def others(self, taken: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Somebody at random, for each row of ``taken`` (n, 1) or (n, 2) of different people, who is not in it."""
        chosen = random.integers(len(self.counts) - taken.shape[1], size=len(taken))
        # The lower number first; to sort each row would take half of the time of drawing.
        first, last = taken[:, 0], taken[:, -1]
        for column in (np.minimum(first, last), np.maximum(first, last))[: taken.shape[1]]:
            chosen += chosen >= column
        return chosen


def _below(counts: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A number from 0 to each count less one: a third of the time of ``random.integers`` with limits of their own."""
    return (random.random(len(counts)) * counts).astype(np.int64)


def split_people(labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Which photos are of held-out people: bool (photos,). Both sides keep three people, one of them with a pair.

    Raises UserError where there are too few people for that.
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


def at_most(count: int, labels: np.ndarray, seed: int) -> np.ndarray:
    """Which photos are of some people, with as large a share of them who have two photos: bool (photos,).

    All people where there are no more than ``count``, or where fewer than two have two photos.
    """
    people = People(labels)
    if len(people.counts) <= count or len(people.with_pairs) < 2:
        return np.ones(len(labels), bool)
    return split_people(labels, count / len(people.counts), seed)


def quadruplets(people: People, count: int, random: np.random.Generator) -> np.ndarray:
    """Anchor, positive and two negatives of two other people: int64 (count, 4).

    Every person with two photos is equally likely as anchor, every other person as negative.
    """
    anchors = random.choice(people.with_pairs, size=count)
    anchor, positive = people.pairs(anchors, random)
    first = people.others(anchors[:, None], random)
    second = people.others(np.stack([anchors, first], axis=1), random)
    return np.stack([anchor, positive, people.photos(first, random), people.photos(second, random)], axis=1)


def p_by_k(people: People, p: int, k: int, random: np.random.Generator) -> np.ndarray:
    """K photos of each of P people with two photos or more, people in sequence: int64 (p * k,).

    Nobody comes twice and no photo comes twice; who has fewer than K photos brings those that there are.
    """
    chosen = random.permutation(people.with_pairs)[:p]
    parts = [people.order[people.starts[person] + random.permutation(people.counts[person])[:k]] for person in chosen]
    return np.concatenate(parts)


def hard_negatives(
    quadruplet_rows: np.ndarray, labels: np.ndarray, neighbours: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """The quadruplets with their first negative taken from the anchor's nearest photos of other people.

    neighbours: int (photos, n), the nearest photos of each photo, nearest first, as faiss gives them. Where all of
    an anchor's neighbours show the same person or the second negative's, its random negative stays.
    """
    rows = quadruplet_rows.copy()
    near = neighbours[rows[:, 0]]
    allowed = (labels[near] != labels[rows[:, 0], None]) & (labels[near] != labels[rows[:, 3], None])
    # The highest of random weights is a draw among what is allowed.
    weights = np.where(allowed, random.random(near.shape), -1.0)
    place = weights.argmax(axis=1)
    found = allowed.any(axis=1)
    rows[found, 2] = near[found, place[found]]
    return rows


def nearest(embeddings: np.ndarray, count: int) -> np.ndarray:
    """The ``count`` nearest other photos of each photo by cosine, int64 (photos, count)."""
    import faiss

    index = faiss.IndexFlatIP(embeddings.shape[1])
    index.add(np.ascontiguousarray(embeddings))
    _, rows = index.search(np.ascontiguousarray(embeddings), count + 1)
    # The photo itself is left out wherever it stands: copies of it may come before it.
    other = rows != np.arange(len(rows))[:, None]
    other[other.all(axis=1), -1] = False
    return rows[other].reshape(len(rows), count).astype(np.int64)


def batch_hard(distances: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Each photo of a batch with its farthest positive and nearest negative: int64 (n, 3).

    distances (n, n) and labels (n,) of the batch (Hermans et al. 2017, arXiv 1703.07737). Photos without a
    positive or a negative in the batch are left out.
    """
    same = labels[:, None] == labels
    positive = same & ~np.eye(len(labels), dtype=bool)
    usable = positive.any(axis=1) & (~same).any(axis=1)
    far = np.where(positive, distances, -np.inf).argmax(axis=1)
    near = np.where(same, np.inf, distances).argmin(axis=1)
    return np.stack([np.arange(len(labels)), far, near], axis=1)[usable]


def semi_hard(distances: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Every pair of a batch with the nearest negative that is farther than the positive: int64 (n, 3).

    Where no negative is farther, the farthest one is taken (Schroff et al. 2015, section 3.2).
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
