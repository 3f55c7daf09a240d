"""Transfer learning: the last layer of FaceNet taught anew on the people enrolled, by one of the losses.

The layer is a dense one on FaceNet's 128 numbers that starts as the identity, so that nothing is lost before it
learns. Each photo is shown as one of the views that the embedder averages.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import keras

from pipeline.embedding import registry
from train.systems.siamese import SiameseLoss, SiameseSettings, embed_photos, train_siamese
from train.systems.system import System, SystemInputs, TrainedSystem, enrolled, validation_pairs


def layer(dimensions: int = 128) -> keras.Model:
    """float32 (n, dimensions) to (n, dimensions)."""
    inputs = keras.Input((dimensions,))
    return keras.Model(
        inputs, keras.layers.Dense(dimensions, kernel_initializer=keras.initializers.Identity())(inputs)
    )


def last_layer(loss: SiameseLoss, margin: float, title: str) -> System:
    """A system whose last layer is taught by a loss."""
    learning = SiameseSettings(loss=loss, margin=margin)

    def make(inputs: SystemInputs, folder: Path) -> TrainedSystem:
        keras.utils.set_random_seed(inputs.budget.seed)
        rows = inputs.rows(registry.DEFAULT_EMBEDDER)
        photos, people = enrolled(inputs)
        model = train_siamese(
            layer(rows.shape[1]),
            inputs.views()[photos],
            people,
            validation_pairs(inputs, rows),
            learning,
            inputs.budget,
            folder,
        )
        parameters, face_ms = inputs.cost(registry.DEFAULT_EMBEDDER)
        return TrainedSystem(
            embed_photos(model, rows), parameters + model.count_params(), face_ms, apart=model.distances()
        )

    return System(
        f"last-layer-{loss.replace('_', '-')}",
        f"FaceNet 128, last layer by {title}",
        "last layer",
        make,
        asdict(learning),
    )


SYSTEMS = (
    last_layer("contrastive", 0.8, "contrastive loss"),
    last_layer("triplet", 0.2, "triplet loss"),
    last_layer("binary", 0.0, "Manhattan distance and sigmoid"),
    last_layer("similar_different", 1.2, "similar and different pairs"),
    last_layer("n_pairs", 0.0, "n-pairs loss"),
    last_layer("cluster", 1.0, "cluster loss"),
)
