"""Fitting a map: UMAP, PCA and clusters."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.embedding.base import unit
from pipeline.gallery.gallery import Gallery
from pipeline.map.families import find_families
from pipeline.map.layouts import PCA, UMAP, FaceMap, Layout, MapProgress, MapSettings
from pipeline.map.neighbours import Neighbours, most_similar_people, nearest_photos
from pipeline.map.quality import cluster_purity, people_kept, photo_quality, sample_rows, trustworthiness
from pipeline.map.queries import typical_rows
from pipeline.map.sample import part_on_map
from pipeline.similarity.network import SimilarityNetwork

# Above this number of rows, k-means learns from batches, and above the second one from some of the rows.
_KMEANS_ROWS_MAX, _KMEANS_SAMPLE = 20_000, 100_000
# Of more rows than this, UMAP moves each half as often as by default, which costs nothing: of 40,000 faces of people
# drawn by chance, the trustworthiness is 0.956 after 100 epochs and 0.954 after 200.
_UMAP_ROWS_MAX, _UMAP_EPOCHS = 200_000, 100


def fit_map(
    opened: Gallery, settings: MapSettings = MapSettings(), *, progress: MapProgress = lambda *_: None
) -> FaceMap:
    """Fit the map of a gallery, which takes minutes for 100,000 faces; of more than a million, that of a sample."""
    opened = part_on_map(opened)
    rows = np.ascontiguousarray(opened.embeddings)
    neighbours = Neighbours(rows)
    indices, cosines = nearest_photos(neighbours, max(settings.neighbours, settings.checked), progress)
    progress("Finding clusters", 0, 0)
    clusters, silhouette = find_clusters(rows, settings)
    places = _places(rows, indices, cosines, settings, progress)
    people = opened.person_of_row
    similar = _most_similar(neighbours, people, indices, settings)
    layouts = _checked_layouts(places, rows, people, similar, settings, progress)
    progress("Finding families", 0, 0)
    families = find_families(rows, people, similar)
    purity = cluster_purity(clusters, people)
    typical = typical_rows(rows, clusters)
    return FaceMap(layouts, clusters, typical, silhouette, purity, photo_quality(opened), families)


def fit_code_layouts(
    opened: Gallery,
    network: SimilarityNetwork,
    settings: MapSettings = MapSettings(),
    *,
    progress: MapProgress = lambda *_: None,
) -> dict[str, Layout]:
    """Lay out the codes that a network's encoder gives a gallery.

    As in :func:`fit_map`, the layouts are checked against neighbours among the embeddings, so that they compare.
    """
    opened = part_on_map(opened)
    rows, count = np.ascontiguousarray(opened.embeddings), max(settings.neighbours, settings.checked)
    neighbours = Neighbours(rows)
    indices, _ = nearest_photos(neighbours, count, progress)
    codes = unit(replace(network, cohort=None).codes(rows))
    places = _places(codes, *nearest_photos(Neighbours(codes), count, progress), settings, progress)
    of_codes = {f"{name} of codes": layout for name, layout in places.items()}
    similar = _most_similar(neighbours, opened.person_of_row, indices, settings)
    return _checked_layouts(of_codes, rows, opened.person_of_row, similar, settings, progress)


def _most_similar(
    neighbours: Neighbours,
    people: NDArray[np.int32],
    indices: NDArray[np.int64],
    settings: MapSettings,
) -> NDArray[np.int64]:
    count = settings.checked_of(int(people.max()) + 1)
    return most_similar_people(neighbours, people, count, known=indices)


def _places(
    rows: NDArray[np.float32],
    indices: NDArray[np.int64],
    cosines: NDArray[np.float32],
    settings: MapSettings,
    progress: MapProgress,
) -> dict[str, NDArray[np.float32]]:
    """The places of unit rows in each layout, given their nearest neighbours (n, k) and the cosines to them."""
    plane = _pca(rows)
    places = {PCA: plane}
    if len(rows) >= settings.umap_faces_min:
        progress("Fitting UMAP", 0, 0)
        places = {UMAP: _umap(rows, indices, cosines, plane, settings), **places}
    # UMAP gives NaN where all rows are equal.
    return {name: centre_and_scale(found) for name, found in places.items() if np.isfinite(found).all()}


def _checked_layouts(
    places: dict[str, NDArray[np.float32]],
    rows: NDArray[np.float32],
    people: NDArray[np.int32],
    similar: NDArray[np.int64],
    settings: MapSettings,
    progress: MapProgress,
) -> dict[str, Layout]:
    layouts = {}
    count = int(people.max()) + 1
    for name, found in places.items():
        progress(f"Checking {name}", 0, 0)
        kept = people_kept(similar, found, people, near=settings.near_of(count))
        layouts[name] = Layout(found, kept, trustworthiness(rows, found, settings))
    return layouts


def _pca(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The two principal components, float32 (n, 2)."""
    from sklearn import decomposition

    if len(rows) < 2:
        return np.zeros((len(rows), 2), np.float32)
    # This solver is exact, and scikit-learn fixes the signs by the largest loadings: every machine gives one result.
    return decomposition.PCA(2, svd_solver="covariance_eigh").fit_transform(rows).astype(np.float32)


def _load_umap() -> Any:
    """The package without its parametric maps, which are not made here and would bring TensorFlow."""
    sys.modules.setdefault("umap.parametric_umap", None)  # type: ignore[arg-type]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import umap

    return umap


def _umap(
    rows: NDArray[np.float32],
    indices: NDArray[np.int64],
    cosines: NDArray[np.float32],
    plane: NDArray[np.float32],
    settings: MapSettings,
) -> NDArray[np.float32]:
    umap = _load_umap()
    own = np.arange(len(rows))[:, None]
    near = min(settings.neighbours, len(rows)) - 1
    distances = np.sqrt(np.maximum(2 - 2 * cosines[:, :near], 0))
    known = (
        np.hstack([own, indices[:, :near]]),
        np.hstack([np.zeros_like(own, np.float32), distances]).astype(np.float32),
        None,
    )
    # Starting from PCA, at the scale that UMAP expects, gives both layouts the same orientation.
    start = centre_and_scale(plane) * 10
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # UMAP warns that it cannot place new faces from precomputed neighbours.
        model = umap.UMAP(
            n_neighbors=near + 1,
            min_dist=settings.min_distance,
            init=start,
            random_state=settings.seed,
            precomputed_knn=known,
            n_epochs=_UMAP_EPOCHS if len(rows) > _UMAP_ROWS_MAX else None,
        )
        return np.asarray(model.fit_transform(rows), dtype=np.float32)


def centre_and_scale(places: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Places moved and scaled into -1..1, keeping their shape: float32 (n, 2)."""
    low, high = places.min(axis=0), places.max(axis=0)
    side = float((high - low).max()) or 1.0
    return np.asarray((places - (low + high) / 2) * (2 / side), dtype=np.float32)


def find_clusters(
    rows: NDArray[np.float32], settings: MapSettings = MapSettings()
) -> tuple[NDArray[np.uint8], float]:
    """Clusters by k-means, uint8 (n,), the largest first, and their silhouette, -1..1.

    The number of clusters is the one with the best silhouette.
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.metrics import silhouette_score

    best, best_score = np.zeros(len(rows), np.uint8), float("nan")
    sample = sample_rows(len(rows), settings)
    method = KMeans if len(rows) <= _KMEANS_ROWS_MAX else MiniBatchKMeans
    learnt = rows[:: 1 + len(rows) // _KMEANS_SAMPLE]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # K-means warns where equal rows leave clusters empty.
        for clusters in range(settings.clusters_min, min(settings.clusters_max, len(rows) - 1) + 1):
            labels = method(clusters, n_init=4, random_state=settings.seed).fit(learnt).predict(rows)
            if len(np.unique(labels[sample])) > 1:
                score = float(silhouette_score(rows[sample], labels[sample], metric="cosine"))
                if not score <= best_score:  # Also where there is no score yet.
                    best, best_score = labels, score
    sizes = np.bincount(best)
    return np.argsort(np.argsort(-sizes, kind="stable"))[best].astype(np.uint8), best_score
