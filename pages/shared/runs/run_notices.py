"""What is unfinished or wrong about the chosen runs, and what can be done with them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.shared import focus, scorers
from pages.shared.runs import new_run
from pages.shared.runs.selection import ICONS, ChosenRuns
from pages.shared.runs.widgets import few_people
from pages.shared.text import escape
from train.runs import processes
from train.runs.catalogue import Run
from train.runs.processes import RunState


def draw(chosen: ChosenRuns) -> None:
    """Notices of each run, then of all."""
    with focus.target():
        for run, _ in chosen.runs:
            _draw_notice(run, chosen.listed.states[run.key])
        _warn_of_few_people([run for run, _ in chosen.runs])


def _warn_of_few_people(runs: Sequence[Run]) -> None:
    """Say which runs are measured on too few people."""
    names: dict[str, list[str]] = {}
    for run in runs:
        if run.probes is not None and (text := few_people(run.probes)):
            names.setdefault(text, []).append(run.name)
    for text, of_runs in names.items():
        st.warning(f"**{escape(', '.join(of_runs))}**: {text}", icon=":material/group_off:")


def _draw_notice(run: Run, state: RunState) -> None:
    """What is wrong or unfinished about a run, and a button to continue it."""
    if not run.config and state != "running":
        st.warning(escape(f"The settings of {run.name} are missing or damaged. Train it again under another name."))
    elif not run.history and state in ("finished", "stopped"):
        st.info(escape(f"{run.name} has no complete epoch yet."), icon=":material/hourglass_empty:")
    if run.recorded:
        return
    if state == "finished":
        scorers.draw_use_in_finder(run.name)
    if state not in ("crashed", "stopped"):
        return
    last = f" after epoch {run.history[-1]['epoch']:.0f}" if run.history else ""
    with st.container(border=True, key=f"notice {run.key}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            what = "was stopped" if state == "stopped" else "ended unexpectedly"
            st.markdown(f"{ICONS[state]} **{escape(run.name)}** {what}{last}.")
            arguments = processes.resume_arguments(run.folder)
            if arguments and st.button("Continue", icon=":material/resume:", key=f"continue {run.key}"):
                new_run.begin(run.name, arguments)
        if state == "crashed":
            if output := processes.last_output(run.folder):
                st.code(output, language=None, wrap_lines=True)
            else:
                st.caption("It left no message: it was killed, or the machine ran out of memory.")
