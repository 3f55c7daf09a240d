"""Compare two photos, without a gallery."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.lookalikes import Models, Photo, Probe, pixels_of
from pipeline.similarity.base import Scorer
from pipeline.similarity.registry import load_scorer
from pipeline.similarity.resemblance import Likeness


@dataclass(frozen=True)
class Comparison(Likeness):
    """Two faces compared, with the resemblance that the other face would have in a small gallery.

    scorer: its name. threshold: half of the pairs this near show one person, if half of all pairs do. same: whether
    the distance is at most that. cosine: of the two embeddings.
    """

    portraits: tuple[NDArray[np.uint8], NDArray[np.uint8]]
    scorer: str
    distance: float
    threshold: float
    same: bool
    cosine: float


def compare(photos: tuple[Photo, Photo], models: Models, scorer: Scorer | None = None) -> Comparison:
    """Compare the most prominent faces of two photos. Raises UserError."""
    one, other = (pixels_of(photo) for photo in photos)
    first, second = (models.probe(pixels, models.faces(pixels)[0]) for pixels in (one, other))
    return compare_probes(first, second, scorer or load_scorer())


def compare_probes(first: Probe, second: Probe, scorer: Scorer) -> Comparison:
    """Compare two faces, embedded by the embedder for which the scorer is."""
    distances = scorer.distances(first.embedding, scorer.prepare(second.embedding[None]))
    middle = scorer.calibration.middle
    (likeness,) = scorer.calibration.likenesses(distances, people=2)
    return Comparison(
        portraits=(first.portrait, second.portrait),
        scorer=scorer.name,
        distance=float(distances[0]),
        resemblance=likeness.resemblance,
        strangers=likeness.strangers,
        threshold=middle,
        same=bool(distances[0] <= middle),
        cosine=float(first.embedding @ second.embedding),
    )
