"""Callbacks."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from train import sampling
from train.batches import FitBatches
from train.evaluation import measuring, protocols
from train.evaluation.distances import Distances, cosine_distances, network_distances
from train.networks import Similarity
from train.options import LOSSES
from train.runs import geometry, history
from train.runs.checkpoints import save_variables
from train.runs.files import BEST_WEIGHTS, CHECKPOINT
from train.runs.history import best_epoch
from train.steps import PAIRS, Learner

# One-shot draws that are averaged: on the side that chooses the epoch, a single one would choose by luck.
DRAWS = {"train": 1, "held_out": 3}


# So many of the people trained on say how far they are known by heart; what it takes grows with their square.
_MEASURED_MAX = 1000


class EpochRecorder:
    """Measures each epoch on people of both sides, appends it to the history and keeps the best weights.

    What is the best epoch is read from the history, so that rate and end of a resumed run are those of one that was
    never stopped. Epoch 0 is the network before training: where that is the best, it is what the run ends with.
    """

    def __init__(
        self,
        folder: Path,
        model: Learner,
        optimizer: keras.optimizers.Optimizer,
        batches: FitBatches,
        held_out: tuple[np.ndarray, np.ndarray],
    ) -> None:
        self.folder, self.model, self.optimizer = folder, model, optimizer
        self.batches, self.settings = batches, batches.settings
        trained = sampling.at_most(_MEASURED_MAX, batches.labels, self.settings.seed)
        self.sides = {"train": (batches.embeddings[trained], batches.labels[trained]), "held_out": held_out}
        self.cosine = {side: _measures(side, data, cosine_distances) for side, data in self.sides.items()}

    def begin(self) -> None:
        """The row of epoch 0."""
        self._write(0, {"train_loss": math.nan, "seconds": 0.0})
        self._keep(0)

    def end(self, epoch: int, loss: float, seconds: float) -> None:
        """The row of the epoch; halve the rate where it has not got better for long."""
        row = self._write(epoch, {"train_loss": loss, "seconds": seconds})
        waited = self.waited(epoch)
        if 0 < waited < self.settings.patience_epochs and not waited % max(self.settings.patience_epochs // 2, 1):
            self.optimizer.learning_rate.assign(self.optimizer.learning_rate * 0.5)
        # Only now, so that a run that is killed here goes on with the rate that it would have had.
        self._keep(epoch)
        print(
            f"Epoch {epoch} of {self.settings.epochs}: loss {loss:.4f}, "
            f"on held-out people rank-1 {row['held_out_rank_1']:.4f}; {seconds:.1f} s"
        )

    def waited(self, epoch: int) -> int:
        """How many epochs ago the best one was."""
        return epoch - int(best_epoch(self.folder)["epoch"])

    def _keep(self, epoch: int) -> None:
        save_variables(state_of(self.model, self.optimizer), self.folder / CHECKPOINT, epoch)

    def _write(self, epoch: int, row: dict[str, float]) -> dict[str, float]:
        similarity, seed = self.model.similarity, self.settings.seed
        apart = {side: quadruplet_distances(similarity, *data, seed) for side, data in self.sides.items()}
        row = {
            "epoch": epoch,
            "learning_rate": float(ops.convert_to_numpy(self.optimizer.learning_rate)),
            "held_out_loss": self._held_out_loss(apart["held_out"]),
            **row,
        }
        distances = network_distances(similarity.arrays())
        for side, data in self.sides.items():
            row[f"{side}_margins_met"] = self._margins_met(apart[side])
            for name, value in _measures(side, data, distances).items():
                row |= {f"{side}_{name}": value, f"{side}_cosine_{name}": self.cosine[side][name]}
        rows = history.read_history(self.folder)
        if not rows or row["held_out_rank_1"] > best_epoch(self.folder)["held_out_rank_1"]:
            save_variables(state_of(self.model, self.optimizer), self.folder / BEST_WEIGHTS, epoch)
        geometry.append_geometry(self.folder, epoch, apart)
        history.append_row(self.folder, row)
        return row

    def _margins_met(self, apart: np.ndarray) -> float:
        """Share of quadruplets, distances (n, 3), that meet both margins of the quadruplet loss."""
        ap, an, nn = apart.T
        return float(np.mean((ap**2 + self.settings.alpha < an**2) & (ap**2 + self.settings.beta < nn**2)))

    def _held_out_loss(self, apart: np.ndarray) -> float:
        """The loss on other people, of whose quadruplets ``apart`` (n, 3) are the distances.

        None where it knows only the people that it is trained on.
        """
        embeddings, labels = self.sides["held_out"]
        takes = self.batches.takes
        if takes == "logits":
            return math.nan
        loss = LOSSES[self.settings.loss].build
        if takes == "distances":
            return float(loss(self.settings)(np.zeros(len(apart), np.float32), apart))
        some = FitBatches(embeddings[:, None], labels, self.settings, takes)
        rows = some.photos(np.random.default_rng(self.settings.seed))
        places = np.unique(labels[rows], return_inverse=True)[1]
        return float(loss(some.settings)(places, self.model.similarity.encoded(embeddings[rows])))


def quadruplet_distances(similarity: Similarity, embeddings: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """The distances, float32 (2048, 3), of random quadruplets of these photos, always the same ones."""
    rows = sampling.quadruplets(sampling.People(labels), 2048, np.random.default_rng(seed))
    return ops.convert_to_numpy(similarity.distances_within(embeddings[rows], PAIRS))


def state_of(model: Learner, optimizer: keras.optimizers.Optimizer) -> list[Any]:
    """All that a step changes: weights, the optimizer's moments and rate."""
    return [*model.variables, *optimizer.variables]


def _measures(side: str, data: tuple[np.ndarray, np.ndarray], distances: Distances) -> dict[str, float]:
    draws = [measuring.one_shot(*data, distances, draw) for draw in protocols.one_shot_draws(data[1], DRAWS[side])]
    return {name: float(np.mean([draw[name] for draw in draws])) for name in draws[0]}
