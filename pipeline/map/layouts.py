"""The map of a gallery: a place on a plane for every face, and how far the plane can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

UMAP, PCA = "UMAP", "PCA"
MapProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class MapSettings:
    """How a map is fitted.

    neighbours, min_distance: UMAP's ``n_neighbors`` and ``min_dist``. umap_faces_min: fewer faces get PCA only.
    checked: how many nearest neighbours of each face are looked for on the map.
    near_max: they count as kept among so many nearest places, or a twentieth of all where that is fewer.
    clusters_min, clusters_max: two would mostly repeat the sources; no more than there are colours to tell apart.
    sample: measures that compare all faces with all others are taken on so many.
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

    def checked_of(self, faces: int) -> int:
        """How many neighbours are looked for among ``faces``: fewer than half of them."""
        return min(self.checked, (faces - 1) // 2)

    def near_of(self, faces: int) -> int:
        """How many places on the map count as near."""
        return max(self.checked_of(faces), min(self.near_max, faces // 20))


@dataclass(frozen=True)
class Layout:
    """One way to lay the faces out.

    places: float32 (faces, 2) within -1..1, centred. kept: float32 (faces,), the share 0..1 of a face's nearest
    neighbours that are near it on the map too. trustworthiness: 0..1, of the whole (Venna and Kaski 2001).
    """

    places: np.ndarray
    kept: np.ndarray
    trustworthiness: float


@dataclass(frozen=True)
class Map:
    """What is known of a gallery's faces as a whole.

    layouts: by name, the best to look at first. clusters: uint8 (faces,), numbered from 0, the largest first.
    silhouette: -1..1, how well clusters are apart; NaN where there is but one. purity: 0..1, the share of photos that
    lie in the cluster of most photos of their person; NaN where nobody has several. quality: float32 (faces,), 0..1.
    """

    layouts: dict[str, Layout]
    clusters: np.ndarray
    silhouette: float
    purity: float
    quality: np.ndarray
