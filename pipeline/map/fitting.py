"""Fitting a map: UMAP, PCA and clusters."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np

from pipeline.embedding.base import unit
from pipeline.gallery.gallery import Gallery
from pipeline.map.layouts import PCA, UMAP, Layout, Map, MapProgress, MapSettings
from pipeline.map.quality import kept, photo_quality, purity, sample_rows, trustworthiness
from pipeline.similarity.network import Network


def fit(opened: Gallery, settings: MapSettings = MapSettings(), progress: MapProgress = lambda *_: None) -> Map:
    """Lay out a gallery: minutes for 100,000 faces. ``progress`` is told the stage, and how much of it is done."""
    rows = np.ascontiguousarray(opened.embeddings)
    indices, cosines = _neighbours(rows, max(settings.neighbours, settings.checked), progress)
    progress("Finding clusters", 0, 0)
    clusters, silhouette = cluster(rows, settings)
    places = _places(rows, indices, cosines, settings, progress)
    layouts = _checked_layouts(places, rows, indices, settings, progress)
    return Map(layouts, clusters, silhouette, purity(clusters, opened.person_of_row), photo_quality(opened))


def fit_codes(
    opened: Gallery, network: Network, settings: MapSettings = MapSettings(), progress: MapProgress = lambda *_: None
) -> dict[str, Layout]:
    """Lay out what a network's encoder makes of a gallery.

    The measures are those of :func:`fit`, by the neighbours among the embeddings, so that layouts can be compared.
    """
    rows, wanted = np.ascontiguousarray(opened.embeddings), max(settings.neighbours, settings.checked)
    indices, _ = _neighbours(rows, wanted, progress)
    codes = unit(replace(network, cohort=None).codes(rows))
    places = _places(codes, *_neighbours(codes, wanted, progress), settings, progress)
    named = {f"{name} of codes": of for name, of in places.items()}
    return _checked_layouts(named, rows, indices, settings, progress)


def _places(
    rows: np.ndarray, indices: np.ndarray, cosines: np.ndarray, settings: MapSettings, progress: MapProgress
) -> dict[str, np.ndarray]:
    """Where each method puts unit rows of which these are the nearest others, framed."""
    plane = _pca(rows)
    places = {PCA: plane}
    if len(rows) >= settings.umap_faces_min:
        progress("Laying out by UMAP", 0, 0)
        places = {UMAP: _umap(rows, indices, cosines, plane, settings), **places}
    # UMAP finds no place for faces that are all copies of one.
    return {name: framed(of) for name, of in places.items() if np.isfinite(of).all()}


def _checked_layouts(
    places: dict[str, np.ndarray], rows: np.ndarray, indices: np.ndarray, settings: MapSettings, progress: MapProgress
) -> dict[str, Layout]:
    layouts = {}
    for name, of in places.items():
        progress(f"Checking {name}", 0, 0)
        share = kept(indices[:, : settings.checked_of(len(rows))], of, settings.near_of(len(rows)))
        layouts[name] = Layout(of, share, trustworthiness(rows, of, settings))
    return layouts


def _neighbours(
    rows: np.ndarray, wanted: int, progress: MapProgress, block: int = 4096
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest other rows, int64 (n, k), and their cosines, float32 (n, k), the nearest first; k < n."""
    import faiss

    count, wanted = len(rows), min(wanted, len(rows) - 1)
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)
    found = []
    for start in range(0, count, block):
        progress("Finding neighbours", start, count)
        cosines, indices = index.search(rows[start : start + block], wanted + 1)
        # A copy of a row may come before the row itself, so that it is put last by its number.
        own = indices == np.arange(start, start + len(indices))[:, None]
        order = np.argsort(own, axis=1, kind="stable")[:, :wanted]
        found.append([np.take_along_axis(part, order, axis=1) for part in (indices, cosines)])
    progress("Finding neighbours", count, count)
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))  # type: ignore[return-value]


def _pca(rows: np.ndarray) -> np.ndarray:
    """The two directions in which rows differ most, float32 (n, 2)."""
    centred = rows - rows.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    first = directions[:, ::-1][:, :2]
    # A direction's sign is free: the same one on every machine.
    signs = np.sign(first[np.abs(first).argmax(axis=0), [0, 1]])
    return np.asarray(centred @ (first * signs), dtype=np.float32)


def _umap(
    rows: np.ndarray, indices: np.ndarray, cosines: np.ndarray, plane: np.ndarray, settings: MapSettings
) -> np.ndarray:
    from pipeline import tensorflow_loader

    tensorflow_loader.load()  # UMAP imports it, and less quietly.
    import umap

    own = np.arange(len(rows))[:, None]
    near = min(settings.neighbours, len(rows)) - 1
    distances = np.sqrt(np.maximum(2 - 2 * cosines[:, :near], 0))
    known = (
        np.hstack([own, indices[:, :near]]),
        np.hstack([np.zeros_like(own, np.float32), distances]).astype(np.float32),
        None,
    )
    # The start that UMAP's authors take, laid out by PCA so that both maps are turned alike.
    start = framed(plane) * 10
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # That known neighbours cannot place new faces: they are placed otherwise.
        return np.asarray(
            umap.UMAP(
                n_neighbors=near + 1,
                min_dist=settings.min_distance,
                init=start,
                random_state=settings.seed,
                precomputed_knn=known,
            ).fit_transform(rows),
            dtype=np.float32,
        )


def framed(places: np.ndarray) -> np.ndarray:
    """Places moved and scaled into -1..1 on both axes alike, float32 (n, 2)."""
    low, high = places.min(axis=0), places.max(axis=0)
    side = float((high - low).max()) or 1.0
    return np.asarray((places - (low + high) / 2) * (2 / side), dtype=np.float32)


def cluster(rows: np.ndarray, settings: MapSettings = MapSettings()) -> tuple[np.ndarray, float]:
    """Clusters by k-means, uint8 (n,), the largest first, and their silhouette: as many as make it best."""
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.metrics import silhouette_score

    best, score = np.zeros(len(rows), np.uint8), float("nan")
    sample = sample_rows(len(rows), settings)
    method = KMeans if len(rows) <= 20_000 else MiniBatchKMeans
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # That equal rows make fewer clusters.
        for clusters in range(settings.clusters_min, min(settings.clusters_max, len(rows) - 1) + 1):
            labels = method(clusters, n_init=4, random_state=settings.seed).fit_predict(rows)
            if len(np.unique(labels[sample])) > 1:
                reached = float(silhouette_score(rows[sample], labels[sample], metric="cosine"))
                if not reached <= score:
                    best, score = labels, reached
    sizes = np.bincount(best)
    return np.argsort(np.argsort(-sizes, kind="stable"))[best].astype(np.uint8), score
