import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from train import evaluate

RANDOM = np.random.default_rng(0)


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


LABELS = RANDOM.permutation(np.repeat(np.arange(60), RANDOM.integers(1, 5, size=60)))
EMBEDDINGS = unit(RANDOM.normal(size=(60, 16))[LABELS] + 0.8 * RANDOM.normal(size=(len(LABELS), 16)))


def test_the_split_has_one_photo_of_everybody_and_another_of_who_has_two():
    gallery, probes = evaluate.one_shot_split(LABELS, np.random.default_rng(1))
    assert sorted(LABELS[gallery]) == sorted(set(LABELS))
    counts = np.bincount(LABELS)
    assert sorted(LABELS[probes]) == sorted(np.flatnonzero(counts > 1))
    assert not set(gallery) & set(probes)


def test_identification_equals_a_loop_over_probes():
    gallery, probes = evaluate.one_shot_split(LABELS, np.random.default_rng(3))
    places, losses = [], []
    for probe in probes:
        distances = {LABELS[row]: (1 - EMBEDDINGS[probe] @ EMBEDDINGS[row]) / 2 for row in gallery}
        own = distances.pop(LABELS[probe])
        places.append(1 + sum(other <= own for other in distances.values()))
        losses.append(max(own**2 - min(distances.values()) ** 2 + 0.25, 0))
    found = evaluate.identification(EMBEDDINGS, LABELS, evaluate.cosine_distances, seed=3)
    assert found["rank_1"] == pytest.approx(np.mean(np.equal(places, 1)))
    assert found["rank_5"] == pytest.approx(np.mean(np.less_equal(places, 5)))
    assert found["mrr"] == pytest.approx(np.mean(1 / np.array(places)))
    assert found["rank_score"] == pytest.approx(np.mean(1 - (np.array(places) - 1) / 59))
    assert found["one_shot_loss"] == pytest.approx(np.mean(losses), rel=1e-4)


@given(st.integers(0, 1000))
def test_verification_equals_scikit_learns_curve(seed):
    gallery, probes = evaluate.one_shot_split(LABELS, np.random.default_rng(seed))
    # Whole numbers bring ties.
    random = np.random.default_rng(seed)
    values = random.integers(0, 50, size=(len(probes), len(gallery))).astype(np.float32)
    same = LABELS[probes][:, None] == LABELS[gallery]
    values[same] -= 15
    found = evaluate.verification(EMBEDDINGS, LABELS, lambda one, other: values, seed)
    assert found["auc"] == pytest.approx(roc_auc_score(same.ravel(), -values.ravel()))
    false_accepts, true_accepts, _ = roc_curve(same.ravel(), -values.ravel())
    assert found["tar_at_far_1e-3"] == pytest.approx(true_accepts[false_accepts <= 1e-3].max())


def test_a_tie_counts_against_the_own_person():
    assert evaluate.ranks(np.zeros((1, 3)), np.array([1]), np.array([0, 1, 2])).tolist() == [3]
