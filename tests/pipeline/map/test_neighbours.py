"""Neighbours of all faces against naive scans."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.map import neighbours, queries
from tests.conftest import unit_rows


@settings(max_examples=30)
@given(count=st.integers(2, 40), wanted=st.integers(1, 12), seed=st.integers(0, 99), copies=st.booleans())
def test_neighbours_equal_a_naive_scan_and_never_include_the_row_itself(count, wanted, seed, copies):
    rows = unit_rows(count, seed)
    if copies:
        rows[count // 2 :] = rows[0]
    indices, cosines = neighbours.nearest_photos(rows, wanted, block=7)
    every = rows @ rows.T
    np.fill_diagonal(every, -np.inf)
    expected = -np.sort(-every, axis=1)[:, : min(wanted, count - 1)]
    assert np.allclose(cosines, expected, atol=1e-5)
    assert not (indices == np.arange(count)[:, None]).any()
    assert np.allclose(np.take_along_axis(every, indices, axis=1), cosines, atol=1e-5)


@settings(max_examples=40)
@given(count=st.integers(2, 80), people=st.integers(2, 12), known=st.integers(1, 6), seed=st.integers(0, 99))
def test_the_most_similar_people_of_all_rows_are_those_of_each_row(count, people, known, seed):
    rows, person_of_row = unit_rows(count, seed), people_of(count, people, seed)
    wanted = max(int(person_of_row.max()) - 1, 1)
    near, _ = neighbours.nearest_photos(rows, known)
    found = neighbours.most_similar_people(rows, person_of_row, wanted, known=near)
    for row in range(count):
        expected = queries.most_similar_people(
            rows @ rows[row], person_of_row, count=wanted, own_person=int(person_of_row[row])
        )
        assert found[row].tolist() == expected


@settings(max_examples=40)
@given(count=st.integers(2, 80), people=st.integers(2, 12), seed=st.integers(0, 99))
def test_the_limit_of_near_is_the_radius_that_the_page_uses(count, people, seed):
    places, person_of_row = unit_rows(count, seed, dimensions=2), people_of(count, people, seed)
    near = max(int(person_of_row.max()) - 1, 1)
    limits = neighbours.near_limits(places, person_of_row, near)
    for row in range(count):
        others = {
            int(person): np.linalg.norm(places[person_of_row == person] - places[row], axis=1).min()
            for person in np.unique(np.delete(person_of_row, np.flatnonzero(person_of_row == person_of_row[row])))
        }
        assert abs(limits[row] - sorted(others.values())[near - 1]) < 1e-6
        own = int(person_of_row[row])
        radius = queries.near_radius(places, places[row], person_of_row, near=near, own_person=own)
        assert abs(limits[row] - radius) < 1e-5


def people_of(count: int, people: int, seed: int) -> np.ndarray:
    """Numbers of at least two people, one with most of the photos, as in galleries of celebrities."""
    random = np.random.default_rng(seed)
    numbers = np.minimum(random.geometric(0.4, count) - 1, people - 1)
    numbers[0], numbers[-1] = 0, 1
    return np.unique(numbers, return_inverse=True)[1].astype(np.int32)
