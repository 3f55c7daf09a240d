"""How well a scorer ranks and verifies: over all held-out photos, never a sample of ten."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

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
