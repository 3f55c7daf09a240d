"""The view of a hyperparameter search: parallel coordinates."""

from __future__ import annotations

import streamlit as st

from pages.shared import run_settings
from pages.shared.plots.tuning import parallel
from pages.shared.runs.selection import ChosenRuns
from pages.shared.runs.table import csv_row
from pages.shared.runs.widgets import offer_csv, show_chart


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
    offer_csv(
        "Study as CSV",
        lambda: [csv_row(listed, run) | {"MRR": (run.best or {}).get("held_out_mrr")} for run, _ in table],
        "study.csv",
    )
