"""Distances between embeddings, pairs and people. Embeddings are float32 unit rows; smaller is more alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipeline.search.ranking import AVERAGE_OF, Method
from pipeline.similarity.base import Scorer
from pipeline.similarity.network import SimilarityNetwork

# Distances (probes, gallery) in 0..1 of embeddings (probes, d) to embeddings (gallery, d).
Distances = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]


def cosine_distances(probes: NDArray[np.float32], gallery: NDArray[np.float32]) -> NDArray[np.float32]:
    """Half of one minus the cosine of unit rows, (probes, gallery)."""
    values: NDArray[np.float32] = np.clip((1 - probes @ gallery.T) / 2, 0, 1)
    return values


def network_distances(network: SimilarityNetwork) -> Distances:
    """The distance function of a trained network."""

    def distances(probes: NDArray[np.float32], gallery: NDArray[np.float32]) -> NDArray[np.float32]:
        prepared, codes = network.prepare(network.codes(gallery)), network.codes(probes)
        if product := network.product_of(codes):
            return product.distances(prepared).T
        return np.stack([network.distances(code, prepared) for code in codes])

    return distances


def scorer_distances(scorer: Scorer) -> Distances:
    """The distance function of a scorer."""

    def distances(probes: NDArray[np.float32], gallery: NDArray[np.float32]) -> NDArray[np.float32]:
        prepared = scorer.prepare(gallery)
        if product := scorer.product_of(probes):
            return np.ascontiguousarray(product.distances(prepared).T)
        return np.stack([scorer.distances(probe, prepared) for probe in probes])

    return distances


def pair_distances(
    embeddings: NDArray[np.float32],
    pairs: NDArray[np.int64],
    distances: Distances,
    *,
    has_face: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Distances of pairs of photos, (n,), NaN where one of the two photos shows no face.

    pairs (n, 2) are row numbers of ``embeddings``. has_face (photos,): a row of zeros has none if this is None.
    """
    if has_face is None:
        has_face = np.any(embeddings, axis=1)
    first, second = embeddings[pairs[:, 0]], embeddings[pairs[:, 1]]
    values = np.array([distances(one[None], other[None])[0, 0] for one, other in zip(first, second, strict=True)])
    return np.where(has_face[pairs].all(axis=1), values, np.nan)


def person_distances(
    distances: NDArray[np.float32], labels: NDArray[np.int64], method: Method
) -> NDArray[np.float32]:
    """Distances to people, (probes, people), from distances to their photos, (probes, photos).

    labels (photos,), ascending: the person of each photo. The same as :func:`pipeline.search.ranking.by_person`, for
    many probes at once.
    """
    _, starts, counts = np.unique(labels, return_index=True, return_counts=True)
    if method == "min":
        return np.minimum.reduceat(distances, starts, axis=1)
    values = np.empty((len(distances), len(starts)), np.float32)
    for count in np.unique(counts):
        people = np.flatnonzero(counts == count)
        of_photos = distances[:, starts[people][:, None] + np.arange(count)]
        values[:, people] = np.sort(of_photos, axis=2)[:, :, :AVERAGE_OF].mean(axis=2)
    return values
