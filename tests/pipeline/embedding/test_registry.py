"""Embedders are found by their names and recognised by the identities that galleries store."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from pipeline.embedding import registry
from pipeline.embedding.base import SQUARE_CROP, Embedder, EmbedderEntry, FaceNetwork
from pipeline.embedding.pair import FACENET_PAIR
from pipeline.errors import UserError
from pipeline.similarity.registry import scorer_for
from tests.conftest import unit_rows

# As written into the manifests of galleries since the first version.
DEFAULT_IDENTITY = (
    '{"model": "facenet-20170512-110547", "views": ['
    '{"squareness": 0.5, "margin_ratio": 0.03, "turn_degrees": -4.0, "mirror": false}, '
    '{"squareness": 0.5, "margin_ratio": 0.03, "turn_degrees": -4.0, "mirror": true}, '
    '{"squareness": 0.5, "margin_ratio": 0.07, "turn_degrees": 4.0, "mirror": false}, '
    '{"squareness": 0.5, "margin_ratio": 0.07, "turn_degrees": 4.0, "mirror": true}], "level_over_degrees": 10.0}'
)


def test_the_default_embedder_has_the_identity_of_existing_galleries(models):
    assert next(iter(registry.EMBEDDERS)) == registry.DEFAULT_EMBEDDER
    assert json.dumps(registry.default_identity()) == DEFAULT_IDENTITY
    assert json.dumps(models.embedder.identity) == DEFAULT_IDENTITY
    assert (models.embedder.dimensions, models.embedder.parameters) == (128, 22_808_144)
    assert registry.name_of(json.loads(DEFAULT_IDENTITY)) == registry.DEFAULT_EMBEDDER


def test_every_entry_has_a_name_a_title_a_help_text_and_a_model_of_its_own():
    entries = registry.EMBEDDERS.values()
    for part in ("name", "title", "help", "model"):
        values = [getattr(entry, part) for entry in entries]
        assert all(values)
        assert len(set(values)) == len(values)
    for name, entry in registry.EMBEDDERS.items():
        assert entry.name == name == registry.name_of({"model": entry.model})


def test_an_unknown_name_lists_the_known_ones(empty_home):
    with pytest.raises(UserError, match=r"no embedder nothing\. Choose one of facenet, facenet-512,.*\.onnx"):
        registry.load_embedder("nothing")


def test_an_unknown_identity_has_no_name(empty_home):
    assert registry.name_of({"model": "onnx-0123456789abcdef"}) is None
    assert registry.name_of({}) is None


def test_a_new_embedder_takes_one_entry(monkeypatch):
    def load() -> Embedder:
        network = FaceNetwork("toy-1", 4, 2, 0, lambda crops: crops.reshape(len(crops), -1)[:, :2].astype(np.float32))
        return Embedder(network, SQUARE_CROP)

    monkeypatch.setitem(registry.EMBEDDERS, "toy", EmbedderEntry("toy", "Toy", "a toy", "toy-1", load))
    embedder = registry.load_embedder("toy")
    assert registry.name_of(embedder.identity) == "toy"
    assert registry.name_of(replace(SQUARE_CROP, level_over_degrees=5).identity("toy-1")) == "toy"


def test_only_the_default_embedder_has_a_trained_network_and_a_calibration():
    assert scorer_for(registry.default_identity()).name == "network"
    assert scorer_for(None).name == "network"
    other = scorer_for({"model": FACENET_PAIR.model})
    rows = unit_rows(4, dimensions=640)
    distances = other.distances(rows[0], other.prepare(rows))
    assert (other.name, other.digest) == ("cosine", "")
    assert distances == pytest.approx((1 - rows @ rows[0]) / 2, abs=1e-6)
    assert np.isnan(other.calibration.resemblance(distances)).all()
