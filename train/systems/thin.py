"""A thin network in the manner of VGG, taught to classify first; then its last layer but one by other losses.

As in github.com/michaelfiman/face_rec_metric_comparison, where teaching all layers by these losses alone did not
converge: the classifier makes the features, and each loss teaches one dense layer on them.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
from keras import ops

from pipeline import storage
from train.runs import history
from train.systems.siamese import SiameseLoss, SiameseSettings, embed_photos, train_siamese
from train.systems.system import System, SystemInputs, TrainedSystem, enrolled, validation_pairs

_FEATURES, _CODES = "features", "codes"
_WEIGHTS = "network.weights.h5"


def thin_network(side_px: int = 60) -> keras.Model:
    """Pixels 0..255, float32 (n, side, side, 3), to codes (n, 128), which the layer before the classes gives."""
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


def _classified(inputs: SystemInputs, folder: Path) -> keras.Model:
    """The network taught to classify: now, where that was not done before."""
    keras.utils.set_random_seed(inputs.budget.seed)
    model = thin_network()
    weights, told = folder / _WEIGHTS, storage.read_json(folder / "network.json")
    if told and weights.is_file() and told["budget"] == asdict(inputs.budget):
        model.load_weights(weights)
        return model
    folder.mkdir(parents=True, exist_ok=True)
    _, people = enrolled(inputs)
    train_siamese(
        model, inputs.variants(), people, validation_pairs(inputs, inputs.crops()), CLASSIFY, inputs.budget, folder
    )
    model.save_weights(weights)
    storage.write_json(folder / "network.json", {"budget": asdict(inputs.budget)})
    return model


CLASSIFY = SiameseSettings(loss="softmax")


def _run(model: keras.Model, crops: np.ndarray) -> np.ndarray:
    """What a network makes of crops (n, side, side, 3), a batch at a time."""
    parts = [
        ops.convert_to_numpy(model(crops[start : start + 256].astype(np.float32), training=False))
        for start in range(0, len(crops), 256)
    ]
    return np.concatenate(parts)


def _classifying(inputs: SystemInputs, folder: Path) -> TrainedSystem:
    from pipeline.embedding.base import unit

    model = _classified(inputs, folder)
    begun = time.perf_counter()
    rows = unit(_run(model, inputs.crops()))
    return TrainedSystem(rows, model.count_params(), (time.perf_counter() - begun) * 1000 / len(rows))


def thin(loss: SiameseLoss, margin: float, title: str) -> System:
    """A system whose last layer but one is taught by a loss, after classification."""
    learning = SiameseSettings(loss=loss, margin=margin)

    def make(inputs: SystemInputs, folder: Path) -> TrainedSystem:
        model = _classified(inputs, folder.parent / CLASSIFICATION.name)
        features = keras.Model(model.input, model.get_layer(_FEATURES).output)
        _, people = enrolled(inputs)
        begun = time.perf_counter()
        of_all = _run(features, inputs.crops())
        face_ms = (time.perf_counter() - begun) * 1000 / len(of_all)
        shown = inputs.variants()
        taught = np.stack([_run(features, shown[:, place]) for place in range(shown.shape[1])], axis=1)
        taken = keras.Input((of_all.shape[1],))
        head = keras.Model(taken, keras.layers.Dense(128)(taken))
        head.layers[-1].set_weights(model.get_layer(_CODES).get_weights())
        siamese = train_siamese(
            head, taught, people, validation_pairs(inputs, of_all), learning, inputs.budget, folder
        )
        before = history.training_seconds(history.read_history(folder.parent / CLASSIFICATION.name))
        return TrainedSystem(
            embed_photos(siamese, of_all), model.count_params(), face_ms, before, siamese.distances()
        )

    name = f"thin-{loss.replace('_', '-')}"
    return System(name, f"thin VGG, then {title}", "from scratch", make, asdict(learning))


CLASSIFICATION = System(
    "thin-classification", "thin VGG, classification", "from scratch", _classifying, asdict(CLASSIFY)
)
SYSTEMS = (
    CLASSIFICATION,
    thin("similar_different", 1.2, "similar and different pairs"),
    thin("contrastive", 1.0, "contrastive loss"),
    thin("n_pairs", 0.0, "n-pairs loss"),
    thin("cluster", 1.0, "cluster loss"),
)
