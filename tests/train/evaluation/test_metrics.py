"""The measures of compared systems, each against a slow and plain count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

from tests.conftest import unit_rows
from train.evaluation import metrics, protocols

values_and_kinds = st.integers(0, 10_000).map(
    lambda seed: (lambda random: (random.random(40).round(1), np.r_[True, False, random.random(38) < 0.5]))(
        np.random.default_rng(seed)
    )
)


@given(values_and_kinds, st.floats(0, 1))
def test_confusion_is_what_scikit_learn_counts(drawn, threshold):
    values, same = drawn
    found = {name: float(value[0]) for name, value in metrics.confusion(values, same, np.array([threshold])).items()}
    taken = values < threshold
    assert found["accuracy"] == pytest.approx(np.mean(taken == same))
    assert found["recall"] == pytest.approx(recall_score(same, taken))
    assert found["precision"] == pytest.approx(precision_score(same, taken, zero_division=1.0))
    assert found["f1"] == pytest.approx(f1_score(same, taken), abs=1e-9)


def test_a_pair_without_a_face_is_an_error_whatever_it_is():
    values, same = np.array([0.1, 0.9, np.nan, np.nan]), np.array([True, False, True, False])
    found = metrics.confusion(values, same, np.array([0.5]))
    assert found["accuracy"] == pytest.approx([0.5])
    assert found["recall"] == pytest.approx([0.5])


def test_the_threshold_is_chosen_on_one_list_and_reported_on_the_other():
    choose = np.array([0.1, 0.2, 0.6, 0.7]), np.array([True, True, False, False])
    report = np.array([0.3, 0.5, 0.3, 0.5]), np.array([True, True, False, False])
    figures, curves = metrics.verification(choose, report)
    assert figures["threshold"] == pytest.approx(0.4)
    assert (figures["accuracy"], figures["precision"], figures["recall"]) == (0.5, 0.5, 0.5)
    assert len({len(curve) for curve in curves.values()}) == 1


@given(values_and_kinds)
def test_the_area_under_the_curve_is_scikit_learns(drawn):
    values, same = drawn
    figures, curves = metrics.roc(values[same], values[~same])
    assert figures["auc"] == pytest.approx(roc_auc_score(same, -values))
    assert sorted(curves["roc"]["tar"]) == curves["roc"]["tar"]
    for kind in ("same", "different"):
        assert sum(curves["histogram"][kind]) == pytest.approx(1, abs=0.01)


def test_true_accepts_are_counted_below_the_distance_of_the_allowed_false_ones():
    to_others = np.linspace(0.3, 1, 2000)
    to_same = np.r_[np.full(7, 0.1), np.full(2, 0.3005), 0.9]
    figures, _ = metrics.roc(to_same, to_others)
    assert figures["tar_at_far_1e-3"] == pytest.approx(0.9)
    assert figures["tar_at_far_1e-2"] == pytest.approx(0.9)


def test_pairs_among_photos_are_split_by_whether_they_show_one_person():
    people, distances = np.array([0, 0, 1]), np.array([[0, 0.1, 0.5], [0.1, 0, 0.6], [0.5, 0.6, 0]])
    same, others = metrics.all_pairs(distances, people)
    assert (same.tolist(), others.tolist()) == ([0.1], [0.5, 0.6])


def test_identification_refuses_what_is_not_nearer_than_the_unknown():
    known = np.array([[0.1, 0.5, 0.9], [0.4, 0.35, 0.9], [0.2, 0.5, 0.1]])
    right = np.array([0, 1, 0])
    unknown = np.full((100, 3), 0.8)
    unknown[:3, 0] = 0.05, 0.3, 0.33
    found = metrics.identification(known, right, unknown)
    # One in a hundred may be taken for somebody, so the threshold is the second nearest, 0.3.
    assert found == pytest.approx({"rank_1": 2 / 3, "rank_5": 1.0, "dir_at_far_1e-2": 1 / 3})


def test_a_probe_without_a_face_is_not_identified():
    found = metrics.identification(np.full((2, 3), np.inf), np.array([0, 1]), np.full((100, 3), 0.5))
    assert set(found.values()) == {0.0}


def test_one_nearest_neighbour_is_rank_1_and_more_let_the_nearer_ones_count_more():
    rows = unit_rows(60)
    labels = np.repeat(np.arange(20), 3)
    distances = protocols.cosine_distances(rows[::3], rows[np.arange(60) % 3 > 0])
    found = metrics.k_nearest(distances, labels[np.arange(60) % 3 > 0], labels[::3])
    nearest = labels[np.arange(60) % 3 > 0][distances.argmin(axis=1)]
    assert found["accuracy"][0] == pytest.approx(np.mean(nearest == labels[::3]))
    assert found["k"] == list(metrics.K)
    votes = metrics.k_nearest(np.array([[0.1, 0.5, 0.5]]), np.array([0, 1, 1]), np.array([0]))
    # 1 / 0.1 is more than twice 1 / 0.5.
    assert votes == {"k": [1, 3], "accuracy": [1, 1]}


def test_people_who_lie_together_are_found_by_both_ways_of_clustering():
    centres = unit_rows(6)
    people = np.repeat(np.arange(6), 5)
    near = centres[people] + 0.02 * np.random.default_rng(0).normal(size=(30, 128)).astype(np.float32)
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    found = metrics.clustering(near, people)
    assert found["agglomerative_ari"] == pytest.approx(1)
    assert found["k_means_nmi"] > 0.9
    assert abs(metrics.clustering(unit_rows(30, seed=3), people)["agglomerative_ari"]) < 0.3
