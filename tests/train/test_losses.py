import numpy as np
import pytest
from keras import ops

from train import losses

RANDOM = np.random.default_rng(0)
AP, AN, NN = RANDOM.random((3, 40)).astype(np.float32)
SAME = RANDOM.random(40) < 0.5


def close(value, expected):
    np.testing.assert_allclose(ops.convert_to_numpy(value), expected, rtol=1e-5, atol=1e-6)


def test_the_quadruplet_loss_equals_its_formula():
    close(
        losses.quadruplet(AP, AN, NN, 0.25, 0.03),
        [max(ap**2 - an**2 + 0.25, 0) + max(ap**2 - nn**2 + 0.03, 0) for ap, an, nn in zip(AP, AN, NN, strict=True)],
    )


def test_adaptive_margins_are_the_gap_of_the_means():
    gap = max(np.mean([*(AN**2), *(NN**2)]) - np.mean(AP**2), 0)
    close(
        losses.quadruplet_adaptive(AP, AN, NN),
        [
            max(ap**2 - an**2 + gap, 0) + max(ap**2 - nn**2 + gap / 2, 0)
            for ap, an, nn in zip(AP, AN, NN, strict=True)
        ],
    )


def test_the_triplet_loss_equals_its_formula():
    close(losses.triplet(AP, AN, 0.2), [max(ap**2 - an**2 + 0.2, 0) for ap, an in zip(AP, AN, strict=True)])


def test_the_contrastive_loss_equals_its_formula():
    expected = [d**2 / 2 if same else max(0.5 - d, 0) ** 2 / 2 for d, same in zip(AP, SAME, strict=True)]
    close(losses.contrastive(AP, SAME, 0.5), expected)


def test_the_binary_loss_is_the_cross_entropy():
    close(losses.binary(AP, SAME), [-np.log(1 - d) if same else -np.log(d) for d, same in zip(AP, SAME, strict=True)])


@pytest.mark.parametrize("same", [SAME, np.ones(40, bool), np.zeros(40, bool)])
def test_similar_and_different_pairs_weigh_the_same(same):
    similar = [d for d, one in zip(AP, same, strict=True) if one]
    different = [max(0, 0.5 - d) for d, one in zip(AP, same, strict=True) if not one]
    close(losses.similar_different(AP, same, 0.5), 0.5 * (np.sum(similar) / max(len(similar), 1)) + 0.5 * (
        np.sum(different) / max(len(different), 1)
    ))  # fmt: skip


def test_n_pairs_equals_a_loop_over_anchors():
    anchors, positives = RANDOM.normal(size=(2, 6, 4)).astype(np.float32)
    expected = []
    for row, anchor in enumerate(anchors):
        others = [np.exp(anchor @ positive - anchor @ positives[row]) for positive in positives]
        expected.append(np.log(np.sum(others)) + 0.002 / 4 * (anchor @ anchor + positives[row] @ positives[row]))
    close(losses.n_pairs(anchors, positives), expected)


def test_softmax_is_the_cross_entropy_of_the_right_person():
    logits = RANDOM.normal(size=(5, 7)).astype(np.float32)
    people = np.array([0, 3, 6, 2, 2])
    expected = [-row[person] + np.log(np.exp(row).sum()) for row, person in zip(logits, people, strict=True)]
    close(losses.softmax(logits, people), expected)
