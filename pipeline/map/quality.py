"""How far a map can be trusted."""

from __future__ import annotations

import numpy as np

from pipeline.gallery.gallery import Gallery
from pipeline.map.layouts import MapSettings

# The side of a face as FaceNet sees it: smaller faces have been enlarged for it.
_SHARP_SIDE_PX = 160


def kept(neighbours: np.ndarray, places: np.ndarray, near: int) -> np.ndarray:
    """The share, float32 (n,) 0..1, of each row's neighbours (n, k) that are among its ``near`` nearest places."""
    from scipy.spatial import cKDTree

    if not neighbours.shape[1]:
        return np.ones(len(places), np.float32)
    distances, _ = cKDTree(places).query(places, near + 1, workers=-1)
    apart = np.linalg.norm(places[neighbours] - places[:, None], axis=2)
    return np.asarray((apart <= distances[:, -1:] + 1e-6).mean(axis=1), dtype=np.float32)


def trustworthiness(rows: np.ndarray, places: np.ndarray, settings: MapSettings = MapSettings()) -> float:
    """How far neighbours on the map are neighbours in truth, 0..1 (Venna and Kaski 2001), by a sample of the rows.

    As ``sklearn.manifold.trustworthiness``, which needs all distances of all rows at once. One for tiny galleries.
    """
    from scipy.spatial import cKDTree

    count, near = len(rows), settings.checked_of(len(rows))
    if not near:
        return 1.0
    sample = sample_rows(count, settings)
    _, mapped = cKDTree(places).query(places[sample], near + 1, workers=-1)
    penalty = 0
    for start in range(0, len(sample), 256):
        own = sample[start : start + 256]
        cosines = rows[own] @ rows.T
        cosines[np.arange(len(own)), own] = np.inf
        order = np.argsort(mapped[start : start + 256] == own[:, None], axis=1, kind="stable")[:, :near]
        found = np.take_along_axis(mapped[start : start + 256], order, axis=1)
        for column in found.T:
            # How many rows are nearer; the row itself is one of them.
            rank = (cosines > cosines[np.arange(len(own)), column][:, None]).sum(axis=1)
            penalty += int(np.maximum(rank - near, 0).sum())
    return 1 - penalty * 2 / (len(sample) * near * (2 * count - 3 * near - 1))


def purity(clusters: np.ndarray, people: np.ndarray) -> float:
    """The share of photos in the cluster of most photos of their person, 0..1, of people with several; else NaN."""
    counts = np.zeros((people.max() + 1, clusters.max() + 1), np.int64)
    np.add.at(counts, (people, clusters), 1)
    several = counts[counts.sum(axis=1) > 1]
    return float(several.max(axis=1).sum() / several.sum()) if len(several) else float("nan")


def photo_quality(opened: Gallery) -> np.ndarray:
    """How good a photo is for the network, 0..1: MTCNN's confidence, less where the face had to be enlarged."""
    confidence, side = (opened.faces[name].to_numpy() for name in ("confidence", "face_side_px"))
    return np.clip(confidence * np.minimum(side / _SHARP_SIDE_PX, 1), 0, 1).astype(np.float32)


def sample_rows(count: int, settings: MapSettings) -> np.ndarray:
    """A fixed sample of row numbers, sorted."""
    generator = np.random.default_rng(settings.seed)
    return np.sort(generator.choice(count, min(count, settings.sample), replace=False))
