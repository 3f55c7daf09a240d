"""Files of Keras' CSVLogger as runs: one that Keras writes, and files that are none."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest

from pipeline.errors import UserError
from train.runs import catalogue, files, processes
from train.runs.importing import import_csv


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path))


@pytest.mark.parametrize("separator", [",", ";"])
def test_what_keras_writes_is_a_finished_run_with_the_same_numbers(tmp_path, separator):
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = np.ones((8, 2)), np.ones(8)
    path = tmp_path / "log.csv"
    logger = keras.callbacks.CSVLogger(str(path), separator=separator)
    kept = model.fit(x, y, validation_split=0.5, epochs=3, verbose=0, callbacks=[logger]).history
    run = import_csv("theirs", path.read_bytes(), "log.csv")
    assert [row["epoch"] for row in run.history] == [1, 2, 3]
    for ours, theirs in (("train_loss", "loss"), ("held_out_loss", "val_loss"), ("held_out_mae", "val_mae")):
        assert [row[ours] for row in run.history] == pytest.approx(kept[theirs])
    assert processes.run_state(run.folder) == "finished"
    assert [each.name for each in catalogue.own_runs()] == ["theirs"]


def test_epochs_that_were_counted_twice_and_values_that_are_none_break_nothing():
    text = "epoch,loss,lr\n0,0.5,0.1\n1,NA,0.1\n1,0.3,0.05\n"
    rows = import_csv("mine", text.encode(), "a.csv").history
    found = [(row["epoch"], row["train_loss"], row["learning_rate"]) for row in rows]
    assert found == [(1, 0.5, 0.1), (2, 0.3, 0.05)]
    rows = import_csv("other", b"epoch\tloss\n0\tNA\n", "b.csv").history
    assert math.isnan(rows[0]["train_loss"])


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "no file of Keras' CSVLogger"),
        (b"\x89PNG\x00\x01", "no file of Keras' CSVLogger"),
        (b"step,loss\n1,2\n", "it needs a column epoch"),
        (b"epoch\n1\n", "one or more others"),
        (b"epoch,loss\n", "and rows"),
        (b"epoch,loss\nx,1\n", "The column epoch has no numbers"),
    ],
)
def test_other_files_are_refused_with_a_sentence_and_leave_no_run(data, sentence):
    with pytest.raises(UserError, match=sentence):
        import_csv("mine", data, "a.csv")
    assert not files.run_folder("mine").exists()


def test_a_name_that_is_taken_or_invalid_is_refused():
    import_csv("mine", b"epoch,loss\n0,1\n", "a.csv")
    for name, sentence in (("Mine", "There is already a run mine"), ("../up", "not a valid run name")):
        with pytest.raises(UserError, match=sentence):
            import_csv(name, b"epoch,loss\n0,1\n", "a.csv")
