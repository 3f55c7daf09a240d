"""Which faces of a very large gallery are on its map: an even sample, a million at most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.gallery.gallery import Gallery

FACES_MAX = 1_000_000


def rows_on_map(count: int) -> NDArray[np.int64]:
    """The rows that the map of ``count`` faces shows, ascending int64 (n,): all, or as many as it can at equal steps.

    The photos of a person are next to each other in most galleries, so that nearly everybody is on the map.
    """
    return np.linspace(0, count - 1, min(count, FACES_MAX)).round().astype(np.int64)


def part_on_map(opened: Gallery) -> Gallery:
    """A gallery with only the rows that its map shows; the gallery itself where these are all."""
    return opened if len(opened) <= FACES_MAX else opened.part(rows_on_map(len(opened)))
