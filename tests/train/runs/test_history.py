import math

from train.runs.files import HISTORY
from train.runs.history import append_row, best_row, read_history, training_seconds, write_history


def test_damaged_rows_are_skipped(tmp_path):
    append_row(tmp_path, {"epoch": 0, "loss": 0.5})
    append_row(tmp_path, {"epoch": 1, "loss": 0.4})
    with (tmp_path / HISTORY).open("a") as file:
        file.write("2,zero\n,\n3")
    assert [row["epoch"] for row in read_history(tmp_path)] == [0, 1]


def test_rows_follow_the_columns_of_an_older_history(tmp_path):
    (tmp_path / HISTORY).write_text("epoch,held_out_loss,train_loss\n0,0.5,nan\n")
    append_row(tmp_path, {"epoch": 1, "train_loss": 0.2, "held_out_loss": 0.4})
    append_row(tmp_path, {"epoch": 2, "train_loss": 0.1, "new": 1.0})
    rows = read_history(tmp_path)
    assert rows[1] == {"epoch": 1, "held_out_loss": 0.4, "train_loss": 0.2}
    assert rows[2]["train_loss"] == 0.1 and math.isnan(rows[2]["held_out_loss"])


def test_rewriting_a_history_keeps_its_form(tmp_path):
    for epoch in range(4):
        append_row(tmp_path, {"epoch": epoch, "seconds": 2.0})
    lines = (tmp_path / HISTORY).read_bytes().splitlines(keepends=True)
    write_history(tmp_path, read_history(tmp_path)[:2])
    assert (tmp_path / HISTORY).read_bytes().splitlines(keepends=True) == lines[:3]
    write_history(tmp_path, [])
    assert read_history(tmp_path) == [] and not (tmp_path / HISTORY).exists()


def test_best_row_is_the_first_with_the_highest_held_out_rank_1():
    rows = [{"epoch": epoch, "held_out_rank_1": value} for epoch, value in enumerate([0.1, 0.3, math.nan, 0.3])]
    assert best_row(rows) == rows[1]
    assert best_row([{"epoch": 0, "held_out_rank_1": math.nan}]) is None


def test_training_time_ignores_rows_without_it():
    assert training_seconds([{"seconds": 1.5}, {"seconds": math.nan}, {}, {"seconds": 2.0}]) == 3.5
