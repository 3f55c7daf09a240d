import numpy as np
import pytest

from train.losses.contrastive import contrastive_loss, similar_different_loss


def test_contrastive_loss_equals_its_formula(distances, assert_close):
    pairs = zip(distances.ap, distances.same, strict=True)
    expected = [d**2 / 2 if same else max(0.5 - d, 0) ** 2 / 2 for d, same in pairs]
    assert_close(contrastive_loss(distances.ap, distances.same, 0.5), expected)


@pytest.mark.parametrize("kind", ["mixed", "all similar", "all different"])
def test_similar_and_different_pairs_weigh_the_same(kind, distances, assert_close):
    same = {"mixed": distances.same, "all similar": np.ones(40, bool), "all different": np.zeros(40, bool)}[kind]
    similar = [d for d, one in zip(distances.ap, same, strict=True) if one]
    different = [max(0, 0.5 - d) for d, one in zip(distances.ap, same, strict=True) if not one]
    means = [np.sum(values) / max(len(values), 1) for values in (similar, different)]
    assert_close(similar_different_loss(distances.ap, same, 0.5), 0.5 * means[0] + 0.5 * means[1])
