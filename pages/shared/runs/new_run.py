"""The dialog that starts a training on the chosen gallery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.shared import session
from pages.shared.limits import BusyError, limits
from pages.shared.run_settings import words
from pages.shared.runs import selection
from pages.shared.text import escape
from pipeline import names
from pipeline.errors import UserError
from pipeline.registries import describe
from train import sampling
from train.evaluation.protocols import probes_count
from train.options import MINING, NETWORKS, losses_for
from train.runs import catalogue, files, lock, processes
from train.runs.alerts import few_people
from train.settings import FitSettings

_ASKED = "training dialog"
_RATES = ("0.01", "0.001", "0.0001")


@dataclass(frozen=True)
class NewRun:
    """A run to start: its name and the arguments of the training's command."""

    name: str
    arguments: list[str]


def ask() -> None:
    """Open the dialog in the next run of the page."""
    st.session_state[_ASKED] = True


def draw_when_asked() -> None:
    """Draw the dialog if a visitor has asked for it."""
    if st.session_state.pop(_ASKED, False):
        _draw()


@st.dialog("Train one now", icon=":material/model_training:")
def _draw() -> None:
    gallery = session.gallery_name()
    try:
        labels = session.open_gallery(gallery).person_of_row
        sampling.PhotosByPerson(labels)
        held_out = sampling.split_people(labels, FitSettings.held_out_share, FitSettings.seed)
    except UserError as error:
        st.info(escape(str(error)), icon=":material/group_add:")
        return
    st.caption(escape(f"On the gallery {gallery}. The training goes on when you close this page."))
    _draw_split(labels, held_out)
    taken = {path.name for path in catalogue.own_folders()}
    run = _choose_settings(gallery, taken)
    if st.button("Start", icon=":material/play_arrow:", type="primary", width="stretch"):
        if text := names.problem(run.name, "run name", plain=True):
            st.error(escape(text), icon=":material/edit:")
        elif names.key(run.name) in map(names.key, taken):
            st.error("There is already a run of this name. Choose another one.", icon=":material/edit:")
        else:
            begin(run.name, run.arguments)


def _draw_split(labels: NDArray[np.int32], held_out: NDArray[np.bool_]) -> None:
    """How many people it learns from and is measured on, with a warning if these are too few."""
    learned, measured = (len(np.unique(labels[side])) for side in (~held_out, held_out))
    probes = probes_count(labels[held_out])
    st.caption(
        f"It learns from {learned:,} people and is measured on {measured:,} others, {probes:,} of them with several "
        "photos."
    )
    if text := few_people(probes):
        st.warning(text, icon=":material/group_off:")


def _choose_settings(gallery: str, taken: set[str]) -> NewRun:
    network = st.selectbox("Network", list(NETWORKS), help=describe(NETWORKS))
    left, right = st.columns(2)
    loss = left.selectbox("Loss", losses_for(NETWORKS[network].settings), format_func=words)
    mining = right.selectbox(
        "Negatives", list(MINING), format_func=words, help="How photos of other people are chosen"
    )
    values = {
        "--epochs": left.number_input("Epochs at most", 1, 200, 10),
        "--steps-per-epoch": right.number_input("Steps per epoch", 1, 2000, 60),
        "--batch-size": left.number_input("Quadruplets per step", 4, 4096, 64),
        "--learning-rate": right.selectbox("Learning rate", _RATES, index=1),
    }
    free = _free_name(f"{network}-{loss}", taken)
    name = names.clean(st.text_input("Name", free, key=f"name {network} {loss}", max_chars=60) or "")
    arguments = ["fit", "--run", name, "--gallery", gallery, "--network", network, "--loss", loss]
    arguments += ["--mining", mining]
    for option, value in values.items():
        arguments += [option, str(value)]
    return NewRun(name, arguments)


def begin(name: str, arguments: Sequence[str]) -> None:
    """Start or continue a training, and choose it, unless too many are running."""
    try:
        running = sum(lock.is_running(folder) for folder in catalogue.own_folders())
        if running >= limits().trainings_at_once:
            raise BusyError(f"{running} trainings are running already. Stop one, or wait until one ends.")
        with st.spinner("Starting"):
            processes.start_training(files.run_folder(name), arguments)
    except UserError as error:
        st.error(escape(str(error)), icon=":material/error:")
        return
    keys = selection.chosen_keys([run.key for run in catalogue.all_runs()])
    selection.choose([*[key for key in keys if key != name], name])
    st.rerun()


def _free_name(wanted: str, taken: set[str]) -> str:
    return next(name for number in range(1, 10_000) if (name := f"{wanted}-{number}") not in taken)
