"""Stopped runs go on from the last state that can be read and fits their history."""

import logging

import keras
import numpy as np
import pytest

from pipeline.errors import UserError
from train.runs.checkpoints import restore_variables, resume, save_variables
from train.runs.files import BEST_WEIGHTS, CHECKPOINT, HISTORY
from train.runs.history import append_row, read_history

RANKS = (0.1, 0.5, 0.3, 0.4)


@pytest.fixture
def weights():
    return keras.Variable(np.full(2, -1.0))


@pytest.fixture
def stopped(tmp_path, weights):
    """A run that was stopped after epoch 3; epoch 1 was the best. The weights are the number of the epoch."""
    for epoch, rank in enumerate(RANKS):
        append_row(tmp_path, {"epoch": epoch, "held_out_rank_1": rank})
    for name, epoch in ((BEST_WEIGHTS, 1), (CHECKPOINT, 3)):
        save_variables([keras.Variable(np.full(2, float(epoch)))], tmp_path / name, epoch)
    return tmp_path


def cut(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def epochs(folder):
    return [row["epoch"] for row in read_history(folder)]


def test_a_new_run_starts_at_its_beginning(tmp_path, weights, caplog):
    assert resume(tmp_path, [weights]) is None
    assert not caplog.records and not list(tmp_path.iterdir())


def test_a_stopped_run_goes_on_from_its_checkpoint(stopped, weights, caplog):
    append_row(stopped, {"epoch": 4, "held_out_rank_1": 0.2})
    assert resume(stopped, [weights]) == 3
    assert weights.numpy().tolist() == [3, 3]
    assert epochs(stopped) == [0, 1, 2, 3]
    assert not caplog.records


def test_a_run_killed_between_best_weights_and_checkpoint_repeats_the_epoch(stopped, weights):
    save_variables([keras.Variable(np.full(2, 4.0))], stopped / BEST_WEIGHTS, 4)
    assert resume(stopped, [weights]) == 3


@pytest.mark.parametrize(
    ("damaged", "best_is_complete", "epoch", "sentence"),
    [
        (CHECKPOINT, True, 1, "goes on from epoch 1"),
        (CHECKPOINT, False, None, "starts again from its beginning"),
        (BEST_WEIGHTS, True, None, "starts again from its beginning"),
        (HISTORY, True, None, "starts again from its beginning"),
    ],
)
def test_half_a_file_is_set_aside_and_the_run_goes_on_from_an_earlier_state(
    stopped, weights, caplog, damaged, best_is_complete, epoch, sentence
):
    if damaged == HISTORY:
        # As a spreadsheet saves it.
        (stopped / HISTORY).write_text((stopped / HISTORY).read_text().replace(",", ";"))
    else:
        cut(stopped / damaged)
    with caplog.at_level(logging.WARNING):
        assert resume(stopped, [weights], best_is_complete=best_is_complete) == epoch
    assert sentence in caplog.text and f"{damaged} cannot be read" in caplog.text
    assert len([path for path in stopped.iterdir() if "unreadable" in path.name]) == 1
    assert epochs(stopped) == ([] if epoch is None else list(range(epoch + 1)))
    assert weights.numpy().tolist() == [-1 if epoch is None else epoch] * 2
    # The next resume finds this state.
    assert resume(stopped, [weights], best_is_complete=best_is_complete) == epoch


def test_a_history_without_its_last_rows_takes_the_run_back_to_them(stopped, weights):
    lines = (stopped / HISTORY).read_text().splitlines(keepends=True)
    (stopped / HISTORY).write_text("".join(lines[:3]) + lines[3][:2])
    assert resume(stopped, [weights], best_is_complete=True) == 1
    assert epochs(stopped) == [0, 1]


def test_a_history_with_a_gap_is_set_aside(stopped, weights, caplog):
    lines = (stopped / HISTORY).read_text().splitlines(keepends=True)
    (stopped / HISTORY).write_text("".join([*lines[:3], "2,x\n", lines[4]]))
    assert resume(stopped, [weights], best_is_complete=True) == 1
    assert "rows are missing" in caplog.text


def test_variables_of_another_version_are_refused(stopped):
    with pytest.raises(UserError, match="started by another version"):
        resume(stopped, [keras.Variable(np.zeros(3))])


def test_restoring_a_damaged_file_is_a_sentence(stopped, weights):
    cut(stopped / BEST_WEIGHTS)
    with pytest.raises(UserError, match="The weights of the run"):
        restore_variables([weights], stopped / BEST_WEIGHTS)
