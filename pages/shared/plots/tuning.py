"""Parallel coordinates: the settings of many runs and what they reached."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pages.shared import run_settings as settings
from pages.shared.palette import BLUE, ORANGE
from train.runs.catalogue import Run

if TYPE_CHECKING:
    import plotly.graph_objects as go

# Numbers that span more than this factor get a logarithmic axis.
_WIDE_FACTOR = 20


def parallel(runs: Sequence[tuple[Run, dict[str, Any]]], names: Sequence[str]) -> go.Figure:
    """A line for each run through its settings ``names`` to its rank-1 and MRR."""
    import plotly.graph_objects as go

    results = {
        title: [(run.best or {}).get(f"held_out_{name}") for run, _ in runs]
        for title, name in (("rank-1", "rank_1"), ("MRR", "mrr"))
    }
    dimensions = [_dimension(settings.words(name), [values.get(name) for _, values in runs]) for name in names]
    dimensions += [_dimension(title, values) for title, values in results.items()]
    line = {"color": dimensions[-1]["values"], "colorscale": [[0, ORANGE], [1, BLUE]]}
    figure = go.Figure(go.Parcoords(line=line, dimensions=dimensions, labelangle=-20))
    return figure.update_layout(height=440, margin={"l": 72, "r": 32, "t": 84, "b": 24})


def _dimension(label: str, values: list[Any]) -> dict[str, Any]:
    """An axis of numbers, or of words if there are any. Runs without the setting pass below the scale."""
    known = [value for value in values if value is not None]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        return {"label": label, **_number_axis(values, known)}
    words = sorted({settings.word(value) for value in values}, key=lambda word: (word != settings.NONE, word))
    numbers = [words.index(settings.word(value)) for value in values]
    return {"label": label, "values": numbers, "tickvals": list(range(len(words))), "ticktext": words}


def _number_axis(values: list[Any], known: list[Any]) -> dict[str, Any]:
    lowest, highest = min(known), max(known)
    wide = lowest > 0 and highest / lowest > _WIDE_FACTOR
    scale = math.log10 if wide else float
    bottom, top = scale(lowest), scale(highest)
    below = bottom - 0.15 * ((top - bottom) or 1.0)
    ticks = _round_between(lowest, highest) if wide else np.linspace(lowest, highest, 5).tolist()
    if len(set(known)) <= 5:
        ticks = sorted(set(known))
    positions, texts = [scale(tick) for tick in ticks], [_tick(tick) for tick in ticks]
    if len(known) < len(values):
        positions, texts = [below, *positions], [settings.NONE, *texts]
    return {
        "values": [below if value is None else scale(value) for value in values],
        "range": [below if len(known) < len(values) else bottom, top if top > bottom else bottom + 1],
        "tickvals": positions,
        "ticktext": texts,
    }


def _tick(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _round_between(lowest: float, highest: float) -> list[float]:
    """1, 2 and 5 times the powers of ten between two numbers."""
    powers = range(math.floor(math.log10(lowest)), math.ceil(math.log10(highest)) + 1)
    return [tick for power in powers for digit in (1, 2, 5) if lowest <= (tick := digit * 10.0**power) <= highest]
