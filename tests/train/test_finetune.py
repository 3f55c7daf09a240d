"""FaceNet with its real weights, trained for two steps on real faces."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import keras
import numpy as np
import pytest

from pipeline import photo, storage
from pipeline.embedding import facenet_weights as weights
from pipeline.embedding.base import unit
from pipeline.embedding.facenet import FACENET_SETTINGS
from pipeline.faces import geometry
from pipeline.faces.face import Face
from train import augment
from train.__main__ import main
from train.finetune import BLOCKS, MIXES, WEIGHTS, FinetuneSettings, Plain, Portraits, Progress, Quadruplets, Tuner
from train.runs import files
from train.runs.files import BEST_WEIGHTS, CHECKPOINT
from train.runs.history import append_row, best_epoch, read_history


@pytest.fixture
def own_facenet(facenet, monkeypatch):
    """The network as it is loaded, put back afterwards. Eager, as compiling it takes longer than two steps."""
    import tensorflow

    before = facenet.get_weights()
    monkeypatch.setattr(weights, "load", lambda: facenet)
    tensorflow.config.run_functions_eagerly(True)
    yield facenet
    tensorflow.config.run_functions_eagerly(False)
    facenet.trainable = True
    facenet.set_weights(before)


# With margins that no quadruplet meets, so that every step has something to learn.
RUN = [
    "finetune",
    "--gallery",
    "small",
    "--batch-size",
    "2",
    "--steps-per-epoch",
    "1",
    "--epochs",
    "2",
    "--alpha",
    "1",
]
APPEND_ROW = append_row


def stopped_after_one_epoch(folder, row):
    if row["epoch"] == 2:
        raise KeyboardInterrupt
    APPEND_ROW(folder, row)


def test_two_steps_change_the_last_block_and_nothing_else_and_may_be_stopped_between(
    fifteen, own_facenet, monkeypatch, capsys
):
    before = {weight.path: weight.numpy() for weight in own_facenet.weights}
    assert main([*RUN, "--run", "tuned", "--learning-rate", "1e-4"]) == 0
    folder = files.run_folder("tuned")
    trained = [weight.path for weight in own_facenet.trainable_weights]
    assert {path.split("/")[1] for path in trained} == {"kernel", "bias"}
    with np.load(folder / CHECKPOINT) as saved:
        tuned = [saved[str(place)] for place in range(len(trained))]
    for path, values in zip(trained, tuned, strict=True):
        assert path.startswith(("Block8_6_", "Bottleneck/"))
        assert 0 < np.abs(values - before[path]).max() < 1e-3
    for weight in own_facenet.non_trainable_weights:
        assert (weight.numpy() == before[weight.path]).all()

    history = read_history(folder)
    assert [row["epoch"] for row in history] == [0, 1, 2]
    for row in history:
        assert row["held_out_cosine_rank_1"] == row["held_out_rank_1_mix_0.0"] == history[0]["held_out_rank_1"]
        assert row["held_out_rank_1"] == max(row[f"held_out_rank_1_mix_{mix}"] for mix in MIXES)
    assert len({row["held_out_loss"] for row in history}) == 3
    best = best_epoch(folder)
    assert f"best at epoch {best['epoch']:.0f}" in capsys.readouterr().out
    # It was right about everybody before, so nothing could be better.
    assert best["epoch"] == 0 and best["held_out_rank_1"] == 1
    assert (storage.read_json(folder / files.RESULT) or {})["epoch"] == 0
    written = weights.build_facenet()
    written.load_weights(folder / WEIGHTS)
    for weight in written.weights:
        assert (weight.numpy() == before[weight.path]).all()

    stopped = [*RUN, "--run", "stopped", "--learning-rate", "1e-4"]
    with monkeypatch.context() as patch:
        patch.setattr("train.runs.history.append_row", stopped_after_one_epoch)
        assert main(stopped) == 130
    own_facenet.set_weights(list(before.values()))
    assert main(stopped) == 0
    for one, other in zip(read_history(files.run_folder("stopped"))[1:], history[1:], strict=True):
        assert {**one, "seconds": 0} == pytest.approx({**other, "seconds": 0}, rel=1e-4)
    assert main([*stopped, "--blocks", "2"]) == 1
    assert "other settings" in capsys.readouterr().err


def test_the_mix_of_old_and_new_weights_that_is_best_on_held_out_people_is_kept(tmp_path):
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(40), 3)
    features = (np.repeat(random.normal(size=(40, 128)), 3, axis=0) + random.normal(size=(120, 128))).astype(
        "float32"
    )
    # Before and after, three of the 128 numbers drown all others; halfway all count the same.
    old = np.diag([60.0] * 3 + [0.0] * 125)
    new = 2 * np.eye(128) - old
    small = keras.Sequential([keras.Input((128,)), keras.layers.Dense(128, use_bias=False)])
    small.set_weights([old])
    model = keras.Model(small.inputs, small.outputs)
    model.last_blocks = small
    model.compile(optimizer="adam")
    batches = cast(Quadruplets, SimpleNamespace(settings=FinetuneSettings(), epoch=0))
    progress = Progress(tmp_path, batches, model, features, labels)
    progress.set_model(model)
    progress.on_train_begin()
    small.set_weights([new])
    progress.on_epoch_begin(0)
    progress.on_epoch_end(0, {"loss": 0.1})
    before, after = read_history(tmp_path)
    assert before["held_out_rank_1"] == after["held_out_cosine_rank_1"] < 0.8
    assert after["mix"] == 0.5 and after["held_out_rank_1"] > 0.9
    assert after["held_out_rank_1_mix_1.0"] < 0.8
    with np.load(tmp_path / BEST_WEIGHTS) as saved:
        assert saved["0"] == pytest.approx(np.eye(128), abs=1e-5)
    assert small.get_weights()[0] == pytest.approx(new)


@pytest.mark.parametrize("blocks", [1, BLOCKS])
def test_both_parts_of_the_network_give_the_embeddings_of_the_pipeline(fifteen, models, own_facenet, blocks):
    boxes = augment.boxes(fifteen, models.detector)
    tuner = Tuner(own_facenet, blocks)
    assert sum(weight.path.count("Block8") for weight in tuner.trainable_weights) == 6 * blocks
    (crops,) = Plain(Portraits(fifteen, boxes), np.array([3, 20]))[0]
    views = unit(np.asarray(tuner.last_blocks(tuner.body(crops, training=False), training=False)))
    shown = [
        np.stack(
            [
                geometry.crop(photo.read(fifteen.crop_path(row)), Face(tuple(boxes[row]), (), 1.0), view, side_px=160)
                for view in FACENET_SETTINGS.views
            ]
        )
        for row in (3, 20)
    ]
    rows = unit(views.reshape(2, -1, 128).mean(axis=1))
    assert rows == pytest.approx(models.embedder(shown), abs=1e-4)
    assert np.einsum("id,id->i", rows, fifteen.embeddings[[3, 20]]).min() > 0.9
