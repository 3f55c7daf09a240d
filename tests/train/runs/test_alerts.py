"""Alerts of trainings: recorded curves, and made-up ones for what no recorded run shows."""

from __future__ import annotations

import math

import pytest

from train.runs import catalogue, files, history
from train.runs.alerts import Alert, alerts, few_people


def recorded(name: str) -> list[dict[str, float]]:
    return history.read_history(files.RECORDED_RUNS / name)


def made_up(train_loss: list[float], rank_1: list[float], held_out_loss: list[float] | None = None):
    """A history with these values from epoch 0 on; the first has no training loss."""
    held_out = held_out_loss or [math.nan] * len(rank_1)
    return [
        {"epoch": epoch, "learning_rate": 0.01, "train_loss": loss, "held_out_rank_1": rank, "held_out_loss": held}
        for epoch, (loss, rank, held) in enumerate(zip([math.nan, *train_loss], rank_1, held_out, strict=True))
    ]


def only(found: list[Alert]) -> Alert:
    (alert,) = found
    return alert


def test_of_the_recorded_runs_those_that_overfit_or_stand_still_are_named():
    runs = [run for run in catalogue.all_runs() if run.recorded]
    found = {run.name: [(each.kind, each.epoch) for each in alerts(run.history, run.probes)] for run in runs}
    assert {name: kinds for name, kinds in found.items() if kinds} == {
        "residual": [("overfitting", 2)],
        "wccn": [("overfitting", 0)],
        "loss-cluster": [("plateau", 0)],
    }


def test_the_sentence_on_overfitting_has_both_losses():
    text = only(alerts(recorded("residual"))).text
    assert text.startswith("It overfits since epoch 2: the loss on held-out people grew from 0.00182 to 0.00191,")
    assert text.endswith("fell from 0.144 to 0.0831.")
    assert "from the start" in only(alerts(recorded("wccn"))).text


def test_a_loss_that_grows_by_its_design_while_accuracy_rises_has_not_diverged():
    rows = recorded("loss-quadruplet_adaptive")
    assert rows[-1]["train_loss"] > 30 * rows[1]["train_loss"]
    assert alerts(rows) == []


def test_a_loss_that_grows_while_accuracy_falls_has_diverged():
    alert = only(alerts(made_up([0.5, 0.2, 0.4, 0.9], [0.1, 0.3, 0.5, 0.4, 0.2])))
    assert (alert.kind, alert.epoch) == ("diverged", 3)
    assert alert.text == (
        "The loss diverged: it was 0.2 in epoch 2 and is 0.9 in epoch 4. Start again with a learning rate below 0.01."
    )


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_a_number_is_said_with_its_epoch(value):
    alert = only(alerts(made_up([0.5, value, value], [0.1, 0.3, 0.3, 0.3])))
    assert (alert.kind, alert.epoch) == ("not a number", 2)
    assert alert.text.startswith("Since epoch 2 the loss is not a number.")


def test_a_training_that_was_ended_for_its_growth_says_so_even_without_an_epoch():
    assert only(alerts(recorded("published")[:3], ended_by_divergence=True)).epoch == 3
    assert only(alerts([], ended_by_divergence=True)).text.endswith("Start again with a lower learning rate.")


def test_a_plateau_begins_with_the_best_epoch():
    alert = only(alerts(made_up([0.5] * 7, [0.1, 0.3, 0.6, 0.5, 0.6, 0.4, 0.6, 0.6])))
    assert (alert.kind, alert.epoch) == ("plateau", 2)
    assert alert.text == "No better on held-out people since epoch 2, for 5 epochs: rank-1 0.6000."


def test_too_few_people_are_said_besides_and_twenty_are_enough():
    assert [each.kind for each in alerts(recorded("residual"), 19)] == ["overfitting", "few people"]
    assert [each.kind for each in alerts(recorded("residual"), 20)] == ["overfitting"]
    assert few_people(1).startswith("Accuracy is measured on only 1 person with")


@pytest.mark.parametrize("rows", [[], [{"epoch": 0.0}], [{"epoch": 3.0}, {"epoch": 4.0}]])
def test_a_history_without_columns_says_nothing(rows):
    assert alerts(rows) == []
