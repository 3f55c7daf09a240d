import keras
import numpy as np
import pytest

from pipeline.errors import UserError
from train.callbacks import Checkpoint, DivergedError, DivergenceCheck, HistoryWriter, Patience
from train.runs import files, lock, processes
from train.runs.checkpoints import restore_variables
from train.runs.files import BEST_WEIGHTS, CHECKPOINT
from train.runs.history import append_row, read_history


@pytest.fixture
def optimizer():
    return keras.optimizers.Adam(0.1)


def rate(optimizer):
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))


def test_patience_halves_the_learning_rate_and_then_ends_the_training(tmp_path, optimizer):
    patience = Patience(tmp_path, 4, optimizer)
    patience.set_model(keras.Sequential())
    patience.model.stop_training = False
    assert not patience.exhausted
    for epoch, value in enumerate([0.2, 0.5, 0.4, 0.4, 0.4]):
        append_row(tmp_path, {"epoch": epoch, "held_out_rank_1": value})
        patience.on_epoch_end(epoch - 1)
    assert rate(optimizer) == pytest.approx(0.05)
    assert not patience.model.stop_training and not patience.exhausted
    append_row(tmp_path, {"epoch": 5, "held_out_rank_1": 0.4})
    patience.on_epoch_end(4)
    assert patience.model.stop_training
    assert Patience(tmp_path, 4).exhausted
    assert rate(optimizer) == pytest.approx(0.05)


def test_history_writer_saves_the_weights_of_the_best_epoch(tmp_path, optimizer):
    values = iter([0.1, 0.6, 0.5, 0.6])
    weights = keras.Variable(np.zeros(2))
    history = HistoryWriter(
        tmp_path,
        optimizer,
        measure=lambda epoch: {"held_out_rank_1": next(values)},
        variables=lambda: [weights],
        epochs=3,
    )
    history.on_train_begin()
    for epoch in range(3):
        weights.assign(np.full(2, epoch + 1.0))
        history.on_epoch_begin(epoch)
        history.on_epoch_end(epoch, {"loss": 0.1})
    assert [row["epoch"] for row in read_history(tmp_path)] == [0, 1, 2, 3]
    assert restore_variables([weights], tmp_path / BEST_WEIGHTS) == 1
    assert keras.ops.convert_to_numpy(weights).tolist() == [1, 1]
    history.on_train_begin()
    assert len(read_history(tmp_path)) == 4


def test_checkpoint_keeps_the_state_of_the_last_epoch(tmp_path):
    weights = keras.Variable(np.ones(2))
    checkpoint = Checkpoint(tmp_path, lambda: [weights])
    checkpoint.on_train_begin()
    weights.assign(np.full(2, 3.0))
    checkpoint.on_epoch_end(0)
    weights.assign(np.zeros(2))
    assert restore_variables([weights], tmp_path / CHECKPOINT) == 1
    assert keras.ops.convert_to_numpy(weights).tolist() == [3, 3]


@pytest.mark.parametrize(
    ("loss", "weight"), [(np.nan, 1.0), (np.inf, 1.0), (0.1, np.nan), (0.1, -np.inf), (0.1, -1e30)]
)
def test_a_training_that_diverges_ends_with_a_sentence(optimizer, loss, weight):
    check = DivergenceCheck(optimizer, lambda: [keras.Variable([1.0, weight])])
    with pytest.raises(UserError, match=r"In epoch 3 .* Start another run with a learning rate below 0\.1\."):
        check.on_epoch_end(2, {"loss": loss})


def test_a_training_in_finite_numbers_goes_on(optimizer):
    DivergenceCheck(optimizer, lambda: [keras.Variable([1.0]), keras.Variable(3, dtype="int64")]).on_epoch_end(
        0, {"loss": 0.1}
    )


def test_a_training_that_ends_by_divergence_can_be_told_from_other_crashes(tmp_path):
    for number, (error, diverged) in enumerate(((DivergedError("It grew."), True), (UserError("Else."), False))):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / files.CONFIG).write_text("{}")
        with pytest.raises(UserError), lock.run_lock(folder, ["fit"]):
            raise error
        assert processes.run_state(folder) == "crashed"
        assert processes.ended_by_divergence(folder) == diverged


def test_an_epoch_has_what_it_used_of_the_machine(tmp_path, optimizer):
    history = HistoryWriter(
        tmp_path, optimizer, measure=lambda _: {"held_out_rank_1": 0.5}, variables=lambda: [], epochs=2
    )
    history.on_train_begin()
    for logs in ({"loss": 0.1, "data_seconds": 0.002}, {"loss": 0.1}):
        history.on_epoch_begin(0)
        assert sum(range(10**6))
        history.on_epoch_end(0, logs)
    before, known, unknown = read_history(tmp_path)
    assert [before[name] for name in ("seconds", "cpu_seconds", "data_seconds")] == [0, 0, 0]
    assert known["data_seconds"] == 0.002 and np.isnan(unknown["data_seconds"])
    assert known["seconds"] > 0 and known["cpu_seconds"] > 0
    # TensorFlow alone needs more.
    assert 100 < before["peak_memory_mb"] <= known["peak_memory_mb"] <= unknown["peak_memory_mb"]
