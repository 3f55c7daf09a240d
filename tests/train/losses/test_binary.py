import numpy as np

from train.losses.binary import binary_loss


def test_binary_loss_is_the_cross_entropy(distances, assert_close):
    pairs = zip(distances.ap, distances.same, strict=True)
    assert_close(
        binary_loss(distances.ap, distances.same), [-np.log(1 - d) if same else -np.log(d) for d, same in pairs]
    )
