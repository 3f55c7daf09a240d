"""How densely the faces lie on a map, as contour lines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Shares of the faces that the lines enclose, and the cells along a side of the map that faces are counted in.
SHARES = (0.9, 0.6, 0.3)
_CELLS, _SMOOTHED_CELLS = 160, 2.5
# Cells around the map, so that lines around faces at its edge close: smoothing reaches four times its width.
_MARGIN = 11


# For each of ``SHARES``, closed lines, float32 (points, 2).
Contours = list[list[NDArray[np.float32]]]


def contours(places: NDArray[np.float32]) -> Contours:
    """The lines that enclose the densest parts of a map.

    places: (n, 2), within -1..1. No lines where there are no faces.
    """
    import cv2
    from contourpy import contour_generator

    if not len(places):
        return [[] for _ in SHARES]
    cells = np.clip((places + 1) * (_CELLS / 2), 0, _CELLS - 1).astype(np.int64) + _MARGIN
    side = _CELLS + 2 * _MARGIN
    counts = np.bincount(cells[:, 1] * side + cells[:, 0], minlength=side * side).reshape(side, side)
    # By OpenCV, which is loaded already: scipy.ndimage takes half a second.
    smoothed = cv2.GaussianBlur(counts.astype(np.float64), (0, 0), _SMOOTHED_CELLS, borderType=cv2.BORDER_CONSTANT)
    density: NDArray[np.float64] = np.asarray(smoothed)
    falling = np.sort(density.ravel())[::-1]
    held = np.cumsum(falling) / falling.sum()
    lines: Any = contour_generator(z=density)
    levels = falling[np.searchsorted(held, SHARES)]
    return [[_on_map(line) for line in lines.lines(level)] for level in levels.tolist()]


def _on_map(line: NDArray[np.float64]) -> NDArray[np.float32]:
    """A line in cells, of which the middle of the first is 0, in units of the map."""
    return np.asarray((line - _MARGIN + 0.5) * (2 / _CELLS) - 1, np.float32)
