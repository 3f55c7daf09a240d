"""FaceNet itself, trained further in its last blocks on a gallery's photos, and mixed with what it was.

Nothing here knows which framework Keras runs on.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from pipeline import photo, storage
from pipeline.embedding import facenet_weights as weights
from pipeline.embedding.base import unit
from pipeline.embedding.facenet import FACENET_SETTINGS
from pipeline.faces.geometry import View
from pipeline.gallery.gallery import Gallery
from train import augment, sampling
from train.augment import Change, Variation
from train.evaluation import measuring
from train.evaluation.distances import cosine_distances
from train.losses.quadruplet import Quadruplet
from train.runs import files, history
from train.runs.checkpoints import restore_variables, save_variables
from train.runs.config import store_config
from train.runs.files import BEST_WEIGHTS, CHECKPOINT
from train.runs.history import best_epoch
from train.sampling import split_people

Tensor = Any
BLOCKS = 6
WEIGHTS = "facenet.weights.h5"
# How much of the change in the weights is kept, as in Wortsman et al. 2022, arXiv 2109.01903.
MIXES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class FinetuneSettings:
    """One run.

    blocks: how many of the last Inception blocks (Block8) are trained, 1..6, and the bottleneck with them.
    alpha, beta: margins of the quadruplet loss, on half of one minus the cosine. batch_size: quadruplets a step.
    variation: what is done to a photo each time it is drawn.
    held_out_share: people kept from training; by their rank-1 the best epoch and mix are chosen.
    patience_epochs: training ends after so many without a better one.
    """

    blocks: int = 1
    alpha: float = 0.25
    beta: float = 0.03
    batch_size: int = 16
    steps_per_epoch: int = 100
    epochs: int = 10
    learning_rate: float = 1e-5
    variation: Variation = field(default_factory=Variation)
    held_out_share: float = 0.2
    patience_epochs: int = 4
    seed: int = 0


class Tuner(keras.Model):
    """FaceNet in two parts, of which the last blocks are trained and batch normalisation stays as it is.

    Of quadruplets of crops, float32 (n, 4, 160, 160, 3), it gives the distances (n, 3) that the loss takes.
    """

    def __init__(self, facenet: keras.Model, blocks: int) -> None:
        super().__init__()
        last = "Mixed_7a" if blocks == BLOCKS else f"Block8_{BLOCKS - blocks}_Activation"
        between = facenet.get_layer(last).output
        self.body = keras.Model(facenet.input, between)
        self.body.trainable = False
        self.last_blocks = keras.Model(between, facenet.get_layer("Bottleneck_BatchNorm").output)
        for layer in self.last_blocks.layers:
            layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)

    def call(self, crops: Tensor, training: bool = False) -> Tensor:
        """float32 (n, 3): anchor to positive, anchor to first negative, first to second negative."""
        features = self.body(ops.reshape(crops, (-1, *crops.shape[2:])), training=False)
        rows = ops.normalize(self.last_blocks(features, training=False), axis=-1)
        return distances(ops.reshape(rows, (-1, 4, rows.shape[-1])))


def distances(quadruplets: Tensor) -> Tensor:
    """Half of one minus the cosines of unit rows (n, 4, 128): (n, 3), as the quadruplet loss takes them."""
    pairs = ((0, 1), (0, 2), (2, 3))
    cosines = [ops.sum(quadruplets[:, one] * quadruplets[:, two], axis=-1) for one, two in pairs]
    return (1 - ops.stack(cosines, axis=1)) / 2


class Portraits:
    """A gallery's portraits with the boxes (faces, 4) of the faces in them, read when they are needed."""

    def __init__(self, opened: Gallery, boxes: np.ndarray) -> None:
        self.opened, self.boxes = opened, boxes

    def crops(self, wanted: Iterable[tuple[int, Change, View]]) -> np.ndarray:
        """The faces of rows after a change, seen by FaceNet: float32 (n, 160, 160, 3), each standardised."""
        with ThreadPoolExecutor() as threads:
            crops = np.stack(list(threads.map(self._crop, wanted))).astype(np.float32)
        means, deviations = (of(crops, axis=(1, 2, 3), keepdims=True) for of in (np.mean, np.std))
        return (crops - means) / np.maximum(deviations, crops[0].size ** -0.5)

    def _crop(self, wanted: tuple[int, Change, View]) -> np.ndarray:
        row, change, view = wanted
        portrait = photo.read(self.opened.crop_path(row))
        return augment.changed(portrait, tuple(self.boxes[row].tolist()), change, view, weights.CROP_SIDE_PX)


class Quadruplets(keras.utils.PyDataset):
    """The batches of each epoch, drawn from the seed and the epoch alone, so that a resumed run draws the same."""

    def __init__(self, portraits: Portraits, rows: np.ndarray, settings: FinetuneSettings) -> None:
        super().__init__()
        self.portraits, self.rows, self.settings = portraits, rows, settings
        self.people = sampling.People(portraits.opened.person_of_row[rows])
        views = FACENET_SETTINGS.views
        self.view = View(views[0].squareness, sum(view.margin_ratio for view in views) / len(views))
        self.epoch = 0

    def __len__(self) -> int:
        return self.settings.steps_per_epoch

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng((self.settings.seed, self.epoch, step))
        rows = self.rows[sampling.quadruplets(self.people, self.settings.batch_size, random)]
        wanted = [(int(row), self.settings.variation.draw(random), self.view) for row in rows.flat]
        crops = self.portraits.crops(wanted)
        return crops.reshape(*rows.shape, *crops.shape[1:]), np.zeros(len(rows), np.float32)


class Plain(keras.utils.PyDataset):
    """Photos as the pipeline shows them to FaceNet: all views of the first, of the second, and so on."""

    def __init__(self, portraits: Portraits, rows: np.ndarray, batch_size: int = 16) -> None:
        super().__init__()
        self.portraits, self.rows, self.batch_size = portraits, rows, batch_size

    def __len__(self) -> int:
        return math.ceil(len(self.rows) / self.batch_size)

    def __getitem__(self, batch: int) -> tuple[np.ndarray]:
        rows = self.rows[batch * self.batch_size : (batch + 1) * self.batch_size]
        views = [
            (Change(mirror=view.mirror, turn_degrees=view.turn_degrees), view) for view in FACENET_SETTINGS.views
        ]
        return (self.portraits.crops([(int(row), *seen) for row in rows for seen in views]),)


class Progress(keras.callbacks.Callback):
    """Measures each epoch's mixes of old and new weights on held-out people, and keeps the best there has been.

    Epoch 0 is FaceNet as it was, so that a run cannot end with less on these people.
    """

    def __init__(
        self, folder: Path, batches: Quadruplets, model: Tuner, features: np.ndarray, labels: np.ndarray
    ) -> None:
        """``model`` with its weights as they were; what its untrained part makes of the held-out photos
        (photos * views, ...), and whose they are.
        """
        super().__init__()
        self.folder, self.batches, self.settings = folder, batches, batches.settings
        self.variables = model.last_blocks.trainable_variables
        self.original = _arrays(self.variables)
        self.features, self.labels = features, labels
        random = np.random.default_rng(self.settings.seed)
        self.quadruplets = sampling.quadruplets(sampling.People(labels), 2048, random)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """The row of epoch 0, unless the run goes on."""
        if not (self.folder / CHECKPOINT).is_file():
            self._write(0, {"train_loss": math.nan, "seconds": 0.0})

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock, and tell the batches which epoch it is."""
        self.batches.epoch = epoch
        self.begun = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """The row of the epoch; end where it has not got better for long."""
        self._write(epoch + 1, {"train_loss": (logs or {})["loss"], "seconds": time.perf_counter() - self.begun})
        if epoch + 1 - best_epoch(self.folder)["epoch"] >= self.settings.patience_epochs:
            self.model.stop_training = True

    def _write(self, epoch: int, row: dict[str, float]) -> None:
        tuned = _arrays(self.variables)
        measured = {mix: self._measures(tuned, mix) for mix in MIXES}
        best = max(MIXES, key=lambda mix: (measured[mix]["rank_1"], -mix))
        row = {
            "epoch": epoch,
            "learning_rate": self.settings.learning_rate,
            **row,
            "held_out_loss": measured[1.0]["loss"],
            "mix": best,
            **{f"held_out_{name}": value for name, value in measured[best].items() if name != "loss"},
            **{f"held_out_cosine_{name}": value for name, value in measured[0.0].items() if name != "loss"},
            **{f"held_out_rank_1_mix_{mix}": values["rank_1"] for mix, values in measured.items()},
        }
        rows = history.read_history(self.folder)
        if not rows or row["held_out_rank_1"] > best_epoch(self.folder)["held_out_rank_1"]:
            self._assign(tuned, best)
            save_variables(self.variables, self.folder / BEST_WEIGHTS, epoch)
        self._assign(tuned, 1.0)
        history.append_row(self.folder, row)
        save_variables([*self.variables, *self.model.optimizer.variables], self.folder / CHECKPOINT, epoch)

    def _assign(self, tuned: list[np.ndarray], mix: float) -> None:
        for variable, old, new in zip(self.variables, self.original, tuned, strict=True):
            variable.assign((1 - mix) * old + mix * new)

    def _measures(self, tuned: list[np.ndarray], mix: float) -> dict[str, float]:
        """One-shot identification of the held-out people, and the loss on quadruplets of them, always the same."""
        self._assign(tuned, mix)
        views = unit(self.model.last_blocks.predict(self.features, batch_size=256, verbose=0))
        rows = unit(views.reshape(len(self.labels), -1, weights.DIMENSIONS).mean(axis=1))
        loss = Quadruplet(alpha=self.settings.alpha, beta=self.settings.beta)
        apart = distances(rows[self.quadruplets])
        found = measuring.one_shot(rows, self.labels, cosine_distances, 0)
        return {**found, "loss": float(loss(np.zeros(len(apart), np.float32), apart))}


def _arrays(variables: list[Any]) -> list[np.ndarray]:
    # Copies, as some frameworks share the memory of their variables.
    return [np.array(ops.convert_to_numpy(variable)) for variable in variables]


def finetune(
    folder: Path,
    opened: Gallery,
    boxes: np.ndarray,
    facenet: keras.Model,
    settings: FinetuneSettings,
    about: dict[str, Any] | None = None,
) -> dict[str, float]:
    """Train ``facenet`` in ``folder``, or go on with the run stopped there; returns the row of the best epoch.

    boxes float32 (faces, 4), of the faces in the portraits (:func:`augment.boxes`). At the end ``facenet`` has the
    best weights, and they lie in the folder, as ``weights.build().load_weights`` reads them.

    Raises UserError where the folder holds a run of other settings, or where there are too few people.
    """
    labels = opened.person_of_row
    held_out = split_people(labels, settings.held_out_share, settings.seed)
    store_config(folder, {"settings": asdict(settings), **(about or {})})
    keras.utils.set_random_seed(settings.seed)
    model = Tuner(facenet, settings.blocks)
    model.compile(
        optimizer=keras.optimizers.Adam(settings.learning_rate),
        loss=Quadruplet(alpha=settings.alpha, beta=settings.beta),
    )
    model.optimizer.build(model.trainable_variables)
    portraits = Portraits(opened, boxes)
    features = model.body.predict(Plain(portraits, np.flatnonzero(held_out)), verbose=_verbose())
    batches = Quadruplets(portraits, np.flatnonzero(~held_out), settings)
    progress = Progress(folder, batches, model, features, labels[held_out])
    resumed = (folder / CHECKPOINT).is_file()
    begun = (
        restore_variables([*progress.variables, *model.optimizer.variables], folder / CHECKPOINT) if resumed else 0
    )
    history.truncate_history(folder, begun if resumed else -1)
    # The batches are random already; another shuffle would draw on a state that a resumed run does not have.
    model.fit(
        batches, initial_epoch=begun, epochs=settings.epochs, callbacks=[progress], shuffle=False, verbose=_verbose()
    )
    restore_variables(progress.variables, folder / BEST_WEIGHTS)
    facenet.save_weights(folder / WEIGHTS)
    best = best_epoch(folder)
    storage.write_json(folder / files.RESULT, history.finite_row(best))
    return best


def _verbose() -> int | str:
    """What Keras prints: bars on a terminal, a line for each epoch in a log."""
    return "auto" if sys.stdout.isatty() else 2
