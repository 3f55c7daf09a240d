"""Histograms of the distances within quadruplets, with the margins of the loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pages.shared.palette import BLUE, GREEN, RED
from pages.shared.plots.figure import empty_figure
from train.runs import geometry

if TYPE_CHECKING:
    import plotly.graph_objects as go

_PAIRS = {
    "ap": ("Anchor and positive", GREEN),
    "an": ("Anchor and negative", RED),
    "nn": ("Two negatives", BLUE),
}


@dataclass(frozen=True)
class MarginLine:
    """A vertical line at a distance. row: line of text on which its label stands."""

    distance: float
    label: str
    colour: str
    row: int


def distances(counts: Mapping[str, list[int]], settings: Mapping[str, Any]) -> go.Figure:
    """Histograms of the three distances of quadruplets, with the margins that the loss asks for."""
    figure = empty_figure("Distance", "Share of quadruplets")
    centres = (np.arange(geometry.BINS) + 0.5) / geometry.BINS
    for name, (title, colour) in _PAIRS.items():
        figure.add_bar(
            x=centres,
            y=np.array(counts[name]) / max(sum(counts[name]), 1),
            name=f"{title} ({name})",
            marker={"color": colour, "opacity": 0.6, "line": {"width": 0}},
            width=1 / geometry.BINS,
            hovertemplate="%{x:.2f}: %{y:.1%}<extra></extra>",
        )
    figure.update_layout(barmode="overlay", hovermode="closest", height=360, bargap=0)
    figure.update_xaxes(range=[0, 1])
    figure.update_yaxes(tickformat=".0%")
    for line in margin_lines(counts, settings):
        figure.add_vline(
            line.distance,
            line={"color": line.colour, "width": 2, "dash": "dash"},
            annotation={"text": line.label, "font": {"size": 12}, "yshift": -18 * line.row},
            annotation_position="top left" if not line.row or line.distance > 0.5 else "top right",
        )
    return figure


def median(counts: Sequence[int]) -> float:
    """The median of a histogram over 0..1."""
    sums = np.cumsum(counts)
    return (float(np.searchsorted(sums, sums[-1] / 2)) + 0.5) / geometry.BINS


def margin_lines(counts: Mapping[str, list[int]], settings: Mapping[str, Any]) -> list[MarginLine]:
    """Where the loss wants the distances of negatives, given the median distance of positives."""
    loss, ap = settings.get("loss", "quadruplet"), median(counts["ap"])
    lines = [MarginLine(ap, f"median ap {ap:.2f}", _PAIRS["ap"][1], 0)]
    numbers = {name: value for name, value in settings.items() if isinstance(value, int | float)}
    margins: list[tuple[float, str, str]] = []
    if loss == "quadruplet" and {"alpha", "beta"} <= numbers.keys():
        margins = [(numbers["alpha"], "an", "α"), (numbers["beta"], "nn", "β")]
    elif loss == "triplet" and "margin" in numbers:
        margins = [(numbers["margin"], "an", "margin")]
    elif loss in ("contrastive", "similar_different") and "margin" in numbers:
        margin = float(numbers["margin"])
        return [*lines, MarginLine(margin, f"an beyond {margin:g}", _PAIRS["an"][1], 1)]
    for row, (margin, name, sign) in enumerate(margins, start=1):
        least = math.sqrt(ap**2 + margin)
        label = f"{name} beyond {least:.2f} ({sign} {margin:g})"
        lines.append(MarginLine(min(least, 1.0), label, _PAIRS[name][1], row))
    return lines
