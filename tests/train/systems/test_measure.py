"""Figures and curves of a system."""

from __future__ import annotations

import numpy as np
import pytest

from train.systems import measure


def test_the_threshold_is_chosen_on_one_list_and_reported_on_the_other():
    choose = np.array([0.1, 0.2, 0.6, 0.7]), np.array([True, True, False, False])
    report = np.array([0.3, 0.5, 0.3, 0.5]), np.array([True, True, False, False])
    figures, curves = measure.threshold_figures(choose, report)
    assert figures["threshold"] == pytest.approx(0.4)
    assert (figures["accuracy"], figures["precision"], figures["recall"]) == (0.5, 0.5, 0.5)
    assert len({len(curve) for curve in curves["threshold"].values()}) == 1


def test_histograms_and_roc_are_shares():
    random = np.random.default_rng(0)
    figures, curves = measure.roc_figures(random.random(50) * 0.6, 0.3 + random.random(5000) * 0.7)
    assert set(figures) == {"auc", "tar_at_far_1e-2", "tar_at_far_1e-3"}
    assert sorted(curves["roc"]["tar"]) == curves["roc"]["tar"]
    assert curves["roc"]["tar"][-1] == 1
    for kind in ("same", "different"):
        assert sum(curves["histogram"][kind]) == pytest.approx(1, abs=0.01)


def test_pairs_among_photos_are_split_by_person():
    people, distances = np.array([0, 0, 1]), np.array([[0, 0.1, 0.5], [0.1, 0, 0.6], [0.5, 0.6, 0]])
    same, others = measure.all_pairs(distances, people)
    assert (same.tolist(), others.tolist()) == ([0.1], [0.5, 0.6])
