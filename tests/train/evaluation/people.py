"""Synthetic people: unit rows around a direction of each person's own, with enough noise for mistakes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def normalised(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def noisy_people(people: int, *, noise: float, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Rows (photos, 16) and labels (photos,), shuffled, with one to four photos each."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.repeat(np.arange(people), random.integers(1, 5, size=people)))
    directions = random.normal(size=(people, 16))
    return normalised(directions[labels] + noise * random.normal(size=(len(labels), 16))), labels
