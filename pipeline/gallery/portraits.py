"""Whether a photo surely shows the same person as a portrait, where its source cannot promise that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.embedding.base import Embedder
from pipeline.embedding.registry import entry_of
from pipeline.gallery import inspection
from pipeline.gallery.inspection import InspectedPhoto
from pipeline.gallery.screening import Rejection, RejectionKind


def checked(inspected: InspectedPhoto, portrait: NDArray[np.float32] | None, embedder: Embedder) -> InspectedPhoto:
    """The photo, embedded; with a flaw if it shows several faces, or one that may be somebody else's.

    portrait: the unit row, (d,), of the person's portrait, None if there is no usable one.
    """
    if inspected.quality.flaw or not inspected.crops:
        return inspected
    if problem := _problem_before(inspected, portrait, embedder):
        return _flawed(inspected, problem)
    (embedded,) = inspection.embed([inspected], embedder)
    assert portrait is not None
    cosine = float(portrait @ embedded.embedding)
    if embedded.quality.flaw or cosine >= _cosine_min(embedder):
        return embedded
    return _flawed(embedded, f"cosine to the portrait {cosine:.2f}, below {_cosine_min(embedder):.2f}")


def _problem_before(inspected: InspectedPhoto, portrait: NDArray[np.float32] | None, embedder: Embedder) -> str:
    """Why a photo does not count, whatever its face; "" if the face decides."""
    if inspected.faces > 1:
        return "several faces"
    if portrait is None:
        return "no portrait to compare with"
    return "" if np.isfinite(_cosine_min(embedder)) else "this face model has no measured limit"


def _cosine_min(embedder: Embedder) -> float:
    """From which cosine on two photos surely show one person; infinite where that was not measured."""
    entry = entry_of(embedder.identity)
    return np.inf if entry is None or entry.same_cosine_min is None else entry.same_cosine_min


def _flawed(inspected: InspectedPhoto, problem: str) -> InspectedPhoto:
    flaw = Rejection(RejectionKind.NOT_SURE, problem)
    return replace(inspected, quality=replace(inspected.quality, flaw=flaw), crops=())
