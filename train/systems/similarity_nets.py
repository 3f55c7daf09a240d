"""The encoder and similarity net of this project's ancestor, and what became of them, on FaceNet's rows."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.embedding import registry
from train.systems.system import System, SystemInputs, TrainedSystem, enrolled, rows_of

_TITLES = {
    "original": "similarity net as published, quadruplet loss",
    "residual": "similarity net from the cosine, hard negatives",
    "cohort": "cosine less what is ordinary (the kind that ships)",
}


def similarity_net(kind: str) -> System:
    """A system of one of :data:`train.options.NETWORKS`."""

    def make(inputs: SystemInputs, folder: Path) -> TrainedSystem:
        import keras

        from train.evaluation import protocols
        from train.fit import fit
        from train.options import NETWORKS
        from train.runs import files
        from train.settings import FitSettings

        budget = inputs.budget
        settings = FitSettings(
            network=NETWORKS[kind].settings,
            batch_size=budget.people * budget.photos,
            steps_per_epoch=budget.steps,
            epochs=budget.epochs,
            patience_epochs=budget.epochs,
            seed=budget.seed,
        )
        if kind != "original":
            settings = replace(settings, mining="neighbours", neighbours=10, alpha=0.1)
            settings = replace(settings, learning_rate=1e-2 if kind == "cohort" else 1e-4)
        rows, protocol = inputs.rows(registry.DEFAULT_EMBEDDER), inputs.protocol
        photos, _ = enrolled(inputs)
        photos = np.r_[photos, np.unique(rows_of(protocol, protocol.choose.photos))]
        held_out = np.arange(len(photos)) >= protocol.learn.size
        # A folder of its own, as a training has a result of its own.
        training = folder / "training"
        fit(training, rows[photos], protocol.people[protocol.photos[photos]], settings, held_out)
        shutil.copyfile(training / files.HISTORY, folder / files.HISTORY)
        network = keras.saving.load_model(training / files.MODEL)
        parameters, face_ms = inputs.cost(registry.DEFAULT_EMBEDDER)
        apart = protocols.network_distances(network.arrays())
        return TrainedSystem(rows, parameters + network.count_params(), face_ms, apart=apart)

    return System(f"similarity-{kind}", f"FaceNet 128, {_TITLES[kind]}", "similarity net", make, {"network": kind})


SYSTEMS = tuple(map(similarity_net, _TITLES))
