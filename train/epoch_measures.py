"""What is measured of a network after each epoch, on the people it is trained on and on held-out people."""

from __future__ import annotations

import math

import numpy as np
from keras import ops
from numpy.typing import NDArray

from train import sampling
from train.batches import FitBatches
from train.evaluation import measuring, protocols
from train.evaluation.distances import Distances, cosine_distances, network_distances
from train.networks import Similarity
from train.options import LOSSES
from train.steps import PAIRS

# One-shot draws averaged. A single draw on the held-out side would choose the best epoch by luck.
DRAWS = {"train": 1, "held_out": 3}
# People trained on who are measured: enough to show overfitting, and the cost grows with their square.
_TRAIN_PEOPLE_MAX = 1000
_QUADRUPLETS = 2048
# Embeddings float32 (photos, 128) and labels (photos,).
LabelledPhotos = tuple[NDArray[np.float32], NDArray[np.int64]]


class EpochMeasures:
    """Measures a network on people trained on and on held-out people, always the same ones."""

    def __init__(self, batches: FitBatches, held_out: LabelledPhotos) -> None:
        self.settings, self.takes = batches.settings, batches.takes
        some = sampling.sample_people(_TRAIN_PEOPLE_MAX, batches.labels, self.settings.seed)
        self.sides = {"train": (batches.embeddings[some], batches.labels[some]), "held_out": held_out}
        self.cosine = {side: _one_shot(side, data, cosine_distances) for side, data in self.sides.items()}

    def quadruplet_distances(self, similarity: Similarity) -> dict[str, NDArray[np.float32]]:
        """The distances within random quadruplets of each side, (n, 3)."""
        seed = self.settings.seed
        return {side: quadruplet_distances(similarity, *data, seed=seed) for side, data in self.sides.items()}

    def row(self, similarity: Similarity, within: dict[str, NDArray[np.float32]]) -> dict[str, float]:
        """Measures of both sides by column name. within: what :meth:`quadruplet_distances` gave."""
        row = {
            "held_out_probes": protocols.probes_count(self.sides["held_out"][1]),
            "held_out_loss": self._held_out_loss(similarity, within["held_out"]),
        }
        distances = network_distances(similarity.to_numpy())
        for side, data in self.sides.items():
            row[f"{side}_margins_met"] = self._margins_met(within[side])
            for name, value in _one_shot(side, data, distances).items():
                row |= {f"{side}_{name}": value, f"{side}_cosine_{name}": self.cosine[side][name]}
        return row

    def _margins_met(self, within: NDArray[np.float32]) -> float:
        """Share of quadruplets, distances (n, 3), that meet both margins of the quadruplet loss."""
        ap, an, nn = within.T
        return float(np.mean((ap**2 + self.settings.alpha < an**2) & (ap**2 + self.settings.beta < nn**2)))

    def _held_out_loss(self, similarity: Similarity, within: NDArray[np.float32]) -> float:
        """The loss on held-out people. NaN for losses that only know the people trained on."""
        embeddings, labels = self.sides["held_out"]
        if self.takes == "logits":
            return math.nan
        option = LOSSES[self.settings.loss]
        if self.takes == "distances":
            return float(option.build(self.settings)(np.zeros(len(within), np.float32), within))
        batches = FitBatches(embeddings[:, None], labels, self.settings)
        photos = batches.photos(np.random.default_rng(self.settings.seed))
        people = np.unique(labels[photos], return_inverse=True)[1]
        return float(option.build(batches.settings)(people, similarity.encoded(embeddings[photos])))


def quadruplet_distances(
    similarity: Similarity, embeddings: NDArray[np.float32], labels: NDArray[np.int64], *, seed: int
) -> NDArray[np.float32]:
    """The distances (2048, 3) within random quadruplets of these photos, the same ones for the same seed."""
    rows = sampling.draw_quadruplets(sampling.PhotosByPerson(labels), _QUADRUPLETS, np.random.default_rng(seed))
    return ops.convert_to_numpy(similarity.distances_within(embeddings[rows], PAIRS))


def _one_shot(side: str, data: LabelledPhotos, distances: Distances) -> dict[str, float]:
    draws = [measuring.one_shot(*data, distances, draw) for draw in protocols.one_shot_draws(data[1], DRAWS[side])]
    return {name: float(np.mean([draw[name] for draw in draws])) for name in draws[0]}
