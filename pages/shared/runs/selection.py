"""Which training runs are chosen, kept in the URL, and how each is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from pages.shared.plots.figure import Look, look
from train.runs import catalogue, processes
from train.runs.catalogue import RECORDED_PREFIX, Run
from train.runs.processes import RunState

# Chosen on the first visit: from the published network to the one that ships.
FIRST = tuple(RECORDED_PREFIX + name for name in ("published", "symmetric", "residual", "cohort"))
LIVE_SECONDS = 1.5
ICONS: dict[RunState, str] = {
    "running": ":green[:material/play_circle:]",
    "finished": ":material/check_circle:",
    "stopped": ":material/pause_circle:",
    "crashed": ":red[:material/error:]",
}


def state_of(run: Run) -> RunState:
    """The state of a run; recorded ones are finished."""
    return "finished" if run.recorded else processes.run_state(run.folder)


def chosen_keys(known: Sequence[str]) -> list[str]:
    """The keys of the chosen runs, in the order of ``known``."""
    # A fragment that runs on a timer may come with an outdated URL, so the URL is read only once.
    stored = st.session_state.setdefault("runs chosen", st.query_params.get("runs"))
    wanted = FIRST if stored is None else tuple(stored.split(","))
    fitting = ",".join(key for key in wanted if key in known)
    if stored is not None and st.query_params.get("runs") != fitting:
        st.query_params["runs"] = fitting
    found = [key for key in known if key in wanted]
    return found or (list(known[:3]) if stored is None else [])


def choose(keys: Sequence[str]) -> None:
    """Choose runs."""
    st.session_state["runs chosen"] = st.query_params["runs"] = ",".join(keys)


@dataclass(frozen=True)
class RunList:
    """All runs in the order in which they are listed, with their states and looks by key."""

    runs: list[Run]
    states: Mapping[str, RunState]
    looks: Mapping[str, Look]

    @property
    def keys(self) -> list[str]:
        """The keys of all runs."""
        return [run.key for run in self.runs]

    def current(self, run: Run) -> Run:
        """A run, read again while it is running."""
        return catalogue.read_run(run.key, run.folder) if self.states[run.key] == "running" else run


@dataclass(frozen=True)
class ChosenRuns:
    """The chosen runs with their looks, and all that are listed."""

    runs: list[tuple[Run, Look]]
    listed: RunList

    @property
    def names(self) -> str:
        """Their names, separated by commas."""
        return ", ".join(run.name for run, _ in self.runs)

    @property
    def running(self) -> bool:
        """Whether one of them is running."""
        return any(self.listed.states[run.key] == "running" for run, _ in self.runs)

    def current(self) -> list[tuple[Run, Look]]:
        """The chosen runs, those that are running read again."""
        return [(self.listed.current(run), its) for run, its in self.runs]


def list_runs(runs: Sequence[Run], states: Mapping[str, RunState]) -> RunList:
    """The list: running ones first, then the user's from new to old, then the recorded ones."""
    # Looks go to the first choice, then to the user's runs from old to new: a new run changes no colour.
    ordered = sorted(runs, key=lambda run: FIRST.index(run.key) if run.key in FIRST else len(FIRST))
    recorded = [run for run in ordered if run.recorded]
    own = [run for run in ordered if not run.recorded]
    looks = {run.key: look(number) for number, run in enumerate([*recorded[: len(FIRST)], *own])}
    looks |= {run.key: look(-1 - number) for number, run in enumerate(recorded[len(FIRST) :])}
    newest_first = own[::-1]
    newest_first.sort(key=lambda run: states[run.key] != "running")
    return RunList([*newest_first, *recorded], states, looks)
