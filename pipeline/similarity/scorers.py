"""Scorers: what gives the distance of two faces, and a resemblance for people to read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from pipeline import storage
from pipeline.similarity import files
from pipeline.similarity.calibration import UNCALIBRATED, Calibration
from pipeline.similarity.files import digest, read_parts, unusable
from pipeline.similarity.network import Network, Product

ScorerName = Literal["network", "cosine"]
SCORERS: tuple[ScorerName, ...] = ("network", "cosine")
_COSINE = storage.ASSETS / "cosine.json"


class Scorer(Protocol):
    """What ranks a gallery. The distance is 0..1 and symmetric; smaller is more alike.

    digest: identifies the numbers; empty where :meth:`prepare` gives back what it is given.
    """

    name: ScorerName
    digest: str
    calibration: Calibration

    def prepare(self, rows: np.ndarray) -> np.ndarray:
        """All that depends on the gallery alone, float32 (n, columns), of its unit rows (n, 128)."""
        ...

    def distances(self, probe: np.ndarray, prepared: np.ndarray) -> np.ndarray:
        """Distances, float32 (n,), of a unit row (128,) to prepared rows (n, columns)."""
        ...

    def product_of(self, probes: np.ndarray) -> Product | None:
        """The same for unit rows (m, 128) as one product of matrices, or None where more is needed."""
        ...


class CosineScorer:
    """Half of one minus the cosine of the two embeddings."""

    name: ScorerName = "cosine"
    digest = ""

    def __init__(self, calibration: Calibration | None = None) -> None:
        fitted = json.loads(_COSINE.read_text(encoding="utf-8"))
        self.calibration = calibration or Calibration(fitted["middle"], fitted["slope"])

    def prepare(self, rows: np.ndarray) -> np.ndarray:
        """The rows themselves."""
        return rows

    def distances(self, probe: np.ndarray, prepared: np.ndarray) -> np.ndarray:
        """Distances, float32 (n,), of a unit row (128,) to unit rows (n, 128)."""
        return self.product_of(probe[None]).distances(prepared)[:, 0]

    def product_of(self, probes: np.ndarray) -> Product:
        """The distances to unit rows (m, 128)."""
        weights = (probes / -2).astype(np.float32).T
        return Product(weights, np.full(len(probes), 0.5, np.float32), lambda values: np.clip(values, 0, 1), -0.5)


class NetworkScorer:
    """The trained encoder and similarity net."""

    name: ScorerName = "network"

    def __init__(self, network: Network, calibration: Calibration) -> None:
        self.network, self.calibration = network, calibration
        self.digest = digest(network)

    def prepare(self, rows: np.ndarray) -> np.ndarray:
        """All that depends on the gallery alone, float32 (n, columns), of its unit rows (n, 128)."""
        return self.network.prepare(self.network.codes(rows))

    def distances(self, probe: np.ndarray, prepared: np.ndarray) -> np.ndarray:
        """Distances, float32 (n,), of a unit row (128,) to prepared rows (n, columns)."""
        return self.network.distances(self.network.codes(probe[None])[0], prepared)

    def product_of(self, probes: np.ndarray) -> Product | None:
        """The distances to unit rows (m, 128) where the network has no net, else None."""
        return self.network.product_of(self.network.codes_each(probes))


def named(name: ScorerName = "network") -> Scorer:
    """A scorer by name. Raises WeightsError where the shipped network cannot be used."""
    return CosineScorer() if name == "cosine" else read(files.SHIPPED)


def fitting(identity: dict[str, Any] | None, name: ScorerName = "network") -> Scorer:
    """A scorer for the embeddings of a gallery, whose manifest names what made them (``embedding``).

    Network and calibration were fitted on the default embedder's rows. Those of any other are compared by the cosine,
    uncalibrated. Raises WeightsError where the shipped network cannot be used.
    """
    return named(name) if fits(identity) else CosineScorer(UNCALIBRATED)


def fits(identity: dict[str, Any] | None) -> bool:
    """Whether embeddings are the default embedder's, as those are that nothing is said of."""
    from pipeline.embedding.registry import default_identity

    return identity in (None, default_identity())


def read(folder: Path) -> NetworkScorer:
    """The scorer that :func:`write` wrote. Raises WeightsError with one sentence."""
    network, manifest = read_parts(folder)
    try:
        return NetworkScorer(network, Calibration(**manifest["calibration"]))
    except (KeyError, TypeError) as error:
        raise unusable(folder, f"a part is missing or damaged ({error})") from error
