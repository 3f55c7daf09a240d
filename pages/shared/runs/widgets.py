"""Widgets that the views of the training page share."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shared.runs.selection import ChosenRuns
from pages.shared.text import escape
from pipeline.csv_files import as_csv
from train.runs.catalogue import Run

if TYPE_CHECKING:
    import plotly.graph_objects as go


def show_chart(figure: go.Figure, name: str, alt: str) -> None:
    """A plot; its toolbar saves it as a picture of this name."""
    picture = {"filename": f"lookslikewho-{re.sub('[^a-z0-9.-]+', '-', name.lower())}", "scale": 2}
    st.plotly_chart(
        figure,
        theme="streamlit",
        key=f"plot {name}",
        alt=alt,
        config={
            "displaylogo": False,
            "toImageButtonOptions": picture,
            "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
        },
    )


def offer_csv(label: str, rows: Callable[[], list[dict[str, Any]]], file: str) -> None:
    """A button that downloads a table."""
    st.download_button(label, lambda: as_csv(rows()), file, "text/csv", icon=":material/download:", on_click="ignore")


def display_name(run: Run) -> str:
    """The name of a run; recorded ones say so."""
    return run.name + (" (recorded)" if run.recorded else "")


def pick_run(runs: Sequence[Run], key: str) -> Run:
    """Choose one run, where a plot shows only one."""
    names = {run.key: display_name(run) for run in runs}
    picked = st.selectbox("Run", list(names), format_func=names.__getitem__, key=key, width=260)
    return next((run for run in runs if run.key == picked), runs[0])


def say_missing(chosen: ChosenRuns, shown: Sequence[Run], what: str) -> None:
    """Why some of the chosen runs are not in a view, or none is."""
    missing = [run for run, _ in chosen.runs if run.key not in {each.key for each in shown}]
    waiting = [run for run in missing if chosen.listed.states[run.key] == "running"]
    for runs, text in (
        (waiting, f"{what} is not there yet."),
        (
            [run for run in missing if run not in waiting],
            f"{what} was not stored during training. Train again to see it.",
        ),
    ):
        if runs:
            st.info(escape(f"{', '.join(run.name for run in runs)}: {text}"), icon=":material/history:")
