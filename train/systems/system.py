"""What a compared system is: a name, and a function that trains it from the inputs every system gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.settings import check, setting, whole
from train.evaluation.distances import Distances, cosine_distances
from train.evaluation.protocols import ComparisonProtocol
from train.settings import SEED

Kind = Literal["embedder", "classifier", "similarity net", "last layer", "from scratch"]


@dataclass(frozen=True)
class Budget:
    """What a system may spend on training: ``epochs`` of ``steps`` batches of ``people`` with ``photos`` each."""

    steps: int = setting(50, whole(1, 1_000_000))
    epochs: int = setting(10, whole(1, 1_000_000))
    people: int = setting(32, whole(2, 10_000))
    photos: int = setting(3, whole(2, 10_000))
    seed: int = setting(0, SEED)

    def __post_init__(self) -> None:
        check(self)


class SystemInputs(Protocol):
    """What systems learn from and are measured on. Arrays have a row for each of ``protocol.photos``."""

    @property
    def protocol(self) -> ComparisonProtocol:
        """Which photos are learned from, probed, rejected and paired."""
        ...

    @property
    def budget(self) -> Budget:
        """What a system may spend on training."""
        ...

    def rows(self, embedder: str) -> NDArray[np.float32]:
        """Unit rows of an embedder, (n, d), zeros where a photo shows no face. Raises UserError if it cannot run."""
        ...

    def views(self) -> NDArray[np.float32]:
        """FaceNet's rows of each view, (n, views, 128)."""
        ...

    def crops(self) -> NDArray[np.uint8]:
        """Small crops, (n, 60, 60, 3)."""
        ...

    def variants(self) -> NDArray[np.uint8]:
        """Several small crops of each training photo, (n, variants, 60, 60, 3)."""
        ...

    def cost(self, embedder: str) -> tuple[int, float]:
        """Parameters of an embedder, and its milliseconds per face."""
        ...


@dataclass(frozen=True)
class TrainedSystem:
    """A system that is ready to be measured.

    rows: embeddings (photos, d), a row for each of ``protocol.photos``. distances: between such rows.
    train_seconds: training time outside the system's own history.
    to_people: distances (n, people) of rows to the enrolled people. Only classifiers have it; they have no distance
        between two photos.
    """

    rows: NDArray[np.float32]
    parameters: int
    face_ms: float
    train_seconds: float = 0.0
    distances: Distances = cosine_distances
    to_people: Callable[[NDArray[np.float32]], NDArray[np.floating]] | None = None


@dataclass(frozen=True)
class System:
    """A row of the comparison. make: trains it in a folder, where its history goes. settings: stored with the run."""

    name: str
    title: str
    kind: Kind
    make: Callable[[SystemInputs, Path], TrainedSystem]
    settings: dict[str, Any] = field(default_factory=dict)


def row_numbers(protocol: ComparisonProtocol, photos: NDArray[np.int64]) -> NDArray[np.int64]:
    """Row numbers in ``protocol.photos`` of photo numbers of any shape."""
    return np.searchsorted(protocol.photos, photos)


def enrolled(inputs: SystemInputs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers of the training photos, (n,), and their people numbered from 0, (n,)."""
    learn = inputs.protocol.learn
    return row_numbers(inputs.protocol, learn.ravel()), np.repeat(np.arange(len(learn)), learn.shape[1])


@dataclass(frozen=True)
class ValidationPairs:
    """Pairs that choose the best epoch: inputs (photos, ...), pairs (n, 2) of row numbers of them, same (n,)."""

    inputs: NDArray[Any]
    pairs: NDArray[np.int64]
    same: NDArray[np.bool_]


def validation_pairs(inputs: SystemInputs, values: NDArray[Any]) -> ValidationPairs:
    """The validation pairs, with what of ``values`` (photos, ...) they need."""
    pairs = inputs.protocol.choose
    photos, at = np.unique(pairs.photos, return_inverse=True)
    return ValidationPairs(values[row_numbers(inputs.protocol, photos)], at.reshape(pairs.photos.shape), pairs.same)
