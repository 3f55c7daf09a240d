import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from pipeline.search import ranking
from train.evaluation import protocols
from train.evaluation.protocols import Tier

RANDOM = np.random.default_rng(0)


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


LABELS = RANDOM.permutation(np.repeat(np.arange(60), RANDOM.integers(1, 5, size=60)))
EMBEDDINGS = unit(RANDOM.normal(size=(60, 16))[LABELS] + 0.8 * RANDOM.normal(size=(len(LABELS), 16)))


def test_the_split_has_one_photo_of_everybody_and_another_of_who_has_two():
    gallery, probes = protocols.one_shot_split(LABELS, np.random.default_rng(1))
    assert sorted(LABELS[gallery]) == sorted(set(LABELS))
    counts = np.bincount(LABELS)
    assert sorted(LABELS[probes]) == sorted(np.flatnonzero(counts > 1))
    assert not set(gallery) & set(probes)


def test_identification_equals_a_loop_over_probes():
    gallery, probes = protocols.one_shot_split(LABELS, np.random.default_rng(3))
    places, losses = [], []
    for probe in probes:
        distances = {LABELS[row]: (1 - EMBEDDINGS[probe] @ EMBEDDINGS[row]) / 2 for row in gallery}
        own = distances.pop(LABELS[probe])
        places.append(1 + sum(other <= own for other in distances.values()))
        losses.append(max(own**2 - min(distances.values()) ** 2 + 0.25, 0))
    found = protocols.one_shot(EMBEDDINGS, LABELS, protocols.cosine_distances, seed=3)
    assert found["rank_1"] == pytest.approx(np.mean(np.equal(places, 1)))
    assert found["rank_5"] == pytest.approx(np.mean(np.less_equal(places, 5)))
    assert found["mrr"] == pytest.approx(np.mean(1 / np.array(places)))
    assert found["rank_score"] == pytest.approx(np.mean(1 - (np.array(places) - 1) / 59))
    assert found["one_shot_loss"] == pytest.approx(np.mean(losses), rel=1e-4)


@given(st.integers(0, 1000))
def test_verification_equals_scikit_learns_curve(seed):
    gallery, probes = protocols.one_shot_split(LABELS, np.random.default_rng(seed))
    # Whole numbers bring ties.
    random = np.random.default_rng(seed)
    values = random.integers(0, 50, size=(len(probes), len(gallery))).astype(np.float32)
    same = LABELS[probes][:, None] == LABELS[gallery]
    values[same] -= 15
    found = protocols.one_shot(EMBEDDINGS, LABELS, lambda one, other: values.copy(), seed)
    assert found["auc"] == pytest.approx(roc_auc_score(same.ravel(), -values.ravel()))
    false_accepts, true_accepts, _ = roc_curve(same.ravel(), -values.ravel())
    assert found["tar_at_far_1e-3"] == pytest.approx(true_accepts[false_accepts <= 1e-3].max())


def test_a_tie_counts_against_the_own_person():
    assert protocols.ranks(np.zeros((1, 3)), np.array([1]), np.array([0, 1, 2])).tolist() == [3]


def test_thresholds_and_accuracies_equal_loops_over_pairs():
    values, same, folds = RANDOM.random(40), RANDOM.random(40) < 0.5, np.arange(40) % 4
    values[same] -= 0.3
    values[3] = np.nan
    found = protocols.accuracy_of_folds(values, same, folds)
    for fold in range(4):
        rest = [(v, s) for v, s, f in zip(values, same, folds, strict=True) if f != fold and not np.isnan(v)]
        threshold = protocols.best_threshold(values[folds != fold], same[folds != fold])
        right = sum((v < threshold) == s for v, s in rest)
        assert right == max(sum((v < cut) == s for v, s in rest) for cut, _ in [*rest, (2.0, True)])
        own = [(v, s) for v, s, f in zip(values, same, folds, strict=True) if f == fold]
        assert found[fold] == pytest.approx(np.mean([not np.isnan(v) and (v < threshold) == s for v, s in own]))


def test_pairs_have_the_distances_of_their_photos_and_none_without_a_face():
    rows = np.vstack([EMBEDDINGS[:3], np.zeros((1, 16), np.float32)])
    found = protocols.pair_distances(rows, np.array([[0, 1], [2, 3]]), protocols.cosine_distances)
    assert found[0] == pytest.approx((1 - rows[0] @ rows[1]) / 2, abs=1e-6)
    assert np.isnan(found[1])


@pytest.mark.parametrize("method", ["min", "average"])
def test_people_are_as_far_as_the_ranking_of_the_product_says(method):
    rows = np.argsort(LABELS, kind="stable")
    distances = RANDOM.random((5, len(rows))).astype(np.float32)
    found = protocols.person_distances(distances, LABELS[rows], method)
    for row, probe in zip(found, distances, strict=True):
        ranked = ranking.by_person(probe, LABELS[rows], rows, method)
        assert row[ranked.people] == pytest.approx(ranked.distances)


def test_a_tier_has_its_people_and_photos_and_no_probe_in_the_gallery():
    tier = Tier("Small", 5, 2, 1)
    gallery, probes = protocols.draw(LABELS, tier, np.random.default_rng(0))
    assert gallery.shape == (5, 2) and probes.shape == (5, 1)
    assert (LABELS[gallery] == LABELS[probes]).all() and len(set(LABELS[probes[:, 0]])) == 5
    assert not set(gallery.ravel()) & set(probes.ravel())
    assert len(protocols.draw(LABELS, Tier("Large", 500, 2, 1), np.random.default_rng(0))[0]) == 0


def test_distractors_make_a_tier_harder():
    found = protocols.tier_rank_1(EMBEDDINGS, LABELS, Tier("All", None, 2, 1), protocols.cosine_distances, 0)
    assert found is not None
    assert found["closed_min"] > 0.3
    assert found["distractors_min"] <= found["closed_min"]
    assert protocols.tier_rank_1(EMBEDDINGS, LABELS, Tier("Large", 500, 2), protocols.cosine_distances, 0) is None
