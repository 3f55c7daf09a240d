"""Curves of trainings: what was measured after each epoch, one chart below the other along the same axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from pages.shared.palette import GREY
from pages.shared.plots.figure import Look, escape_html, shorten
from pages.shared.plots.measures import Measure, Side, column
from train.runs import figures
from train.runs.catalogue import Run
from train.runs.groups import RunGroup

if TYPE_CHECKING:
    import plotly.graph_objects as go

Axis = Literal["Epoch", "Step", "Time"]
_X_TITLES: dict[Axis, str] = {"Epoch": "Epoch", "Step": "Step", "Time": "Seconds of training"}
# Rank-1 that the original project published for 9,131 people with ten photos each.
PUBLISHED_RANK_1 = (0.4, 0.5)
_CORNERS = (("right", "bottom"), ("left", "bottom"), ("right", "top"), ("left", "top"))
_CHART_PX, _GAP_PX, _TITLE_PX, _AXIS_PX = 150, 44, 34, 52
_EPOCHS_NUMBERED = 9
# On a phone, two names stand in a row. Many runs have their legend below the charts.
_NAMES_IN_ROW, _NAMES_ABOVE, _NAME_PX = 2, 6, 20
_RING = {"symbol": "circle-open", "size": 15, "line": {"width": 2.5}}


@dataclass(frozen=True)
class CurveOptions:
    """How curves are drawn. smoothing: weight of the moving average. train: also show the people trained on."""

    axis: Axis = "Epoch"
    smoothing: float = 0.0
    logarithmic: bool = False
    train: bool = True


def x_values(run: Run, axis: Axis) -> NDArray[np.float64]:
    """The position of each row of a history on the x-axis, (rows,)."""
    epochs = column(run, "epoch")
    if axis == "Step":
        steps = run.settings.get("steps_per_epoch")
        return epochs * (steps if isinstance(steps, int) else 1)
    return np.cumsum(np.nan_to_num(column(run, "seconds"))) if axis == "Time" else epochs


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


def curves(
    measures: Sequence[Measure], groups: Sequence[tuple[RunGroup, Look]], options: CurveOptions
) -> go.Figure | None:
    """A chart for each measure that a run has: held-out people solid, people trained on dotted. None without any.

    Several runs that are drawn as one are drawn as their mean, with a band of one standard deviation around it.
    All charts share their x-axis, one legend, and the line under the pointer, beside which every value is read.
    """
    runs = [group.mean for group, _ in groups]
    drawn = [measure for measure in measures if any(_sides(measure, run, options) for run in runs)]
    if not drawn:
        return None
    figure = _stack(drawn, options, names=len(groups))
    if options.axis == "Epoch" and max(len(run.history) for run in runs) <= _EPOCHS_NUMBERED:
        # There is nothing between two epochs.
        figure.update_xaxes(dtick=1)
    for axis, measure in _axes(drawn):
        for group, its in groups:
            _add_group(figure, axis, measure, group, its, options)
        if measure.cosine:
            _add_cosines(figure, measure, runs, axis)
        if measure.column == "rank_1" and any(run.settings.get("network") == "original" for run in runs):
            _add_published(figure, axis)
    return figure


def _axes(measures: Sequence[Measure]) -> list[tuple[str, Measure]]:
    """The y-axis of each measure."""
    return [(f"y{place or ''}", measure) for place, measure in zip((0, *range(2, 99)), measures, strict=False)]


def _stack(measures: Sequence[Measure], options: CurveOptions, *, names: int) -> go.Figure:
    """The empty charts, from the top down, with their titles. Zoom and hidden runs survive new data."""
    import plotly.graph_objects as go

    figure, inner = go.Figure(), len(measures) * (_CHART_PX + _GAP_PX) - _GAP_PX
    for place, (axis, measure) in enumerate(_axes(measures)):
        top = inner - place * (_CHART_PX + _GAP_PX)
        logarithmic = measure.scale == "log" or (measure.scale == "loss" and options.logarithmic)
        scale = {"type": "log", "dtick": 1, "tickformat": "~g"} if logarithmic else {"nticks": 5}
        domain = [max(top - _CHART_PX, 0) / inner, top / inner]
        figure.layout[axis.replace("y", "yaxis")] = {"domain": domain, "anchor": "x", **scale}
        title = {"text": f"<b>{measure.title}</b>", "font": {"size": 14}, "showarrow": False}
        figure.add_annotation(
            **title, x=0, xref="paper", xanchor="left", y=1, yref=f"{axis} domain", yanchor="bottom", yshift=4
        )
    figure.update_xaxes(
        title=_X_TITLES[options.axis],
        unifiedhovertitle={"text": f"<b>{_X_TITLES[options.axis]} %{{x:.6~g}}</b>"},
        anchor=_axes(measures)[-1][0],
        showspikes=True,
        spikemode="across",
        spikesnap="hovered data",
        spikethickness=1,
        spikedash="solid",
        spikecolor=GREY,
    )
    legend = _NAME_PX * -(-names // _NAMES_IN_ROW)
    above = names <= _NAMES_ABOVE
    top, bottom = _TITLE_PX + above * legend, _AXIS_PX + (not above) * legend
    position = {"yanchor": "top", "y": 1} if above else {"yanchor": "bottom", "y": 0}
    return figure.update_layout(
        height=inner + top + bottom,
        margin={"l": 8, "r": 40, "t": top, "b": bottom},
        hovermode="x unified",
        hoversubplots="axis",
        # The nearest epoch, however far away.
        hoverdistance=-1,
        spikedistance=-1,
        legend={"orientation": "h", "yref": "container", "x": 0, **position},
        modebar={"orientation": "v"},
        uirevision="kept",
    )


def _sides(measure: Measure, run: Run, options: CurveOptions) -> dict[str, NDArray[np.float64]]:
    """What a run has of a measure, for each side that is shown."""
    found = {side: column(run, name) for side, name in measure.columns() if side == "held_out" or options.train}
    return {side: values for side, values in found.items() if np.isfinite(values).any()}


def _add_group(
    figure: go.Figure, axis: str, measure: Measure, group: RunGroup, its: Look, options: CurveOptions
) -> None:
    """Add the curves of one run or group to a chart. Markers and the values beside the pointer are as measured."""
    run, sides = group.mean, _sides(measure, group.mean, options)
    x, told = x_values(run, options.axis), next(iter(sides), None)
    named = any(trace.legendgroup == run.key for trace in figure.data)
    common: dict[str, Any] = {"x": x, "yaxis": axis, "legendgroup": run.key, "name": escape_html(run.name)}
    for side, values in sides.items():
        held_out = side == "held_out"
        line = {"color": its.colour, "width": 2.5 if held_out else 1.5, "dash": "solid" if held_out else "dot"}
        figure.add_scatter(
            **common,
            y=values,
            mode="lines+markers" if held_out else "lines",
            line=line,
            opacity=0.4 if options.smoothing else 1,
            marker={"symbol": its.symbol, "size": 7},
            showlegend=not named and side == told,
            text=_texts(group, measure, sides, options) if side == told else None,
            hovertemplate=f"{escape_html(run.name)}, {measure.title}: %{{text}}<extra></extra>"
            if side == told
            else None,
            hoverinfo=None if side == told else "skip",
        )
        if options.smoothing:
            average = smoothed(values, options.smoothing)
            figure.add_scatter(
                **common, y=average, mode="lines", line=line, showlegend=False, hoverinfo="skip", meta="smoothed"
            )
    if group.spread and "held_out" in sides:
        _add_band(figure, axis, x, sides["held_out"], _spread(group, measure, "held_out"), its, run.key)
    if "held_out" in sides and run.best and len(measure.columns()) > 1:
        row = _best_place(run)
        point = {**common, "x": [x[row]], "y": [sides["held_out"][row]]}
        ring = {**_RING, "color": its.colour}
        figure.add_scatter(**point, mode="markers", marker=ring, showlegend=False, hoverinfo="skip")


def _add_band(figure: go.Figure, axis: str, x: Any, mean: Any, spread: Any, its: Look, key: str) -> None:
    """A band of one standard deviation around the mean."""
    known = np.isfinite(mean) & np.isfinite(spread)
    x, low, high = x[known], (mean - spread)[known], (mean + spread)[known]
    figure.add_scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([high, low[::-1]]),
        yaxis=axis,
        mode="none",
        fill="toself",
        fillcolor=its.colour,
        opacity=0.2,
        hoverinfo="skip",
        showlegend=False,
        legendgroup=key,
        meta="band",
    )


def _spread(group: RunGroup, measure: Measure, side: str) -> NDArray[np.float64]:
    """The standard deviation of a side of a measure in each epoch, (rows,)."""
    name = dict(measure.columns()).get(cast(Side, side), "")
    return figures.column(group.spread, name)


def _texts(
    group: RunGroup, measure: Measure, sides: dict[str, NDArray[np.float64]], options: CurveOptions
) -> list[str]:
    """What is read beside the pointer, for each row."""
    columns, run = [], group.mean
    for side, values in sides.items():
        before = "" if side == "held_out" else "trained on "
        texts = [before + _number(value) for value in values]
        if group.spread:
            spread = _spread(group, measure, side)
            texts = [f"{text} ± {value:.2g}" for text, value in zip(texts, spread, strict=True)]
        if options.smoothing:
            average = smoothed(values, options.smoothing)
            texts = [f"{text} (smoothed {_number(value)})" for text, value in zip(texts, average, strict=True)]
        columns.append(texts)
    return [", ".join(parts) + _about(run, row, options) for row, parts in enumerate(zip(*columns, strict=True))]


def _about(run: Run, row: int, options: CurveOptions) -> str:
    """What is said of a row besides its values: the pointer may be beyond the last epoch, or between epochs."""
    epoch, best = run.history[row]["epoch"], run.best is not None and row == _best_place(run)
    parts = [f"epoch {epoch:.0f}"] if options.axis != "Epoch" else []
    if not parts and row == len(run.history) - 1:
        parts = [f"last epoch, {epoch:.0f}"]
    return "".join(f" · {part}" for part in [*parts, *(["best epoch"] if best else [])])


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "–"


def _best_place(run: Run) -> int:
    assert run.best
    return [row for row, values in enumerate(run.history) if values["epoch"] == run.best["epoch"]][-1]


def _add_published(figure: go.Figure, axis: str) -> None:
    """The band of what the original project published."""
    low, high = PUBLISHED_RANK_1
    figure.add_shape(
        type="rect",
        xref="paper",
        x0=0,
        x1=1,
        yref=axis,
        y0=low,
        y1=high,
        fillcolor=GREY,
        opacity=0.15,
        line_width=0,
    )
    _note(figure, "published: 40 to 50 %", low, axis, ("left", "bottom"))


def _add_cosines(figure: go.Figure, measure: Measure, runs: Sequence[Run], axis: str) -> None:
    """A dashed line for what plain cosine reaches, one for each set of held-out people."""
    names: dict[float, list[str]] = {}
    for run in runs:
        values = column(run, f"held_out_cosine_{measure.column}")
        known = values[np.isfinite(values)]
        if len(known) and np.isfinite(column(run, f"held_out_{measure.column}")).any():
            names.setdefault(round(float(known[-1]), 6), []).append(run.name)
    for number, (value, of_runs) in enumerate(names.items()):
        line = {"color": GREY, "width": 1.5, "dash": "dash"}
        figure.add_shape(type="line", xref="paper", x0=0, x1=1, yref=axis, y0=value, y1=value, line=line)
        label = "cosine" if len(names) == 1 else f"cosine, {shorten(', '.join(of_runs))}"
        across, up = _CORNERS[number % len(_CORNERS)]
        _note(figure, label, value, axis, (across, "top" if up == "bottom" else "bottom"))


def _note(figure: go.Figure, text: str, y: float, axis: str, corner: tuple[str, str]) -> None:
    """Small grey text at the left or right edge, above or below ``y``."""
    across, anchor = corner
    logarithmic = figure.layout[axis.replace("y", "yaxis")].type == "log"
    figure.add_annotation(
        text=escape_html(text),
        font={"color": GREY, "size": 12},
        showarrow=False,
        xref="paper",
        x=1 if across == "right" else 0,
        xanchor=across,
        yref=axis,
        y=math.log10(y) if logarithmic and y > 0 else y,
        yanchor=anchor,
    )
