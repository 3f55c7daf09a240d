"""The rows of each person, and reductions over them."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray


class RowsByPerson:
    """Gallery rows sorted by person, so that all photos of a person are found at once.

    person_of_row: the number of the person of each row, (faces,), counted from 0 without gaps.
    """

    def __init__(self, person_of_row: NDArray[np.int32]) -> None:
        self.rows = np.argsort(person_of_row, kind="stable").astype(np.int32)
        self.starts = np.r_[0, np.cumsum(np.bincount(person_of_row))]
        self.counts: NDArray[np.int64] = np.diff(self.starts)

    def of(self, people: NDArray[np.integer]) -> NDArray[np.int32]:
        """The rows of people (n,), one person after the other."""
        counts = self.counts[people]
        ends = np.cumsum(counts)
        return self.rows[np.arange(counts.sum()) + np.repeat(self.starts[people] - ends + counts, counts)]

    def blocks(self, rows_max: int) -> list[tuple[slice | NDArray[np.int32], NDArray[np.int64]]]:
        """Blocks of whole people: their rows, at most about ``rows_max``, and the number of rows of each person."""
        ends = np.arange(rows_max, len(self.rows) + rows_max, rows_max)
        bounds = np.unique(np.r_[0, np.searchsorted(self.starts, ends, "right") - 1])
        return [self._block(*pair) for pair in itertools.pairwise(bounds.tolist())]

    def _block(self, first: int, end: int) -> tuple[slice | NDArray[np.int32], NDArray[np.int64]]:
        rows = self.rows[self.starts[first] : self.starts[end]]
        # A person's photos mostly lie side by side, and a slice is not copied.
        consecutive = bool((np.diff(rows) == 1).all())
        return slice(int(rows[0]), int(rows[-1]) + 1) if consecutive else rows, self.counts[first:end]


def segmented_minimum(values: NDArray[np.float32], lengths: NDArray[np.int64]) -> NDArray[np.float32]:
    """Minimum of each segment of rows: values (sum of lengths, m) to (len(lengths), m). No length is 0.

    Takes the first rows of all segments, then all second rows, and so on: for several columns many times as fast as
    ``np.minimum.reduceat``.
    """
    starts = np.cumsum(lengths) - lengths
    if values.shape[1] == 1:
        return np.minimum.reduceat(values, starts, axis=0)
    order = np.argsort(-lengths, kind="stable")
    starts = starts[order]
    least = values[starts]
    for place in range(1, lengths.max()):
        count = int((lengths > place).sum())
        np.minimum(least[:count], values[starts[:count] + place], out=least[:count])
    least[order] = least.copy()
    return least


def upper_bounds(values: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """For each column of values (n, m) a bound that more than ``count`` of its values do not exceed, (m,).

    It is near the smallest such bound, and infinite where there are not that many values.
    """
    if count >= len(values):
        return np.full(values.shape[1], np.inf, np.float32)
    # Minima of pairs, of fours and so on: fewer values to sort, and each of them is one of the column's.
    while len(values) >= 16 * (count + 1):
        half = len(values) // 2
        values = np.minimum(values[:half], values[half : 2 * half])
    return np.partition(values, count, axis=0)[count]
