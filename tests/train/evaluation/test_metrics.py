"""Each metric against scikit-learn or a naive loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from tests.conftest import unit_rows
from train.evaluation import metrics
from train.evaluation.distances import cosine_distances


def _pairs(seed: int) -> tuple[np.ndarray, np.ndarray]:
    # One decimal: many ties.
    random = np.random.default_rng(seed)
    return random.random(40).round(1), np.r_[True, False, random.random(38) < 0.5]


pairs = st.integers(0, 10_000).map(_pairs)


@given(pairs)
def test_the_roc_curve_has_the_points_of_scikit_learn(drawn):
    values, same = drawn
    curve = metrics.roc_curve(values[same], values[~same])
    assert metrics.auc(curve) == pytest.approx(sklearn_metrics.roc_auc_score(same, -values))
    far, tar, _ = sklearn_metrics.roc_curve(same, -values, drop_intermediate=False)
    for rate in (0, 0.05, 0.1, 0.5, 1):
        assert metrics.tar_at_far(curve, rate) == pytest.approx(tar[far <= rate].max())
    assert (np.diff(curve.far) >= 0).all()
    assert (np.diff(curve.tar) >= 0).all()


def test_tar_counts_pairs_below_the_distance_of_the_allowed_false_accepts():
    to_others = np.linspace(0.3, 1, 2000)
    to_same = np.r_[np.full(7, 0.1), np.full(2, 0.3005), 0.9]
    curve = metrics.roc_curve(to_same, to_others)
    assert metrics.tar_at_far(curve, [1e-3, 1e-2, 1]) == pytest.approx([0.9, 0.9, 1])


@given(pairs, st.floats(0, 1))
def test_confusion_equals_scikit_learn(drawn, threshold):
    values, same = drawn
    found = {name: float(value[0]) for name, value in metrics.confusion(values, same, np.array([threshold])).items()}
    accepted = values < threshold
    assert found["accuracy"] == pytest.approx(np.mean(accepted == same))
    assert found["recall"] == pytest.approx(sklearn_metrics.recall_score(same, accepted))
    assert found["precision"] == pytest.approx(sklearn_metrics.precision_score(same, accepted, zero_division=1.0))
    assert found["f1"] == pytest.approx(sklearn_metrics.f1_score(same, accepted), abs=1e-9)


def test_a_pair_without_a_face_is_an_error_whether_same_or_not():
    values, same = np.array([0.1, 0.9, np.nan, np.nan]), np.array([True, False, True, False])
    found = metrics.confusion(values, same, np.array([0.5]))
    assert found["accuracy"] == pytest.approx([0.5])
    assert found["recall"] == pytest.approx([0.5])


def test_threshold_and_fold_accuracies_equal_loops_over_pairs():
    random = np.random.default_rng(0)
    values, same, folds = random.random(40), random.random(40) < 0.5, np.arange(40) % 4
    values[same] -= 0.3
    values[3] = np.nan
    found = metrics.fold_accuracies(values, same, folds)
    for fold in range(4):
        rest = [(v, s) for v, s, f in zip(values, same, folds, strict=True) if f != fold and not np.isnan(v)]
        threshold = metrics.best_threshold(values[folds != fold], same[folds != fold])
        right = sum((v < threshold) == s for v, s in rest)
        assert right == max(sum((v < cut) == s for v, s in rest) for cut, _ in [*rest, (2.0, True)])
        own = [(v, s) for v, s, f in zip(values, same, folds, strict=True) if f == fold]
        assert found[fold] == pytest.approx(np.mean([not np.isnan(v) and (v < threshold) == s for v, s in own]))


def test_ties_count_against_the_own_person():
    assert metrics.ranks(np.zeros((1, 3)), np.array([1])).tolist() == [3]


def test_cmc_counts_the_ranks():
    ranks = metrics.ranks(np.array([[0.1, 0.5, 0.9], [0.4, 0.35, 0.3]]), np.array([0, 0]))
    assert ranks.tolist() == [1, 3]
    assert metrics.cmc(ranks, (1, 2, 3)).tolist() == [0.5, 0.5, 1]
    assert metrics.rank_1(ranks) == 0.5


def test_a_probe_without_a_face_ranks_after_everybody():
    nobody, own = np.full((2, 3), np.inf), np.array([0, 1])
    assert metrics.ranks(nobody, own).tolist() == [4, 4]
    assert metrics.dir_at_far(nobody, own, np.full((100, 3), 0.5), far=0.01) == 0


def test_dir_needs_probes_nearer_than_the_unknown():
    known = np.array([[0.1, 0.5, 0.9], [0.4, 0.35, 0.9], [0.2, 0.5, 0.1]])
    unknown = np.full((100, 3), 0.8)
    unknown[:3, 0] = 0.05, 0.3, 0.33
    # One false alarm is allowed, so the threshold is the second nearest, 0.3.
    assert metrics.dir_at_far(known, np.array([0, 1, 0]), unknown, far=0.01) == pytest.approx(1 / 3)


@given(st.integers(0, 1000))
def test_reliability_equals_a_loop_over_bins(seed):
    random = np.random.default_rng(seed)
    said, same, weights = random.random(50), random.random(50) < 0.5, random.random(50) + 0.1
    curve = metrics.reliability_curve(said, same, weights=weights, bins=5)
    error, filled = 0.0, 0
    for number in range(5):
        mine = (said >= number / 5) & (said < (number + 1) / 5)
        if mine.any():
            gap = np.average(said[mine], weights=weights[mine]) - np.average(same[mine], weights=weights[mine])
            error += abs(gap) * weights[mine].sum() / weights.sum()
            assert curve.pairs[filled] == mine.sum()
            filled += 1
    assert curve.error == pytest.approx(error)
    assert len(curve.said) == filled


def test_one_nearest_neighbour_is_rank_1_and_nearer_neighbours_count_more():
    rows = unit_rows(60)
    labels = np.repeat(np.arange(20), 3)
    gallery = np.arange(60) % 3 > 0
    distances = cosine_distances(rows[::3], rows[gallery])
    found = metrics.k_nearest(distances, labels[gallery], labels[::3])
    nearest = labels[gallery][distances.argmin(axis=1)]
    assert found["accuracy"][0] == pytest.approx(np.mean(nearest == labels[::3]))
    assert found["k"] == list(metrics.K_NEAREST)
    votes = metrics.k_nearest(np.array([[0.1, 0.5, 0.5]]), np.array([0, 1, 1]), np.array([0]))
    # 1 / 0.1 is more than twice 1 / 0.5.
    assert votes == {"k": [1, 3], "accuracy": [1, 1]}


def test_both_clusterings_find_people_whose_photos_lie_together():
    centres = unit_rows(6)
    people = np.repeat(np.arange(6), 5)
    near = centres[people] + 0.02 * np.random.default_rng(0).normal(size=(30, 128)).astype(np.float32)
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    found = metrics.clustering(near, people)
    assert found["agglomerative_ari"] == pytest.approx(1)
    assert found["k_means_nmi"] > 0.9
    assert abs(metrics.clustering(unit_rows(30, seed=3), people)["agglomerative_ari"]) < 0.3
