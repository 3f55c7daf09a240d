"""Widgets that the views of the training page share."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shared.text import escape
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


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    """Rows as CSV, with every column that one of them has."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def display_name(run: Run) -> str:
    """The name of a run; recorded ones say so."""
    return run.name + (" (recorded)" if run.recorded else "")


def pick_run(runs: Sequence[Run], key: str) -> Run:
    """Choose one run, where a plot shows only one."""
    names = {run.key: display_name(run) for run in runs}
    picked = st.selectbox("Run", list(names), format_func=names.__getitem__, key=key, width=260)
    return next((run for run in runs if run.key == picked), runs[0])


def say_not_stored(names: str, what: str) -> None:
    """Why a view is empty."""
    st.info(
        escape(f"{names}: {what} was not stored during training. Train again to see it."), icon=":material/history:"
    )
