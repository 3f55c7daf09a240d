"""Networks of keras.applications, with random weights saved by the tests."""

from __future__ import annotations

import importlib
import json

import keras
import numpy as np
import pytest

from pipeline.embedding import imagenet, registry
from pipeline.errors import WeightsError


@pytest.mark.parametrize("name", imagenet.IMAGENET)
def test_a_network_with_weights_from_a_file_equals_that_of_keras(name, empty_home, monkeypatch):
    module_name, class_name = imagenet.IMAGENET[name]
    module = importlib.import_module(f"keras.applications.{module_name}")
    keras.utils.set_random_seed(3)
    made = getattr(module, class_name)(weights=None, include_top=False, pooling="avg", input_shape=(160, 160, 3))
    path = imagenet.imagenet_weights_path(name)
    path.parent.mkdir(parents=True)
    made.save_weights(path)
    crops = np.random.default_rng(2).integers(0, 256, (2, 160, 160, 3), np.uint8)
    expected = np.asarray(made(module.preprocess_input(crops.astype(np.float32))))
    embedder = imagenet.imagenet_embedder(name)
    lengths = np.linalg.norm(expected, axis=1, keepdims=True)
    assert embedder.rows(crops) == pytest.approx(expected / lengths, abs=2e-4)
    assert embedder.parameters == made.count_params()
    assert embedder.identity == registry.EMBEDDERS[name].identity
    assert registry.entry_of(json.loads(json.dumps(embedder.identity))) is registry.EMBEDDERS[name]
    path.write_bytes(b"damaged")
    with pytest.raises(WeightsError, match=f"weights of {class_name} in models/.* are damaged"):
        registry.load_embedder(name)
