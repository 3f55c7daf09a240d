"""What a scorer is, and its line in the registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.similarity import blocks
from pipeline.similarity.calibration import Calibration


@dataclass(frozen=True)
class MatrixProduct:
    """Distances of prepared rows (n, columns) to m probes as ``link(rows @ weights + start)``.

    weights: float32 (columns, m). start: float32 (m,). link: turns values into distances, 0..1; it never falls.
    cosine_scale: a negative number if prepared rows begin with the embeddings, weights begin with the probes times
    that number, and the other weights are the same for all probes. None otherwise.
    """

    weights: NDArray[np.float32]
    start: NDArray[np.float32]
    link: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    cosine_scale: float | None = None

    def distances(self, prepared: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distances, float32 (n, m)."""
        return blocks.map_rows(lambda rows: self.link(rows @ self.weights + self.start), prepared)

    def column(self, place: int) -> MatrixProduct:
        """The product for one of the probes."""
        own = slice(place, place + 1)
        return replace(self, weights=self.weights[:, own], start=self.start[own])


class Scorer(Protocol):
    """Gives the distance of two faces: 0..1, symmetric, smaller is more alike.

    name: as in the registry, or that of a run. digest: identifies the numbers that prepare rows; empty if
    :meth:`prepare` returns its argument. calibration: from distance to resemblance.
    """

    name: str
    digest: str
    calibration: Calibration

    def prepare(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Whatever can be computed before a probe is known, float32 (n, columns), from unit rows (n, d)."""
        ...

    def distances(self, probe: NDArray[np.float32], prepared: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distances, float32 (n,), of a unit row (d,) to prepared rows (n, columns)."""
        ...

    def product_of(self, probes: NDArray[np.float32]) -> MatrixProduct | None:
        """The distances to unit rows (m, d) as one product of matrices; None if this scorer needs more than that.

        A column of the product has the same bits whatever other probes are given.
        """
        ...


@dataclass(frozen=True)
class ScorerEntry:
    """A scorer's line in the registry.

    name: by which it is chosen. label: the same for menus. help: one line for help texts. distance: what its
    distance is, to complete a sentence. load: reads its files for the rows of an embedder, given its identity; raises
    WeightsError if they cannot be used. fits: whether it can compare the rows of an embedder, given its identity.
    """

    name: str
    label: str
    help: str
    distance: str
    load: Callable[[dict[str, Any]], Scorer]
    fits: Callable[[dict[str, Any]], bool] = lambda identity: True
