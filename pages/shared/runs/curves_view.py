"""The view of a training's curves."""

from __future__ import annotations

from typing import cast

import streamlit as st

from pages.shared.plots.curves import Axis, CurveOptions, curves
from pages.shared.plots.measures import MAIN_MEASURES, MORE_MEASURES, more_measures
from pages.shared.runs import grouping
from pages.shared.runs.selection import ChosenRuns
from pages.shared.runs.widgets import offer_csv, show_chart

AXES = ("Epoch", "Step", "Time")
SMOOTHING = (0.0, 0.95)
MEASURES = [measure.title for measure in MORE_MEASURES]
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
    """Charts of the chosen runs, one below the other."""
    runs = chosen.current()
    with st.popover("Options", icon=":material/tune:"):
        options, more = _choose_options()
    measures = [*MAIN_MEASURES, *(measure for measure in MORE_MEASURES if measure.title in more)]
    measures += more_measures([run for run, _ in runs])
    groups = grouping.grouped(chosen)
    figure = curves(measures, groups, options)
    with st.container():
        if figure is None:
            st.info("None of these runs has completed an epoch yet.", icon=":material/hourglass_empty:")
        else:
            show_chart(figure, "curves", f"Curves of {chosen.names}")
    if any(group.spread for group, _ in groups):
        st.caption("Band: one standard deviation around the mean of runs that are drawn as one.")
    st.caption(
        "Solid: held-out people; the ring marks the best epoch. Dotted: people trained on. "
        "Markers are measured values."
    )
    with st.expander("What is measured", icon=":material/info:"):
        st.markdown("\n".join(f"- **{measure.title}**: {measure.text}" for measure in measures))
        if any(run.settings.get("network") == "original" for run, _ in runs):
            st.caption(PUBLISHED_NOTE)
    rows = [{"run": run.key, **row} for run, _ in runs for row in run.history]
    offer_csv("Curves as CSV", lambda: rows, "curves.csv")


def _choose_options() -> tuple[CurveOptions, list[str]]:
    """How to draw, and the titles of the measures to add."""
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
        help="A moving average; the measured values stay visible, faintly.",
    )
    logarithmic = st.toggle("Logarithmic losses", key="logarithmic", bind="query-params")
    train = st.toggle("Show people trained on", value=True, key="trained", bind="query-params")
    more = st.pills(
        "More measures",
        MEASURES,
        selection_mode="multi",
        default=["Margins met"],
        key="measures",
        bind="query-params",
    )
    return CurveOptions(cast(Axis, axis), smoothing, logarithmic, train), more
