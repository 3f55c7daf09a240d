import numpy as np

from train.losses.quadruplet import adaptive_quadruplet_loss, quadruplet_loss


def test_quadruplet_loss_equals_its_formula(distances, assert_close):
    quadruplets = zip(distances.ap, distances.an, distances.nn, strict=True)
    assert_close(
        quadruplet_loss(distances.ap, distances.an, distances.nn, 0.25, 0.03),
        [max(ap**2 - an**2 + 0.25, 0) + max(ap**2 - nn**2 + 0.03, 0) for ap, an, nn in quadruplets],
    )


def test_adaptive_margins_are_the_gap_of_the_means(distances, assert_close):
    quadruplets = zip(distances.ap, distances.an, distances.nn, strict=True)
    gap = max(np.mean([*(distances.an**2), *(distances.nn**2)]) - np.mean(distances.ap**2), 0)
    assert_close(
        adaptive_quadruplet_loss(distances.ap, distances.an, distances.nn),
        [max(ap**2 - an**2 + gap, 0) + max(ap**2 - nn**2 + gap / 2, 0) for ap, an, nn in quadruplets],
    )
