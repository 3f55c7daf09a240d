"""What is unfinished about the chosen runs, and how their settings differ."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages.shared import focus, run_settings, scorers
from pages.shared.plots.figure import Look
from pages.shared.run_settings import word, words
from pages.shared.runs import new_run
from pages.shared.runs.selection import ICONS, ChosenRuns
from pages.shared.runs.widgets import few_people
from pages.shared.text import escape
from train.runs import processes
from train.runs.catalogue import Run
from train.runs.processes import RunState

STYLE = """<style>
.differs, .st-key-wide { overflow-x: auto; }
.differs table { border-collapse: collapse; font-size: 0.875rem; }
.differs th, .differs td { padding: 0.25rem 1rem 0.25rem 0; text-align: left; white-space: nowrap; }
.differs thead th { font-weight: 400; opacity: 0.7; }
</style>"""


def draw(chosen: ChosenRuns) -> None:
    """Notices, then the settings that differ and those that don't."""
    st.html(STYLE)
    # Each part has a place of its own: one that comes or goes moves nothing, and the browser draws nothing twice.
    notices, differences, rest = focus.target(), st.container(), st.container()
    with notices:
        for run, _ in chosen.runs:
            _draw_notice(run, chosen.listed.states[run.key])
        _warn_of_few_people([run for run, _ in chosen.runs])
    table = [(run, its, run_settings.effective(run.settings)) for run, its in chosen.runs]
    values = run_settings.values_by_name([settings for _, _, settings in table])
    differing = [name for name, found in values.items() if len(found) > 1]
    several = len(chosen.runs) > 1
    if several:
        differences.markdown("##### Different settings" if differing else "##### All settings are the same")
        differences.html(_table(table, differing))
    same = {name: next(iter(found)) for name, found in values.items() if len(found) == 1}
    if same:
        with rest.expander("Same settings" if several else escape(f"Settings of {chosen.names}")):
            st.markdown(" · ".join(f"{words(name)} **{escape(text)}**" for name, text in same.items()))


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


def _table(table: Sequence[tuple[Run, Look, dict[str, Any]]], names: Sequence[str]) -> str:
    head = "".join(f"<th scope='col'>{html.escape(words(name))}</th>" for name in names)
    body = "".join(
        f"<tr><th scope='row'><span style='color: {its.colour}'>{its.sign}</span> {html.escape(run.name)}</th>"
        + "".join(f"<td>{html.escape(word(settings.get(name)))}</td>" for name in names)
        + "</tr>"
        for run, its, settings in table
    )
    # Wider than the page, it can be scrolled by the keyboard, too.
    scrolled = "<div class='differs' tabindex='0' role='region' aria-label='Different settings'>"
    return f"{scrolled}<table><thead><tr><th>Run</th>{head}</tr></thead><tbody>{body}</tbody></table></div>"
