"""The view of a hyperparameter search: parallel coordinates."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from pages.shared import run_settings
from pages.shared.plots.tuning import importances, parallel
from pages.shared.run_settings import words
from pages.shared.runs.selection import ChosenRuns
from pages.shared.runs.table import csv_row
from pages.shared.runs.widgets import offer_csv, show_chart
from train.importance import RUNS_MIN, importance
from train.runs.catalogue import Run

_IMPORTANCE_HELP = (
    "The share of the differences in mean reciprocal rank that each setting explains, by functional analysis of "
    "variance on random forests. With few runs, take it as a hint."
)


def draw(chosen: ChosenRuns) -> None:
    """The runs of a study, or the chosen ones."""
    listed = chosen.listed
    studies = sorted({str(run.settings["study"]) for run in listed.runs if "study" in run.settings})
    options = [*studies, "The chosen runs"]
    picked = st.selectbox("Study", options, key="study", width=260) if studies else options[0]
    runs = [run for run, _ in chosen.runs]
    if picked in studies:
        runs = [run for run in listed.runs if run.settings.get("study") == picked]
    table = [(run, run_settings.effective(run.settings)) for run in runs if run.best]
    values = run_settings.values_by_name([settings for _, settings in table])
    # Settings that follow from the kind of network would only crowd the plot.
    names = [name for name, found in values.items() if len(found) > 1 and name not in run_settings.IMPLIED_BY_NETWORK]
    if not studies:
        st.caption("A study searches for good settings by many short trainings. There is none yet.")
    if len(table) < 2 or not names:
        st.info("Choose at least two runs with different settings.", icon=":material/checklist:")
        return
    with st.container(key="wide"):
        show_chart(parallel(table, names), "tuning", f"Parallel coordinates of {len(table)} runs")
    width = 80 * (len(names) + 2)
    st.html(f"<style>.st-key-wide {{ overflow-x: auto; }} .st-key-wide > * {{ min-width: {width}px; }}</style>")
    st.caption("Each line is a run. Drag along an axis to filter, drag its name to move it.")
    _draw_importance(table, names)
    offer_csv(
        "Study as CSV",
        lambda: [csv_row(listed, run) | {"MRR": (run.best or {}).get("held_out_mrr")} for run, _ in table],
        "study.csv",
    )


def _draw_importance(table: list[tuple[Run, dict[str, Any]]], names: list[str]) -> None:
    """How much each setting matters, where there are enough runs to say so."""
    reached = [(settings, (run.best or {}).get("held_out_mrr", math.nan)) for run, settings in table]
    known = [(settings, score) for settings, score in reached if math.isfinite(score)]
    st.markdown("##### What mattered", help=_IMPORTANCE_HELP)
    found = _importance(
        [{name: settings.get(name) for name in names} for settings, _ in known], [score for _, score in known]
    )
    if found:
        show_chart(importances(found), "importance", "Importance of settings: " + ", ".join(map(words, found)))
    else:
        st.caption(f"This needs {RUNS_MIN} runs or more with different results.")


@st.cache_data(max_entries=8, show_spinner="Weighing the settings")
def _importance(settings: list[dict[str, Any]], scores: list[float]) -> dict[str, float]:
    return importance(settings, scores)
