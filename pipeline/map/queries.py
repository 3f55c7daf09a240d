"""Questions the map answers: where a new face belongs, which faces an area holds, whom a face really resembles.

Pure functions on arrays. Cosines are those of one face to all n faces of the gallery, float32 (n,).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.gallery.gallery import Gallery
    from pipeline.map.layouts import FaceMap, Layout

# People are ranked among this many nearest photos.
_NEAREST_PHOTOS_MAX = 5000
# About so many rows are looked at for the most typical ones.
_TYPICAL_ROWS_MAX = 100_000


def place_face(
    cosines: NDArray[np.float32], places: NDArray[np.float32], *, neighbours: int = 8
) -> NDArray[np.float32]:
    """Where a new face belongs on the map, float32 (2,): the weighted medoid of its nearest neighbours' places.

    The medoid rather than the mean: between two distant groups of neighbours there is nobody like the face. In a
    leave-one-out test on the demonstration gallery, 0.48 of the people most similar to a face are near the medoid,
    0.44 near the mean, and 0.51 near the place that UMAP itself gives the face.
    """
    count = min(neighbours, len(cosines))
    nearest = np.argpartition(-cosines, count - 1)[:count]
    weights = np.exp((cosines[nearest] - cosines[nearest].max()) / 0.1)
    gaps = np.linalg.norm(places[nearest][:, None] - places[nearest], axis=2)
    return places[nearest[(gaps @ weights).argmin()]]


def inside_polygon(places: NDArray[np.float32], polygon: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each place (n, 2) lies inside the polygon (corners, 2), bool (n,), by the even-odd rule."""
    odd = np.zeros(len(places), bool)
    x, y = places.T
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, 1, axis=0), strict=True):
        if y1 != y2:
            odd ^= ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return odd


def near_radius(
    places: NDArray[np.float32],
    centre: NDArray[np.float32],
    person_of_row: NDArray[np.int32],
    *,
    near: int,
    own_person: int | None = None,
) -> float:
    """The radius around ``centre`` (2,) within which people are near: see :func:`pipeline.map.quality.people_kept`.

    It reaches to the ``near``-th nearest person other than ``own_person``, each by the nearest place, or to the
    farthest where there are fewer. 0 where there is nobody else.
    """
    nearest = np.full(int(person_of_row.max()) + 1, np.inf)
    np.minimum.at(nearest, person_of_row, np.linalg.norm(places - centre, axis=1))
    if own_person is not None:
        nearest = np.delete(nearest, own_person)
    near = min(near, len(nearest))
    return float(np.partition(nearest, near - 1)[near - 1]) + 1e-6 if near else 0.0


def is_far(places: NDArray[np.float32], centre: NDArray[np.float32], radius: float) -> NDArray[np.bool_]:
    """Whether places (..., 2) lie farther than ``radius`` from ``centre`` (2,)."""
    return np.asarray(np.linalg.norm(places - centre, axis=-1) > radius)


def most_similar_people(
    cosines: NDArray[np.float32], person_of_row: NDArray[np.int32], *, count: int, own_person: int | None = None
) -> list[int]:
    """The ``count`` people whom a face resembles most, each by the row of the most similar photo, best first.

    ``own_person`` is left out. Equal cosines keep the order of the gallery.
    """
    photos = min(_NEAREST_PHOTOS_MAX, len(cosines))
    rows = np.argpartition(-cosines, photos - 1)[:photos]
    rows = rows[np.lexsort((rows, -cosines[rows]))]
    people = person_of_row[rows]
    _, first = np.unique(people, return_index=True)
    first = np.sort(first)
    return rows[first[people[first] != own_person]][:count].tolist()


def to_distance(cosines: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distances 0..1 of cosines."""
    return np.asarray((1 - cosines) / 2, np.float32)


@dataclass(frozen=True)
class PhotoPairs:
    """The photos of two people, compared pair by pair.

    most, least: the positions (i, j) of the most and the least similar pair. mean_distance: over all ``count`` pairs.
    """

    most: tuple[int, int]
    least: tuple[int, int]
    mean_distance: float
    count: int


def compare_photos(
    first: NDArray[np.float32], second: NDArray[np.float32], *, same_photos: bool = False
) -> PhotoPairs | None:
    """Compare unit rows (a, d) with unit rows (b, d). None where there is no pair.

    same_photos: both are the photos of one person; a photo is then not compared with itself.
    """
    cosines = first @ second.T
    if same_photos:
        np.fill_diagonal(cosines, np.nan)
    if np.isnan(cosines).all():
        return None
    most, least = (np.unravel_index(int(pick(cosines)), cosines.shape) for pick in (np.nanargmax, np.nanargmin))
    return PhotoPairs(
        most=(int(most[0]), int(most[1])),
        least=(int(least[0]), int(least[1])),
        mean_distance=float(to_distance(np.nanmean(cosines))),
        count=cosines.size,
    )


def most_common(numbers: NDArray[np.int32], *, count: int) -> list[tuple[int, int]]:
    """The ``count`` most common numbers (from 0) with how often they occur, most common first."""
    occurrences = np.bincount(numbers)
    order = np.argsort(-occurrences, kind="stable")[:count].tolist()
    return [(number, int(occurrences[number])) for number in order if occurrences[number]]


def moved(places: NDArray[np.float32], others: NDArray[np.float32], *, count: int = 10) -> NDArray[np.float32]:
    """The share of the ``count`` nearest faces of each that are other ones in another layout, float32 (n,), 0..1.

    places, others: of the same faces in both layouts, (n, 2).
    """
    from scipy.spatial import cKDTree

    near = min(count, len(places) - 1)
    if near < 1:
        return np.zeros(len(places), np.float32)
    one, other = (np.sort(cKDTree(of).query(of, near + 1, workers=-1)[1], axis=1) for of in (places, others))
    own = np.arange(len(places))[:, None]
    # Numbers of both that are equal lie next to each other.
    both = np.sort(np.concatenate([one, other], axis=1), axis=1)
    same = (both[:, 1:] == both[:, :-1]) & (both[:, 1:] != own)
    return np.clip(1 - same.sum(axis=1) / near, 0, 1).astype(np.float32)


def typical_rows(embeddings: NDArray[np.float32], groups: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Of each group, the row nearest to the mean of its rows, int64 (groups,); of very many rows, one of some.

    embeddings: unit rows (n, d). groups: (n,), every number from 0 to the largest, -1 for rows of none.
    """
    order = np.argsort(groups, kind="stable")
    order = order[np.searchsorted(groups[order], 0) :]
    sizes = np.bincount(groups[order])
    # The first row of each group, and every so many after it.
    within = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    some = np.sort(order[within % (1 + len(order) // _TYPICAL_ROWS_MAX) == 0])
    rows, numbers = embeddings[some], groups[some]
    means = np.zeros((len(sizes), rows.shape[1]), np.float32)
    np.add.at(means, numbers, rows)
    near = np.einsum("nd,nd->n", rows, means[numbers])
    best = np.lexsort((-near, numbers))
    _, first = np.unique(numbers[best], return_index=True)
    return some[best[first]]


def faces_table(
    opened: Gallery, fitted: FaceMap, layout: Layout, rows: NDArray[np.int64], *, numbers: NDArray[np.int64]
) -> pa.Table:
    """What is known of the faces in ``rows``, one line each, to show or export.

    numbers: of each row on the map, its row in the whole gallery, int64 (n,).
    """
    import pyarrow as pa

    table = opened.faces.select(["name", "source", "licence"]).take(rows)
    columns = {
        "cluster": fitted.clusters[rows] + 1,
        "quality": fitted.quality[rows].round(3),
        "people kept": layout.kept[rows].round(2),
        "x": layout.places[rows, 0].round(4),
        "y": layout.places[rows, 1].round(4),
    }
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values))
    return table.add_column(0, "row", pa.array(numbers[rows]))
