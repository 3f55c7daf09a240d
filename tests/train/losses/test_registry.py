"""Every registered loss: built from settings, equal to its function, restored from its configuration."""

import numpy as np
import pytest
from keras import ops

from train.losses.binary import binary_loss
from train.losses.cluster import cluster_loss
from train.losses.contrastive import contrastive_loss, similar_different_loss
from train.losses.n_pairs import n_pairs_loss
from train.losses.quadruplet import adaptive_quadruplet_loss, quadruplet_loss
from train.losses.softmax import softmax_loss
from train.losses.triplet import triplet_loss
from train.options import LOSSES
from train.settings import FitSettings

SETTINGS = FitSettings(alpha=0.3, beta=0.1, margin=0.4, batch_size=12, photos_per_person=2)
RANDOM = np.random.default_rng(0)
AP, AN, NN = RANDOM.random((3, 40)).astype(np.float32)
PAIRS, SAME = np.concatenate([AP, AN]), np.repeat([1.0, 0.0], 40)
CODES, PEOPLE = RANDOM.normal(size=(12, 5)).astype(np.float32), np.repeat(np.arange(6), 2)
UNIT_CODES = CODES / np.linalg.norm(CODES, axis=1, keepdims=True)
EXPECTED = {
    "quadruplet": lambda: quadruplet_loss(AP, AN, NN, 0.3, 0.1),
    "quadruplet_adaptive": lambda: adaptive_quadruplet_loss(AP, AN, NN),
    "triplet": lambda: triplet_loss(AP, AN, 0.4),
    "contrastive": lambda: contrastive_loss(PAIRS, SAME, 0.4),
    "binary": lambda: binary_loss(PAIRS, SAME),
    "similar_different": lambda: similar_different_loss(PAIRS, SAME, 0.4),
    "n_pairs": lambda: n_pairs_loss(CODES[::2], CODES[1::2]),
    "cluster": lambda: cluster_loss(UNIT_CODES, PEOPLE, 6, 0.4),
    "softmax": lambda: softmax_loss(CODES, PEOPLE % 5),
}
INPUTS = {
    "distances": (AP, np.stack([AP, AN, NN], axis=1)),
    "codes": (PEOPLE, CODES),
    "logits": (PEOPLE % 5, CODES),
}


@pytest.mark.parametrize("name", LOSSES)
def test_loss_equals_its_function_and_is_restored_from_its_configuration(name):
    loss, inputs = LOSSES[name].build(SETTINGS), INPUTS[LOSSES[name].takes]
    value = float(loss(*inputs))
    assert value == pytest.approx(float(ops.mean(EXPECTED[name]())), rel=1e-4)
    assert float(type(loss).from_config(loss.get_config())(*inputs)) == pytest.approx(value)
