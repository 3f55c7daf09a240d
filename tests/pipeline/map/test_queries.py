"""Queries of the map against naive loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.gallery.gallery import Gallery
from pipeline.map import queries
from pipeline.map.layouts import FaceMap, Layout
from tests.conftest import unit_rows


def random_places(count, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, 2)).astype(np.float32)


def test_a_face_like_two_distant_groups_is_placed_in_the_larger_one_not_between_them():
    places = np.array([[-1, 0]] * 5 + [[1, 0]] * 3, np.float32)
    assert queries.place_face(np.full(8, 0.5, np.float32), places).tolist() == [-1, 0]


def test_inside_a_polygon_regardless_of_its_direction():
    places = unit_rows(200, dimensions=2)
    square = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 2], [-0.5, 2]])
    expected = (np.abs(places[:, 0]) < 0.5) & (places[:, 1] > -0.5)
    assert np.array_equal(queries.inside_polygon(places, square), expected)
    assert np.array_equal(queries.inside_polygon(places, square[::-1]), expected)


def test_a_notch_of_a_polygon_is_outside():
    notched = np.array([[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]], float)
    places = np.array([[2, 0.5], [2, 3], [0.5, 2], [3.5, 2], [5, 1]], np.float32)
    assert queries.inside_polygon(places, notched).tolist() == [True, False, True, True, False]


@given(count=st.integers(1, 60), near=st.integers(1, 50), seed=st.integers(0, 99))
def test_the_near_radius_reaches_to_the_nearest_other_people(count, near, seed):
    places, people = random_places(count, seed), np.arange(count, dtype=np.int32)
    radius = queries.near_radius(places, places[0], people, near=near, own_person=0)
    far = queries.is_far(places, places[0], radius)
    assert (~far).sum() == min(near + 1, count)
    assert not queries.is_far(places[0], places[0], radius)


def test_each_person_counts_once_in_the_near_radius_and_a_new_face_has_no_photos_of_its_own():
    places = np.array([[0, 0], [0.1, 0], [0.2, 0], [0.3, 0], [1, 0], [2, 0]], np.float32)
    people = np.array([0, 0, 1, 1, 2, 3], np.int32)
    assert queries.near_radius(places, places[0], people, near=2, own_person=0) == pytest.approx(1, abs=1e-5)
    assert queries.near_radius(places, places[0], people, near=2) == pytest.approx(0.2, abs=1e-5)
    assert queries.near_radius(places[:2], places[0], people[:2], near=2, own_person=0) == 0


@given(count=st.integers(1, 60), people=st.integers(1, 8), seed=st.integers(0, 99), ties=st.booleans())
def test_the_most_similar_people_are_those_of_a_naive_scan(count, people, seed, ties):
    random = np.random.default_rng(seed)
    person_of_row = random.integers(0, people, count).astype(np.int32)
    cosines = random.uniform(-1, 1, count).astype(np.float32)
    if ties:
        cosines = cosines.round(1)
    for own in (None, int(person_of_row[0])):
        best: dict[int, int] = {}
        for row in sorted(range(count), key=lambda row: (-cosines[row], row)):
            best.setdefault(int(person_of_row[row]), row)
        expected = [row for person, row in best.items() if person != own][:3]
        assert queries.most_similar_people(cosines, person_of_row, count=3, own_person=own) == expected


@given(one=st.integers(1, 5), other=st.integers(1, 5), seed=st.integers(0, 99))
def test_photos_of_two_people_are_compared_pair_by_pair(one, other, seed):
    first, second = unit_rows(one, seed), unit_rows(other, seed + 100)
    pairs = queries.compare_photos(first, second)
    assert pairs
    distances = {(i, j): (1 - first[i] @ second[j]) / 2 for i in range(one) for j in range(other)}
    assert distances[pairs.most] == pytest.approx(min(distances.values()), abs=1e-6)
    assert distances[pairs.least] == pytest.approx(max(distances.values()), abs=1e-6)
    assert pairs.mean_distance == pytest.approx(np.mean(list(distances.values())), abs=1e-6)
    assert pairs.count == one * other


def test_a_photo_is_not_compared_with_itself():
    rows = unit_rows(3)
    pairs = queries.compare_photos(rows, rows, same_photos=True)
    assert pairs
    assert pairs.most[0] != pairs.most[1]
    assert pairs.mean_distance > 0.01
    assert queries.compare_photos(rows[:1], rows[:1], same_photos=True) is None


def test_the_most_common_numbers_come_first_and_absent_ones_not_at_all():
    assert queries.most_common(np.array([3, 1, 3, 0, 1, 3], np.int32), count=2) == [(3, 3), (1, 2)]
    assert queries.most_common(np.array([2], np.int32), count=5) == [(2, 1)]
    assert queries.most_common(np.empty(0, np.int32), count=5) == []


def test_the_table_of_faces_has_a_line_for_each_row():
    names = [f"p{number}" for number in range(5)]
    faces = pa.table({"person": names, "name": names, "source": ["Here"] * 5, "licence": [""] * 5})
    opened = Gallery(Path("none"), {}, faces, unit_rows(5))
    layout = Layout(random_places(5), np.linspace(0, 1, 5, dtype=np.float32), 0.9)
    clusters, quality = np.array([0, 1, 0, 2, 1], np.uint8), np.full(5, 0.12345, np.float32)
    fitted = FaceMap({"PCA": layout}, clusters, np.array([0, 1, 3]), 0.5, float("nan"), quality)
    table = queries.faces_table(opened, fitted, layout, np.array([4, 1]), numbers=10 * np.arange(5))
    assert table.column_names[:4] == ["row", "name", "source", "licence"]
    assert table["row"].to_pylist() == [40, 10]
    assert table["name"].to_pylist() == ["p4", "p1"]
    assert table["cluster"].to_pylist() == [2, 2]
    assert table["people kept"].to_pylist() == [1.0, 0.25]
    assert queries.faces_table(opened, fitted, layout, np.empty(0, np.int64), numbers=np.arange(5)).num_rows == 0


def test_faces_whose_neighbours_are_others_have_moved():
    random = np.random.default_rng(0)
    places = random.uniform(-1, 1, (60, 2)).astype(np.float32)
    assert (queries.moved(places, places) == 0).all()
    assert (queries.moved(places, places * 0.5) == 0).all()
    elsewhere = places.copy()
    elsewhere[:5] = 40 + places[:5]
    found = queries.moved(places, elsewhere)
    near = [np.argsort(np.linalg.norm(of[:, None] - of, axis=2), axis=1)[:, 1:11] for of in (places, elsewhere)]
    expected = [1 - len(set(one) & set(other)) / 10 for one, other in zip(*near, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert queries.moved(places[:1], places[:1]).tolist() == [0]


def test_the_typical_row_of_each_group_is_nearest_to_its_mean():
    rows = unit_rows(40, dimensions=6)
    groups = np.arange(40, dtype=np.int32) % 3
    found = queries.typical_rows(rows, groups)
    for group in range(3):
        members = np.flatnonzero(groups == group)
        assert found[group] == members[np.argmax(rows[members] @ rows[members].mean(axis=0))]
    assert len(queries.typical_rows(rows[:0], groups[:0])) == 0
    in_none = np.where(np.arange(40) < 20, -1, groups)
    assert (queries.typical_rows(rows, in_none) == 20 + queries.typical_rows(rows[20:], groups[20:])).all()
    assert len(queries.typical_rows(rows, np.full(40, -1))) == 0


def test_of_very_many_rows_a_typical_one_is_sought_among_some_and_no_group_is_passed_over(monkeypatch):
    angles = np.radians([0, 10, 20, 90, 180])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert queries.typical_rows(rows, np.array([0, 0, 0, 1, 1])).tolist() == [1, 3]
    monkeypatch.setattr(queries, "_TYPICAL_ROWS_MAX", 2)
    assert queries.typical_rows(rows, np.array([0, 0, 0, 1, 1])).tolist() == [0, 3]
    assert queries.typical_rows(rows, np.array([0, 0, 0, 0, 1])).tolist()[1] == 4
