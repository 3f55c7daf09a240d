"""FaceNet with its real weights, trained for two steps on real faces."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from pipeline import photo, storage
from pipeline.embedding import facenet_weights as weights
from pipeline.embedding.base import unit
from pipeline.embedding.facenet import FACENET_SETTINGS
from pipeline.faces import geometry
from pipeline.faces.face import Face
from pipeline.runtime import AGREEMENT_MIN
from train import augment, callbacks, usage
from train.callbacks import HistoryWriter
from train.cli.app import main
from train.finetune import MIXES, FineTuner, MixMeasures, Portraits, PortraitViews
from train.runs import files
from train.runs.files import BEST_WEIGHTS, CHECKPOINT, FACENET_WEIGHTS
from train.runs.history import append_row, best_epoch, read_history
from train.settings import BLOCKS, FinetuneSettings


@pytest.fixture
def own_facenet(facenet, monkeypatch):
    """The loaded network, restored afterwards. Eager, as compiling takes longer than two steps."""
    import tensorflow

    before = facenet.get_weights()
    monkeypatch.setattr(weights, "load_facenet", lambda: facenet)
    tensorflow.config.run_functions_eagerly(True)
    yield facenet
    tensorflow.config.run_functions_eagerly(False)
    facenet.trainable = True
    facenet.set_weights(before)


# Margins that no quadruplet meets, so that every step learns.
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


def stop_after_one_epoch(folder, row):
    if row["epoch"] == 2:
        raise KeyboardInterrupt
    append_row(folder, row)


def test_training_changes_only_the_last_block_and_resumes_when_stopped(fifteen, own_facenet, monkeypatch, capsys):
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
    # The original was right about everybody, so nothing could be better.
    assert best["epoch"] == 0 and best["held_out_rank_1"] == 1
    assert (storage.read_json(folder / files.RESULT) or {})["epoch"] == 0
    written = weights.build_facenet()
    written.load_weights(folder / FACENET_WEIGHTS)
    for weight in written.weights:
        assert (weight.numpy() == before[weight.path]).all()

    stopped = [*RUN, "--run", "stopped", "--learning-rate", "1e-4"]
    with monkeypatch.context() as patch:
        patch.setattr(callbacks, "append_row", stop_after_one_epoch)
        assert main(stopped) == 130
    own_facenet.set_weights(list(before.values()))
    assert main(stopped) == 0
    for one, other in zip(read_history(files.run_folder("stopped"))[1:], history[1:], strict=True):
        same = dict.fromkeys(usage.COLUMNS, 0)
        assert {**one, **same} == pytest.approx({**other, **same}, rel=1e-4)
    assert main([*stopped, "--blocks", "2"]) == 1
    assert "other settings" in capsys.readouterr().err


def test_best_mix_of_original_and_trained_weights_is_saved(tmp_path):
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(40), 3)
    features = (np.repeat(random.normal(size=(40, 128)), 3, axis=0) + random.normal(size=(120, 128))).astype(
        "float32"
    )
    # Original and trained weights let three of the 128 numbers drown all others; halfway all count the same.
    original = np.diag([60.0] * 3 + [0.0] * 125)
    trained = 2 * np.eye(128) - original
    last_blocks = keras.Sequential([keras.Input((128,)), keras.layers.Dense(128, use_bias=False)])
    last_blocks.set_weights([original])
    measures = MixMeasures(last_blocks, (features, labels), FinetuneSettings())
    history = HistoryWriter(
        tmp_path, keras.optimizers.Adam(), measure=measures.measure, variables=measures.best_weights, epochs=1
    )
    history.on_train_begin()
    last_blocks.set_weights([trained])
    history.on_epoch_begin(0)
    history.on_epoch_end(0, {"loss": 0.1})
    before, after = read_history(tmp_path)
    assert before["held_out_rank_1"] == after["held_out_cosine_rank_1"] < 0.8
    assert after["mix"] == 0.5 and after["held_out_rank_1"] > 0.9
    assert after["held_out_rank_1_mix_1.0"] < 0.8
    with np.load(tmp_path / BEST_WEIGHTS) as saved:
        assert saved["0"] == pytest.approx(np.eye(128), abs=1e-5)
    assert last_blocks.get_weights()[0] == pytest.approx(trained)


@pytest.mark.parametrize("blocks", [1, BLOCKS])
def test_body_and_last_blocks_give_the_embeddings_of_the_pipeline(fifteen, models, facenet_128, own_facenet, blocks):
    boxes = augment.portrait_boxes(fifteen, models.detector)
    tuner = FineTuner(own_facenet, blocks)
    assert sum(weight.path.count("Block8") for weight in tuner.trainable_weights) == 6 * blocks
    (crops,) = PortraitViews(Portraits(fifteen, boxes), np.array([3, 20]))[0]
    views = unit(np.asarray(tuner.last_blocks(tuner.body(crops, training=False), training=False)))
    shown = [
        np.stack(
            [
                geometry.crop(
                    photo.read(fifteen.crop_path(row)), Face(tuple(boxes[row]), (), 1.0), view, size=(160, 160)
                )
                for view in FACENET_SETTINGS.views
            ]
        )
        for row in (3, 20)
    ]
    rows = unit(views.reshape(2, -1, 128).mean(axis=1))
    assert np.einsum("id,id->i", rows, facenet_128(shown)).min() >= AGREEMENT_MIN
