"""What a crop shows beyond the edge of its photo, for pictures that people look at.

Pictures are RGB, uint8 (height, width, 3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Pixels added on the left, at the top, on the right and at the bottom.
Margins = tuple[int, int, int, int]

# How fast what is added blurs with the distance from the edge, as a share of the edge's length.
_BLUR_RATIO = 1 / 48
# Rows of a JPEG that repeat each other differ by less, on average over their values; those of a photo by more, but
# for plain backgrounds, where it doesn't matter.
_REPEAT_MAX = 0.6
_REPEATS_MIN = 4


def extend(picture: NDArray[np.uint8], margins: Margins) -> NDArray[np.uint8]:
    """The picture with ``margins`` added, which continue its edge and blur it more and more along its direction."""
    left, top, right, bottom = margins
    tall = _continued(picture, top, bottom)
    return np.ascontiguousarray(_continued(tall.swapaxes(0, 1), left, right).swapaxes(0, 1))


def without_repeats(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A crop that repeats its photo's edge, as in galleries of earlier versions, with that part blurred."""
    height, width = picture.shape[:2]
    top, bottom = _repeats(picture), _repeats(picture[::-1])
    left, right = _repeats(picture.swapaxes(0, 1)), _repeats(picture[:, ::-1].swapaxes(0, 1))
    if not any((top, bottom, left, right)) or top + bottom >= height or left + right >= width:
        return picture
    return extend(picture[top : height - bottom, left : width - right], (left, top, right, bottom))


def _continued(picture: NDArray[np.uint8], before: int, after: int) -> NDArray[np.uint8]:
    """The picture with so many rows added before the first and after the last."""
    parts = [picture]
    if before:
        parts.insert(0, _blurring(picture[0], before)[::-1])
    if after:
        parts.append(_blurring(picture[-1], after))
    return np.concatenate(parts)


def _blurring(row: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """So many rows, uint8 (count, width, 3), each more blurred than the one before."""
    import cv2

    rows = np.empty((count, *row.shape), np.float32)
    last = row[None].astype(np.float32)
    sigma = max(len(row) * _BLUR_RATIO, 0.5)
    for number in range(count):
        blurred = cv2.GaussianBlur(last, (0, 0), sigmaX=sigma, sigmaY=0.01, borderType=cv2.BORDER_REPLICATE)
        last = rows[number : number + 1] = blurred.reshape(last.shape)
    return np.round(rows).clip(0, 255).astype(np.uint8)


def _repeats(picture: NDArray[np.uint8]) -> int:
    """How many rows at the beginning repeat the one after them; 0 if only a few do."""
    changes = np.abs(np.diff(picture.astype(np.int16), axis=0)).mean(axis=(1, 2)) >= _REPEAT_MAX
    count = int(changes.argmax()) if changes.any() else 0
    return count if count >= _REPEATS_MIN else 0
