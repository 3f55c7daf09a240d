"""Several photos of one face, looked up as one. The app and the command line combine them here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.embedding.base import unit
from pipeline.errors import NoFaceError
from pipeline.faces.face import Face
from pipeline.lookalikes import Models, Probe
from pipeline.similarity.base import Scorer

# A photo seems to show somebody else where fewer of 100 pairs as near show one person (make benchmark-together).
SAME_PERSON_MIN = 5.0
# The most prominent faces of a photo, among which the same face is looked for.
FACES_MAX = 8


def combined(probes: Sequence[Probe]) -> Probe:
    """One probe of several of the same face: the mean of their embeddings, with the portrait of the first.

    All must come from one embedder. Weights by the quality of a photo gain nothing (make benchmark-together).
    """
    if len(probes) == 1:
        return probes[0]
    rows = np.stack([probe.embedding for probe in probes])
    return Probe(unit(rows.mean(axis=0)), probes[0].portrait, probes[0].identity, sum(each.photos for each in probes))


def same_face(models: Models, pixels: NDArray[np.uint8], faces: Sequence[Face], probe: Probe) -> tuple[int, Probe]:
    """The face of another photo that is most similar to a probe: its number, from 1, and the face embedded.

    pixels: the photo, upright RGB, uint8 (height, width, 3), faces: found in it, the most prominent first. Raises
    NoFaceError if none can be compared.
    """
    found: list[tuple[int, Probe]] = []
    problem: NoFaceError | None = None
    for number, face in enumerate(faces[:FACES_MAX], start=1):
        try:
            found.append((number, models.probe(pixels, face)))
        except NoFaceError as error:
            problem = problem or error
    if not found:
        raise problem or NoFaceError("No face was found.")
    return max(found, key=lambda each: float(each[1].embedding @ probe.embedding))


def seems_somebody_else(probe: Probe, other: Probe, scorer: Scorer) -> bool:
    """Whether two faces of one embedder are so unlike that they hardly show one person.

    False where nothing was fitted that could tell.
    """
    distances = scorer.distances(probe.embedding, scorer.prepare(other.embedding[None]))
    return bool(scorer.calibration.same_person(distances)[0] < SAME_PERSON_MIN)
