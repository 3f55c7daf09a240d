"""Cards of running trainings: progress, and a button that stops them."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import streamlit as st

from pages.shared import public
from pages.shared.runs.selection import ICONS, LIVE_SECONDS
from pages.shared.text import escape
from train.runs import catalogue, lock, processes
from train.runs.alerts import few_people
from train.runs.catalogue import Run

_SHOWN = {"Loss": "train_loss", "rank-1": "held_out_rank_1", "cosine's": "held_out_cosine_rank_1"}


def draw(running: list[Run]) -> None:
    """A card for each running training, updated on a timer."""
    st.fragment(_draw, run_every=LIVE_SECONDS)(_summary(running))


def _summary(running: list[Run]) -> list[tuple[str, bool]]:
    """Which runs are running, and whether their settings are known yet."""
    return sorted((run.key, bool(run.config)) for run in running)


def _draw(known: list[tuple[str, bool]]) -> None:
    """The cards. The whole page runs again when a training starts, gets its settings or ends."""
    running = [catalogue.read_run(path.name, path) for path in catalogue.own_folders() if lock.is_running(path)]
    if _summary(running) != known:
        st.rerun()
    for run in running:
        with st.container(border=True):
            _draw_card(run)


def _draw_card(run: Run) -> None:
    stopping = processes.stop_requested(run.folder)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{ICONS['running']} {escape(run.name)}**")
        st.button(
            "Stop now" if stopping else "Stop",
            icon=":material/stop_circle:",
            key=f"stop {run.key}",
            on_click=public.unless_visitor,
            args=(processes.stop_training, run.folder),
            help="You can continue it later from its last complete epoch.",
        )
    epochs = run.settings.get("epochs")
    if not run.history or not isinstance(epochs, int):
        st.progress(0.0, text="Loading TensorFlow and evaluating the untrained network")
        return
    last = run.history[-1]
    done = int(last["epoch"])
    text = f"Epoch {done} of at most {epochs}"
    if stopping:
        text = f"Stopping after epoch {done}"
    elif done >= epochs:
        text = "Evaluating the best network"
    if started := processes.started_at(run.folder):
        text += f" · {str(datetime.now(UTC) - started).partition('.')[0]}"
    st.progress(min(done / epochs, 1.0), text=text)
    st.caption(" · ".join(f"{title} **{_number(last[name])}**" for title, name in _SHOWN.items() if name in last))
    if run.probes is not None and (text := few_people(run.probes)):
        st.caption(f":material/group_off: {text}")


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.4f}"
