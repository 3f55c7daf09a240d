"""Triplets, losses and the training of a trunk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.embedding.base import unit
from tests.conftest import unit_rows
from train.runs.history import read_history
from train.systems import siamese, training
from train.systems.last_layer import identity_layer
from train.systems.siamese import SiameseSettings
from train.systems.system import Budget, ValidationPairs
from train.systems.training import train_siamese

pytestmark = pytest.mark.tensorflow


def all_pairs_of(rows: NDArray[np.float32], labels: NDArray[np.int64]) -> ValidationPairs:
    one, other = np.triu_indices(len(labels), 1)
    return ValidationPairs(rows, np.stack([one, other], axis=1), labels[one] == labels[other])


def test_each_anchor_has_four_positives_and_four_negatives_each_with_each():
    found = siamese.triplets(5, 3, positives=4, negatives=4, random=np.random.default_rng(0))
    person = np.arange(15) // 3
    assert len(found) == 15 * 16
    anchor, positive, negative = found.T
    assert (person[anchor] == person[positive]).all()
    assert (anchor != positive).all()
    assert (person[anchor] != person[negative]).all()
    assert found.min() == 0
    assert found.max() == 14


def test_every_photo_of_other_people_can_be_a_negative():
    many = siamese.triplets(5, 3, positives=1, negatives=2000, random=np.random.default_rng(0))
    assert set(many[many[:, 0] == 0][:, 2]) == set(range(3, 15))


@pytest.mark.parametrize(
    "loss", ["triplet", "contrastive", "binary", "similar_different", "n_pairs", "cluster", "softmax"]
)
def test_a_layer_learns_by_each_loss_to_tell_people_apart(loss, tmp_path):
    """Only eight of the dimensions tell who it is; the others are louder noise."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(40), 8)
    rows = np.concatenate([random.normal(size=(40, 8))[labels], 3 * random.normal(size=(320, 24))], axis=1)
    rows = unit(rows + 0.05 * random.normal(size=rows.shape))
    half = labels < 20
    model = train_siamese(
        identity_layer(32),
        rows[half][:, None],
        labels[half],
        validation=all_pairs_of(rows[~half], labels[~half]),
        settings=SiameseSettings(loss, 0.3 if loss == "triplet" else 1.0, learning_rate=5e-3),
        budget=Budget(steps=30, epochs=4, people=10, photos=3),
        folder=tmp_path,
    )
    history = read_history(tmp_path)
    assert [row["epoch"] for row in history] == [0, 1, 2, 3, 4]
    if loss == "softmax":
        # The classes' own layer can learn all of it.
        assert history[-1]["train_loss"] < 0.9 * history[1]["train_loss"]
    else:
        assert max(row["held_out_auc"] for row in history[1:]) > history[0]["held_out_auc"] + 0.05
    codes = siamese.embed_photos(model, rows)
    values = model.distances()(codes[:5], codes)
    assert values.shape == (5, 320)
    assert ((values >= -1e-6) & (values <= 1 + 1e-6)).all()


def _train(folder: Path, settings: SiameseSettings, budget: Budget) -> tuple[siamese.Siamese, NDArray[np.float32]]:
    rows, labels = unit_rows(24, dimensions=16), np.repeat(np.arange(8), 3)
    folder.mkdir(exist_ok=True)
    model = train_siamese(
        identity_layer(16),
        rows[:, None],
        labels,
        validation=all_pairs_of(rows, labels),
        settings=settings,
        budget=budget,
        folder=folder,
    )
    return model, rows


def test_the_manhattan_distance_is_symmetric_and_smallest_to_itself(tmp_path):
    model, rows = _train(tmp_path, SiameseSettings("binary"), Budget(steps=1, epochs=1, people=4, photos=3))
    values = model.distances()(rows, rows)
    assert values == pytest.approx(values.T, abs=1e-6)
    assert (values.diagonal() <= values.min(axis=1) + 1e-6).all()


def test_a_resumed_training_ends_like_one_that_was_never_stopped(tmp_path, monkeypatch):
    def embed(name: str) -> NDArray[np.float32]:
        model, rows = _train(tmp_path / name, SiameseSettings(), Budget(steps=2, epochs=4, people=4, photos=3))
        return siamese.embed_photos(model, rows)

    whole = embed("whole")
    begin = training.EpochRecorder.on_epoch_begin

    def stop(self: training.EpochRecorder, epoch: int, logs: dict[str, float] | None = None) -> None:
        if epoch == 2:
            raise KeyboardInterrupt
        begin(self, epoch, logs)

    with monkeypatch.context() as patch:
        patch.setattr(training.EpochRecorder, "on_epoch_begin", stop)
        with pytest.raises(KeyboardInterrupt):
            embed("stopped")
    assert len(read_history(tmp_path / "stopped")) == 3
    assert embed("stopped") == pytest.approx(whole, abs=1e-6)
    histories = [
        [{key: value for key, value in row.items() if key != "seconds"} for row in read_history(tmp_path / name)[1:]]
        for name in ("whole", "stopped")
    ]
    assert histories[0] == histories[1]
