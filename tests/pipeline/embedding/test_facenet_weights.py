"""FaceNet's weights: from a published package, else from keras-facenet's release, always checked by hash."""

from __future__ import annotations

import shutil

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format
from keras_facenet.metadata import MODEL_METADATA

from pipeline import storage
from pipeline.embedding import facenet_weights as weights
from pipeline.errors import WeightsError
from tests.conftest import HOME

RELEASE = MODEL_METADATA["20170512-110547"]
COMMAND = "python -m pipeline setup"


def test_the_manifest_names_the_model_and_counts_its_parameters(facenet):
    manifest = storage.read_manifest(storage.home() / "models" / weights.MODEL_ID)
    assert manifest
    assert manifest["model"] == weights.MODEL_ID
    assert facenet.count_params() == weights.facenet_parameters() == 22_808_144


def test_missing_weights_name_the_command(empty_home):
    for load in (weights.load_facenet, weights.compiled_facenet):
        with pytest.raises(WeightsError, match=r"are missing\.$") as raised:
            load()
        assert raised.value.command == COMMAND


def test_weights_stored_by_an_earlier_version_name_the_command(empty_home):
    storage.write_manifest(empty_home / "models" / weights.MODEL_ID, {"format": 1, "sha256": "0" * 64})
    with pytest.raises(WeightsError, match=r"were stored by another version\.$") as raised:
        weights.compiled_facenet()
    assert raised.value.command == COMMAND


def test_damaged_weights_name_the_command(empty_home):
    original, folder = (base / "models" / weights.MODEL_ID for base in (HOME, empty_home))
    folder.mkdir(parents=True)
    shutil.copy(original / storage.MANIFEST, folder)
    for content in (None, b"", b"damaged"):
        if content is not None:
            (folder / "facenet.weights.h5").write_bytes(content)
        # Without converted weights, running the network needs these as well.
        for load in (weights.load_facenet, weights.compiled_facenet):
            with pytest.raises(WeightsError, match=r"are damaged\.$") as raised:
                load()
            assert raised.value.command == COMMAND


def test_weights_stored_with_a_saved_model_still_load(empty_home):
    original, folder = (base / "models" / weights.MODEL_ID for base in (HOME, empty_home))
    folder.mkdir(parents=True)
    shutil.copy(original / "facenet.weights.h5", folder)
    manifest = storage.read_manifest(original) or {}
    storage.write_manifest(folder, manifest | {"format": 2})
    assert weights.load_facenet().count_params() == weights.facenet_parameters()


def test_without_pip_and_release_the_error_says_what_to_do(empty_home, monkeypatch):
    monkeypatch.setitem(RELEASE, "keras_weights_url", "http://127.0.0.1:9/weights.h5")
    with pytest.raises(WeightsError, match=r"neither by pip nor from keras-facenet's release") as raised:
        weights.fetch_facenet()
    assert raised.value.command == COMMAND
    assert not (empty_home / "models" / weights.MODEL_ID).exists()


def test_without_pip_the_release_of_keras_facenet_is_fetched_and_checked(empty_home, tmp_path, monkeypatch):
    saved = weights.build_facenet()
    path = tmp_path / "release.h5"
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, saved)
    monkeypatch.setitem(RELEASE, "keras_weights_url", path.as_uri())
    with pytest.raises(WeightsError, match="could not be fetched"):
        weights.fetch_facenet()
    monkeypatch.setitem(RELEASE, "keras_weights_sha256", storage.sha256(path))
    weights.fetch_facenet()
    loaded = weights.load_facenet()
    for ours, theirs in zip(loaded.get_weights(), saved.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    folder = empty_home / "models" / weights.MODEL_ID
    assert sorted(part.name for part in folder.iterdir()) == ["facenet.weights.h5", "manifest.json"]
    assert (storage.read_manifest(folder) or {})["origin"] == path.as_uri()
    # A second call fetches nothing.
    path.unlink()
    weights.fetch_facenet()
