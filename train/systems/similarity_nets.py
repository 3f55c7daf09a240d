"""Encoder and similarity net of LooksLikeWho by sdamolini and their successors, on FaceNet's rows."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.embedding.facenet import FACENET_128
from train.evaluation.distances import network_distances
from train.settings import FitSettings
from train.systems.system import Budget, System, SystemInputs, TrainedSystem, enrolled, row_numbers

_TITLES = {
    "original": "similarity net as published, quadruplet loss",
    "residual": "similarity net from the cosine, hard negatives",
    "cohort": "cosine with hubness correction (the network that ships)",
}


def _settings(network: str, budget: Budget) -> FitSettings:
    from train.options import NETWORKS

    settings = FitSettings(
        network=NETWORKS[network].settings,
        batch_size=budget.people * budget.photos,
        steps_per_epoch=budget.steps,
        epochs=budget.epochs,
        patience_epochs=budget.epochs,
        seed=budget.seed,
    )
    if network == "original":
        return settings
    rate = 1e-2 if network == "cohort" else 1e-4
    return replace(settings, mining="neighbours", neighbours=10, alpha=0.1, learning_rate=rate)


def similarity_net(network: str) -> System:
    """A system with one of :data:`train.options.NETWORKS`."""

    def make(inputs: SystemInputs, folder: Path) -> TrainedSystem:
        from train.fit import fit
        from train.runs import files
        from train.runs.networks import read_model

        rows, protocol = inputs.rows(FACENET_128.name), inputs.protocol
        photos, _ = enrolled(inputs)
        photos = np.r_[photos, np.unique(row_numbers(protocol, protocol.choose.photos))]
        held_out = np.arange(len(photos)) >= protocol.learn.size
        # A training has a result.json of its own, so it gets its own folder.
        training = folder / "training"
        labels = protocol.people[protocol.photos[photos]]
        fit(training, rows[photos], labels, _settings(network, inputs.budget), held_out=held_out)
        shutil.copyfile(training / files.HISTORY, folder / files.HISTORY)
        trained = read_model(training)
        parameters, face_ms = inputs.cost(FACENET_128.name)
        distances = network_distances(trained.to_numpy())
        return TrainedSystem(rows, parameters + trained.count_params(), face_ms, distances=distances)

    title = f"FaceNet 128, {_TITLES[network]}"
    return System(f"similarity-{network}", title, "similarity net", make, {"network": network})


SYSTEMS = tuple(map(similarity_net, _TITLES))
