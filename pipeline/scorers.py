"""Scorers: what gives the distance of two faces, and a resemblance for people to read."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from pipeline import __version__, similarity, store
from pipeline.errors import WeightsError
from pipeline.similarity import Network, Product

ScorerName = Literal["network", "cosine"]
SCORERS: tuple[ScorerName, ...] = ("network", "cosine")
FORMAT = 1
SHIPPED = Path(__file__).parents[1] / "assets" / "similarity"
_COSINE = Path(__file__).parents[1] / "assets" / "cosine.json"
_WEIGHTS = "network.npz"
# Logits beyond those of float32 say no more.
_LEAST = 1e-7


@dataclass(frozen=True)
class Calibration:
    """Distance to resemblance by a logistic curve, fitted on people outside every gallery (``make calibrate``).

    A resemblance of 70 says: of pairs of photos this alike, half of all pairs being of one person, 70 in 100
    show one person. It is a measure of likeness and never says who somebody is.

    middle: the distance of resemblance 50. slope: steepness per unit of distance, or of its logit where
    ``on_logit``, as fits a distance that is a sigmoid (Platt 1999).
    """

    middle: float
    slope: float
    on_logit: bool = False

    def resemblance(self, distances: np.ndarray) -> np.ndarray:
        """0..100, larger is more alike, of distances in 0..1."""
        beyond = self.scale(distances) - self.scale(np.array(self.middle))
        return 100 / (1 + np.exp(np.clip(self.slope * beyond, -700, 700)))

    def scale(self, distances: np.ndarray) -> np.ndarray:
        """What the curve is logistic in, float64."""
        values = np.asarray(distances, np.float64)
        if not self.on_logit:
            return values
        values = np.clip(values, _LEAST, 1 - _LEAST)
        return np.log(values / (1 - values))


# For distances that nothing was fitted on: every resemblance is NaN.
UNCALIBRATED = Calibration(math.nan, math.nan)


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
        return Product(weights, np.full(len(probes), 0.5, np.float32), lambda values: np.clip(values, 0, 1))


class NetworkScorer:
    """The trained encoder and similarity net."""

    name: ScorerName = "network"

    def __init__(self, network: Network, calibration: Calibration) -> None:
        self.network, self.calibration = network, calibration
        self.digest = digest_of(network)

    def prepare(self, rows: np.ndarray) -> np.ndarray:
        """All that depends on the gallery alone, float32 (n, columns), of its unit rows (n, 128)."""
        return self.network.prepare(self.network.codes(rows))

    def distances(self, probe: np.ndarray, prepared: np.ndarray) -> np.ndarray:
        """Distances, float32 (n,), of a unit row (128,) to prepared rows (n, columns)."""
        return self.network.distances(self.network.codes(probe[None])[0], prepared)

    def product_of(self, probes: np.ndarray) -> Product | None:
        """The distances to unit rows (m, 128) where the network has no net, else None."""
        return self.network.product_of(self.network.codes(probes))


def digest_of(network: Network) -> str:
    """What identifies a network's numbers."""
    settings, arrays = similarity.parts(network)
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()[:16]


def named(name: ScorerName = "network") -> Scorer:
    """A scorer by name. Raises WeightsError where the shipped network cannot be used."""
    return CosineScorer() if name == "cosine" else read(SHIPPED)


def fitting(identity: dict[str, Any] | None, name: ScorerName = "network") -> Scorer:
    """A scorer for the embeddings of a gallery, whose manifest names what made them (``embedding``).

    Network and calibration were fitted on the default embedder's rows. Those of any other are compared by the cosine,
    uncalibrated. Raises WeightsError where the shipped network cannot be used.
    """
    return named(name) if fits(identity) else CosineScorer(UNCALIBRATED)


def fits(identity: dict[str, Any] | None) -> bool:
    """Whether embeddings are the default embedder's, as those are that nothing is said of."""
    from pipeline.embedding import EmbeddingSettings

    return identity in (None, EmbeddingSettings().identity)


def write(folder: Path, network: Network, calibration: Calibration | None, about: dict[str, Any]) -> None:
    """Write a network and its calibration as they ship; a run has no calibration, and no resemblance.

    ``about`` says what made them and what they measured; where it names the ``embedding`` that the network was
    trained on (``EmbeddingSettings.identity``), the network is not read for any other.
    """
    settings, arrays = similarity.parts(network)
    with store.written_whole(folder / _WEIGHTS) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    store.write_manifest(
        folder,
        {
            "format": FORMAT,
            "made_by": f"lookslikewho {__version__}",
            **about,
            "network": settings,
            "weights": {"name": _WEIGHTS, "sha256": store.sha256(folder / _WEIGHTS)},
            "calibration": calibration and asdict(calibration),
        },
    )


def read(folder: Path) -> NetworkScorer:
    """The scorer that :func:`write` wrote. Raises WeightsError with one sentence."""
    network, manifest = _read(folder)
    try:
        return NetworkScorer(network, Calibration(**manifest["calibration"]))
    except (KeyError, TypeError) as error:
        raise WeightsError(_unusable(folder, f"a part is missing or damaged ({error})")) from error


def read_network(folder: Path) -> Network:
    """The network that :func:`write` wrote, with a calibration or without. Raises WeightsError with one sentence."""
    return _read(folder)[0]


def _read(folder: Path) -> tuple[Network, dict[str, Any]]:
    from pipeline.embedding import EmbeddingSettings

    manifest = store.read_manifest(folder)
    if manifest is None:
        raise WeightsError(_unusable(folder, f"{store.MANIFEST} is missing or damaged"))
    if manifest.get("format") != FORMAT:
        raise WeightsError(_unusable(folder, f"it has format {manifest.get('format')}, this version reads {FORMAT}"))
    if manifest.get("embedding", EmbeddingSettings().identity) != EmbeddingSettings().identity:
        raise WeightsError(_unusable(folder, "it was trained on another model's embeddings or on other crops"))
    try:
        path = folder / manifest["weights"]["name"]
        if store.sha256(path) != manifest["weights"]["sha256"]:
            raise WeightsError(_unusable(folder, f"{path.name} is not what {store.MANIFEST} says"))
        with np.load(path, allow_pickle=False) as arrays:
            return similarity.joined(manifest["network"], arrays), manifest
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(_unusable(folder, f"a part is missing or damaged ({error})")) from error


def _unusable(folder: Path, reason: str) -> str:
    way_on = (
        "Get that folder of this version again; --scorer cosine does without it."
        if folder == SHIPPED
        else "Train it anew: python -m train fit"
    )
    return f"The similarity network in {folder} cannot be used: {reason}. {way_on}"
