"""Inputs of systems without LFW."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.embedding.base import unit
from pipeline.errors import WeightsError
from tests.conftest import unit_rows
from train.evaluation.protocols import ComparisonProtocol, VerificationPairs, draw_comparison
from train.systems.system import Budget

SMALL = Budget(steps=6, epochs=3, people=8, photos=3)


def pairs(people: NDArray[np.int64], count: int, seed: int) -> VerificationPairs:
    """Pairs of one person and of two, among people with two photos or three."""
    random = np.random.default_rng(seed)
    some = np.flatnonzero(np.isin(people, np.flatnonzero(np.isin(np.bincount(people), (2, 3)))))
    drawn = random.choice(some, (200 * count, 2))
    drawn = drawn[drawn[:, 0] != drawn[:, 1]]
    same = people[drawn[:, 0]] == people[drawn[:, 1]]
    kept = np.r_[np.flatnonzero(same)[:count], np.flatnonzero(~same)[: 2 * count]]
    return VerificationPairs(drawn[kept], same[kept])


@dataclass(frozen=True)
class Synthetic:
    """People as bright spots in noisy pictures and as directions in noisy rows, each in a place of their own."""

    budget: Budget = field(default_factory=lambda: SMALL)

    @cached_property
    def people(self) -> NDArray[Any]:
        return np.repeat(np.arange(72), np.r_[np.full(24, 6), np.full(24, 3), np.full(24, 1)])

    @cached_property
    def protocol(self) -> ComparisonProtocol:
        return draw_comparison(self.people, pairs(self.people, 40, 1), pairs(self.people, 40, 2))

    def rows(self, embedder: str) -> NDArray[Any]:
        if embedder == "vgg16":
            raise WeightsError("There are no weights.")
        noise = np.random.default_rng(5).normal(0, 0.06, (len(self.people), 128))
        return unit(unit_rows(72)[self.people] + noise)[self.protocol.photos]

    def views(self) -> NDArray[Any]:
        return np.stack([self.rows("facenet")] * 2, axis=1)

    def _crops(self, seed: int) -> NDArray[Any]:
        random = np.random.default_rng(seed)
        crops = random.normal(100, 20, (len(self.people), 60, 60, 3))
        for photo, person in enumerate(self.people):
            y, x = 6 * (person // 9) + 2, 6 * (person % 9) + 2
            crops[photo, y : y + 8, x : x + 8] += 120
        return np.clip(crops, 0, 255).astype(np.uint8)

    def crops(self) -> NDArray[Any]:
        return self._crops(6)[self.protocol.photos]

    def variants(self) -> NDArray[Any]:
        learn = self.protocol.learn.ravel()
        return np.stack([self._crops(seed)[learn] for seed in (6, 7)], axis=1)

    def cost(self, embedder: str) -> tuple[int, float]:
        return 22_808_144, 100.0
