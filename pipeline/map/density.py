"""How densely the faces lie on a map, as contour lines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Shares of the faces that the lines enclose, and the cells along a side of the map that faces are counted in.
SHARES = (0.9, 0.6, 0.3)
_CELLS, _SMOOTHED_CELLS = 160, 2.5


# For each of ``SHARES``, closed lines, float32 (points, 2).
Contours = list[list[NDArray[np.float32]]]


def contours(places: NDArray[np.float32]) -> Contours:
    """The lines that enclose the densest parts of a map.

    places: (n, 2), within -1..1. No lines where there are no faces.
    """
    from contourpy import contour_generator
    from scipy.ndimage import gaussian_filter

    if not len(places):
        return [[] for _ in SHARES]
    # One empty cell around, so that lines close within.
    cells = np.clip((places + 1) * (_CELLS / 2), 0, _CELLS - 1).astype(np.int64) + 1
    side = _CELLS + 2
    counts = np.bincount(cells[:, 1] * side + cells[:, 0], minlength=side * side).reshape(side, side)
    density = gaussian_filter(counts.astype(np.float64), _SMOOTHED_CELLS, mode="constant")
    density[[0, -1]] = density[:, [0, -1]] = 0
    falling = np.sort(density.ravel())[::-1]
    held = np.cumsum(falling) / falling.sum()
    lines: Any = contour_generator(z=density)
    levels = falling[np.searchsorted(held, SHARES)]
    return [[_on_map(line) for line in lines.lines(level)] for level in levels.tolist()]


def _on_map(line: NDArray[np.float64]) -> NDArray[np.float32]:
    """A line in cells, of which the middle of the first is 0, in units of the map."""
    return np.asarray((line - 0.5) * (2 / _CELLS) - 1, np.float32)
