"""The scorers by name. Adding one takes a module and a line in ``SCORERS``; the default comes first."""

from __future__ import annotations

from typing import Any

from pipeline.embedding.registry import default_identity
from pipeline.errors import UserError
from pipeline.similarity import network_scorer
from pipeline.similarity.base import Scorer, ScorerEntry
from pipeline.similarity.cosine import COSINE
from pipeline.similarity.network_scorer import NETWORK

SCORERS: dict[str, ScorerEntry] = {entry.name: entry for entry in (NETWORK, COSINE)}
DEFAULT_SCORER = NETWORK.name


def load_scorer(name: str = DEFAULT_SCORER, identity: dict[str, Any] | None = None) -> Scorer:
    """A scorer by its name, or the network of a finished run by the run's name.

    identity: of the embedder whose rows are to be compared; None for the default embedder.

    Raises WeightsError if its files cannot be used or are for another embedder, UserError if nothing has that name.
    """
    if name in SCORERS:
        return SCORERS[name].load(identity or default_identity())
    known = [*SCORERS, *network_scorer.finished_runs()]
    if name not in known:
        raise UserError(f"There is no scorer and no finished run {name}. Choose one of {', '.join(known)}.")
    return network_scorer.run_scorer(name, identity)


def scorer_for(identity: dict[str, Any] | None, name: str = DEFAULT_SCORER) -> Scorer:
    """The scorer for a gallery, given the ``embedding`` in its manifest.

    Rows of an embedder for which the named scorer was not made are compared by the cosine. It gives a resemblance if
    one was fitted for that embedder. Raises UserError.
    """
    if name in SCORERS and not SCORERS[name].fits(identity or default_identity()):
        name = COSINE.name
    return load_scorer(name, identity)


def is_default_embedding(identity: dict[str, Any] | None) -> bool:
    """Whether embeddings come from the default embedder; so do those whose embedder is not recorded."""
    return identity in (None, default_identity())
