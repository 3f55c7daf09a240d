"""Neighbours of all faces against naive scans."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.map import neighbours, queries
from pipeline.map.neighbours import Neighbours
from tests.conftest import unit_rows


@settings(max_examples=30)
@given(count=st.integers(2, 40), wanted=st.integers(1, 12), seed=st.integers(0, 99), copies=st.booleans())
def test_neighbours_equal_a_naive_scan_and_never_include_the_row_itself(count, wanted, seed, copies):
    rows = unit_rows(count, seed)
    if copies:
        rows[count // 2 :] = rows[0]
    indices, cosines = neighbours.nearest_photos(Neighbours(rows), wanted, block=7)
    every = rows @ rows.T
    np.fill_diagonal(every, -np.inf)
    expected = -np.sort(-every, axis=1)[:, : min(wanted, count - 1)]
    assert np.allclose(cosines, expected, atol=1e-5)
    assert not (indices == np.arange(count)[:, None]).any()
    assert np.allclose(np.take_along_axis(every, indices, axis=1), cosines, atol=1e-5)


def test_of_very_many_rows_those_of_the_nearest_lists_are_compared_and_all_where_that_is_too_few(monkeypatch, capfd):
    rows = unit_rows(400, 0)
    every = Neighbours(rows).nearest(rows, 5)
    for name, value in (("_EXACT_ROWS_MAX", 100), ("_LISTS", 8), ("_LISTS_SEARCHED", 8)):
        monkeypatch.setattr(neighbours, name, value)
    assert (Neighbours(rows).nearest(rows, 5)[1] == every[1]).all()
    monkeypatch.setattr(neighbours, "_LISTS_SEARCHED", 1)
    some = Neighbours(rows)
    _, indices = some.nearest(rows, 5)
    # Each row is in the list nearest to itself.
    assert (indices[:, 0] == np.arange(400)).all()
    assert 0.2 < (indices == every[1]).mean() < 1
    # No list has all rows.
    assert (np.sort(some.nearest(rows[:3], 400)[1], axis=1) == np.arange(400)).all()
    assert capfd.readouterr().err == ""


@settings(max_examples=40)
@given(count=st.integers(2, 80), people=st.integers(2, 12), known=st.integers(1, 6), seed=st.integers(0, 99))
def test_the_most_similar_people_of_all_rows_are_those_of_each_row(count, people, known, seed):
    rows, person_of_row = unit_rows(count, seed), people_of(count, people, seed)
    wanted = max(int(person_of_row.max()) - 1, 1)
    near, _ = neighbours.nearest_photos(Neighbours(rows), known)
    found = neighbours.most_similar_people(Neighbours(rows), person_of_row, wanted, known=near)
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
