"""Batches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.similarity.network import Network
from train import sampling
from train.evaluation.distances import network_distances
from train.options import MINING
from train.settings import FitSettings

# Quadruplets in a call: half a second or so, after which a signal is heard.
_BLOCK_QUADRUPLETS = 1 << 17


# What a call takes: places in the table, what the loss compares with, seeds of the dropout.
DrawnSteps = tuple[np.ndarray, np.ndarray, np.ndarray]


class FitBatches:
    """The batches of each epoch, drawn from the seed and the epoch alone, so that a resumed run draws the same.

    variants float32 (photos, variants, 128): a photo that is drawn is shown as one of its variants, while mining
    and measuring look at the first. labels (photos,) numbered from 0. table float32 (photos * variants, 128).
    """

    def __init__(self, variants: np.ndarray, labels: np.ndarray, settings: FitSettings, takes: str) -> None:
        self.variants, self.labels, self.takes = variants.shape[1], labels, takes
        self.table = np.ascontiguousarray(variants).reshape(-1, variants.shape[2])
        self.embeddings = embeddings = variants[:, 0]
        self.people = sampling.People(labels)
        self.settings = settings.within(self.people) if takes == "codes" else settings
        self.neighbours = (
            sampling.nearest(embeddings, settings.neighbours) if settings.mining == "neighbours" else None
        )

    def blocks(self, epoch: int, network: Network | None = None) -> Iterator[DrawnSteps]:
        """The epoch's steps, some at a time. network: what mining within batches looks with."""
        size, steps = self.settings.batch_size, self.settings.steps_per_epoch
        # Batches of codes differ in size, so that each is a block.
        most = 1 if self.takes == "codes" else max(_BLOCK_QUADRUPLETS // size, 1)
        # Blocks of one length, as far as can be: each length is compiled.
        most = -(-steps // -(-steps // most))
        for start in range(0, steps, most):
            random = np.random.default_rng((self.settings.seed, epoch, start))
            rows, targets = self._drawn(min(most, steps - start), random, network)
            seeds = random.integers(2**32, size=len(rows), dtype=np.uint32)
            yield self.shown(rows, random), targets.astype(np.int32), seeds

    def _drawn(
        self, steps: int, random: np.random.Generator, network: Network | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Photo numbers (steps, n) or (steps, n, 4), and what the loss compares with (steps, n)."""
        size = self.settings.batch_size
        if self.takes == "distances":
            return self.quadruplets(steps, random, network), np.zeros((steps, size))
        if self.takes == "logits":
            rows = random.integers(len(self.labels), size=(steps, size))
            return rows, self.labels[rows]
        rows = np.stack([self.photos(random) for _ in range(steps)])
        return rows, np.stack([np.unique(self.labels[batch], return_inverse=True)[1] for batch in rows])

    def shown(self, rows: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Where one variant of each of these photos, at random, stands in the table: int32 (...)."""
        if self.variants > 1:
            rows = rows * self.variants + random.integers(self.variants, size=rows.shape)
        return rows.astype(np.int32)

    def photos(self, random: np.random.Generator) -> np.ndarray:
        """A batch of photos of people with several each, int64 (n,)."""
        return sampling.p_by_k(self.people, self.settings.people_per_batch, self.settings.photos_per_person, random)

    def quadruplets(self, steps: int, random: np.random.Generator, network: Network | None) -> np.ndarray:
        """Photo numbers, int64 (steps, batch_size, 4)."""
        size = self.settings.batch_size
        if MINING[self.settings.mining].within_batch:
            return np.stack([self._mined(random, network) for _ in range(steps)])
        rows = sampling.quadruplets(self.people, steps * size, random).reshape(steps, size, 4)
        if self.neighbours is None:
            return rows
        return np.stack([sampling.hard_negatives(batch, self.labels, self.neighbours, random) for batch in rows])

    def _mined(self, random: np.random.Generator, network: Network | None) -> np.ndarray:
        """Quadruplets, int64 (batch_size, 4), chosen by the network among a batch of photos."""
        assert network is not None
        batch = self.photos(random)
        distances = network_distances(network)(self.embeddings[batch], self.embeddings[batch])
        choose = MINING[self.settings.mining].load()
        triplets = batch[choose(distances, self.labels[batch])]
        triplets = triplets[random.integers(len(triplets), size=self.settings.batch_size)]
        others = self.people.others(np.sort(self.labels[triplets[:, [0, 2]]], axis=1), random)
        return np.column_stack([triplets, self.people.photos(others, random)])
