"""Trained networks with the names of the people they were trained on, who must not be measured on."""

from __future__ import annotations

import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline import storage
from pipeline.embedding.registry import default_identity
from pipeline.errors import UserError, WeightsError
from pipeline.similarity import files, network_scorer, shipped
from pipeline.similarity.network import SimilarityNetwork
from train.runs.files import CONFIG, MODEL, run_folder
from train.runs.processes import resume_arguments

# In the folder of the shipped network: one name a line.
TRAINED_ON = "people.txt"


def trained_network(name: str, identity: Any = None) -> tuple[SimilarityNetwork, list[str]]:
    """The network of one of the user's finished runs, and the people it was trained on.

    identity: of the embedder whose rows are to be compared, if known. Raises UserError if there is no such run, its
    network is damaged, or it was trained on rows of another embedder.
    """
    folder = run_folder(name)
    if not (folder / MODEL).is_file():
        raise UserError(f"There is no finished run {name}.", command=f"python -m train fit --run {shlex.quote(name)}")
    config = storage.read_json(folder / CONFIG)
    if config is None:
        raise _damaged(folder, "The settings")
    if identity is not None and identity != files.embedding_of(config):
        raise UserError(f"The run {name} was trained for another embedder. Choose a run that fits the gallery.")
    network: SimilarityNetwork = read_model(folder).to_numpy()
    if not files.is_finite(network):
        raise UserError(f"The training of the run {name} diverged. Train another one with a lower learning rate.")
    return network, config.get("trained_on", [])


def read_model(folder: Path) -> Any:
    """The network of a finished run, a :class:`train.networks.Similarity`. Raises UserError if it is damaged."""
    import keras

    from train import networks  # noqa: F401 - registers the class stored in the file

    try:
        return keras.saving.load_model(folder / MODEL)
    except Exception as error:  # A damaged archive raises errors of many kinds.
        raise _damaged(folder, "The network") from error


def _damaged(folder: Path, part: str) -> UserError:
    arguments = resume_arguments(folder) or ["fit", "--run", folder.name]
    return UserError(
        f"{part} of the run {folder.name} cannot be read. Continue the run, which sets the damaged file aside.",
        command=f"python -m train {shlex.join(arguments)}",
    )


def model_is_readable(folder: Path) -> bool:
    """Whether a run has its network. A damaged one is set aside."""
    if not (folder / MODEL).is_file():
        return False
    try:
        read_model(folder)
    except UserError:
        storage.set_aside(folder / MODEL, "it is damaged")
        return False
    return True


def network_is_readable(folder: Path) -> bool:
    """Whether the pipeline can read the network of a run."""
    with suppress(WeightsError):
        files.read_network(folder, files.embedding_of(storage.read_manifest(folder) or {}))
        return True
    return False


def shipped_network(identity: Any = None) -> tuple[SimilarityNetwork, list[str]]:
    """The network that was released or ships for an embedder, and the people it was trained on.

    identity: of the embedder; None for the default one. Raises UserError if there is no such network.
    """
    identity = identity or default_identity()
    folder = shipped.network_folder(identity)
    if folder is None:
        raise UserError(
            "There is no network for this gallery's embedder. Choose a run that was trained on such a gallery."
        )
    names = (folder / TRAINED_ON).read_text(encoding="utf-8").splitlines()
    return network_scorer.read_scorer(folder, identity).network, names
