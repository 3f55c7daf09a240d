"""Whether a photo surely shows the same person as a portrait, where its source cannot promise that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.embedding.base import Embedder
from pipeline.embedding.registry import entry_of
from pipeline.gallery import inspection
from pipeline.gallery.inspection import InspectedPhoto
from pipeline.gallery.screening import Rejection, RejectionKind


def checked(
    photos: Sequence[InspectedPhoto], portraits: Sequence[NDArray[np.float32] | None], embedder: Embedder
) -> list[InspectedPhoto]:
    """The photos, embedded; with a flaw where one shows several faces, or a face that may be somebody else's.

    portraits: for each photo the unit row, (d,), of its person's portrait, None if there is no usable one.
    """
    candidates = [_before(photo, portrait, embedder) for photo, portrait in zip(photos, portraits, strict=True)]
    embedded = inspection.embed(candidates, embedder)
    return [_after(photo, portrait, embedder) for photo, portrait in zip(embedded, portraits, strict=True)]


def _before(photo: InspectedPhoto, portrait: NDArray[np.float32] | None, embedder: Embedder) -> InspectedPhoto:
    """The photo, with a flaw and without crops if it does not count, whatever its face."""
    problem = _problem_before(photo, portrait, embedder) if photo.crops else ""
    return _flawed(photo, problem) if problem else photo


def _after(photo: InspectedPhoto, portrait: NDArray[np.float32] | None, embedder: Embedder) -> InspectedPhoto:
    """The embedded photo, with a flaw if its face is not surely that of the portrait."""
    if photo.quality.flaw or portrait is None or not len(photo.embedding):
        return photo
    cosine, least = float(portrait @ photo.embedding), _cosine_min(embedder)
    return photo if cosine >= least else _flawed(photo, f"cosine to the portrait {cosine:.2f}, below {least:.2f}")


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
