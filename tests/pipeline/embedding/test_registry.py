"""Embedders are found by their names and recognised by the identities that galleries store."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from pipeline.embedding import registry
from pipeline.embedding.base import SQUARE_CROP, EmbedderEntry, FaceNetwork, NetworkEmbedder
from pipeline.embedding.facenet import FACENET_128
from pipeline.embedding.pair import FACENET_PAIR
from pipeline.errors import UserError
from pipeline.similarity.registry import scorer_for
from tests.conftest import unit_rows

# As written into the manifests of galleries since the first version.
FACENET_IDENTITY = (
    '{"model": "facenet-20170512-110547", "views": ['
    '{"squareness": 0.5, "margin_ratio": 0.03, "turn_degrees": -4.0, "mirror": false}, '
    '{"squareness": 0.5, "margin_ratio": 0.03, "turn_degrees": -4.0, "mirror": true}, '
    '{"squareness": 0.5, "margin_ratio": 0.07, "turn_degrees": 4.0, "mirror": false}, '
    '{"squareness": 0.5, "margin_ratio": 0.07, "turn_degrees": 4.0, "mirror": true}], "level_over_degrees": 10.0}'
)


def test_facenet_has_the_identity_of_existing_galleries(facenet_128):
    assert json.dumps(FACENET_128.identity) == FACENET_IDENTITY
    assert json.dumps(facenet_128.identity) == FACENET_IDENTITY
    assert (facenet_128.dimensions, facenet_128.parameters) == (128, 22_808_144)
    assert registry.entry_of(json.loads(FACENET_IDENTITY)) is FACENET_128


def test_the_default_embedder_is_as_the_registry_says(models):
    default = registry.EMBEDDERS[registry.DEFAULT_EMBEDDER]
    assert default.identity == registry.default_identity() == models.embedder.identity
    assert default.dimensions == models.embedder.dimensions


def test_every_entry_has_a_name_a_title_a_help_text_and_a_model_of_its_own():
    entries = registry.EMBEDDERS.values()
    for part in ("name", "title", "help", "model"):
        values = [getattr(entry, part) for entry in entries]
        assert all(values)
        assert len(set(values)) == len(values)
    for name, entry in registry.EMBEDDERS.items():
        assert entry.name == name
        assert registry.entry_of({"model": entry.model}) is entry


def test_an_unknown_name_lists_the_known_ones(empty_home):
    with pytest.raises(UserError, match=r"no embedder nothing\. Choose one of facenet, sface, .*\.onnx"):
        registry.load_embedder("nothing")


def test_an_unknown_identity_has_no_entry(empty_home):
    assert registry.entry_of({"model": "onnx-0123456789abcdef"}) is None
    assert registry.entry_of({}) is None


def test_a_new_embedder_takes_one_entry(monkeypatch):
    def load() -> NetworkEmbedder:
        network = FaceNetwork(
            "toy-1", (4, 4), 2, 0, lambda crops: crops.reshape(len(crops), -1)[:, :2].astype(np.float32)
        )
        return NetworkEmbedder(network, SQUARE_CROP)

    entry = EmbedderEntry("toy", "Toy", "a toy", SQUARE_CROP.identity("toy-1"), load)
    monkeypatch.setitem(registry.EMBEDDERS, "toy", entry)
    assert registry.load_embedder("toy").identity == entry.identity
    for settings in (SQUARE_CROP, replace(SQUARE_CROP, level_over_degrees=5)):
        assert registry.entry_of(settings.identity("toy-1")) is entry


def test_an_embedder_without_a_network_is_ranked_by_an_uncalibrated_cosine():
    assert scorer_for(FACENET_128.identity).name == "network"
    other = scorer_for({"model": FACENET_PAIR.model})
    rows = unit_rows(4, dimensions=640)
    distances = other.distances(rows[0], other.prepare(rows))
    assert (other.name, other.digest) == ("cosine", "")
    assert distances == pytest.approx((1 - rows @ rows[0]) / 2, abs=1e-6)
    assert np.isnan(other.calibration.same_person(distances)).all()
