"""Look-alikes among the people of a gallery: families of several, and pairs of doubles. Found on the embeddings."""

from __future__ import annotations

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.embedding.base import COPY_DISTANCE_MAX, unit
from pipeline.map.layouts import Families
from pipeline.map.neighbours import Neighbours, nearest_photos
from pipeline.map.queries import typical_rows

# A family has so many people at least. HDBSCAN gives the same families for 5 and for 30 neighbours.
_PEOPLE_MIN, _NEIGHBOURS = 3, 15
# Between people whose neighbours lead nowhere near each other: the largest distance of two unit rows.
_APART = 2.0
# A member is at most twice as far from the next one as the closest members are.
_MEMBERSHIP_MIN = 0.5
_DOUBLES_MAX = 500
# Rows whose similar ones are compared at a time.
_BLOCK = 10_000
# Of more families, k-means finds the branches: linkage would need 20 GB for 50,000.
_LINKED_MAX = 10_000
# Taken from the system only as far as it is used.
_STACK_BYTES = 512 * 2**20


def find_families(
    rows: NDArray[np.float32], people: NDArray[np.integer[Any]], similar: NDArray[np.int64]
) -> Families:
    """Families and doubles among people.

    rows: unit embeddings (n, d). people: the number of each row's person, (n,). similar: the most similar photos of
    other people, int64 (n, k), as :func:`pipeline.map.neighbours.most_similar_people` gives them.
    """
    means = people_means(rows, people)
    families = group_people(means)
    sizes = np.bincount(families[families >= 0])
    order = np.argsort(np.argsort(-sizes, kind="stable"))
    families = np.where(families < 0, -1, order[families]).astype(np.int32) if len(sizes) else families
    doubles, cosines = find_doubles(rows, people, similar)
    return Families(families, _branches(means, families), typical_rows(rows, families[people]), doubles, cosines)


def people_means(rows: NDArray[np.float32], people: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    """The mean direction of each person's photos: unit rows, float32 (people, d)."""
    means = np.zeros((int(people.max()) + 1, rows.shape[1]), np.float32)
    np.add.at(means, people, rows)
    return unit(means)


def find_doubles(
    rows: NDArray[np.float32], people: NDArray[np.integer[Any]], similar: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The most similar pairs of different people, each once, by their most similar photos; the most similar first.

    Returns the rows of the photos, int64 (pairs, 2), and their cosines, float32 (pairs,). Arguments are those of
    :func:`find_families`.
    """
    count = int(people.max()) + 1
    pairs = np.column_stack([np.repeat(np.arange(len(rows)), similar.shape[1]), similar.ravel()])
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(rows), _BLOCK)]
    cosines = np.concatenate([np.einsum("nd,nkd->nk", rows[block], rows[similar[block]]).ravel() for block in blocks])
    low, high = np.sort(people[pairs], axis=1).T.astype(np.int64)
    # Of each pair of people the most similar photos: the first in the order of their cosines.
    # The same photo under two names is no double.
    order = np.argsort(-cosines, kind="stable")
    order = order[cosines[order] < 1 - 2 * COPY_DISTANCE_MAX]
    _, first = np.unique((low * count + high)[order], return_index=True)
    best = order[np.sort(first)[:_DOUBLES_MAX]]
    return np.sort(pairs[best], axis=1), cosines[best].astype(np.float32)


def group_people(means: NDArray[np.float32]) -> NDArray[np.int32]:
    """The family of each person, int32 (people,); -1 for those in none.

    HDBSCAN (Campello et al. 2013) on the distances to the nearest people, with the leaves of its tree as families.
    """
    count = len(means)
    if count < 2 * _PEOPLE_MIN:
        return np.full(count, -1, np.int32)
    labels = find_leaves(_distances(means))
    sizes = np.bincount(labels + 1)
    kept = sizes >= _PEOPLE_MIN
    kept[0] = False
    return np.where(kept, np.cumsum(kept) - 1, -1)[labels + 1].astype(np.int32)


def find_leaves(distances: Any) -> NDArray[np.int64]:
    """The leaf of HDBSCAN's tree that each person is in, int64 (people,), -1 for none.

    distances: a sparse symmetric matrix in one piece. The tree is as deep as families join one by one, and
    scikit-learn walks it by recursion: among a million people that needs more stack than a program has.
    """
    from sklearn.cluster import HDBSCAN

    method = HDBSCAN(
        min_cluster_size=_PEOPLE_MIN,
        # Without the person, who is not among the neighbours.
        min_samples=1,
        metric="precomputed",
        cluster_selection_method="leaf",
    )
    before = threading.stack_size(_STACK_BYTES)
    try:
        with warnings.catch_warnings(), ThreadPoolExecutor(1) as thread:
            warnings.simplefilter("ignore")  # Of rows that are sorted by distance only for itself.
            found = thread.submit(method.fit, distances).result()
    finally:
        threading.stack_size(before)
    # HDBSCAN also gives a cluster those who hang on by a thread.
    return np.where(found.probabilities_ < _MEMBERSHIP_MIN, -1, found.labels_)


def _distances(means: NDArray[np.float32]) -> Any:
    """Distances to the nearest people as a symmetric sparse matrix in one piece, as HDBSCAN needs it."""
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    count = len(means)
    indices, cosines = nearest_photos(Neighbours(np.ascontiguousarray(means)), _NEIGHBOURS)
    # A zero would not be stored.
    distances = np.maximum(1 - cosines.ravel(), 1e-6)
    own = np.repeat(np.arange(count), indices.shape[1])
    near = sparse.coo_matrix((distances, (own, indices.ravel())), shape=(count, count)).tocsr()
    near = near.maximum(near.T)
    _, pieces = connected_components(near, directed=False)
    _, first = np.unique(pieces, return_index=True)
    bridges = (np.full(len(first) - 1, _APART), (np.full(len(first) - 1, first[0]), first[1:]))
    across = sparse.coo_matrix(bridges, shape=(count, count)).tocsr()
    return near.maximum(across).maximum(across.T)


def _branches(means: NDArray[np.float32], families: NDArray[np.int32]) -> NDArray[np.int32]:
    """The branch of each family, int32 (families,), numbered in the order of the families.

    Families whose means resemble one another are of one branch: average linkage, cut into about as many branches as
    each of them has families; k-means where there are very many.
    """
    count = int(families.max()) + 1
    if count < 2:
        return np.zeros(count, np.int32)
    middles = people_means(means[families >= 0], families[families >= 0])
    labels = (_linked if count <= _LINKED_MAX else _by_means)(middles, round(np.sqrt(count)))
    _, first, numbers = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[numbers].astype(np.int32)


def _linked(rows: NDArray[np.float32], count: int) -> NDArray[np.int32]:
    """The group of each unit row, (n,), by average linkage: ``count`` at most."""
    from scipy.cluster.hierarchy import fcluster, linkage

    return fcluster(linkage(rows.astype(np.float64), "average", metric="cosine"), count, "maxclust")


def _by_means(rows: NDArray[np.float32], count: int) -> NDArray[np.int32]:
    """The group of each unit row, (n,), by k-means."""
    from sklearn.cluster import KMeans

    return KMeans(count, random_state=0).fit_predict(rows)
