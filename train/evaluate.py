"""How well distances rank and verify people: over all photos there are, never a sample of ten.

Pure functions of embeddings, float32 unit rows (photos, 128), their people's numbers (photos,), and distances.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.ranking import AVERAGE_OF, Method
from pipeline.similarity import Network

# Distances (probes, gallery) of embeddings (probes, 128) to embeddings (gallery, 128).
Distances = Callable[[np.ndarray, np.ndarray], np.ndarray]


def cosine_distances(probes: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Half of one minus the cosine of unit rows."""
    return np.clip((1 - probes @ gallery.T) / 2, 0, 1)


def network_distances(network: Network) -> Distances:
    """The distances of a trained network."""

    def distances(probes: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        prepared = network.prepare(network.codes(gallery))
        return np.stack([network.distances(code, prepared) for code in network.codes(probes)])

    return distances


def one_shot_split(labels: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One photo of everybody for the gallery, one other photo of everybody who has two as a probe: photo numbers."""
    order = random.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    return order[starts], order[starts[counts > 1] + 1]


def ranks(distances: np.ndarray, probe_labels: np.ndarray, gallery_labels: np.ndarray) -> np.ndarray:
    """Place of the own person of each probe, from 1, in a gallery with one photo of everybody; ties count against."""
    own = distances[np.arange(len(distances)), _places(probe_labels, gallery_labels)]
    return (distances <= own[:, None]).sum(axis=1)


def _places(probe_labels: np.ndarray, gallery_labels: np.ndarray) -> np.ndarray:
    order = np.argsort(gallery_labels)
    return order[np.searchsorted(gallery_labels[order], probe_labels)]


def identification(embeddings: np.ndarray, labels: np.ndarray, distances: Distances, seed: int) -> dict[str, float]:
    """One-shot identification over every probe there is, one photo of everybody in the gallery.

    rank_1, rank_5; mrr: mean reciprocal rank; rank_score: 1 where the own person comes first, 0 where last;
    one_shot_loss: by what the most alike other person undercuts the own one, squared, with a margin of 0.25.
    """
    gallery, probes = one_shot_split(labels, np.random.default_rng(seed))
    values = distances(embeddings[probes], embeddings[gallery])
    found = ranks(values, labels[probes], labels[gallery])
    own = _places(labels[probes], labels[gallery])
    rows = np.arange(len(values))
    to_own = values[rows, own]
    values[rows, own] = np.inf
    return {
        "rank_1": float(np.mean(found == 1)),
        "rank_5": float(np.mean(found <= 5)),
        "mrr": float(np.mean(1 / found)),
        "rank_score": float(np.mean(1 - (found - 1) / max(len(gallery) - 1, 1))),
        "one_shot_loss": float(np.mean(np.maximum(to_own**2 - values.min(axis=1) ** 2 + 0.25, 0))),
    }


def verification(embeddings: np.ndarray, labels: np.ndarray, distances: Distances, seed: int) -> dict[str, float]:
    """Area under the ROC curve and true accepts at one false accept in a thousand, over probe and gallery pairs.

    Of sorted negatives, as there are millions of them: the area is the share of pairs of pairs in the right order.
    """
    gallery, probes = one_shot_split(labels, np.random.default_rng(seed))
    same = labels[probes][:, None] == labels[gallery]
    values = distances(embeddings[probes], embeddings[gallery])
    positives, negatives = values[same], np.sort(values[~same])
    places = [np.searchsorted(negatives, positives, side) for side in ("left", "right")]
    accepted_below = negatives[int(len(negatives) * 1e-3)]
    return {
        "auc": float(1 - np.mean(places) / len(negatives)),
        "tar_at_far_1e-3": float(np.mean(positives < accepted_below)),
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


@dataclass(frozen=True)
class Tier:
    """A closed set of people: how many (all there are where None), and photos of each for gallery and probes."""

    name: str
    people: int | None
    gallery_photos: int
    probe_photos: int = 4


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

    As :func:`pipeline.ranking.by_person` has them for one probe.
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
