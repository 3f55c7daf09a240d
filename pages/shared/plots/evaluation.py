"""CMC, ROC and reliability curves of finished runs, vs cosine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pages.shared.palette import GREY
from pages.shared.plots.figure import Look, empty_figure, escape_html
from train.runs.catalogue import Run

if TYPE_CHECKING:
    import plotly.graph_objects as go

# A run with the contents of its evaluation.json.
Evaluated = Sequence[tuple[Run, Look, dict[str, Any]]]


def cmc(evaluated: Evaluated) -> go.Figure:
    """Cumulative match characteristic: the share of probes whose own person is among the first k."""
    figure = empty_figure("k", "Share of probes")
    for name, line, values in _series(evaluated, "rank_k"):
        _add_line(figure, values["k"], values["share"], name, line, "among the first %{x}: %{y:.4f}")
    figure.update_xaxes(type="log", tickvals=[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000])
    return figure


def roc(evaluated: Evaluated) -> go.Figure:
    """True accept rate over false accept rate."""
    figure = empty_figure("False accept rate", "True accept rate")
    for name, line, values in _series(evaluated, "roc"):
        _add_line(figure, values["false"], values["true"], name, line, "%{y:.4f} at %{x:.2g}")
    figure.update_xaxes(type="log", exponentformat="power", dtick=1)
    return figure


def reliability(evaluated: Evaluated) -> go.Figure | None:
    """Share of same-person pairs over the probability given to them. None when no run has enough people."""
    figure = empty_figure("Probability of one person, %", "Same-person pairs, %")
    figure.add_scatter(
        x=[0, 100], y=[0, 100], mode="lines", line={"color": GREY, "width": 1}, name="ideal", hoverinfo="skip"
    )
    for name, line, values in _series(evaluated, "reliability"):
        said, same = (100 * np.array(values[part]) for part in ("said", "same"))
        label = f"{name} (error {values['error']:.3f})"
        _add_line(figure, said, same, label, line, "probability %{x:.0f}, same person %{y:.0f} %")
    figure.update_layout(hovermode="closest")
    return figure if len(figure.data) > 1 else None


def _series(evaluated: Evaluated, part: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name, line and values of each run's network, then of each different cosine baseline."""
    found: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
    cosines: list[tuple[str, Any]] = []
    for run, its, evaluation in evaluated:
        network, cosine = (evaluation["ways"][way][part] for way in ("network", "cosine"))
        if network:
            found.append((run.name, {"color": its.colour, "symbol": its.symbol}, network))
        if cosine and cosine not in [values for _, values in cosines]:
            cosines.append((run.name, cosine))
    # The baselines are drawn last, on top.
    for name, values in cosines:
        label = "cosine" if len(cosines) == 1 else f"cosine for {name}"
        found.append((label, {"color": GREY, "dash": "dash"}, values))
    return found


def _add_line(figure: go.Figure, x: Any, y: Any, name: str, line: dict[str, Any], hover: str) -> None:
    symbol = line.pop("symbol", None)
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines+markers" if symbol else "lines",
        name=escape_html(name),
        line={"width": 2.5 if symbol else 1.5, **line},
        marker={"symbol": symbol or "circle", "size": 6},
        hovertemplate=f"{escape_html(name)}: {hover}<extra></extra>",
    )
