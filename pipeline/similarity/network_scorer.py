"""The trained similarity network as a scorer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.similarity import files
from pipeline.similarity.base import MatrixProduct, ScorerEntry
from pipeline.similarity.calibration import Calibration
from pipeline.similarity.network import SimilarityNetwork


class NetworkScorer:
    """A similarity network with a calibration."""

    name = "network"

    def __init__(self, network: SimilarityNetwork, calibration: Calibration) -> None:
        self.network, self.calibration = network, calibration
        self.digest = files.network_digest(network)

    def prepare(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Codes, and the first layer's half that depends on them alone: float32 (n, columns) of unit rows (n, d)."""
        return self.network.prepare(self.network.codes(rows))

    def distances(self, probe: NDArray[np.float32], prepared: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distances, float32 (n,), of a unit row (d,) to prepared rows (n, columns)."""
        return self.network.distances(self.network.codes(probe[None])[0], prepared)

    def product_of(self, probes: NDArray[np.float32]) -> MatrixProduct | None:
        """The distances to unit rows (m, d) if the network compares codes by their product alone, else None."""
        return self.network.product_of(self.network.codes_row_by_row(probes))


def read_scorer(folder: Path) -> NetworkScorer:
    """The network in a folder with its calibration. Raises WeightsError."""
    network, manifest = files.read_network_and_manifest(folder)
    try:
        return NetworkScorer(network, Calibration(**manifest["calibration"]))
    except (KeyError, TypeError) as error:
        raise files.unusable_network(folder, f"a part is missing or damaged ({error})") from error


NETWORK = ScorerEntry(
    name=NetworkScorer.name,
    label="Trained network",
    help="the trained network",
    distance="What the trained network makes of the two faces",
    load=lambda: read_scorer(files.SHIPPED_NETWORK),
)
