"""Which of the chosen runs are drawn as one: by default, those that differ in nothing but the seed."""

from __future__ import annotations

import streamlit as st

from pages.shared.plots.figure import Look
from pages.shared.run_settings import values_by_name, words
from pages.shared.runs.selection import ChosenRuns, RunList
from train.runs.groups import SEED, RunGroup, group_runs

SEEDS, APART = "Seeds", "Nothing"


def choices(listed: RunList) -> list[str]:
    """What runs can be grouped by: their seeds, nothing, or a setting that differs among them."""
    values = values_by_name([run.settings for run in listed.runs])
    return [SEEDS, APART, *(words(name) for name, found in values.items() if len(found) > 1 and name != SEED)]


def choose(listed: RunList) -> None:
    """The control that chooses it."""
    st.selectbox(
        "Draw as one, with mean and spread",
        choices(listed),
        key="grouped",
        bind="query-params",
        help="**Seeds**: runs that differ in nothing but the seed. Or all that have the same value of a setting.",
    )


def grouped(chosen: ChosenRuns) -> list[tuple[RunGroup, Look]]:
    """The groups of the chosen runs, each with the look of its first run."""
    picked = st.session_state.get("grouped", SEEDS)
    by: str | None = {SEEDS: SEED, APART: None}.get(picked, picked)
    if by not in (SEED, None):
        by = next((name for run, _ in chosen.runs for name in run.settings if words(name) == picked), None)
    runs = chosen.current()
    looks = {run.key: its for run, its in runs}
    return [(group, looks[group.runs[0].key]) for group in group_runs([run for run, _ in runs], by)]
