"""From distances of photos to ranked people."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Method = Literal["min", "average"]
# "average" takes the mean of this many of a person's most similar photos.
AVERAGE_OF = 3


class Ranking(NamedTuple):
    """People, the most similar first: their numbers, distances, and the row of each one's most similar photo."""

    people: NDArray[np.int32] | NDArray[np.int64]
    distances: NDArray[np.float32]
    best_rows: NDArray[np.int32] | NDArray[np.int64]

    def top(self, count: int) -> Ranking:
        """The first ``count`` people."""
        return Ranking(self.people[:count], self.distances[:count], self.best_rows[:count])

    def without(self, people: NDArray[np.int64]) -> Ranking:
        """The ranking without some people, given their numbers (n,)."""
        if not len(people):
            return self
        kept = ~np.isin(self.people, people)
        return Ranking(self.people[kept], self.distances[kept], self.best_rows[kept])


def by_person(
    distances: NDArray[np.float32],
    people: NDArray[np.int32] | NDArray[np.int64],
    rows: NDArray[np.int32] | NDArray[np.int64],
    method: Method = "min",
    average_of: int = AVERAGE_OF,
) -> Ranking:
    """Rank people by the distances of their photos.

    distances, people and rows, each (n,): distance, number of the person and gallery row of each photo. ``min`` takes
    a person's most similar photo; ``average`` the mean of the ``average_of`` most similar, or of all if a person has
    fewer. Equal distances keep the order of the gallery.
    """
    order = np.lexsort((rows, distances, people))
    distances, people, rows = distances[order], people[order], rows[order]
    starts = np.flatnonzero(np.r_[True, people[1:] != people[:-1]]) if len(people) else np.empty(0, np.int64)
    scores = distances[starts].astype(np.float64)
    if method == "average" and len(starts):
        place = np.arange(len(people)) - np.repeat(starts, np.diff(np.r_[starts, len(people)]))
        counted = place < average_of
        scores = np.add.reduceat(np.where(counted, distances, 0.0), starts) / np.add.reduceat(counted, starts)
    ranked = np.lexsort((rows[starts], scores))
    best = starts[ranked]
    return Ranking(people[best], scores[ranked].astype(np.float32), rows[best])
