"""The plots of the training viewer: runs and what was measured of them, to Plotly figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pages.shared import run_settings
from pages.shared.palette import COLOURS
from train.runs import geometry
from train.runs.catalogue import Run

if TYPE_CHECKING:
    import plotly.graph_objects as go

Axis = Literal["Epoch", "Step", "Time"]
Side = Literal["held_out", "train"]
# Yellow is hardly seen on white.
_INKS = COLOURS[:6]
_SYMBOLS = {"circle": "●", "square": "■", "diamond": "◆", "triangle-up": "▲", "star": "★"}
# What there is to beat, in light and dark.
_GREY = "#8a9491"
_HEIGHT_PX = 300
_X_TITLES = {"Epoch": "Epoch", "Step": "Step", "Time": "Seconds of training"}
# Published for 9,131 people with ten photos each.
PUBLISHED = (0.4, 0.5)


@dataclass(frozen=True)
class Look:
    """How a run is drawn wherever it is drawn: a colour, and a mark beside it where there are many runs."""

    colour: str
    symbol: str

    @property
    def sign(self) -> str:
        """The mark as a letter."""
        return _SYMBOLS[self.symbol]


def look(place: int) -> Look:
    """That of a place among runs; those counted from the end are the last to be met."""
    symbols = list(_SYMBOLS)
    return Look(_INKS[place % len(_INKS)], symbols[place // len(_INKS) % len(symbols)])


@dataclass(frozen=True)
class Measure:
    """A column of the histories, as people read it. losses: smaller is better, and a logarithm makes sense."""

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


SEED_PLOTS = (
    Measure("loss", "Loss", "What training makes small, of its own batches and of held-out people.", loss=True),
    Measure(
        "rank_1",
        "One-shot accuracy",
        "Exact matches: share of probes whose own person comes first among all people, each with one photo.",
        cosine=True,
    ),
    Measure("learning_rate", "Learning rate", "Halved when held-out people have not got better for long.", loss=True),
)
MEASURES = (
    Measure("rank_5", "Rank-5", "Share of probes whose own person is among the first five.", cosine=True),
    Measure("mrr", "Mean reciprocal rank", "1 where the own person comes first, 1/2 where second.", cosine=True),
    Measure("rank_score", "Rank score", "1 where the own person comes first, 0 where last.", cosine=True),
    Measure(
        "one_shot_loss",
        "One-shot loss",
        "By what the most alike other person undercuts the own one, squared, with a margin of 0.25.",
        loss=True,
        cosine=True,
    ),
    Measure("auc", "Verification AUC", "Area under the ROC curve of pairs of photos.", cosine=True),
    Measure(
        "tar_at_far_1e-3",
        "True accepts at 1 false in 1,000",
        "Share of pairs of one person that are accepted where one pair of strangers in a thousand is.",
        cosine=True,
    ),
    Measure(
        "margins_met", "Margins met", "Share of random quadruplets that meet both margins of the quadruplet loss."
    ),
    Measure("seconds", "Seconds an epoch", "Of training, without measuring.", loss=True),
)


def places(run: Run, axis: Axis) -> np.ndarray:
    """Where each row of a history stands on the x-axis, float64 (rows,)."""
    epochs = column(run, "epoch")
    if axis == "Step":
        steps = run.settings.get("steps_per_epoch")
        return epochs * (steps if isinstance(steps, int) else 1)
    return np.cumsum(np.nan_to_num(column(run, "seconds"))) if axis == "Time" else epochs


def column(run: Run, name: str) -> np.ndarray:
    """A column of a history, float64 (rows,); NaN where it has no number."""
    return np.array([row.get(name, math.nan) for row in run.history], np.float64)


def smoothed(values: np.ndarray, weight: float) -> np.ndarray:
    """The running mean in which the value ``n`` rows ago counts ``weight`` to the nth; NaN is passed over."""
    found, total, mass = np.full(len(values), np.nan), 0.0, 0.0
    for place, value in enumerate(values):
        if math.isfinite(value):
            total, mass = weight * total + value, weight * mass + 1
            found[place] = total / mass
    return found


def history(
    measure: Measure, runs: Sequence[tuple[Run, Look]], axis: Axis, smoothing: float, logarithmic: bool, train: bool
) -> go.Figure | None:
    """One measure of several runs over training, held-out people in full, people trained on dotted.

    None where no run has it.
    """
    figure = _figure(_X_TITLES[axis], measure.title)
    cosines: dict[tuple[float, ...], list[str]] = {}
    drawn = False
    for run, its in runs:
        x = places(run, axis)
        shown = False
        for side, name in measure.columns():
            values = column(run, name)
            if not np.isfinite(values).any() or (side == "train" and not train):
                continue
            words = run.name if side == "held_out" else f"{run.name}, trained on"
            line = {"color": its.colour, "width": 2.5 if side == "held_out" else 1.5}
            if side == "train":
                line["dash"] = "dot"
            group = {"legendgroup": run.key, "legendgrouptitle": None}
            if smoothing:
                figure.add_scatter(
                    x=x, y=values, mode="lines", line=line, opacity=0.25, showlegend=False, hoverinfo="skip", **group
                )
            figure.add_scatter(
                x=x,
                y=smoothed(values, smoothing),
                mode="lines+markers" if side == "held_out" else "lines",
                name=run.name,
                showlegend=not shown,
                line=line,
                marker={"symbol": its.symbol, "size": 7},
                hovertemplate=f"{_plain(words)} %{{y:.4f}}<extra></extra>",
                **group,
            )
            shown = drawn = True
            if side == "held_out" and run.best and len(measure.columns()) > 1:
                _best(figure, run, its, x, smoothed(values, smoothing))
            if measure.cosine and side == "held_out":
                of = column(run, f"held_out_cosine_{measure.column}")
                known = of[np.isfinite(of)]
                if len(known):
                    cosines.setdefault((round(float(known[-1]), 6),), []).append(run.name)
    if not drawn:
        return None
    for place, ((value,), of_runs) in enumerate(cosines.items()):
        label = "cosine" if len(cosines) == 1 else f"cosine, {_cut(', '.join(of_runs))}"
        figure.add_hline(
            value,
            line={"color": _GREY, "width": 1.5, "dash": "dash"},
            annotation={"text": _plain(label), "font": {"color": _GREY, "size": 12}, "yshift": -2},
            annotation_position=("bottom right", "bottom left", "top right", "top left")[place % 4],
        )
    if measure.column == "rank_1" and any(run.settings.get("network") == "original" for run, _ in runs):
        figure.add_hrect(
            *PUBLISHED,
            fillcolor=_GREY,
            opacity=0.15,
            line_width=0,
            annotation={"text": "published: 40 to 50 %", "font": {"color": _GREY, "size": 12}},
            annotation_position="bottom right",
        )
    if logarithmic and measure.loss:
        figure.update_yaxes(type="log")
    return figure


def _best(figure: go.Figure, run: Run, its: Look, x: np.ndarray, values: np.ndarray) -> None:
    """A ring around the best epoch."""
    assert run.best
    at = [place for place, row in enumerate(run.history) if row["epoch"] == run.best["epoch"]][-1]
    figure.add_scatter(
        x=[x[at]],
        y=[values[at]],
        mode="markers",
        marker={"symbol": "circle-open", "size": 15, "color": its.colour, "line": {"width": 2.5}},
        legendgroup=run.key,
        showlegend=False,
        hovertemplate=f"{_plain(run.name)}: best epoch {run.best['epoch']:.0f}<extra></extra>",
    )


# The quadruplet geometry --------------------------------------------------------------------------------------------

_PAIRS = {
    "ap": ("Anchor and positive", COLOURS[2]),
    "an": ("Anchor and negative", COLOURS[3]),
    "nn": ("Two negatives", COLOURS[0]),
}


def distances(counts: dict[str, list[int]], its_settings: dict[str, Any]) -> go.Figure:
    """Histograms of the three distances of quadruplets, with the margins that the loss asks for."""
    figure = _figure("Distance", "Share of quadruplets")
    middles = (np.arange(geometry.BINS) + 0.5) / geometry.BINS
    for name, (title, colour) in _PAIRS.items():
        shares = np.array(counts[name]) / max(sum(counts[name]), 1)
        figure.add_bar(
            x=middles,
            y=shares,
            name=f"{title} ({name})",
            marker={"color": colour, "opacity": 0.6, "line": {"width": 0}},
            width=1 / geometry.BINS,
            hovertemplate="%{x:.2f}: %{y:.1%}<extra></extra>",
        )
    figure.update_layout(barmode="overlay", hovermode="closest", height=360, bargap=0)
    figure.update_xaxes(range=[0, 1])
    figure.update_yaxes(tickformat=".0%")
    for value, text, colour, place in margins(counts, its_settings):
        figure.add_vline(
            value,
            line={"color": colour, "width": 2, "dash": "dash"},
            annotation={"text": text, "font": {"size": 12}, "yshift": -18 * place},
            annotation_position="top left" if not place or value > 0.5 else "top right",
        )
    return figure


def middle(counts: Sequence[int]) -> float:
    """The median of a histogram over 0..1."""
    sums = np.cumsum(counts)
    return (float(np.searchsorted(sums, sums[-1] / 2)) + 0.5) / geometry.BINS


def margins(counts: dict[str, list[int]], its_settings: dict[str, Any]) -> list[tuple[float, str, str, int]]:
    """Where the loss wants the distances, for the median positive pair: place, words, colour and line of text."""
    loss, ap = its_settings.get("loss", "quadruplet"), middle(counts["ap"])
    found = [(ap, f"median ap {ap:.2f}", _PAIRS["ap"][1], 0)]
    wanted: list[tuple[float, str, str]] = []
    number = {name: value for name, value in its_settings.items() if isinstance(value, int | float)}
    if loss == "quadruplet" and {"alpha", "beta"} <= number.keys():
        wanted = [(number["alpha"], "an", "α"), (number["beta"], "nn", "β")]
    elif loss == "triplet" and "margin" in number:
        wanted = [(number["margin"], "an", "margin")]
    elif loss in ("contrastive", "similar_different") and "margin" in number:
        return [*found, (float(number["margin"]), f"an beyond {number['margin']:g}", _PAIRS["an"][1], 1)]
    for place, (margin, name, sign) in enumerate(wanted, start=1):
        least = math.sqrt(ap**2 + margin)
        found.append((min(least, 1.0), f"{name} beyond {least:.2f} ({sign} {margin:g})", _PAIRS[name][1], place))
    return found


# Evaluation ---------------------------------------------------------------------------------------------------------

Evaluated = Sequence[tuple[Run, Look, dict[str, Any]]]


def rank_k(evaluated: Evaluated) -> go.Figure:
    """Share of probes whose own person is among the first k."""
    figure = _figure("k", "Share of probes")
    for name, line, of in _ways(evaluated, "rank_k"):
        _line(figure, of["k"], of["share"], name, line, "among the first %{x}: %{y:.4f}")
    figure.update_xaxes(type="log", tickvals=[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000])
    return figure


def roc(evaluated: Evaluated) -> go.Figure:
    """True accepts over false accepts."""
    figure = _figure("False accepts", "True accepts")
    for name, line, of in _ways(evaluated, "roc"):
        _line(figure, of["false"], of["true"], name, line, "%{y:.4f} at %{x:.2g}")
    figure.update_xaxes(type="log", exponentformat="power", dtick=1)
    return figure


def reliability(evaluated: Evaluated) -> go.Figure | None:
    """What is so, over what the resemblance says. None where no run has enough people for that."""
    figure = _figure("Resemblance", "Pairs of one person, of 100")
    figure.add_scatter(
        x=[0, 100],
        y=[0, 100],
        mode="lines",
        line={"color": _GREY, "width": 1},
        name="as said",
        hoverinfo="skip",
    )
    for name, line, of in _ways(evaluated, "reliability"):
        said, same = (100 * np.array(of[part]) for part in ("said", "same"))
        _line(figure, said, same, f"{name} (error {of['error']:.3f})", line, "said %{x:.0f}, is %{y:.0f}")
    figure.update_layout(hovermode="closest")
    return figure if len(figure.data) > 1 else None


def _ways(evaluated: Evaluated, part: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """The name, line and values of each run's network, and of the cosine once for each different one."""
    found: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
    cosines: list[tuple[str, Any]] = []
    for run, its, evaluation in evaluated:
        ways = evaluation["ways"]
        if ways["network"][part]:
            found.append((run.name, {"color": its.colour, "symbol": its.symbol}, ways["network"][part]))
        if ways["cosine"][part] and ways["cosine"][part] not in [of for _, of in cosines]:
            cosines.append((run.name, ways["cosine"][part]))
    for name, of in cosines:
        # Drawn last, so that what is to be beaten is seen.
        label = "cosine" if len(cosines) == 1 else f"cosine for {name}"
        found.append((label, {"color": _GREY, "dash": "dash"}, of))
    return found


def _line(figure: go.Figure, x: Any, y: Any, name: str, line: dict[str, Any], words: str) -> None:
    symbol = line.pop("symbol", None)
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines+markers" if symbol else "lines",
        name=_plain(name),
        line={"width": 2.5 if symbol else 1.5, **line},
        marker={"symbol": symbol or "circle", "size": 6},
        hovertemplate=f"{_plain(name)}: {words}<extra></extra>",
    )


# Tuning -------------------------------------------------------------------------------------------------------------


def parallel(runs: Sequence[tuple[Run, dict[str, Any]]], names: Sequence[str]) -> go.Figure:
    """Parallel coordinates: a line for each run through its settings of these names to what it reached."""
    import plotly.graph_objects as go

    reached = {
        title: [(run.best or {}).get(f"held_out_{name}") for run, _ in runs]
        for title, name in (("rank-1", "rank_1"), ("MRR", "mrr"))
    }
    dimensions = [_dimension(name, [of.get(name) for _, of in runs]) for name in names]
    dimensions += [_dimension(title, values) for title, values in reached.items()]
    line = {"color": dimensions[-1]["values"], "colorscale": [[0, COLOURS[1]], [1, COLOURS[0]]]}
    figure = go.Figure(go.Parcoords(line=line, dimensions=dimensions, labelangle=-20))
    return figure.update_layout(height=440, margin={"l": 72, "r": 32, "t": 84, "b": 24})


def _dimension(name: str, values: list[Any]) -> dict[str, Any]:
    """An axis of numbers, or of words where a setting has any; a run that does without it passes below."""
    label = name.replace("_", " ")
    known = [value for value in values if value is not None]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        words = sorted(
            {run_settings.word(value) for value in values}, key=lambda word: (word != run_settings.NONE, word)
        )
        numbers = [words.index(run_settings.word(value)) for value in values]
        return {"label": label, "values": numbers, "tickvals": list(range(len(words))), "ticktext": words}
    lowest, highest = min(known), max(known)
    wide = lowest > 0 and highest / lowest > 20
    scale = math.log10 if wide else float
    bottom, top = scale(lowest), scale(highest)
    below = bottom - 0.15 * ((top - bottom) or 1.0)
    ticks = _round_between(lowest, highest) if wide else np.linspace(lowest, highest, 5).tolist()
    if len(set(known)) <= 5:
        ticks = sorted(set(known))
    places, texts = [scale(tick) for tick in ticks], [_tick(tick) for tick in ticks]
    if len(known) < len(values):
        places, texts = [below, *places], [run_settings.NONE, *texts]
    placed = [below if value is None else scale(value) for value in values]
    return {
        "label": label,
        "values": placed,
        "range": [below if len(known) < len(values) else bottom, top if top > bottom else bottom + 1],
        "tickvals": places,
        "ticktext": texts,
    }


def _tick(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _round_between(lowest: float, highest: float) -> list[float]:
    """1, 2 and 5 times the powers of ten between two numbers."""
    powers = range(math.floor(math.log10(lowest)), math.ceil(math.log10(highest)) + 1)
    return [tick for power in powers for part in (1, 2, 5) if lowest <= (tick := part * 10.0**power) <= highest]


def _figure(x: str, y: str) -> go.Figure:
    """An empty figure; zooming into it outlasts what grows in it."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.update_layout(
        height=_HEIGHT_PX,
        margin={"l": 8, "r": 8, "t": 24, "b": 8},
        hovermode="closest",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        uirevision="kept",
    )
    figure.update_xaxes(title=x)
    return figure.update_yaxes(title=y)


def _plain(text: str) -> str:
    """Text that Plotly shows as it stands."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _cut(text: str, length: int = 30) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
