"""The trained similarity network as a scorer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import storage
from pipeline.errors import WeightsError
from pipeline.similarity import files, shipped
from pipeline.similarity.base import MatrixProduct, ScorerEntry
from pipeline.similarity.calibration import UNCALIBRATED, Calibration
from pipeline.similarity.network import SimilarityNetwork


class NetworkScorer:
    """A similarity network with a calibration."""

    def __init__(self, network: SimilarityNetwork, calibration: Calibration, name: str = "network") -> None:
        self.network, self.calibration, self.name = network, calibration, name
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


def read_scorer(folder: Path, identity: dict[str, Any] | None = None) -> NetworkScorer:
    """The network in a folder with its calibration. Raises WeightsError.

    identity: of the embedder whose rows are to be compared; None for the default embedder.
    """
    network, manifest = files.read_network_and_manifest(folder, identity)
    return NetworkScorer(network, _calibration(folder, manifest))


def scorer_of_embedder(identity: dict[str, Any]) -> NetworkScorer:
    """The network that was released or ships for an embedder. Raises WeightsError if there is none."""
    folder = shipped.network_folder(identity)
    if folder is None:
        raise WeightsError(
            f"There is no trained network for embeddings of {identity.get('model')}. Rank by cosine, or train one."
        )
    return read_scorer(folder, identity)


def run_scorer(name: str, identity: dict[str, Any] | None) -> NetworkScorer:
    """The network of a finished run. It has no calibration where too few people were held out to fit one.

    identity: of the embedder whose rows are to be compared; None for the default embedder.
    Raises UserError if the network is damaged or was trained on rows of another embedder.
    """
    folder = runs_folder() / name
    network, manifest = files.read_network_and_manifest(folder, identity)
    return NetworkScorer(network, _calibration(folder, manifest) if manifest["calibration"] else UNCALIBRATED, name)


def runs_folder() -> Path:
    """The folder of the user's runs. :mod:`train.runs` says what else is in it."""
    return storage.home() / "runs"


def finished_runs(identity: dict[str, Any] | None = None, *, calibrated: bool = False) -> list[str]:
    """The names of the finished runs, sorted.

    identity: only those trained on rows of this embedder. calibrated: only those that give a resemblance.
    """
    manifests = {
        path.parent.name: storage.read_manifest(path.parent) for path in runs_folder().glob(f"*/{storage.MANIFEST}")
    }
    return sorted(
        name
        for name, about in manifests.items()
        if about and identity in (None, files.embedding_of(about)) and (not calibrated or _gives_resemblance(about))
    )


def _gives_resemblance(manifest: dict[str, Any]) -> bool:
    # Runs of earlier versions do not know how alike strangers are.
    return bool((manifest.get("calibration") or {}).get("strangers"))


def _calibration(folder: Path, manifest: dict[str, Any]) -> Calibration:
    try:
        return Calibration(**manifest["calibration"])
    except (KeyError, TypeError) as error:
        raise files.unusable_network(folder, f"a part is missing or damaged ({error})") from error


NETWORK = ScorerEntry(
    name="network",
    label="Trained network",
    help="the trained network",
    distance="What the trained network makes of the two faces",
    load=scorer_of_embedder,
    fits=lambda identity: shipped.network_folder(identity) is not None,
)
