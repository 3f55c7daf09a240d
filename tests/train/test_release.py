"""A release of a small, made-up data set, with the real code path: train, record, ship, calibrate."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pipeline.embedding.registry import default_identity
from pipeline.similarity import files, shipped
from pipeline.similarity.network_scorer import read_scorer
from train import release
from train.evaluation.protocols import VerificationPairs
from train.options import LOSSES, losses_for
from train.release import ABLATIONS, TRAININGS, ReleaseData
from train.runs.catalogue import read_run
from train.runs.files import RECORDED_FILES, RECORDED_RUNS
from train.runs.networks import TRAINED_ON

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def data():
    """40 people with 4 photos each as clusters of unit rows; the last ten people are held out."""
    random = np.random.default_rng(0)
    people = np.repeat(np.arange(40), 4)
    rows = np.repeat(random.normal(size=(40, 128)), 4, axis=0) + 2.0 * random.normal(size=(160, 128))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    rows[5] = 0
    photos = random.integers(160, size=(600, 2))
    photos[:300, 1] = photos[:300, 0] // 4 * 4 + (photos[:300, 0] + 1) % 4
    pairs = VerificationPairs(photos, people[photos[:, 0]] == people[photos[:, 1]], np.repeat(np.arange(10), 60))
    names = [f"Person {person}" for person in people]
    return ReleaseData(
        "facenet",
        default_identity(),
        rows,
        people,
        people >= 30,
        names,
        [f"Person {number}" for number in range(30)],
        lambda _: pairs,
    )


def test_every_loss_has_a_recorded_training_that_can_train_its_network():
    settings = {**TRAININGS, **ABLATIONS}
    assert {one.loss for one in settings.values()} == set(LOSSES)
    assert all(one.loss in losses_for(one.network) for one in settings.values())


def test_recorded_trainings_are_those_of_the_release():
    assert {path.name for path in RECORDED_RUNS.iterdir()} == {*TRAININGS, *ABLATIONS}


def test_release_records_its_trainings_and_ships_a_calibrated_network(data, tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path / "home"))
    settings = TRAININGS[release.SHIPPED]
    network = replace(settings.network, cohort=8)
    tiny = replace(settings, network=network, epochs=1, steps_per_epoch=2, batch_size=16)
    monkeypatch.setattr(release, "TRAININGS", {release.SHIPPED: tiny})
    monkeypatch.setattr(release, "ABLATIONS", {"loss-triplet": replace(ABLATIONS["loss-triplet"], epochs=1)})
    release.release_runs(data, runs=tmp_path / "runs")
    release.release_similarity(data, to=tmp_path / "shipped")
    for name in (release.SHIPPED, "loss-triplet"):
        assert {path.name for path in (tmp_path / "runs" / name).iterdir()} == set(RECORDED_FILES)
        assert read_run(name, tmp_path / "runs" / name).best
    assert (tmp_path / "shipped" / "facenet" / TRAINED_ON).read_text().splitlines() == list(data.trained_on)
    scorer = read_scorer(tmp_path / "shipped" / "facenet", data.identity)
    assert scorer.network.cohort is not None and scorer.calibration.same_person(np.array([0.5])).size == 1
    manifest, recorded = (
        json.loads((folder / "facenet" / "manifest.json").read_text())
        for folder in (tmp_path / "shipped", files.SHIPPED)
    )
    assert manifest.keys() == recorded.keys()
    assert [set(row) for row in manifest["measured"]] == [set(row) for row in recorded["measured"]]


def test_calibration_of_cosine_is_written_as_it_ships(data, tmp_path):
    release.release_calibration(data, to=tmp_path)
    written, recorded = (
        json.loads((folder / "facenet" / shipped.COSINE).read_text()) for folder in (tmp_path, files.SHIPPED)
    )
    assert written.keys() == recorded.keys()
    assert 0 < written["middle"] < 0.5 and written["slope"] > 0
    assert [row["pairs"] for row in written["measured"]] == [row["pairs"] for row in recorded["measured"]]
