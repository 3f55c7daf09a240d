"""Which settings mattered: found in made-up studies of which the answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from train.importance import RUNS_MIN, importance

RANDOM = np.random.default_rng(0)
SETTINGS: list[dict[str, Any]] = [
    {
        "learning_rate": float(10 ** RANDOM.uniform(-4, -2)),
        "loss": str(RANDOM.choice(["triplet", "binary"])),
        "dropout": None if RANDOM.random() < 0.3 else 0.1,
        "epochs": 10,
    }
    for _ in range(24)
]


def test_the_setting_that_decides_the_result_comes_first_and_those_that_are_the_same_are_left_out():
    by_rate = importance(SETTINGS, [float(np.log(each["learning_rate"])) for each in SETTINGS])
    assert next(iter(by_rate)) == "learning_rate" and by_rate["learning_rate"] > 0.8
    assert by_rate.keys() == {"learning_rate", "loss", "dropout"}
    assert abs(sum(by_rate.values()) - 1) < 1e-6
    by_loss = importance(SETTINGS, [float(each["loss"] == "binary") for each in SETTINGS])
    assert next(iter(by_loss)) == "loss"


def test_few_runs_equal_results_and_equal_settings_say_nothing():
    assert importance(SETTINGS[: RUNS_MIN - 1], list(range(RUNS_MIN - 1))) == {}
    assert importance(SETTINGS, [0.5] * len(SETTINGS)) == {}
    assert importance([{"epochs": 1}] * RUNS_MIN, list(range(RUNS_MIN))) == {}
