"""Measures of a map against naive loops and scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.manifold import trustworthiness

from pipeline.map import fitting, quality
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
    neighbours, _ = fitting._neighbours(rows, 10, lambda *_: None)
    assert quality.trustworthiness(rows, places) == 1
    assert quality.neighbours_kept(neighbours, places, near=10).min() >= 0.9


@settings(max_examples=30)
@given(count=st.integers(3, 40), near=st.integers(1, 10), seed=st.integers(0, 99))
def test_neighbours_kept_is_the_share_among_the_nearest_places(count, near, seed):
    near = min(near, count - 1)
    random = np.random.default_rng(seed)
    places = random.uniform(-1, 1, (count, 2)).astype(np.float32)
    neighbours = np.stack([random.permutation(np.delete(np.arange(count), row))[:2] for row in range(count)])
    shares = quality.neighbours_kept(neighbours, places, near=near)
    for row in range(count):
        order = np.argsort(np.linalg.norm(places - places[row], axis=1), kind="stable")[1 : near + 1]
        assert shares[row] == np.isin(neighbours[row], order).mean()


def test_purity_is_the_share_in_the_most_frequent_cluster_of_people_with_several_photos():
    people = np.array([0, 0, 0, 1, 2, 2])
    clusters = np.array([1, 1, 0, 0, 2, 2], np.uint8)
    assert quality.cluster_purity(clusters, people) == pytest.approx(4 / 5)
    assert np.isnan(quality.cluster_purity(clusters, np.arange(6)))
