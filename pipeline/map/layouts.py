"""The map of a gallery: a place on a plane for every face, and how far the plane can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UMAP, PCA = "UMAP", "PCA"
# Called with the stage, how many steps of it are done, and how many there are (0 where nobody knows).
MapProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class MapSettings:
    """How a map is fitted.

    neighbours, min_distance: UMAP's ``n_neighbors`` and ``min_dist``.
    umap_faces_min: galleries with fewer faces get PCA only.
    checked: the number of most similar other people of each face that the map is checked against.
    near_max: a person is near among this many nearest other people, or a twentieth of all if that is fewer.
    clusters_min, clusters_max: two clusters would mostly repeat the sources; colours can tell seven apart.
    sample: the number of faces for measures that compare faces with all others.
    """

    neighbours: int = 15
    min_distance: float = 0.1
    umap_faces_min: int = 30
    seed: int = 0
    checked: int = 10
    near_max: int = 50
    clusters_min: int = 3
    clusters_max: int = 7
    sample: int = 2000

    def checked_of(self, count: int) -> int:
        """The number of checked neighbours among ``count`` people, or photos: fewer than half of them."""
        return min(self.checked, (count - 1) // 2)

    def near_of(self, people: int) -> int:
        """The number of nearest other people on the map who count as near in a gallery of ``people``."""
        return max(self.checked_of(people), min(self.near_max, people // 20))


@dataclass(frozen=True)
class Layout:
    """One way to lay out the faces.

    places: float32 (faces, 2), centred, within -1..1.
    kept: float32 (faces,), of a face's most similar other people, the share 0..1 that is near it on the map, too: see
    :func:`pipeline.map.quality.people_kept`.
    trustworthiness: of the whole layout, 0..1 (Venna and Kaski 2001).
    """

    places: NDArray[np.float32]
    kept: NDArray[np.float32]
    trustworthiness: float


@dataclass(frozen=True)
class Families:
    """Who resembles whom among the people of a gallery.

    of_person: int32 (people,), the number of each person's family, from 0, the largest first; -1 for those in none.
    branches: int32 (families,), the number of each family's branch, which holds families that resemble one another.
    typical: int64 (families,), the row of each family's most typical face.
    doubles: int64 (pairs, 2), the rows of the most similar photos of two different people, the most similar first.
    cosines: float32 (pairs,), theirs.
    """

    of_person: NDArray[np.int32]
    branches: NDArray[np.int32]
    typical: NDArray[np.int64]
    doubles: NDArray[np.int64]
    cosines: NDArray[np.float32]


@dataclass(frozen=True)
class FaceMap:
    """The layouts of a gallery's faces, their clusters, and look-alikes among the people.

    layouts: by name, the one to show first comes first.
    clusters: uint8 (faces,), numbered from 0, the largest first.
    typical: int64 (clusters,), the row of each cluster's most typical face.
    silhouette: how well the clusters are separated, -1..1; NaN where there is only one.
    purity: the share of photos in their person's most frequent cluster, 0..1; NaN where nobody has several photos.
    quality: float32 (faces,), how good each photo is for the network, 0..1.
    families: None in maps of earlier versions.
    """

    layouts: dict[str, Layout]
    clusters: NDArray[np.uint8]
    typical: NDArray[np.int64]
    silhouette: float
    purity: float
    quality: NDArray[np.float32]
    families: Families | None = None
