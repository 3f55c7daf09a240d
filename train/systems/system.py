"""What a compared system is: a name, and what makes it from the inputs that all are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from typing import Protocol as Shape

import numpy as np

from train.evaluation import protocols
from train.evaluation.protocols import Distances
from train.systems.protocol import Budget, ComparisonProtocol

Kind = Literal["embedder", "classifier", "similarity net", "last layer", "from scratch"]


class SystemInputs(Shape):
    """What systems learn from and are measured on. Arrays have a row for each of ``protocol.photos``."""

    @property
    def protocol(self) -> ComparisonProtocol:
        """Who is learned from, probed, refused and paired."""
        ...

    @property
    def budget(self) -> Budget:
        """What a system may spend."""
        ...

    def rows(self, embedder: str) -> np.ndarray:
        """Unit rows of an embedder, zeros where a photo shows no face. Raises UserError where it cannot run."""
        ...

    def views(self) -> np.ndarray:
        """The default embedder's rows of each view by itself, float32 (n, views, 128)."""
        ...

    def crops(self) -> np.ndarray:
        """Small crops, uint8 (n, 60, 60, 3)."""
        ...

    def variants(self) -> np.ndarray:
        """Small crops of the photos that are learned from, each cut in several ways: uint8 (n, ways, 60, 60, 3)."""
        ...

    def cost(self, embedder: str) -> tuple[int, float]:
        """Parameters of an embedder and what a face takes it, milliseconds."""
        ...


@dataclass(frozen=True)
class TrainedSystem:
    """A system that is ready to be measured.

    rows float32 (photos, d), a row for each of ``protocol.photos``. apart: distances of them.
    before_seconds: what was learned without a history of its own, or before it.
    people: distances (n, people) of rows to the people of the gallery, where the system is a classifier, which has
        no distance of two photos.
    """

    rows: np.ndarray
    parameters: int
    face_ms: float
    before_seconds: float = 0.0
    apart: Distances = protocols.cosine_distances
    people: Callable[[np.ndarray], np.ndarray] | None = None


@dataclass(frozen=True)
class System:
    """A line of the table. make: teaches it in a folder, where its history goes. settings: kept with the run."""

    name: str
    title: str
    kind: Kind
    make: Callable[[SystemInputs, Path], TrainedSystem]
    settings: dict[str, Any] = field(default_factory=dict)


def rows_of(protocol: ComparisonProtocol, photos: np.ndarray) -> np.ndarray:
    """Where photo numbers of any shape stand in ``protocol.photos``."""
    return np.searchsorted(protocol.photos, photos)


def enrolled(inputs: SystemInputs) -> tuple[np.ndarray, np.ndarray]:
    """Places of the photos that are learned from, (n,), and their people numbered from 0, (n,)."""
    learn = inputs.protocol.learn
    return rows_of(inputs.protocol, learn.ravel()), np.repeat(np.arange(len(learn)), learn.shape[1])


def validation_pairs(inputs: SystemInputs, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What of ``values`` (photos, ...) the choosing pairs need, the pairs' places among that, and their kind."""
    pairs = inputs.protocol.choose
    photos, at = np.unique(pairs.photos, return_inverse=True)
    return values[rows_of(inputs.protocol, photos)], at.reshape(pairs.photos.shape), pairs.same
