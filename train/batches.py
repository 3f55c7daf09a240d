"""The batches of a fit: which photos each step is trained on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.similarity.network import SimilarityNetwork
from train import sampling
from train.evaluation.distances import network_distances
from train.options import LOSSES, MINING
from train.settings import FitSettings

# Examples a block: about half a second of training, after which signals are handled.
_BLOCK_EXAMPLES = 1 << 17
# Rows of the table, targets of the loss, dropout seeds: the arguments of train.steps.TrainBlock.
Block = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint32]]


class FitBatches:
    """The batches of each epoch, drawn from the seed and the epoch alone, so that a resumed run draws the same ones.

    variants float32 (photos, variants, 128): a drawn photo appears as one of its variants, while mining and
    measuring use the first. labels int (photos,), numbered from 0. table float32 (photos * variants, 128).
    """

    def __init__(self, variants: NDArray[np.float32], labels: NDArray[np.int64], settings: FitSettings) -> None:
        self.variants, self.labels, self.takes = variants.shape[1], labels, LOSSES[settings.loss].takes
        self.table = np.ascontiguousarray(variants).reshape(-1, variants.shape[2])
        self.embeddings = embeddings = variants[:, 0]
        self.people = sampling.PhotosByPerson(labels)
        self.settings = settings.within(self.people) if self.takes == "codes" else settings
        self.neighbours = (
            sampling.nearest_photos(embeddings, settings.neighbours) if settings.mining == "neighbours" else None
        )

    def blocks(self, epoch: int, network: SimilarityNetwork | None = None) -> Iterator[Block]:
        """The epoch's steps, in blocks. network: needed by strategies that mine within batches."""
        size, steps = self.settings.batch_size, self.settings.steps_per_epoch
        # Batches of codes differ in size, so each is its own block.
        most = 1 if self.takes == "codes" else max(_BLOCK_EXAMPLES // size, 1)
        # Blocks of equal length as far as possible, as every length is compiled separately.
        most = -(-steps // -(-steps // most))
        for start in range(0, steps, most):
            random = np.random.default_rng((self.settings.seed, epoch, start))
            photos, targets = self._draw(min(most, steps - start), random, network)
            seeds = random.integers(2**32, size=len(photos), dtype=np.uint32)
            yield self.table_rows(photos, random), targets.astype(np.int32), seeds

    def table_rows(self, photos: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int32]:
        """The table's row of a random variant of each photo, same shape."""
        if self.variants > 1:
            photos = photos * self.variants + random.integers(self.variants, size=photos.shape)
        return photos.astype(np.int32)

    def photos(self, random: np.random.Generator) -> NDArray[np.int64]:
        """A batch of several photos each of some people, (n,)."""
        return sampling.draw_p_by_k(
            self.people, self.settings.people_per_batch, self.settings.photos_per_person, random
        )

    def quadruplets(
        self, steps: int, random: np.random.Generator, network: SimilarityNetwork | None
    ) -> NDArray[np.int64]:
        """Photos, (steps, batch_size, 4)."""
        size = self.settings.batch_size
        if MINING[self.settings.mining].within_batch:
            return np.stack([self._mined(random, network) for _ in range(steps)])
        photos = sampling.draw_quadruplets(self.people, steps * size, random).reshape(steps, size, 4)
        if self.neighbours is None:
            return photos
        return np.stack(
            [sampling.with_hard_negatives(batch, self.labels, self.neighbours, random) for batch in photos]
        )

    def _draw(
        self, steps: int, random: np.random.Generator, network: SimilarityNetwork | None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Photos (steps, n) or (steps, n, 4), and the targets of the loss (steps, n)."""
        size = self.settings.batch_size
        if self.takes == "distances":
            return self.quadruplets(steps, random, network), np.zeros((steps, size), np.int64)
        if self.takes == "logits":
            photos = random.integers(len(self.labels), size=(steps, size))
            return photos, self.labels[photos]
        photos = np.stack([self.photos(random) for _ in range(steps)])
        return photos, np.stack([np.unique(self.labels[batch], return_inverse=True)[1] for batch in photos])

    def _mined(self, random: np.random.Generator, network: SimilarityNetwork | None) -> NDArray[np.int64]:
        """Quadruplets (batch_size, 4), mined with the network within a batch of photos."""
        assert network is not None
        batch = self.photos(random)
        distances = network_distances(network)(self.embeddings[batch], self.embeddings[batch])
        triplets_of = MINING[self.settings.mining].load()
        triplets = batch[triplets_of(distances, self.labels[batch])]
        if not len(triplets):
            # Only one person has two photos, so a batch has no negatives.
            return sampling.draw_quadruplets(self.people, self.settings.batch_size, random)
        triplets = triplets[random.integers(len(triplets), size=self.settings.batch_size)]
        others = self.people.others(np.sort(self.labels[triplets[:, [0, 2]]], axis=1), random)
        return np.column_stack([triplets, self.people.photos(others, random)])
