"""A small convolutional network trained from scratch on faces of 60 x 60 pixels, by triplets or pairs.

Layer for layer a published network of 842,624 parameters (a FaceNet course project on LFW).
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import keras

from train.systems.siamese import SiameseSettings, embed_photos
from train.systems.system import System, SystemInputs, TrainedSystem, enrolled, validation_pairs
from train.systems.training import train_siamese

Pooling = Literal["max", "average", "none"]


@dataclass(frozen=True)
class ScratchSettings:
    """Shape of the network.

    pooling: after the first, second and fourth convolution, with stride 1. dropout: rate between the dense layers.
    """

    pooling: Pooling = "max"
    dropout: float = 0.0
    batch_normalisation: bool = False
    side_px: int = 60


def scratch_network(settings: ScratchSettings = ScratchSettings()) -> keras.Model:
    """A network from pixels 0..255, float32 (n, 60, 60, 3), to codes (n, 128)."""
    layers = keras.layers
    pools = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D}
    inputs = keras.Input((settings.side_px, settings.side_px, 3))
    values = layers.Rescaling(1 / 127.5, -1)(inputs)
    for place, (filters, kernel) in enumerate(((64, 3), (128, 3), (64, 3), (64, 1))):
        values = layers.Conv2D(filters, kernel, 2, padding="same", use_bias=True)(values)
        if settings.batch_normalisation:
            values = layers.BatchNormalization()(values)
        values = layers.ReLU()(values)
        if settings.pooling != "none" and place != 2:
            values = pools[settings.pooling](2, 1, padding="same")(values)
    values = layers.Flatten()(values)
    for units in (512, 256):
        values = layers.Dense(units, activation="relu")(values)
        values = layers.Dropout(settings.dropout)(values)
    return keras.Model(inputs, layers.Dense(128)(values))


def scratch(
    name: str,
    title: str,
    *,
    network: ScratchSettings = ScratchSettings(),
    training: SiameseSettings = SiameseSettings(),
) -> System:
    """A system trained from scratch on the enrolled photos."""

    def make(inputs: SystemInputs, folder: Path) -> TrainedSystem:
        keras.utils.set_random_seed(inputs.budget.seed)
        crops = inputs.crops()
        _, people = enrolled(inputs)
        model = train_siamese(
            scratch_network(network),
            inputs.variants(),
            people,
            validation=validation_pairs(inputs, crops),
            settings=training,
            budget=inputs.budget,
            folder=folder,
        )
        begun = time.perf_counter()
        rows = embed_photos(model, crops)
        face_ms = (time.perf_counter() - begun) * 1000 / len(crops)
        return TrainedSystem(rows, model.count_params(), face_ms, distances=model.distances())

    settings = {**asdict(network), **asdict(training)}
    return System(f"scratch-{name}", f"60 px network, {title}", "from scratch", make, settings)


SYSTEMS = (
    scratch("final", "triplet 0.6, max pooling"),
    scratch(
        "dropout",
        "triplet 0.4, dropout 0.3",
        network=ScratchSettings(dropout=0.3),
        training=SiameseSettings(margin=0.4),
    ),
    scratch(
        "batch-norm",
        "triplet 1.0, batch normalisation",
        network=ScratchSettings(batch_normalisation=True),
        training=SiameseSettings(margin=1.0),
    ),
    scratch(
        "average",
        "triplet 0.2, average pooling",
        network=ScratchSettings(pooling="average"),
        training=SiameseSettings(margin=0.2),
    ),
    scratch("contrastive", "contrastive 1.0", training=SiameseSettings("contrastive", 1.0)),
    scratch("binary", "Manhattan and sigmoid", training=SiameseSettings("binary")),
)
