"""What is measured after each epoch of a training: the columns of histories, as charts show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from train.runs import figures
from train.runs.catalogue import Run

Side = Literal["held_out", "train"]
Scale = Literal["linear", "loss", "log"]


@dataclass(frozen=True)
class Measure:
    """A column of the histories.

    sides: none of them for what is one number for both. scale: of a loss, the visitor chooses a linear or a
    logarithmic one. cosine: plain cosine is measured as well.
    """

    column: str
    title: str
    text: str
    sides: tuple[Side, ...] = ("held_out", "train")
    scale: Scale = "linear"
    cosine: bool = False

    def columns(self) -> list[tuple[Side, str]]:
        """The column of each side."""
        if not self.sides:
            return [("held_out", self.column)]
        return [(side, f"{side}_{self.column}") for side in self.sides]


MAIN_MEASURES = (
    Measure("loss", "Loss", "The loss function, on training batches and on held-out people.", scale="loss"),
    Measure(
        "rank_1",
        "One-shot accuracy",
        "Rank-1: the share of probes whose own person comes first among all people, each with one photo.",
        cosine=True,
    ),
    Measure("learning_rate", "Learning rate", "Halved when held-out people stop improving.", sides=(), scale="log"),
)
MORE_MEASURES = (
    Measure("rank_5", "Rank-5", "Share of probes whose own person is among the first five.", cosine=True),
    Measure("mrr", "Mean reciprocal rank", "1 when the own person comes first, 1/2 when second.", cosine=True),
    Measure("rank_score", "Rank score", "1 when the own person comes first, 0 when last.", cosine=True),
    Measure(
        "one_shot_loss",
        "One-shot loss",
        "How far the most similar other person is ahead of the own one, squared, with a margin of 0.25.",
        scale="loss",
        cosine=True,
    ),
    Measure("auc", "Verification AUC", "Area under the ROC curve of pairs of photos.", cosine=True),
    Measure(
        "tar_at_far_1e-3",
        "TAR at FAR 0.001",
        "Share of same-person pairs accepted when one in a thousand pairs of strangers is.",
        cosine=True,
    ),
    Measure(
        "margins_met", "Margins met", "Share of random quadruplets that meet both margins of the quadruplet loss."
    ),
    Measure("seconds", "Seconds per epoch", "Training time, without evaluation.", sides=()),
    Measure(
        "data_seconds",
        "Seconds for data",
        "What of these seconds went into drawing the batches. The rest is forward and backward.",
        sides=(),
    ),
    Measure(
        "forward_seconds",
        "Seconds forward",
        "The forward pass of the epoch's steps alone, timed after the epoch by trainings that were asked to profile. "
        "What remains beside it and the data is mostly backward.",
        sides=(),
    ),
    Measure("cpu_seconds", "Processor seconds", "Of all cores together, for the training of an epoch.", sides=()),
    Measure("peak_memory_mb", "Memory, MB", "The most that the process has needed until then.", sides=()),
)


def column(run: Run, name: str) -> NDArray[np.float64]:
    """A column of a history, (rows,); NaN where it has no number."""
    return figures.column(run.history, name)


def more_measures(runs: Sequence[Run]) -> list[Measure]:
    """What only runs from elsewhere have measured."""
    known = {measure.column for measure in (*MAIN_MEASURES, *MORE_MEASURES)}
    found: dict[str, None] = {}
    for run in runs:
        if "imported" in run.config:
            names = (name.removeprefix("train_").removeprefix("held_out_") for row in run.history[:1] for name in row)
            found |= dict.fromkeys(names)
    return [
        Measure(name, name.replace("_", " ").capitalize(), "As the imported file has it.")
        for name in found
        if name != "epoch" and name not in known
    ]
