"""Which network and calibration belong to the rows of an embedder."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from pipeline import storage
from pipeline.embedding.facenet import FACENET_128
from pipeline.embedding.pair import FACENET_PAIR
from pipeline.embedding.registry import EMBEDDERS, default_identity, entry_of
from pipeline.errors import WeightsError
from pipeline.similarity import files, registry, shipped

FACENET = FACENET_128.identity
OTHER_CROPS = {**FACENET, "level_over_degrees": 20.0}


@pytest.mark.parametrize("folder", sorted(files.SHIPPED.iterdir()), ids=lambda folder: folder.name)
def test_what_ships_is_for_the_embedder_whose_name_its_folder_has(folder):
    calibration = json.loads((folder / shipped.COSINE).read_text())
    assert entry_of(calibration["embedding"]) is EMBEDDERS[folder.name]
    if folder.name in shipped.NETWORKS_FOR:
        assert (storage.read_manifest(folder) or {}).get("embedding") == calibration["embedding"]
    else:
        assert {path.name for path in folder.iterdir()} == {shipped.COSINE}


def test_the_default_embedder_has_a_resemblance_by_every_scorer():
    for name in registry.SCORERS:
        assert np.isfinite(registry.scorer_for(default_identity(), name).calibration.middle)


def test_a_gallery_of_facenet_is_ranked_by_the_network_that_ships_for_it():
    scorer = registry.scorer_for(FACENET)
    assert scorer.name == "network"
    assert scorer.digest == files.network_digest(files.read_network(files.SHIPPED / "facenet", FACENET))


@pytest.mark.parametrize("identity", [OTHER_CROPS, {"model": "facenet-pair"}, {"model": "unknown"}])
def test_what_ships_is_not_used_for_other_models_or_other_crops(identity):
    scorer = registry.scorer_for(identity)
    assert scorer.name == "cosine" and np.isnan(scorer.calibration.middle)


def test_an_embedder_without_a_network_has_a_resemblance_where_its_cosine_is_calibrated(tmp_path, monkeypatch):
    identity = {"model": FACENET_PAIR.model}
    monkeypatch.setattr(files, "SHIPPED", tmp_path)
    calibration = {"scorer": "cosine", "middle": 0.25, "slope": 60.0, "embedding": identity}
    storage.write_json(tmp_path / FACENET_PAIR.name / shipped.COSINE, calibration)
    scorer = registry.scorer_for(identity)
    assert scorer.name == "cosine"
    assert scorer.calibration.same_person([0.1, 0.4]) == pytest.approx([100, 0], abs=1)
    assert np.isnan(registry.scorer_for({**identity, "weight": 2.0}).calibration.middle)


def test_a_released_network_comes_before_the_one_that_ships(home):
    folder = released(home, "facenet", FACENET)
    assert shipped.network_folder(FACENET) == folder
    assert registry.scorer_for(FACENET, "cosine").calibration.middle == 0.25
    released(home, "facenet", OTHER_CROPS)
    assert shipped.network_folder(FACENET) == files.SHIPPED / "facenet"
    assert shipped.network_folder(OTHER_CROPS) == folder
    assert registry.scorer_for(OTHER_CROPS).name == "network"


def test_a_damaged_release_says_what_helps(home):
    folder = released(home, "facenet", FACENET)
    (folder / "network.npz").write_bytes(b"")
    with pytest.raises(WeightsError, match="Release a run again, or delete this folder"):
        registry.scorer_for(FACENET)


def released(home, name, identity):
    """A release in the data folder: a copy of what ships for FaceNet, for another identity."""
    folder = home / "similarity" / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(files.SHIPPED / "facenet", folder)
    manifest = json.loads((folder / storage.MANIFEST).read_text())
    storage.write_manifest(folder, {**manifest, "embedding": identity})
    calibration = {"scorer": "cosine", "middle": 0.25, "slope": 60.0, "embedding": identity}
    (folder / shipped.COSINE).write_text(json.dumps(calibration))
    return folder
