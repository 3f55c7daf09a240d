"""How well distances rank and verify people: over all photos there are, never a sample of ten.

Pure functions of embeddings, float32 unit rows (photos, 128), their people's numbers (photos,), and distances.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.search.ranking import AVERAGE_OF, Method
from pipeline.similarity.network import Network

# One draw with fewer probes would say little, and draws beyond so many say no more.
_PROBES_MIN, _DRAWS_MAX = 60, 30
# Distances (probes, gallery) of embeddings (probes, 128) to embeddings (gallery, 128).
Distances = Callable[[np.ndarray, np.ndarray], np.ndarray]


def cosine_distances(probes: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Half of one minus the cosine of unit rows."""
    return np.clip((1 - probes @ gallery.T) / 2, 0, 1)


def network_distances(network: Network) -> Distances:
    """The distances of a trained network."""

    def distances(probes: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        prepared, codes = network.prepare(network.codes(gallery)), network.codes(probes)
        if product := network.product_of(codes):
            return product.distances(prepared).T
        return np.stack([network.distances(code, prepared) for code in codes])

    return distances


def one_shot_split(labels: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One photo of everybody for the gallery, one other photo of everybody who has two as a probe: photo numbers."""
    order = random.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    return order[starts], order[starts[counts > 1] + 1]


def seeds_of(labels: np.ndarray, least: int) -> range:
    """The seeds of the draws to be averaged: ``least``, and more where a draw has few probes."""
    probes = int(np.sum(np.unique(labels, return_counts=True)[1] > 1))
    return range(max(least, min(_PROBES_MIN // max(probes, 1), _DRAWS_MAX)))


def ranks(distances: np.ndarray, probe_labels: np.ndarray, gallery_labels: np.ndarray) -> np.ndarray:
    """Place of the own person of each probe, from 1, in a gallery with one photo of everybody; ties count against."""
    own = distances[np.arange(len(distances)), places(probe_labels, gallery_labels)]
    return (distances <= own[:, None]).sum(axis=1)


def places(probe_labels: np.ndarray, gallery_labels: np.ndarray) -> np.ndarray:
    """Where the own person of each probe stands in a gallery with one photo of everybody, int64 (probes,)."""
    order = np.argsort(gallery_labels)
    return order[np.searchsorted(gallery_labels[order], probe_labels)]


def one_shot(embeddings: np.ndarray, labels: np.ndarray, distances: Distances, seed: int) -> dict[str, float]:
    """One-shot identification and verification over every probe there is, one photo of everybody in the gallery.

    rank_1, rank_5; mrr: mean reciprocal rank; rank_score: 1 where the own person comes first, 0 where last;
    one_shot_loss: by what the most alike other person undercuts the own one, squared, with a margin of 0.25;
    auc: area under the ROC curve; tar_at_far_1e-3: true accepts at one false accept in a thousand.
    """
    gallery, probes = one_shot_split(labels, np.random.default_rng(seed))
    values = distances(embeddings[probes], embeddings[gallery])
    found = ranks(values, labels[probes], labels[gallery])
    rows, own = np.arange(len(values)), places(labels[probes], labels[gallery])
    to_own = values[rows, own]
    values[rows, own] = np.inf
    nearest_other = values.min(axis=1)
    # There are millions of pairs of others: sorted once, they give the curve. The own ones lie at the end.
    to_others = np.sort(values, axis=None)[: -len(values)]
    cuts = [np.searchsorted(to_others, to_own, side) for side in ("left", "right")]
    return {
        "rank_1": float(np.mean(found == 1)),
        "rank_5": float(np.mean(found <= 5)),
        "mrr": float(np.mean(1 / found)),
        "rank_score": float(np.mean(1 - (found - 1) / max(len(gallery) - 1, 1))),
        "one_shot_loss": float(np.mean(np.maximum(to_own**2 - nearest_other**2 + 0.25, 0))),
        "auc": float(1 - np.mean(cuts) / len(to_others)),
        "tar_at_far_1e-3": float(np.mean(to_own < to_others[int(len(to_others) * 1e-3)])),
    }


def pair_distances(embeddings: np.ndarray, pairs: np.ndarray, distances: Distances) -> np.ndarray:
    """Distances of pairs (n, 2) of photos: (n,), NaN where a photo shows no face (a row of zeros)."""
    first, second = embeddings[pairs[:, 0]], embeddings[pairs[:, 1]]
    values = np.array([distances(one[None], other[None])[0, 0] for one, other in zip(first, second, strict=True)])
    return np.where(first.any(axis=1) & second.any(axis=1), values, np.nan)


def best_threshold(values: np.ndarray, same: np.ndarray) -> float:
    """The distance below which pairs are best taken for one person."""
    known = ~np.isnan(values)
    order = np.argsort(values[known])
    ordered, labels = values[known][order], same[known][order]
    # Correct where the cut is before position i: same pairs below it and different ones from it on.
    correct = np.r_[0, np.cumsum(labels)] + np.r_[np.cumsum(~labels[::-1])[::-1], 0]
    cut = int(np.argmax(correct))
    return float(np.r_[ordered[:1], ordered, ordered[-1:]][cut : cut + 2].mean())


def accuracy_of_folds(values: np.ndarray, same: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Accuracy on each fold with the threshold of the other folds (Huang et al. 2007, view 2).

    values (n,) are distances; a pair without a face in it, NaN, is wrong.
    """
    found = []
    for fold in np.unique(folds):
        inside = folds == fold
        threshold = best_threshold(values[~inside], same[~inside])
        found.append(np.mean(~np.isnan(values[inside]) & ((values[inside] < threshold) == same[inside])))
    return np.array(found)


Progress = Callable[[int], None]
PairArrays = tuple[np.ndarray, np.ndarray, np.ndarray]
_SEEDS = range(3)


def lines_count(ways: dict[str, Distances]) -> int:
    """How many steps :func:`table` tells of."""
    return len(ways) * (len(TIERS) + 2)


def table(
    embeddings: np.ndarray,
    labels: np.ndarray,
    ways: dict[str, Distances],
    pairs: PairArrays | None,
    progress: Progress,
) -> list[tuple[str, ...]]:
    """Every protocol that the photos allow, a row each: its name, and mean and spread for each of ``ways``.

    The spread is that of three seeds, or of the folds of ``pairs`` (photo numbers (n, 2), same (n,), folds (n,)).
    """
    lines: dict[str, dict[str, str]] = {}

    def put(line: str, way: str, values: Sequence[float] | np.ndarray) -> None:
        spread = f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else ""
        lines.setdefault(line, {})[way] = f"{np.mean(values):.4f}{spread}"

    done = 0
    for way, distances in ways.items():
        for tier in TIERS:
            progress(done)
            done += 1
            found = [tier_rank_1(embeddings, labels, tier, distances, seed) for seed in _SEEDS]
            for kind in found[0] or {}:
                put(f"{tier}, {kind.replace('_', ', ')}, rank-1", way, [row[kind] for row in found if row])
        progress(done)
        done += 1
        if np.bincount(np.unique(labels, return_inverse=True)[1]).max() > 1:
            draws = [one_shot(embeddings, labels, distances, seed) for seed in _SEEDS]
            for name in ("rank_1", "rank_5"):
                put(f"one-shot: all {len(np.unique(labels)):,} people x 1, {name.replace('_', '-')}", way, [
                    draw[name] for draw in draws
                ])  # fmt: skip
        progress(done)
        done += 1
        if pairs is not None:
            values = pair_distances(embeddings, pairs[0], distances)
            put(f"verification, {len(values):,} pairs, accuracy", way, accuracy_of_folds(values, *pairs[1:]))
    progress(done)
    return [(line, *(found[way] for way in ways)) for line, found in lines.items()]


@dataclass(frozen=True)
class Tier:
    """A closed set of people: how many (all there are where None), and photos of each for gallery and probes."""

    name: str
    people: int | None
    gallery_photos: int
    probe_photos: int = 4

    def __str__(self) -> str:
        people = f"{self.people} people" if self.people else "everybody"
        return f"{self.name}: {people} x {self.gallery_photos}, {self.probe_photos} probes each"


# Those that this project grew from.
TIERS = (
    Tier("Lite", 10, 4),
    Tier("Medium", 100, 4),
    Tier("Medium_10", 100, 10),
    Tier("Full_4", None, 4),
    Tier("Final", None, 10),
)


def draw(labels: np.ndarray, tier: Tier, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Photo numbers of a tier, gallery (people, photos) and probes (people, photos); empty for too few people."""
    order = random.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    enough = random.permutation(np.flatnonzero(counts >= tier.gallery_photos + tier.probe_photos))
    chosen = enough[: tier.people] if len(enough) >= (tier.people or 2) else enough[:0]
    photos = order[starts[chosen][:, None] + np.arange(tier.gallery_photos + tier.probe_photos)]
    return photos[:, : tier.gallery_photos], photos[:, tier.gallery_photos :]


def person_distances(distances: np.ndarray, labels: np.ndarray, method: Method) -> np.ndarray:
    """Distances (probes, photos) to photos of people, labels (photos,) ascending, as distances (probes, people).

    As :func:`pipeline.search.ranking.by_person` has them for one probe.
    """
    _, starts, counts = np.unique(labels, return_index=True, return_counts=True)
    if method == "min":
        return np.minimum.reduceat(distances, starts, axis=1)
    found = np.empty((len(distances), len(starts)), np.float32)
    for count in np.unique(counts):
        people = np.flatnonzero(counts == count)
        theirs = distances[:, starts[people][:, None] + np.arange(count)]
        nearest = np.sort(theirs, axis=2)[:, :, :AVERAGE_OF]
        found[:, people] = nearest.mean(axis=2)
    return found


def tier_rank_1(
    embeddings: np.ndarray, labels: np.ndarray, tier: Tier, distances: Distances, seed: int
) -> dict[str, float] | None:
    """Rank-1 of a tier for both methods, in the closed set and with all other people as distractors.

    None where there are too few people with enough photos.
    """
    gallery, probes = draw(labels, tier, np.random.default_rng(seed))
    if not len(gallery):
        return None
    others = np.flatnonzero(~np.isin(labels, labels[gallery[:, 0]]))
    rows = np.concatenate([gallery.ravel(), others])
    rows = rows[np.argsort(labels[rows], kind="stable")]
    closed = np.isin(rows, gallery)
    values = distances(embeddings[probes.ravel()], embeddings[rows])
    found = {}
    for name, kept in (("closed", closed), ("distractors", np.ones_like(closed))):
        people = np.unique(labels[rows[kept]])
        for method in ("min", "average"):
            to_people = person_distances(values[:, kept], labels[rows[kept]], method)
            best = people[to_people.argmin(axis=1)]
            found[f"{name}_{method}"] = float(np.mean(best == labels[probes.ravel()]))
    return found
