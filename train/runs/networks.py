"""Trained networks with the names of the people they were trained on, who must not be measured on."""

from __future__ import annotations

import shlex

from pipeline import storage
from pipeline.errors import UserError
from pipeline.similarity import files, scorers
from pipeline.similarity.network import Network
from train.runs.files import CONFIG, MODEL, run_folder

# In the folder of the shipped network: one name a line.
TRAINED_ON = "people.txt"


def trained_network(name: str) -> tuple[Network, list[str]]:
    """The network of one of the user's finished runs, and the people it was trained on.

    Raises UserError if there is no such run.
    """
    import keras

    from train import networks  # noqa: F401 - registers the class stored in the file

    path = run_folder(name) / MODEL
    config = storage.read_json(run_folder(name) / CONFIG) or {}
    if not path.is_file():
        raise UserError(f"There is no finished run {name}.", command=f"python -m train fit --run {shlex.quote(name)}")
    return keras.saving.load_model(path).arrays(), config.get("trained_on", [])


def shipped_network() -> tuple[Network, list[str]]:
    """The network that ships, and the people it was trained on. Raises WeightsError if it is damaged."""
    names = (files.SHIPPED / TRAINED_ON).read_text(encoding="utf-8").splitlines()
    return scorers.read(files.SHIPPED).network, names
