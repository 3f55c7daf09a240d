"""Parallel coordinates: the settings of many runs and what they reached."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pages.shared import run_settings as settings
from pages.shared.palette import BLUE, ORANGE
from pages.shared.plots.figure import empty_figure
from train.runs.catalogue import Run

if TYPE_CHECKING:
    import plotly.graph_objects as go

# Numbers that span more than this factor get a logarithmic axis.
_WIDE_FACTOR = 20
_LEVEL_AXES = 8


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
    # Names of many axes would cover one another, unless they are slanted.
    angle = -20 if len(dimensions) > _LEVEL_AXES else 0
    fonts = {"labelfont": {"size": 14}, "tickfont": {"size": 13}}
    figure = go.Figure(go.Parcoords(line=line, dimensions=dimensions, labelangle=angle, **fonts))
    return figure.update_layout(height=440, margin={"l": 84, "r": 40, "t": 84 if angle else 56, "b": 24})


def importances(found: Mapping[str, float]) -> go.Figure:
    """Bars of how much each setting matters, the most important at the top."""
    figure = empty_figure("Share of the differences in MRR", "")
    names = [settings.words(name) for name in found][::-1]
    shares = list(found.values())[::-1]
    figure.add_bar(
        x=shares,
        y=names,
        orientation="h",
        marker={"color": BLUE},
        text=[f"{share:.0%}" for share in shares],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
    )
    figure.update_xaxes(tickformat=".0%", range=[0, max([*shares, 0.01]) * 1.15])
    return figure.update_layout(height=96 + 32 * len(names), showlegend=False)


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
    ticks = _round_between(lowest, highest) if wide else _even_between(lowest, highest)
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


def _even_between(lowest: float, highest: float) -> list[float]:
    """Round numbers at even steps between two numbers, up to seven; the two themselves if there are none."""
    if highest <= lowest:
        return [lowest]
    power = 10.0 ** math.floor(math.log10((highest - lowest) / 3))
    step = next(power * digit for digit in (10, 5, 2, 1) if (highest - lowest) / (power * digit) >= 2.5 or digit == 1)
    ticks = [round(number * step, 12) for number in range(math.ceil(lowest / step), math.floor(highest / step) + 1)]
    return ticks if len(ticks) > 1 else [lowest, highest]


def _tick(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _round_between(lowest: float, highest: float) -> list[float]:
    """1, 2 and 5 times the powers of ten between two numbers."""
    powers = range(math.floor(math.log10(lowest)), math.ceil(math.log10(highest)) + 1)
    return [tick for power in powers for digit in (1, 2, 5) if lowest <= (tick := digit * 10.0**power) <= highest]
