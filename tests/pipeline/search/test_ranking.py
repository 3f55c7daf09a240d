"""Ranking people, against a naive loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.search import ranking
from pipeline.search.ranking import Method

# Few different distances, to get ties.
PHOTOS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 12)), min_size=1, max_size=40)
METHODS = pytest.mark.parametrize("method", ["min", "average"])


def naive(distances: list[float], people: list[int], method: Method, average_of: int) -> list[tuple[float, int, int]]:
    """Score, best row and number of each person, the most similar first."""
    scored = []
    for person in set(people):
        own = sorted((distance, row) for row, distance in enumerate(distances) if people[row] == person)
        nearest = [distance for distance, _ in own[: 1 if method == "min" else average_of]]
        scored.append((sum(nearest) / len(nearest), own[0][1], person))
    return sorted(scored)


@METHODS
@given(PHOTOS, st.integers(1, 5), st.randoms(use_true_random=False))
def test_ranking_agrees_with_a_naive_loop_in_any_order_of_photos(method, photos, average_of, random):
    people = [person for person, _ in photos]
    # Multiples of 1/32 have exact sums; exact means of up to three decide ties as the loop does.
    distances = [number / 32 for _, number in photos]
    expected = naive(distances, people, method, average_of)
    order = random.sample(range(len(photos)), len(photos))
    ranked = ranking.by_person(
        np.array(distances, np.float32)[order], np.array(people)[order], np.array(order), method, average_of
    )
    assert ranked.distances == pytest.approx([score for score, _, _ in expected])
    assert ranked.best_rows.tolist() == [row for _, row, _ in expected]
    assert ranked.people.tolist() == [person for _, _, person in expected]


@METHODS
def test_no_photos_give_an_empty_ranking(method):
    empty = ranking.by_person(np.empty(0, np.float32), np.empty(0, np.int64), np.empty(0, np.int64), method)
    assert [len(part) for part in empty] == [0, 0, 0]


def test_the_average_favours_people_with_several_similar_photos():
    distances = np.array([0.1, 0.9, 0.9, 0.2, 0.2, 0.2], np.float32)
    people, rows = np.array([0, 0, 0, 1, 1, 1]), np.arange(6)
    assert ranking.by_person(distances, people, rows, "min").people.tolist() == [0, 1]
    assert ranking.by_person(distances, people, rows, "average").people.tolist() == [1, 0]
