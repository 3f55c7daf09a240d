import numpy as np

from train.losses.n_pairs import n_pairs_loss


def test_n_pairs_loss_equals_a_loop_over_anchors(assert_close):
    anchors, positives = np.random.default_rng(0).normal(size=(2, 6, 4)).astype(np.float32)
    expected = []
    for row, anchor in enumerate(anchors):
        others = [np.exp(anchor @ positive - anchor @ positives[row]) for positive in positives]
        expected.append(np.log(np.sum(others)) + 0.002 / 4 * (anchor @ anchor + positives[row] @ positives[row]))
    assert_close(n_pairs_loss(anchors, positives), expected)
