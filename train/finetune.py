"""Fine-tuning FaceNet: its last blocks are trained on a gallery's photos, then averaged with the original weights."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from pipeline import photo, storage
from pipeline.embedding import facenet_weights as weights
from pipeline.embedding.base import unit
from pipeline.embedding.facenet import FACENET_SETTINGS
from pipeline.faces.geometry import View
from pipeline.gallery.gallery import Gallery
from train import augment, sampling
from train.augment import PhotoChange
from train.callbacks import Checkpoint, DivergenceCheck, HistoryWriter, Patience
from train.epoch_measures import LabelledPhotos
from train.evaluation import measuring
from train.evaluation.distances import cosine_distances
from train.evaluation.protocols import probes_count
from train.losses.quadruplet import Quadruplet
from train.runs.checkpoints import restore_variables, resume
from train.runs.config import store_config
from train.runs.files import BEST_WEIGHTS, FACENET_WEIGHTS
from train.runs.history import best_epoch
from train.runs.results import write_result
from train.sampling import split_people
from train.settings import BLOCKS, FinetuneSettings
from train.steps import PAIRS

Tensor = Any
# Shares of the change in the weights that are tried, as in Wortsman et al. 2022, arXiv 2109.01903.
MIXES = (0.0, 0.25, 0.5, 0.75, 1.0)
_QUADRUPLETS = 2048


class FineTuner(keras.Model):
    """FaceNet in two parts: a frozen body and trained last blocks. Batch normalisation stays frozen.

    Maps quadruplets of crops, float32 (n, 4, 160, 160, 3), to their distances (n, 3), as the quadruplet loss takes
    them.
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
        return distances_within(ops.reshape(rows, (-1, 4, rows.shape[-1])))


def distances_within(quadruplets: Tensor) -> Tensor:
    """Cosine distances (1 - cosine) / 2 within quadruplets of unit rows (n, 4, 128): (n, 3)."""
    cosines = [ops.sum(quadruplets[:, one] * quadruplets[:, two], axis=-1) for one, two in PAIRS]
    return (1 - ops.stack(cosines, axis=1)) / 2


class Portraits:
    """A gallery's portraits, with the boxes (faces, 4) of the faces in them. Read when needed."""

    def __init__(self, opened: Gallery, boxes: NDArray[np.float32]) -> None:
        self.opened, self.boxes = opened, boxes

    def crops(self, wanted: Iterable[tuple[int, PhotoChange, View]]) -> NDArray[np.float32]:
        """The faces of rows after a change, as FaceNet takes them: (n, 160, 160, 3), standardised one by one."""
        with ThreadPoolExecutor() as threads:
            crops = np.stack(list(threads.map(self._crop, wanted))).astype(np.float32)
        means, deviations = (of(crops, axis=(1, 2, 3), keepdims=True) for of in (np.mean, np.std))
        return (crops - means) / np.maximum(deviations, crops[0].size ** -0.5)

    def _crop(self, wanted: tuple[int, PhotoChange, View]) -> NDArray[np.uint8]:
        row, change, view = wanted
        portrait = photo.read(self.opened.crop_path(row))
        return augment.apply_change(portrait, tuple(self.boxes[row].tolist()), change, view, weights.CROP_SIDE_PX)


class PortraitQuadruplets(keras.utils.PyDataset):
    """The batches of each epoch, drawn from the seed and the epoch alone, so a resumed run draws the same ones."""

    def __init__(self, portraits: Portraits, rows: NDArray[np.int64], settings: FinetuneSettings) -> None:
        super().__init__()
        self.portraits, self.rows, self.settings = portraits, rows, settings
        self.people = sampling.PhotosByPerson(portraits.opened.person_of_row[rows])
        views = FACENET_SETTINGS.views
        self.view = View(views[0].squareness, sum(view.margin_ratio for view in views) / len(views))
        self.epoch = 0

    def set_epoch(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Draw the batches of this epoch from now on; ``on_epoch_begin`` of a Keras callback."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.settings.steps_per_epoch

    def __getitem__(self, step: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        random = np.random.default_rng((self.settings.seed, self.epoch, step))
        rows = self.rows[sampling.draw_quadruplets(self.people, self.settings.batch_size, random)]
        wanted = [(int(row), self.settings.variation.draw(random), self.view) for row in rows.flat]
        crops = self.portraits.crops(wanted)
        return crops.reshape(*rows.shape, *crops.shape[1:]), np.zeros(len(rows), np.float32)


class PortraitViews(keras.utils.PyDataset):
    """Unchanged portraits as the pipeline shows them to FaceNet: all views of the first, then of the second, ..."""

    def __init__(self, portraits: Portraits, rows: NDArray[np.int64], batch_size: int = 16) -> None:
        super().__init__()
        self.portraits, self.rows, self.batch_size = portraits, rows, batch_size

    def __len__(self) -> int:
        return math.ceil(len(self.rows) / self.batch_size)

    def __getitem__(self, batch: int) -> tuple[NDArray[np.float32]]:
        rows = self.rows[batch * self.batch_size : (batch + 1) * self.batch_size]
        views = [
            (PhotoChange(mirror=view.mirror, turn_degrees=view.turn_degrees), view) for view in FACENET_SETTINGS.views
        ]
        return (self.portraits.crops([(int(row), *seen) for row in rows for seen in views]),)


class MixMeasures:
    """Measures mixes of original and trained weights on held-out people.

    Mix 0 is FaceNet as it was, so a run never ends worse on these people.
    """

    def __init__(self, last_blocks: keras.Model, held_out: LabelledPhotos, settings: FinetuneSettings) -> None:
        """last_blocks: still with the original weights. held_out: features (photos * views, ...) that the frozen
        body gives, and labels (photos,).
        """
        self.last_blocks, self.settings = last_blocks, settings
        self.variables = last_blocks.trainable_variables
        self.original = _arrays(self.variables)
        self.features, self.labels = held_out
        random = np.random.default_rng(settings.seed)
        self.quadruplets = sampling.draw_quadruplets(sampling.PhotosByPerson(self.labels), _QUADRUPLETS, random)
        self.best_mix = 0.0

    def measure(self, epoch: int) -> dict[str, float]:
        """The columns of an epoch: the measures of its best mix, of the original, and rank-1 of every mix."""
        trained = _arrays(self.variables)
        measured = {}
        for mix in MIXES:
            self._assign(self._mixed(trained, mix))
            measured[mix] = self._measures()
        self._assign(trained)
        best = self.best_mix = max(MIXES, key=lambda mix: (measured[mix]["rank_1"], -mix))
        return {
            "held_out_probes": probes_count(self.labels),
            "held_out_loss": measured[1.0]["loss"],
            "mix": best,
            **{f"held_out_{name}": value for name, value in measured[best].items() if name != "loss"},
            **{f"held_out_cosine_{name}": value for name, value in measured[0.0].items() if name != "loss"},
            **{f"held_out_rank_1_mix_{mix}": values["rank_1"] for mix, values in measured.items()},
        }

    def best_weights(self) -> list[NDArray[np.float32]]:
        """The weights of the last measured epoch's best mix."""
        return self._mixed(_arrays(self.variables), self.best_mix)

    def _mixed(self, trained: list[NDArray[np.float32]], mix: float) -> list[NDArray[np.float32]]:
        return [(1 - mix) * old + mix * new for old, new in zip(self.original, trained, strict=True)]

    def _assign(self, arrays: list[NDArray[np.float32]]) -> None:
        for variable, array in zip(self.variables, arrays, strict=True):
            variable.assign(array)

    def _measures(self) -> dict[str, float]:
        """One-shot identification of the held-out people, and the loss on quadruplets of them, always the same."""
        views = unit(self.last_blocks.predict(self.features, batch_size=256, verbose=0))
        rows = unit(views.reshape(len(self.labels), -1, weights.DIMENSIONS).mean(axis=1))
        loss = Quadruplet(alpha=self.settings.alpha, beta=self.settings.beta)
        within = distances_within(rows[self.quadruplets])
        found = measuring.one_shot(rows, self.labels, cosine_distances, 0)
        return {**found, "loss": float(loss(np.zeros(len(within), np.float32), within))}


def finetune(
    folder: Path,
    opened: Gallery,
    boxes: NDArray[np.float32],
    facenet: keras.Model,
    settings: FinetuneSettings,
    *,
    about: dict[str, Any] | None = None,
) -> dict[str, float]:
    """Train ``facenet`` in ``folder``, or resume the run stopped there; returns the row of the best epoch.

    boxes: float32 (faces, 4), of the faces in the portraits (:func:`train.augment.portrait_boxes`). In the end
    ``facenet`` has the best weights, and the folder a file of them for ``build_facenet().load_weights``.

    Raises UserError if the folder holds a run with other settings, or if there are too few people.
    """
    held_out = split_people(opened.person_of_row, settings.held_out_share, settings.seed)
    store_config(folder, {"settings": asdict(settings), **(about or {})})
    keras.utils.set_random_seed(settings.seed)
    model = FineTuner(facenet, settings.blocks)
    model.compile(
        optimizer=keras.optimizers.Adam(settings.learning_rate),
        loss=Quadruplet(alpha=settings.alpha, beta=settings.beta),
    )
    model.optimizer.build(model.trainable_variables)
    portraits = Portraits(opened, boxes)
    features = model.body.predict(PortraitViews(portraits, np.flatnonzero(held_out)), verbose=_verbosity())
    measures = MixMeasures(model.last_blocks, (features, opened.person_of_row[held_out].astype(np.int64)), settings)
    _train(folder, model, PortraitQuadruplets(portraits, np.flatnonzero(~held_out), settings), measures)
    restore_variables(measures.variables, folder / BEST_WEIGHTS)
    with storage.atomic_path(folder / FACENET_WEIGHTS) as temporary:
        facenet.save_weights(temporary)
    best = best_epoch(folder)
    write_result(folder, best)
    return best


def _train(folder: Path, model: FineTuner, batches: PortraitQuadruplets, measures: MixMeasures) -> None:
    settings = batches.settings

    def variables() -> list[Any]:
        return [*measures.variables, *model.optimizer.variables]

    done = resume(folder, variables())
    history = HistoryWriter(
        folder,
        model.optimizer,
        measure=measures.measure,
        variables=measures.best_weights,
        epochs=settings.epochs,
    )
    patience = Patience(folder, settings.patience_epochs)
    if patience.exhausted:
        return
    epoch_setter = keras.callbacks.LambdaCallback(on_epoch_begin=batches.set_epoch)
    # Without shuffling: batches are random already, and Keras' shuffle has a state that a resumed run would lack.
    model.fit(
        batches,
        initial_epoch=done or 0,
        epochs=settings.epochs,
        callbacks=[
            epoch_setter,
            DivergenceCheck(model.optimizer, variables),
            history,
            patience,
            Checkpoint(folder, variables),
        ],
        shuffle=False,
        verbose=_verbosity(),
    )


def _arrays(variables: list[Any]) -> list[NDArray[np.float32]]:
    # Copies, as some backends share the memory of their variables.
    return [np.array(ops.convert_to_numpy(variable)) for variable in variables]


def _verbosity() -> int | str:
    """Keras' progress bars on a terminal, nothing in a log."""
    return "auto" if sys.stdout.isatty() else 0
