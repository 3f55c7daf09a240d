"""Measures of a map against naive loops and scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.manifold import trustworthiness

from pipeline.map import fitting, neighbours, quality
from pipeline.map.layouts import MapSettings
from tests.conftest import unit_rows

SETTINGS = MapSettings()


@pytest.mark.parametrize("count", [23, 60, 300])
def test_trustworthiness_equals_scikit_learns(count):
    rows, places = unit_rows(count), unit_rows(count, seed=1, dimensions=2)
    places = fitting.centre_and_scale(places + 0.1 * rows[:, :2])
    expected = trustworthiness(rows, places, n_neighbors=SETTINGS.checked_of(count))
    assert quality.trustworthiness(rows, places) == pytest.approx(expected, abs=1e-3)


def test_a_lossless_map_is_fully_trustworthy_and_keeps_all_neighbours():
    angles = np.sort(np.random.default_rng(0).uniform(0, 2, 200))
    rows = np.zeros((200, 128), np.float32)
    rows[:, 0], rows[:, 1] = np.cos(angles), np.sin(angles)
    places = fitting.centre_and_scale(rows[:, :2])
    people = np.arange(200)
    known, _ = neighbours.nearest_photos(neighbours.Neighbours(rows), 10)
    similar = neighbours.most_similar_people(neighbours.Neighbours(rows), people, 10, known=known)
    assert quality.trustworthiness(rows, places) == 1
    assert quality.people_kept(similar, places, people, near=10).min() >= 0.9


@settings(max_examples=30)
@given(count=st.integers(3, 40), near=st.integers(1, 10), seed=st.integers(0, 99))
def test_people_kept_is_the_share_among_the_nearest_people(count, near, seed):
    near = min(near, count - 1)
    random = np.random.default_rng(seed)
    places, people = random.uniform(-1, 1, (count, 2)).astype(np.float32), np.arange(count)
    similar = np.stack([random.permutation(np.delete(people, row))[:2] for row in range(count)])
    shares = quality.people_kept(similar, places, people, near=near)
    for row in range(count):
        order = np.argsort(np.linalg.norm(places - places[row], axis=1), kind="stable")[1 : near + 1]
        assert shares[row] == np.isin(similar[row], order).mean()


def test_a_persons_own_photos_count_neither_as_similar_nor_as_near():
    # Twenty photos of one person in one place; the two most similar people are near, behind all of these.
    places = np.array([[0.01 * photo, 0] for photo in range(20)] + [[0.5, 0], [0.6, 0], [3, 0], [4, 0], [5, 0]])
    people = np.array([0] * 20 + [1, 2, 3, 4, 5])
    similar = np.tile([20, 21], (25, 1))
    assert quality.people_kept(similar, places.astype(np.float32), people, near=2)[:20].tolist() == [1] * 20
    similar[:] = [22, 23]
    assert quality.people_kept(similar, places.astype(np.float32), people, near=2)[:20].tolist() == [0] * 20


def test_purity_is_the_share_in_the_most_frequent_cluster_of_people_with_several_photos():
    people = np.array([0, 0, 0, 1, 2, 2])
    clusters = np.array([1, 1, 0, 0, 2, 2], np.uint8)
    assert quality.cluster_purity(clusters, people) == pytest.approx(4 / 5)
    assert np.isnan(quality.cluster_purity(clusters, np.arange(6)))
