"""Loading the networks, with a sign of life."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pipeline.cli.console import working

if TYPE_CHECKING:
    from pipeline.embedding.base import Embedder
    from pipeline.lookalikes import Models


def load_models(embedder: Callable[[], Embedder] | None = None) -> Models:
    """Detector and embedder. ``embedder`` loads another one than the default."""
    from pipeline.faces.detector import load_detector
    from pipeline.lookalikes import Models

    with working("Loading the networks"):
        return Models(load_detector(), embedder()) if embedder else Models.load()
