"""Curves of a training: what was measured after each epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from pages.shared.palette import GREY
from pages.shared.plots.figure import Look, empty_figure, escape_html, shorten
from train.runs.catalogue import Run

if TYPE_CHECKING:
    import plotly.graph_objects as go

Axis = Literal["Epoch", "Step", "Time"]
Side = Literal["held_out", "train"]
_X_TITLES: dict[Axis, str] = {"Epoch": "Epoch", "Step": "Step", "Time": "Seconds of training"}
# Rank-1 that the original project published for 9,131 people with ten photos each.
PUBLISHED_RANK_1 = (0.4, 0.5)
_CORNERS = ("bottom right", "bottom left", "top right", "top left")


@dataclass(frozen=True)
class Measure:
    """A column of the histories. loss: smaller is better, and a logarithmic scale makes sense."""

    column: str
    title: str
    text: str
    sides: tuple[Side, ...] = ("held_out", "train")
    loss: bool = False
    cosine: bool = False

    def columns(self) -> list[tuple[Side, str]]:
        """The column of each side."""
        if self.column in ("learning_rate", "seconds"):
            return [("held_out", self.column)]
        return [(side, f"{side}_{self.column}") for side in self.sides]


MAIN_MEASURES = (
    Measure("loss", "Loss", "The loss function, on training batches and on held-out people.", loss=True),
    Measure(
        "rank_1",
        "One-shot accuracy",
        "Rank-1: the share of probes whose own person comes first among all people, each with one photo.",
        cosine=True,
    ),
    Measure("learning_rate", "Learning rate", "Halved when held-out people stop improving.", loss=True),
)
MORE_MEASURES = (
    Measure("rank_5", "Rank-5", "Share of probes whose own person is among the first five.", cosine=True),
    Measure("mrr", "Mean reciprocal rank", "1 when the own person comes first, 1/2 when second.", cosine=True),
    Measure("rank_score", "Rank score", "1 when the own person comes first, 0 when last.", cosine=True),
    Measure(
        "one_shot_loss",
        "One-shot loss",
        "How far the most similar other person is ahead of the own one, squared, with a margin of 0.25.",
        loss=True,
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
    Measure("seconds", "Seconds per epoch", "Training time, without evaluation.", loss=True),
)


def x_values(run: Run, axis: Axis) -> NDArray[np.float64]:
    """The position of each row of a history on the x-axis, (rows,)."""
    epochs = column(run, "epoch")
    if axis == "Step":
        steps = run.settings.get("steps_per_epoch")
        return epochs * (steps if isinstance(steps, int) else 1)
    return np.cumsum(np.nan_to_num(column(run, "seconds"))) if axis == "Time" else epochs


def column(run: Run, name: str) -> NDArray[np.float64]:
    """A column of a history, (rows,); NaN where it has no number."""
    return np.array([row.get(name, math.nan) for row in run.history], np.float64)


def smoothed(values: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    """Exponential moving average: the value ``n`` rows ago has weight ``weight ** n``. NaN is skipped."""
    found, average, mass = np.full(len(values), np.nan), 0.0, 0.0
    for row, value in enumerate(values):
        if math.isfinite(value):
            mass = weight * mass + 1
            # Unlike a sum divided by the mass, this leaves a constant exactly as it is.
            average += (value - average) / mass
            found[row] = average
    return found


@dataclass(frozen=True)
class CurveOptions:
    """How curves are drawn. smoothing: weight of the moving average. train: also show the people trained on."""

    axis: Axis = "Epoch"
    smoothing: float = 0.0
    logarithmic: bool = False
    train: bool = True


def curves(measure: Measure, runs: Sequence[tuple[Run, Look]], options: CurveOptions) -> go.Figure | None:
    """One measure of several runs: held-out people solid, people trained on dotted. None when no run has it."""
    figure = empty_figure(_X_TITLES[options.axis], measure.title)
    drawn = [_add_run(figure, measure, run, its, options) for run, its in runs]
    if not any(drawn):
        return None
    if measure.cosine:
        _add_cosines(figure, measure, [run for run, _ in runs])
    if measure.column == "rank_1" and any(run.settings.get("network") == "original" for run, _ in runs):
        figure.add_hrect(
            *PUBLISHED_RANK_1,
            fillcolor=GREY,
            opacity=0.15,
            line_width=0,
            annotation={"text": "published: 40 to 50 %", "font": {"color": GREY, "size": 12}},
            annotation_position="bottom right",
        )
    if options.logarithmic and measure.loss:
        figure.update_yaxes(type="log")
    return figure


def _add_run(figure: go.Figure, measure: Measure, run: Run, its: Look, options: CurveOptions) -> bool:
    """Add the curves of one run. False when it has none."""
    x = x_values(run, options.axis)
    drawn = False
    for side, name in measure.columns():
        values = column(run, name)
        if not np.isfinite(values).any() or (side == "train" and not options.train):
            continue
        held_out = side == "held_out"
        line: dict[str, Any] = {"color": its.colour, "width": 2.5 if held_out else 1.5}
        if not held_out:
            line["dash"] = "dot"
        if options.smoothing:
            figure.add_scatter(
                x=x,
                y=values,
                mode="lines",
                line=line,
                opacity=0.25,
                showlegend=False,
                hoverinfo="skip",
                legendgroup=run.key,
            )
        label = run.name if held_out else f"{run.name}, trained on"
        label += ", smoothed" if options.smoothing else ""
        average = smoothed(values, options.smoothing)
        figure.add_scatter(
            x=x,
            y=average,
            mode="lines+markers" if held_out else "lines",
            name=run.name,
            showlegend=not drawn,
            line=line,
            marker={"symbol": its.symbol, "size": 7},
            hovertemplate=f"{escape_html(label)} %{{y:.4f}}<extra></extra>",
            legendgroup=run.key,
        )
        drawn = True
        if held_out and run.best and len(measure.columns()) > 1:
            _ring_best(figure, run, its, x, values)
    return drawn


def _ring_best(figure: go.Figure, run: Run, its: Look, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    """A ring around what was measured after the best epoch, on the faint curve where curves are smoothed."""
    assert run.best
    row = [number for number, row in enumerate(run.history) if row["epoch"] == run.best["epoch"]][-1]
    figure.add_scatter(
        x=[x[row]],
        y=[y[row]],
        mode="markers",
        marker={"symbol": "circle-open", "size": 15, "color": its.colour, "line": {"width": 2.5}},
        legendgroup=run.key,
        showlegend=False,
        hovertemplate=f"{escape_html(run.name)}: best epoch {run.best['epoch']:.0f}<extra></extra>",
    )


def _add_cosines(figure: go.Figure, measure: Measure, runs: Sequence[Run]) -> None:
    """A dashed line for what plain cosine reaches, one for each set of held-out people."""
    names: dict[float, list[str]] = {}
    for run in runs:
        values = column(run, f"held_out_cosine_{measure.column}")
        known = values[np.isfinite(values)]
        if len(known) and np.isfinite(column(run, f"held_out_{measure.column}")).any():
            names.setdefault(round(float(known[-1]), 6), []).append(run.name)
    for number, (value, of_runs) in enumerate(names.items()):
        label = "cosine" if len(names) == 1 else f"cosine, {shorten(', '.join(of_runs))}"
        figure.add_hline(
            value,
            line={"color": GREY, "width": 1.5, "dash": "dash"},
            annotation={"text": escape_html(label), "font": {"color": GREY, "size": 12}, "yshift": -2},
            annotation_position=_CORNERS[number % len(_CORNERS)],
        )
