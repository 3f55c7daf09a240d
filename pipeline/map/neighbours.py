"""Nearest neighbours of all faces: among photos, and among other people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.map.layouts import MapProgress

# Given row numbers (m,) and k, the k nearest other rows of each, the nearest first, int64 (m, k).
Search = Callable[[NDArray[np.int64], int], NDArray[np.int64]]
# Rows that are searched at a time.
_BLOCK = 4096
# Of more rows than this, not all are compared, but those in the nearest of so many lists.
_EXACT_ROWS_MAX, _LISTS, _LISTS_SEARCHED = 150_000, 4096, 24


class Neighbours:
    """Unit rows, float32 (n, d), to be searched by cosine. Many take a minute to be made ready."""

    def __init__(self, rows: NDArray[np.float32]) -> None:
        import faiss

        self.rows = rows
        self._index: Any = faiss.IndexFlatIP(rows.shape[1])
        if len(rows) > _EXACT_ROWS_MAX:
            self._index = faiss.IndexIVFFlat(self._index, rows.shape[1], _LISTS, faiss.METRIC_INNER_PRODUCT)
            self._index.nprobe = _LISTS_SEARCHED
            self._index.cp.niter = 10
            # Half of the 40 below, where every second row is taken. faiss prints a warning of fewer than 39.
            self._index.cp.min_points_per_centroid = 20
            self._index.train(np.ascontiguousarray(rows[:: len(rows) // (40 * _LISTS) + 1]))
        self._index.add(rows)

    def nearest(self, probes: NDArray[np.float32], count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Cosines and numbers of the rows nearest to probes (m, d), both (m, count), nearest first; count <= n."""
        import faiss

        cosines, indices = self._index.search(probes, count)
        if len(short := np.flatnonzero(indices[:, -1] < 0)):
            # The lists that were searched hold fewer.
            found = faiss.knn(probes[short], self.rows, count, metric=faiss.METRIC_INNER_PRODUCT)
            cosines[short], indices[short] = found
        return cosines, indices


def nearest_photos(
    neighbours: Neighbours, wanted: int, progress: MapProgress = lambda *_: None, *, block: int = _BLOCK
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The nearest other rows (n, k) and the cosines to them (n, k), the nearest first; k < n."""
    rows, count, found = neighbours.rows, len(neighbours.rows), []
    wanted = min(wanted, count - 1)
    for start in range(0, count, block):
        progress("Finding neighbours", start, count)
        cosines, indices = neighbours.nearest(rows[start : start + block], wanted + 1)
        order = _without_itself(indices, np.arange(start, start + len(indices)))
        found.append([np.take_along_axis(part, order, axis=1) for part in (indices, cosines)])
    progress("Finding neighbours", count, count)
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))  # type: ignore[return-value]


def most_similar_people(
    neighbours: Neighbours, people: NDArray[np.integer[Any]], count: int, *, known: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The ``count`` other people whom each row resembles most, int64 (n, count), the most similar first.

    Each is given by the row of the most similar photo. people: the number of each row's person, (n,).
    known: some nearest rows (n, k), as :func:`nearest_photos` gives them.
    """

    def search(numbers: NDArray[np.int64], wanted: int) -> NDArray[np.int64]:
        if wanted <= known.shape[1]:
            return known[numbers, :wanted]
        _, indices = neighbours.nearest(neighbours.rows[numbers], wanted + 1)
        return np.take_along_axis(indices, _without_itself(indices, numbers), axis=1)

    return _first_of_people(search, people, count, known=known.shape[1])


def near_limits(
    places: NDArray[np.float32], people: NDArray[np.integer[Any]], near: int
) -> NDArray[np.floating[Any]]:
    """The distance from each place (n, 2) to the nearest place of the ``near``-th nearest other person, (n,).

    Each person counts once, by the place nearest to the row's. At least ``near`` other people are needed.
    """
    from scipy.spatial import cKDTree

    tree = cKDTree(places)

    def search(numbers: NDArray[np.int64], wanted: int) -> NDArray[np.int64]:
        _, indices = tree.query(places[numbers], wanted + 1, workers=-1)
        return np.take_along_axis(indices, _without_itself(indices, numbers), axis=1)

    farthest = _first_of_people(search, people, near, known=0)[:, -1]
    return np.linalg.norm(places[farthest] - places, axis=1)


def _without_itself(indices: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """The order of the columns (m, k - 1) that leaves each row out of its own neighbours (m, k).

    A copy of a row may come before the row itself, so look for the row's own number and put it last.
    """
    own = indices == numbers[:, None]
    return np.argsort(own, axis=1, kind="stable")[:, : indices.shape[1] - 1]


def _first_of_people(
    search: Search, people: NDArray[np.integer[Any]], count: int, *, known: int
) -> NDArray[np.int64]:
    """For each row, the nearest row of each of the ``count`` nearest other people, int64 (n, count).

    At first, as many nearest rows are searched as so many average people have photos, and at least ``known``; then
    twice as many where they are of too few people.
    """
    every = len(people)
    found = np.empty((every, count), np.int64)
    photos = every / (int(people.max()) + 1)
    left, wanted = np.arange(every), min(max(known, int(1.2 * count * photos)), every - 1)
    while count and len(left):
        missing = []
        for start in range(0, len(left), _BLOCK):
            numbers = left[start : start + _BLOCK]
            nearest = search(numbers, wanted)
            positions = _first_positions(people[nearest], people[numbers], count)
            enough = positions[:, -1] < wanted
            found[numbers[enough]] = np.take_along_axis(nearest[enough], positions[enough], axis=1)
            missing.append(numbers[~enough])
        left, wanted = np.concatenate(missing), min(2 * wanted, every - 1)
    return found


def _first_positions(
    labels: NDArray[np.integer[Any]], own: NDArray[np.integer[Any]], count: int
) -> NDArray[np.int64]:
    """Where the first ``count`` labels other than ``own`` (m,) begin in each row of labels (m, k): int64 (m, count).

    k where there are fewer. Labels and positions are sorted as one number, which is faster than sorting twice.
    """
    size = max(labels.shape[1], count)
    keys = np.sort(labels.astype(np.int64) * size + np.arange(labels.shape[1]), axis=1)
    label, position = np.divmod(keys, size)
    again = label == own[:, None]
    again[:, 1:] |= label[:, 1:] == label[:, :-1]
    position[again] = labels.shape[1]
    padding = ((0, 0), (0, size - labels.shape[1]))
    return np.sort(np.pad(position, padding, constant_values=labels.shape[1]), axis=1)[:, :count]
