"""The dialog that starts a training on the chosen gallery."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.shared import public, session
from pages.shared.limits import BusyError, limits
from pages.shared.run_settings import words
from pages.shared.runs import selection
from pages.shared.text import escape
from pipeline import names
from pipeline.errors import UserError
from pipeline.registries import describe
from train import sampling
from train.evaluation.protocols import probes_count
from train.options import LOSSES, MINING, NETWORKS, losses_for
from train.runs import catalogue, files, lock, processes
from train.runs.alerts import few_people
from train.runs.catalogue import Run
from train.settings import FitSettings

_ASKED = "training dialog"
_RATES = (0.01, 0.001, 0.0001)
# What the dialog begins with.
_FIRST: dict[str, Any] = {
    "network": next(iter(NETWORKS)),
    "loss": FitSettings.loss,
    "mining": next(iter(MINING)),
    "epochs": 10,
    "steps_per_epoch": 60,
    "batch_size": 64,
    "learning_rate": 0.001,
    "seed": FitSettings.seed,
}
# Settings that a duplicate keeps, with their options on the command line.
_KEPT = {
    "alpha": "--alpha",
    "beta": "--beta",
    "margin": "--margin",
    "neighbours": "--neighbours",
    "patience_epochs": "--patience-epochs",
    "start": "--start",
    "variants": "--augment",
}


@dataclass(frozen=True)
class NewRun:
    """A run to start: its name and the arguments of the training's command."""

    name: str
    arguments: list[str]


def ask(base: Run | None = None) -> None:
    """Open the dialog in the next run of the page. base: a run whose settings it starts with."""
    st.session_state[_ASKED] = base or True


def draw_when_asked() -> None:
    """Draw the dialog if a visitor has asked for it."""
    asked = st.session_state.pop(_ASKED, False)
    if asked:
        base = asked if isinstance(asked, Run) else None
        title = f"Duplicate {escape(base.name)}" if base else "Train one now"
        st.dialog(title, icon=":material/model_training:")(_draw)(base)


def _draw(base: Run | None) -> None:
    gallery = session.gallery_name()
    if base and base.settings.get("gallery") in public.gallery_names():
        gallery = str(base.settings["gallery"])
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
    if base and not _has_usual_shape(base):
        st.caption("The shape of its network cannot be chosen here: the usual one of its kind is trained.")
    run = _choose_settings(gallery, taken, base)
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


def _choose_settings(gallery: str, taken: set[str], base: Run | None) -> NewRun:
    """The settings to train with. Those that cannot be chosen here are the run's that is duplicated."""
    known = {**_FIRST, **(base.settings if base else {})}
    network = st.selectbox("Network", list(NETWORKS), _place(NETWORKS, known["network"]), help=describe(NETWORKS))
    left, right = st.columns(2)
    losses = losses_for(NETWORKS[network].settings)
    loss = left.selectbox("Loss", losses, _place(losses, known["loss"]), format_func=words)
    mining = right.selectbox(
        "Negatives",
        list(MINING),
        _place(MINING, known["mining"]),
        format_func=words,
        help="How photos of other people are chosen",
    )
    rates = sorted({*_RATES, float(known["learning_rate"])}, reverse=True)
    values = {
        "--epochs": left.number_input("Epochs at most", 1, max(200, known["epochs"]), known["epochs"]),
        "--steps-per-epoch": right.number_input(
            "Steps per epoch", 1, max(2000, known["steps_per_epoch"]), known["steps_per_epoch"]
        ),
        "--batch-size": left.number_input("Quadruplets per step", 4, 4096, known["batch_size"]),
        "--learning-rate": right.selectbox("Learning rate", rates, rates.index(known["learning_rate"])),
        "--seed": left.number_input(
            "Seed", 0, 2**31 - 1, known["seed"], help="Runs that differ in the seed alone show how much is chance."
        ),
    }
    free = _free_name(base.name if base else f"{network}-{loss}", taken)
    name = names.clean(st.text_input("Name", free, key=f"name {network} {loss}", max_chars=60) or "")
    arguments = ["fit", "--run", name, "--gallery", gallery, "--network", network, "--loss", loss]
    arguments += ["--mining", mining]
    kept = {option: known.get(setting) for setting, option in _KEPT.items()} if base else {}
    for option, value in {**values, **kept}.items():
        if value is not None:
            arguments += [option, str(value)]
    return NewRun(name, arguments)


def can_duplicate(run: Run) -> bool:
    """Whether a run's settings are those of a training that can be started here."""
    return all(isinstance(run.settings.get(name), type(value)) for name, value in _FIRST.items()) and (
        run.settings["network"] in NETWORKS and run.settings["loss"] in LOSSES and run.settings["mining"] in MINING
    )


def _has_usual_shape(run: Run) -> bool:
    """Whether the network of a run has the shape that its kind has here; earlier versions stored less of it."""
    usual = json.loads(json.dumps(asdict(NETWORKS[run.settings["network"]].settings)))
    return {**usual, **run.config["settings"]["network"]} == usual


def _place(options: Iterable[str], wanted: str) -> int:
    """Where an option is; the first one if it is none of them."""
    found = list(options)
    return found.index(wanted) if wanted in found else 0


def begin(name: str, arguments: Sequence[str]) -> None:
    """Start or continue a training, and choose it, unless too many are running."""
    try:
        public.refuse_visitors()
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
