"""How far a map can be trusted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.gallery.gallery import Gallery
from pipeline.map.layouts import MapSettings
from pipeline.map.neighbours import near_limits

# The side of FaceNet's crop: smaller faces are enlarged for it.
_SHARP_SIDE_PX = 160
# Rows of the sample that are compared with all rows at a time.
_BLOCK = 256


def people_kept(
    similar: NDArray[np.int64], places: NDArray[np.float32], people: NDArray[np.integer[Any]], *, near: int
) -> NDArray[np.float32]:
    """Of the most similar other people of each row, the share that is near it on the map, float32 (n,), 0..1.

    A person is near if the place of their most similar photo is no farther than the ``near``-th nearest other person,
    each person counted once, by the nearest place. A person's own photos count neither as similar nor as near: that
    the map keeps photos of one person together says nothing about whom they resemble.

    similar: the most similar photo of each of those people (n, k). places: (n, 2). people: the number of each row's
    person, (n,). All shares are 1 where there is nobody to compare with (k = 0).
    """
    if not similar.shape[1]:
        return np.ones(len(places), np.float32)
    limits = near_limits(places, people, near)
    gaps = np.linalg.norm(places[similar] - places[:, None], axis=2)
    return np.asarray((gaps <= limits[:, None] + 1e-6).mean(axis=1), dtype=np.float32)


def trustworthiness(
    rows: NDArray[np.float32], places: NDArray[np.float32], settings: MapSettings = MapSettings()
) -> float:
    """How far neighbours on the map are neighbours among the rows, 0..1 (Venna and Kaski 2001); 1 for tiny galleries.

    Estimated on a sample: ``sklearn.manifold.trustworthiness`` needs the distances between all rows in memory.
    """
    from scipy.spatial import cKDTree

    count, near = len(rows), settings.checked_of(len(rows))
    if not near:
        return 1.0
    sample = sample_rows(count, settings)
    _, on_map = cKDTree(places).query(places[sample], near + 1, workers=-1)
    penalty = 0
    for start in range(0, len(sample), _BLOCK):
        own = sample[start : start + _BLOCK]
        cosines = rows[own] @ rows.T
        cosines[np.arange(len(own)), own] = np.inf
        order = np.argsort(on_map[start : start + _BLOCK] == own[:, None], axis=1, kind="stable")[:, :near]
        neighbours = np.take_along_axis(on_map[start : start + _BLOCK], order, axis=1)
        for column in neighbours.T:
            # The number of rows that are nearer, the row itself included.
            rank = (cosines > cosines[np.arange(len(own)), column][:, None]).sum(axis=1)
            penalty += int(np.maximum(rank - near, 0).sum())
    return 1 - penalty * 2 / (len(sample) * near * (2 * count - 3 * near - 1))


def cluster_purity(clusters: NDArray[np.uint8], people: NDArray[Any]) -> float:
    """The share of photos in their person's most frequent cluster, 0..1, over people with several photos, else NaN.

    clusters and people (n,) are numbered from 0.
    """
    counts = np.zeros((people.max() + 1, clusters.max() + 1), np.int64)
    np.add.at(counts, (people, clusters), 1)
    several = counts[counts.sum(axis=1) > 1]
    return float(several.max(axis=1).sum() / several.sum()) if len(several) else float("nan")


def photo_quality(opened: Gallery) -> NDArray[np.float32]:
    """How good each photo is for the network, 0..1: the detector's confidence, lowered where the face is small."""
    confidence, side = (opened.faces[name].to_numpy() for name in ("confidence", "face_side_px"))
    return np.clip(confidence * np.minimum(side / _SHARP_SIDE_PX, 1), 0, 1).astype(np.float32)


def sample_rows(count: int, settings: MapSettings) -> NDArray[np.int64]:
    """A fixed sample of the row numbers below ``count``, sorted."""
    generator = np.random.default_rng(settings.seed)
    return np.sort(generator.choice(count, min(count, settings.sample), replace=False))
