"""The scorers by name. Adding one takes a module and a line in ``SCORERS``; the default comes first."""

from __future__ import annotations

from typing import Any

from pipeline.embedding.registry import default_identity
from pipeline.errors import UserError
from pipeline.similarity.base import Scorer, ScorerEntry
from pipeline.similarity.calibration import UNCALIBRATED
from pipeline.similarity.cosine import COSINE, CosineScorer
from pipeline.similarity.network_scorer import NETWORK

SCORERS: dict[str, ScorerEntry] = {entry.name: entry for entry in (NETWORK, COSINE)}
DEFAULT_SCORER = NETWORK.name


def load_scorer(name: str = DEFAULT_SCORER) -> Scorer:
    """A scorer by its name. Raises WeightsError if its files cannot be used, UserError if nothing has that name."""
    if name not in SCORERS:
        raise UserError(f"There is no scorer {name}. Choose one of {', '.join(SCORERS)}.")
    return SCORERS[name].load()


def scorer_for(identity: dict[str, Any] | None, name: str = DEFAULT_SCORER) -> Scorer:
    """The scorer for a gallery, given the ``embedding`` in its manifest.

    Scorers are trained and calibrated on the default embedder's rows. Rows of any other embedder are compared by the
    cosine, without a calibration. Raises UserError.
    """
    return load_scorer(name) if is_default_embedding(identity) else CosineScorer(UNCALIBRATED)


def is_default_embedding(identity: dict[str, Any] | None) -> bool:
    """Whether embeddings come from the default embedder; so do those whose embedder is not recorded."""
    return identity in (None, default_identity())
