"""Transfer learning: the last layer of FaceNet, retrained on the enrolled people by one of the losses.

A dense layer on FaceNet's 128 numbers starts as the identity. Each photo is shown as one of the views that the
embedder averages.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import keras

from pipeline.embedding.facenet import FACENET_128
from train.systems.siamese import SiameseLoss, SiameseSettings, embed_photos
from train.systems.system import System, SystemInputs, TrainedSystem, enrolled, validation_pairs
from train.systems.training import train_siamese


def identity_layer(dimensions: int = 128) -> keras.Model:
    """A dense layer that starts as the identity: float32 (n, dimensions) to (n, dimensions)."""
    inputs = keras.Input((dimensions,))
    dense = keras.layers.Dense(dimensions, kernel_initializer=keras.initializers.Identity())
    return keras.Model(inputs, dense(inputs))


def last_layer(loss: SiameseLoss, margin: float, title: str) -> System:
    """A system whose last layer is trained by a loss."""
    settings = SiameseSettings(loss=loss, margin=margin)

    def make(inputs: SystemInputs, folder: Path) -> TrainedSystem:
        keras.utils.set_random_seed(inputs.budget.seed)
        rows = inputs.rows(FACENET_128.name)
        photos, people = enrolled(inputs)
        model = train_siamese(
            identity_layer(rows.shape[1]),
            inputs.views()[photos],
            people,
            validation=validation_pairs(inputs, rows),
            settings=settings,
            budget=inputs.budget,
            folder=folder,
        )
        parameters, face_ms = inputs.cost(FACENET_128.name)
        parameters += model.count_params()
        return TrainedSystem(embed_photos(model, rows), parameters, face_ms, distances=model.distances())

    name = f"last-layer-{loss.replace('_', '-')}"
    return System(name, f"FaceNet 128, last layer by {title}", "last layer", make, asdict(settings))


SYSTEMS = (
    last_layer("contrastive", 0.8, "contrastive loss"),
    last_layer("triplet", 0.2, "triplet loss"),
    last_layer("binary", 0.0, "Manhattan distance and sigmoid"),
    last_layer("similar_different", 1.2, "similar and different pairs"),
    last_layer("n_pairs", 0.0, "n-pairs loss"),
    last_layer("cluster", 1.0, "cluster loss"),
)
