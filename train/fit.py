"""Fitting the encoder and the similarity net on embeddings, with everything that a viewer of runs wants to see."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from pipeline import store
from pipeline.errors import UserError
from train import evaluate, losses, runs, sampling
from train.networks import NetworkSettings, Similarity

Tensor = Any
_BEST, _CHECKPOINT = "best.npz", "checkpoint.npz"


@dataclass(frozen=True)
class FitSettings:
    """One run. The defaults of the networks, margins and batch are those this project grew from.

    loss: a name of :data:`LOSSES`. alpha, beta: margins of the quadruplet loss. margin: that of the others.
    hard_neighbours: the first negative comes from so many nearest photos of other people; 0 for random ones.
    held_out_share: people kept from training, on whom every measure of generalisation is taken.
    patience_epochs: without a better held-out rank-1, the rate is halved after half of them, and training ends.
    """

    network: NetworkSettings = field(default_factory=NetworkSettings)
    loss: str = "quadruplet"
    alpha: float = 0.25
    beta: float = 0.03
    margin: float = 0.5
    batch_size: int = 8
    steps_per_epoch: int = 280
    epochs: int = 50
    learning_rate: float = 1e-3
    hard_neighbours: int = 0
    held_out_share: float = 0.2
    patience_epochs: int = 10
    seed: int = 0


def _pairs(function: Callable[[Tensor, Tensor], Tensor], ap: Tensor, an: Tensor) -> Tensor:
    """A loss of pairs on the two pairs of an anchor: its positive and its first negative."""
    same = ops.concatenate([ops.ones_like(ap), ops.zeros_like(an)])
    return function(ops.concatenate([ap, an]), same)


# Each takes the three distances of a batch of quadruplets and the settings of the run.
LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor, FitSettings], Tensor]] = {
    "quadruplet": lambda ap, an, nn, run: losses.quadruplet(ap, an, nn, run.alpha, run.beta),
    "quadruplet_adaptive": lambda ap, an, nn, run: losses.quadruplet_adaptive(ap, an, nn),
    "triplet": lambda ap, an, nn, run: losses.triplet(ap, an, run.margin),
    "contrastive": lambda ap, an, nn, run: _pairs(partial(losses.contrastive, margin=run.margin), ap, an),
    "binary": lambda ap, an, nn, run: _pairs(losses.binary, ap, an),
    "similar_different": lambda ap, an, nn, run: _pairs(
        partial(losses.similar_different, threshold=run.margin), ap, an
    ),
}


class DistanceLoss(keras.losses.Loss):
    """A loss of :data:`LOSSES` as Keras calls it: y_pred (n, 3) holds the distances ap, an, nn; y_true is unused."""

    def __init__(self, settings: FitSettings) -> None:
        super().__init__(name=settings.loss)
        self.settings = settings

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value for each example, or a scalar."""
        ap, an, nn = y_pred[:, 0], y_pred[:, 1], y_pred[:, 2]
        return LOSSES[self.settings.loss](ap, an, nn, self.settings)


class QuadrupletModel(keras.Model):
    """Embeddings of quadruplets (n, 4, 128) to the distances ap, an and nn (n, 3)."""

    def __init__(self, similarity: Similarity) -> None:
        super().__init__()
        self.similarity = similarity

    def build(self, shape: Any) -> None:
        """Nothing of its own to build."""

    def call(self, quadruplets: Tensor, training: bool = False) -> Tensor:
        """Distances float32 (n, 3)."""
        size = quadruplets.shape[-1]
        codes = self.similarity.codes(ops.reshape(quadruplets, (-1, size)), training)
        codes = ops.reshape(codes, (-1, 4, codes.shape[-1]))
        pairs = ((0, 1), (0, 2), (2, 3))
        return ops.stack([self.similarity.distances(codes[:, one], codes[:, two]) for one, two in pairs], axis=1)


class Quadruplets(keras.utils.PyDataset):
    """The batches of each epoch, drawn from the seed and the epoch alone, so that a resumed run draws the same."""

    def __init__(self, embeddings: np.ndarray, labels: np.ndarray, settings: FitSettings) -> None:
        super().__init__()
        self.embeddings, self.labels, self.settings = embeddings, labels, settings
        self.people = sampling.People(labels)
        self.neighbours = sampling.nearest(embeddings, settings.hard_neighbours) if settings.hard_neighbours else None
        self.epoch = 0

    def __len__(self) -> int:
        return self.settings.steps_per_epoch

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng((self.settings.seed, self.epoch, step))
        rows = sampling.quadruplets(self.people, self.settings.batch_size, random)
        if self.neighbours is not None:
            rows = sampling.hard_negatives(rows, self.labels, self.neighbours, random)
        return self.embeddings[rows], np.zeros(len(rows), np.float32)


def split_people(labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Which photos are of held-out people: bool (photos,). Both sides keep three people, one of them with a pair.

    Raises UserError where there are too few people for that.
    """
    people, counts = np.unique(labels, return_counts=True)
    paired = np.random.default_rng(seed).permutation(people[counts > 1])
    single = np.random.default_rng(seed).permutation(people[counts == 1])
    held_out = np.concatenate([kind[: max(round(len(kind) * share), 1)] for kind in (paired, single) if len(kind)])
    if len(paired) < 2 or len(held_out) < 3 or len(people) - len(held_out) < 3:
        raise UserError(
            f"{len(people)} people, {len(paired)} of them with two photos or more, are too few to train on some and "
            "measure on others. Add people or photos to the gallery."
        )
    return np.isin(labels, held_out)


class Progress(keras.callbacks.Callback):
    """Measures each epoch on all photos of both sides, appends it to the history and keeps the best weights.

    What is the best epoch is read from the history, so that rate and end of a resumed run are those of one that was
    never stopped. Epoch 0 is the network before training: where that is the best, it is what the run ends with.
    """

    def __init__(self, folder: Path, dataset: Quadruplets, held_out: tuple[np.ndarray, np.ndarray]) -> None:
        super().__init__()
        self.folder, self.dataset, self.settings = folder, dataset, dataset.settings
        self.sides = {"train": (dataset.embeddings, dataset.labels), "held_out": held_out}
        self.cosine = {side: _measures(*data, evaluate.cosine_distances) for side, data in self.sides.items()}
        # The same quadruplets of held-out people each time.
        random = np.random.default_rng(self.settings.seed)
        self.held_out_quadruplets = held_out[0][sampling.quadruplets(sampling.People(held_out[1]), 2048, random)]

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """The row of epoch 0, unless the run goes on."""
        if not (self.folder / _CHECKPOINT).is_file():
            self._write(0, {"train_loss": math.nan, "seconds": 0.0})

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock, and tell the dataset which epoch it is: a resumed run does not begin with the first."""
        self.dataset.epoch = epoch
        self.begun = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """The row of the epoch; halve the rate or end where it has not got better for long."""
        seconds = time.perf_counter() - self.begun
        self._write(epoch + 1, {"train_loss": (logs or {})["loss"], "seconds": seconds})
        waited = epoch + 1 - int(best_row(self.folder)["epoch"])
        if waited >= self.settings.patience_epochs:
            self.model.stop_training = True
        elif waited and waited % max(self.settings.patience_epochs // 2, 1) == 0:
            self.model.optimizer.learning_rate.assign(self.model.optimizer.learning_rate * 0.5)

    def _write(self, epoch: int, row: dict[str, float]) -> None:
        network = self.model.similarity.arrays()

        def distances(probes: np.ndarray, gallery: np.ndarray) -> np.ndarray:
            prepared = network.prepare(network.codes(gallery))
            return np.stack([network.distances(code, prepared) for code in network.codes(probes)])

        ap, an, nn = self.model.predict(self.held_out_quadruplets, batch_size=2048, verbose=0).T
        row = {
            "epoch": epoch,
            "learning_rate": float(ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            "held_out_loss": float(np.mean(LOSSES[self.settings.loss](ap, an, nn, self.settings))),
            "held_out_margins_met": float(np.mean((ap**2 + self.settings.alpha < an**2) & (ap**2 < nn**2))),
            **row,
        }
        for side, data in self.sides.items():
            for name, value in _measures(*data, distances).items():
                row |= {f"{side}_{name}": value, f"{side}_cosine_{name}": self.cosine[side][name]}
        rows = runs.read_history(self.folder)
        if not rows or row["held_out_rank_1"] > best_row(self.folder)["held_out_rank_1"]:
            _save(self.model, self.folder / _BEST, epoch)
        runs.append_row(self.folder, row)
        _save(self.model, self.folder / _CHECKPOINT, epoch)


def _save(model: keras.Model, path: Path, epoch: int) -> None:
    """All that a step changes: weights, the optimizer's moments, the states of random layers; whole or not at all."""
    arrays = [ops.convert_to_numpy(variable) for variable in (*model.variables, *model.optimizer.variables)]
    with store.written_whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, epoch=epoch, **{str(place): array for place, array in enumerate(arrays)})


def _restore(model: keras.Model, path: Path) -> int:
    """Put back what :func:`_save` kept, and give its epoch."""
    with np.load(path, allow_pickle=False) as saved:
        for place, variable in enumerate((*model.variables, *model.optimizer.variables)):
            variable.assign(saved[str(place)])
        return int(saved["epoch"])


def best_row(folder: Path) -> dict[str, float]:
    """The row of the first epoch with the highest held-out rank-1."""
    return max(runs.read_history(folder), key=lambda row: (row["held_out_rank_1"], -row["epoch"]))


def _measures(embeddings: np.ndarray, labels: np.ndarray, distances: evaluate.Distances) -> dict[str, float]:
    return evaluate.identification(embeddings, labels, distances, 0) | evaluate.verification(
        embeddings, labels, distances, 0
    )


def fit(
    folder: Path,
    embeddings: np.ndarray,
    labels: np.ndarray,
    settings: FitSettings,
    held_out: np.ndarray | None = None,
    about: dict[str, Any] | None = None,
) -> dict[str, float]:
    """Train in ``folder``, or go on with the run that was stopped there; returns the row of the best epoch.

    embeddings float32 (photos, 128) unit rows, labels (photos,); held_out bool (photos,) marks people kept from
    training, drawn by ``held_out_share`` where it is None. ``about`` is kept with the settings.

    Raises UserError where the folder holds a run of other settings, or where there are too few people.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = json.loads(json.dumps({"settings": asdict(settings), **(about or {})}))
    known = store.read_json(folder / runs.CONFIG)
    if known is not None and known != config:
        raise UserError(f"The run {folder.name} was begun with other settings. Choose another name.")
    store.write_json(folder / runs.CONFIG, config)
    held_out = split_people(labels, settings.held_out_share, settings.seed) if held_out is None else held_out
    keras.utils.set_random_seed(settings.seed)
    dataset = Quadruplets(embeddings[~held_out], labels[~held_out], settings)
    similarity = Similarity(settings.network)
    model = QuadrupletModel(similarity)
    model.compile(optimizer=keras.optimizers.Adam(settings.learning_rate), loss=DistanceLoss(settings))
    blank = np.zeros((1, 4, embeddings.shape[1]), np.float32)
    similarity([blank[:, 0], blank[:, 1]])
    model(blank)
    model.optimizer.build(model.trainable_variables)
    begun = 0
    if (folder / _CHECKPOINT).is_file():
        begun = _restore(model, folder / _CHECKPOINT)
        runs.keep_rows(folder, begun)
    else:
        runs.keep_rows(folder, -1)
    progress = Progress(folder, dataset, (embeddings[held_out], labels[held_out]))
    # The batches are random already; another shuffle would draw on a state that a resumed run does not have.
    model.fit(
        dataset, initial_epoch=begun, epochs=settings.epochs, callbacks=[progress], shuffle=False, verbose="auto"
    )
    _restore(model, folder / _BEST)
    similarity.save(folder / runs.MODEL)
    best = best_row(folder)
    store.write_json(folder / runs.RESULT, best)
    return best
