"""The view that compares the chosen runs: how their settings differ."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages.shared import run_settings
from pages.shared.plots.figure import Look
from pages.shared.run_settings import word, words
from pages.shared.runs.selection import ChosenRuns
from pages.shared.text import escape
from train.runs.catalogue import Run

STYLE = """<style>
.differs { overflow-x: auto; }
.differs table { border-collapse: collapse; font-size: 0.875rem; }
.differs th, .differs td { padding: 0.25rem 1rem 0.25rem 0; text-align: left; white-space: nowrap; }
.differs thead th { font-weight: 400; opacity: 0.7; }
</style>"""


def draw(chosen: ChosenRuns) -> None:
    """The settings that differ, then those that don't."""
    st.html(STYLE)
    differences, rest = st.container(), st.container()
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
