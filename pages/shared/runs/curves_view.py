"""The view of a training's curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import streamlit as st

from pages.shared.plots import curves
from pages.shared.plots.curves import Axis, CurveOptions, Measure
from pages.shared.runs.selection import ChosenRuns
from pages.shared.runs.widgets import offer_csv, show_chart

if TYPE_CHECKING:
    import plotly.graph_objects as go

AXES = ("Epoch", "Step", "Time")
SMOOTHING = (0.0, 0.95)
MEASURES = [measure.title for measure in curves.MORE_MEASURES]
# What the address may say of the widgets here.
PARAMETERS = {
    "along": AXES,
    "smoothing": SMOOTHING,
    "logarithmic": None,
    "trained": None,
    "measures": MEASURES,
}
PUBLISHED_NOTE = (
    "The original project published 40 to 50 % for 9,131 people with ten photos each. Here everybody has one photo; "
    "the dashed line is plain cosine on the same photos."
)


def draw(chosen: ChosenRuns) -> None:
    """Curves of the chosen runs, two plots in a row."""
    runs = chosen.current()
    options = _choose_options()
    more = st.pills(
        "More measures",
        MEASURES,
        selection_mode="multi",
        default=["Margins met"],
        key="measures",
        bind="query-params",
    )
    measures = [*curves.MAIN_MEASURES, *(measure for measure in curves.MORE_MEASURES if measure.title in more)]
    drawn = [
        (figure, measure) for measure in measures if (figure := curves.curves(measure, runs, options)) is not None
    ]
    with st.container():
        _draw_plots(drawn, chosen.names)
    if not drawn:
        st.info("None of these runs has completed an epoch yet.", icon=":material/hourglass_empty:")
    st.caption("Solid: held-out people; the ring marks the best epoch. Dotted: people trained on.")
    rows = [{"run": run.key, **row} for run, _ in runs for row in run.history]
    offer_csv("Curves as CSV", lambda: rows, "curves.csv")


def _draw_plots(drawn: list[tuple[go.Figure, Measure]], names: str) -> None:
    for first in range(0, len(drawn), 2):
        for column, (figure, measure) in zip(st.columns(2, gap="medium"), drawn[first : first + 2], strict=False):
            with column:
                st.markdown(f"##### {measure.title}", help=measure.text)
                show_chart(figure, measure.title, f"{measure.title} of {names}")
                if measure.column == "rank_1":
                    st.caption(PUBLISHED_NOTE)


def _choose_options() -> CurveOptions:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        axis = st.segmented_control(
            "Along",
            AXES,
            default=AXES[0],
            required=True,
            key="along",
            bind="query-params",
            help="Time is training time, without evaluation.",
        )
        smoothing = st.slider(
            "Smoothing",
            *SMOOTHING,
            0.0,
            0.05,
            key="smoothing",
            bind="query-params",
            width=200,
            help="A moving average; the measured values stay visible, faintly.",
        )
        logarithmic = st.toggle("Logarithmic losses", key="logarithmic", bind="query-params")
        train = st.toggle("Show people trained on", value=True, key="trained", bind="query-params")
    return CurveOptions(cast(Axis, axis), smoothing, logarithmic, train)
