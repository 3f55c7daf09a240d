"""Settings that make no sense are refused where they are made, so everywhere by the same sentence."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest

from pipeline.errors import UserError
from train.augment import Variation
from train.cli.app import main
from train.runs.files import run_folder
from train.settings import FinetuneSettings, FitSettings, NetworkSettings
from train.systems.system import Budget

KINDS = (NetworkSettings, FitSettings, FinetuneSettings, Variation, Budget)
NUMBERS = [
    (kind, field.name)
    for kind in KINDS
    for field in fields(kind)
    if isinstance(field.default, int | float) and not isinstance(field.default, bool)
]


@pytest.mark.parametrize(("kind", "name"), NUMBERS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1, "1", True, None])
def test_no_number_may_be_negative_infinite_or_undefined(kind, name, value):
    with pytest.raises(UserError, match=f"^{name} is .*It must be a "):
        kind(**{name: value})


@pytest.mark.parametrize(
    ("kind", "values", "sentence"),
    [
        (FitSettings, {"learning_rate": 0}, "learning_rate is 0. It must be a number above 0."),
        (FitSettings, {"seed": -1}, "seed is -1. It must be a whole number from 0 to 2,147,483,647."),
        (FitSettings, {"seed": 2**32}, "seed is 4294967296. It must be a whole number from 0 to 2,147,483,647."),
        (FitSettings, {"epochs": 1.5}, "epochs is 1.5. It must be a whole number from 1 to 1,000,000."),
        (FitSettings, {"held_out_share": 1.0}, "held_out_share is 1.0. It must be a number from 0.01 to 0.99."),
        (NetworkSettings, {"dropout": 1.0}, "dropout is 1.0. It must be a number from 0 to 0.95."),
        (
            NetworkSettings,
            {"encoder_units": (0,)},
            "encoder_units is (0,). It must be whole numbers from 1 to 100,000.",
        ),
        (NetworkSettings, {"metric": "sum"}, "metric is 'sum'. It must be concatenate or product."),
        (FinetuneSettings, {"blocks": 7}, "blocks is 7. It must be a whole number from 1 to 6."),
        (Budget, {"people": 1}, "people is 1. It must be a whole number from 2 to 10,000."),
    ],
)
def test_the_sentence_says_what_is_allowed(kind, values, sentence):
    with pytest.raises(UserError) as refused:
        kind(**values)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fit", "--run", "x", "--seed", "-1"], "seed is -1. "),
        (["fit", "--run", "x", "--learning-rate", "nan"], "learning_rate is nan. "),
        (["fit", "--run", "x", "--learning-rate", "inf"], "learning_rate is inf. "),
        (["fit", "--run", "x", "--learning-rate", "0"], "learning_rate is 0.0. "),
        (["fit", "--run", "x", "--alpha", "-0.1"], "alpha is -0.1. "),
        (["fit", "--run", "x", "--margin", "nan"], "margin is nan. "),
        (["finetune", "--run", "x", "--seed", "-1"], "seed is -1. "),
        (["finetune", "--run", "x", "--learning-rate", "-1e-5"], "learning_rate is -1e-05. "),
        (["tune", "--study", "x", "--seed", "-1"], "seed is -1. "),
    ],
)
def test_a_command_refuses_it_before_anything_is_loaded(empty_home, arguments, sentence, capsys):
    assert main(arguments) == 1
    assert capsys.readouterr().err.startswith(sentence)
    assert not run_folder("x").exists()
