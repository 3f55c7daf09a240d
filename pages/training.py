"""The training viewer: compare recorded runs and your own, and start a training."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shared import url_state
from pages.shared.runs import (
    comparison,
    curves_view,
    evaluation_view,
    geometry_view,
    grouping,
    manage,
    new_run,
    run_notices,
    running,
    selection,
    table,
    transfer,
    tuning_view,
)
from pages.shared.runs.selection import LIVE_SECONDS, ChosenRuns, RunList, list_runs, state_of
from train.runs import catalogue

VIEWS = {
    "Curves": curves_view.draw,
    "Compare": comparison.draw,
    "Geometry": geometry_view.draw,
    "Evaluation": evaluation_view.draw,
    "Tuning": tuning_view.draw,
}


def page() -> None:
    """The page from top to bottom."""
    runs = catalogue.all_runs()
    states = {run.key: state_of(run) for run in runs}
    own = sum(not run.recorded for run in runs)
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        with st.container(width="content", gap=None):
            st.title("Training", anchor=False)
            st.caption(f"{len(runs) - own} recorded runs, {own} of your own" if runs else "No runs yet")
        st.button("Train one now", icon=":material/model_training:", type="primary", on_click=new_run.ask)
    # What comes and goes is in containers that are always there: it moves nothing, and nothing is drawn twice.
    with st.container():
        new_run.draw_when_asked()
        manage.draw_when_asked()
    left, right = st.columns([3, 7], gap="medium")
    with left.container():
        running.draw([run for run in runs if states[run.key] == "running"])
    if runs:
        _draw_runs(list_runs(runs, states), left, right)
    else:
        with st.container(border=True, width=640):
            st.subheader(":material/timeline: No runs yet", anchor=False)
            st.markdown("Train a small network on the chosen gallery to see how it learns.")


def _draw_runs(listed: RunList, left: DeltaGenerator, right: DeltaGenerator) -> None:
    """The table with what there is to say of the chosen runs, and beside them a view."""
    url_state.check(
        runs=listed.keys,
        filter=table.filters(listed),
        view=list(VIEWS),
        grouped=grouping.choices(listed),
        **curves_view.PARAMETERS,
    )
    with left:
        with st.popover("Filter and group", icon=":material/filter_list:", width="stretch"):
            shown = table.filtered(listed)
            grouping.choose(listed)
        if len(shown) < len(listed.runs):
            st.caption(f"{len(shown)} of {len(listed.runs)} runs fit the filter")
        wanted = selection.chosen_keys(listed.keys)
        with st.container():
            table.draw(listed, shown, wanted)
        chosen = ChosenRuns([(run, listed.looks[run.key]) for run in shown if run.key in wanted], listed)
        run_notices.draw(chosen)
        with st.container(horizontal=True):
            manage.draw(chosen)
            transfer.draw(chosen)
    with right:
        if chosen.runs:
            _draw_view(chosen)
        else:
            st.info("Choose runs in the table to see them.", icon=":material/checklist:")


def _draw_view(chosen: ChosenRuns) -> None:
    """The chosen view, drawn again and again while a run is running."""
    view = st.segmented_control(
        "View",
        list(VIEWS),
        default="Curves",
        required=True,
        key="view",
        bind="query-params",
        label_visibility="collapsed",
    )
    st.fragment(VIEWS[view], run_every=LIVE_SECONDS if chosen.running else None)(chosen)
