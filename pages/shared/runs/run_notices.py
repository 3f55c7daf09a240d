"""What is unfinished or wrong about the chosen runs, and what can be done with them."""

from __future__ import annotations

import streamlit as st

from pages.shared import focus, scorers
from pages.shared.runs import new_run
from pages.shared.runs.selection import ICONS, LIVE_SECONDS, ChosenRuns
from pages.shared.text import escape
from train.runs import processes
from train.runs.alerts import Kind, alerts
from train.runs.catalogue import Run
from train.runs.processes import RunState

_ALERT_ICONS: dict[Kind, str] = {
    "not a number": ":red[:material/error:]",
    "diverged": ":red[:material/error:]",
    "overfitting": ":orange[:material/trending_up:]",
    "plateau": ":material/trending_flat:",
    "few people": ":orange[:material/group_off:]",
}


def draw(chosen: ChosenRuns) -> None:
    """Notices of each run, then of all."""
    with focus.target():
        for run, _ in chosen.runs:
            _draw_notice(run, chosen.listed.states[run.key])
    st.fragment(draw_alerts, run_every=LIVE_SECONDS if chosen.running else None)(chosen)


def draw_alerts(chosen: ChosenRuns) -> None:
    """What the histories say in words, each sentence with the runs that it is true of."""
    said = alerts_by_text(chosen)
    if said:
        with st.container(border=True, gap="xsmall", key="alerts"):
            for (kind, text), names in said.items():
                st.markdown(f":small[{_ALERT_ICONS[kind]} **{escape(', '.join(names))}**: {escape(text)}]")


def alerts_by_text(chosen: ChosenRuns) -> dict[tuple[Kind, str], list[str]]:
    """What there is to say of the chosen runs, by kind and text, with the names of the runs."""
    said: dict[tuple[Kind, str], list[str]] = {}
    for run, _ in chosen.current():
        diverged = not run.recorded and processes.ended_by_divergence(run.folder)
        for alert in alerts(run.history, run.probes, ended_by_divergence=diverged):
            said.setdefault((alert.kind, alert.text), []).append(run.name)
    return said


def _draw_notice(run: Run, state: RunState) -> None:
    """What is wrong or unfinished about a run, and a button to continue it."""
    if not run.config and state != "running":
        st.warning(escape(f"The settings of {run.name} are missing or damaged. Train it again under another name."))
    elif not run.history and state in ("finished", "stopped"):
        st.info(escape(f"{run.name} has no complete epoch yet."), icon=":material/hourglass_empty:")
    if run.recorded:
        return
    if run.notes.note:
        st.caption(f"**{escape(run.name)}**: {escape(run.notes.note)}")
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
