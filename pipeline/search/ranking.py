"""From distances of photos to an order of people."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

Method = Literal["min", "average"]
# How many of a person's most alike photos "average" takes the mean of.
AVERAGE_OF = 3


class Ranking(NamedTuple):
    """People, the most alike first: their numbers, distances, and the row of each one's most alike photo."""

    people: np.ndarray
    distances: np.ndarray
    best_rows: np.ndarray


def by_person(
    distances: np.ndarray, people: np.ndarray, rows: np.ndarray, method: Method = "min", average_of: int = AVERAGE_OF
) -> Ranking:
    """Rank people by the distances of their photos.

    distances (n,), people (n,) and rows (n,) belong together: distance, person's number and gallery row of a
    photo. ``min`` takes the most alike photo; ``average`` the mean of the ``average_of`` most alike ones, or of
    all where a person has fewer. Equal distances keep the order of the gallery.
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
