import numpy as np

from train.losses.softmax import softmax_loss


def test_softmax_loss_is_the_cross_entropy_of_the_right_person(assert_close):
    logits = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    people = np.array([0, 3, 6, 2, 2])
    expected = [-row[person] + np.log(np.exp(row).sum()) for row, person in zip(logits, people, strict=True)]
    assert_close(softmax_loss(logits, people), expected)
