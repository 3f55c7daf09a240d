"""A thin VGG-like network trained to classify, then its last layer but one retrained by other losses.

As in github.com/michaelfiman/face_rec_metric_comparison, where training all layers by these losses alone did not
converge: the classifier makes the features, and each loss trains one dense layer on them.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from pipeline import storage
from train.runs.history import read_history, training_seconds
from train.systems.siamese import SiameseLoss, SiameseSettings, embed_photos, run_in_batches
from train.systems.system import System, SystemInputs, TrainedSystem, enrolled, validation_pairs
from train.systems.training import train_siamese

_FEATURES, _CODES = "features", "codes"
_WEIGHTS = "network.weights.h5"
# Budget of the weights, which the systems of this module share.
_BUDGET = "network.json"
_CLASSIFY = SiameseSettings(loss="softmax")


def thin_network(side_px: int = 60) -> keras.Model:
    """A network from pixels 0..255, float32 (n, side, side, 3), to codes (n, 128), the layer before the classes."""
    layers = keras.layers
    inputs = keras.Input((side_px, side_px, 3))
    values = layers.Rescaling(1 / 127.5, -1)(inputs)
    for filters in (12, 24, 48, 64):
        for _ in range(2):
            values = layers.Conv2D(filters, 3, padding="same", use_bias=False)(values)
            values = layers.ReLU()(layers.BatchNormalization()(values))
        values = layers.MaxPooling2D()(values)
    values = layers.Flatten(name=_FEATURES)(values)
    return keras.Model(inputs, layers.Dense(128, name=_CODES)(values))


def _classifier(inputs: SystemInputs, folder: Path) -> keras.Model:
    """The network trained to classify, from ``folder`` if its weights are there for the same budget."""
    keras.utils.set_random_seed(inputs.budget.seed)
    model = thin_network()
    weights, known = folder / _WEIGHTS, storage.read_json(folder / _BUDGET)
    if known and weights.is_file() and known["budget"] == asdict(inputs.budget):
        model.load_weights(weights)
        return model
    folder.mkdir(parents=True, exist_ok=True)
    _, people = enrolled(inputs)
    train_siamese(
        model,
        inputs.variants(),
        people,
        validation=validation_pairs(inputs, inputs.crops()),
        settings=_CLASSIFY,
        budget=inputs.budget,
        folder=folder,
    )
    model.save_weights(weights)
    storage.write_json(folder / _BUDGET, {"budget": asdict(inputs.budget)})
    return model


def _classification(inputs: SystemInputs, folder: Path) -> TrainedSystem:
    from pipeline.embedding.base import unit

    model = _classifier(inputs, folder)
    begun = time.perf_counter()
    rows = unit(run_in_batches(model, inputs.crops()))
    return TrainedSystem(rows, model.count_params(), (time.perf_counter() - begun) * 1000 / len(rows))


def thin(loss: SiameseLoss, margin: float, title: str) -> System:
    """A system whose last layer but one is trained by a loss, after classification."""
    settings = SiameseSettings(loss=loss, margin=margin)

    def make(inputs: SystemInputs, folder: Path) -> TrainedSystem:
        classification = folder.parent / CLASSIFICATION.name
        model = _classifier(inputs, classification)
        features = keras.Model(model.input, model.get_layer(_FEATURES).output)
        _, people = enrolled(inputs)
        begun = time.perf_counter()
        rows = run_in_batches(features, inputs.crops())
        face_ms = (time.perf_counter() - begun) * 1000 / len(rows)
        variants = inputs.variants()
        training = [run_in_batches(features, variants[:, place]) for place in range(variants.shape[1])]
        taken = keras.Input((rows.shape[1],))
        head = keras.Model(taken, keras.layers.Dense(128)(taken))
        head.layers[-1].set_weights(model.get_layer(_CODES).get_weights())
        siamese = train_siamese(
            head,
            np.stack(training, axis=1),
            people,
            validation=validation_pairs(inputs, rows),
            settings=settings,
            budget=inputs.budget,
            folder=folder,
        )
        return TrainedSystem(
            embed_photos(siamese, rows),
            model.count_params(),
            face_ms,
            training_seconds(read_history(classification)),
            distances=siamese.distances(),
        )

    name = f"thin-{loss.replace('_', '-')}"
    return System(name, f"thin VGG, then {title}", "from scratch", make, asdict(settings))


CLASSIFICATION = System(
    "thin-classification", "thin VGG, classification", "from scratch", _classification, asdict(_CLASSIFY)
)
SYSTEMS = (
    CLASSIFICATION,
    thin("similar_different", 1.2, "similar and different pairs"),
    thin("contrastive", 1.0, "contrastive loss"),
    thin("n_pairs", 0.0, "n-pairs loss"),
    thin("cluster", 1.0, "cluster loss"),
)
