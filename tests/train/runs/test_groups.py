"""Runs drawn as one: which belong together, and their mean and spread."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from train.runs.catalogue import Run
from train.runs.figures import best_and_last
from train.runs.groups import SEED, group_runs, mean_and_spread


def run(name: str, values: list[float], **settings) -> Run:
    rows = [{"epoch": float(epoch), "held_out_rank_1": value} for epoch, value in enumerate(values)]
    return Run(name, Path(name), {"settings": {"seed": 0, "loss": "triplet", **settings}}, rows)


RUNS = [run("one", [0.1, 0.3, 0.7]), run("two", [0.1, 0.5], seed=1), run("other", [0.2], loss="binary")]


def test_runs_that_differ_in_nothing_but_the_seed_are_one_of_the_epochs_that_all_have():
    seeds, other = group_runs(RUNS, SEED)
    assert (seeds.mean.name, other.mean.name) == ("one and another seed", "other")
    assert seeds.mean.history == [{"epoch": 0, "held_out_rank_1": 0.1}, {"epoch": 1, "held_out_rank_1": 0.4}]
    assert [row["held_out_rank_1"] for row in seeds.spread] == pytest.approx([0, np.std([0.3, 0.5], ddof=1)])
    assert other.mean is RUNS[2] and other.spread == []


def test_runs_are_grouped_by_a_setting_or_not_at_all():
    assert [group.mean.name for group in group_runs(RUNS, "loss")] == ["loss triplet (2 runs)", "other"]
    assert [group.mean for group in group_runs(RUNS, None)] == RUNS
    several = [*RUNS[:2], run("three", [0.1], seed=2)]
    assert group_runs(several, SEED)[0].mean.name == "one and 2 more seeds"
    assert [len(group.runs) for group in group_runs([*RUNS[:2], run("again", [0.1])], SEED)] == [1, 1, 1]
    empty = [Run(name, Path(name), {}, []) for name in ("a", "b")]
    assert len(group_runs(empty, SEED)) == 2


def test_what_is_no_number_is_left_out_of_the_mean():
    means, spreads = mean_and_spread([[{"epoch": 1, "loss": math.nan}], [{"epoch": 1, "loss": 2.0, "more": 1.0}]])
    assert means == [{"epoch": 1, "loss": 2.0}]
    assert math.isnan(spreads[0]["loss"])


def test_the_best_value_is_the_first_highest_or_for_a_loss_the_lowest():
    rows = [{"epoch": epoch, "a": value} for epoch, value in enumerate([0.3, 0.9, math.nan, 0.9, 0.2])]
    found = best_and_last(rows, "a")
    assert (found.best, found.epoch, found.last) == (0.9, 1, 0.2)
    assert best_and_last(rows, "a", smaller_is_better=True).epoch == 4
    missing = best_and_last(rows, "b")
    assert math.isnan(missing.best) and missing.epoch is None
