"""Trained networks with the names of the people they were trained on, who must not be measured on."""

from __future__ import annotations

import shlex

from pipeline import storage
from pipeline.errors import UserError
from pipeline.similarity import files, network_scorer
from pipeline.similarity.network import SimilarityNetwork
from train.runs.files import CONFIG, MODEL, run_folder

# In the folder of the shipped network: one name a line.
TRAINED_ON = "people.txt"


def trained_network(name: str) -> tuple[SimilarityNetwork, list[str]]:
    """The network of one of the user's finished runs, and the people it was trained on.

    Raises UserError if there is no such run.
    """
    import keras

    from train import networks  # noqa: F401 - registers the class stored in the file

    path = run_folder(name) / MODEL
    config = storage.read_json(run_folder(name) / CONFIG) or {}
    if not path.is_file():
        raise UserError(f"There is no finished run {name}.", command=f"python -m train fit --run {shlex.quote(name)}")
    return keras.saving.load_model(path).to_numpy(), config.get("trained_on", [])


def shipped_network() -> tuple[SimilarityNetwork, list[str]]:
    """The network that ships, and the people it was trained on. Raises WeightsError if it is damaged."""
    names = (files.SHIPPED_NETWORK / TRAINED_ON).read_text(encoding="utf-8").splitlines()
    return network_scorer.read_scorer(files.SHIPPED_NETWORK).network, names
