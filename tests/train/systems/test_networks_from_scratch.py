"""The networks that are trained from scratch."""

from __future__ import annotations

import pytest

from train.systems import scratch

pytestmark = pytest.mark.tensorflow


def test_the_published_network_has_its_layers_and_842624_parameters():
    model = scratch.scratch_network()
    assert model.count_params() == 842_624
    shapes = [layer.output.shape[1:] for layer in model.layers if "conv2d" in layer.name]
    assert shapes == [(30, 30, 64), (15, 15, 128), (8, 8, 64), (4, 4, 64)]
    assert [layer.units for layer in model.layers if "dense" in layer.name] == [512, 256, 128]


def test_pooling_and_dropout_add_no_parameters():
    for pooling in ("average", "none"):
        settings = scratch.ScratchSettings(pooling=pooling, dropout=0.3)
        assert scratch.scratch_network(settings).count_params() == 842_624
    normalised = scratch.scratch_network(scratch.ScratchSettings(batch_normalisation=True))
    assert normalised.count_params() == 842_624 + 4 * 320
