"""Two embedders side by side: how they are joined, and the pairs that have a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.embedding.base import COPY_DISTANCE_MAX, Embedder, EmbedderEntry, unit
from pipeline.embedding.facenet import FACENET_128, FACENET_SETTINGS, facenet_entry
from pipeline.embedding.facenet_512 import FACENET_512
from pipeline.embedding.sface import SFACE
from pipeline.faces.face import Face

# What FaceNet is shown beside SFace, and the factor on SFace's rows: chosen on LFW view 1 (make
# benchmark-resemblance).
BESIDE_SFACE = replace(FACENET_SETTINGS, views=FACENET_SETTINGS.views[:2])
SFACE_WEIGHT = 0.75


class PairEmbedder(Embedder):
    """The rows of two embedders side by side, the second scaled: the cosine is a weighted mean of both cosines.

    The weights of both cosines are as 1 to ``weight`` squared.
    """

    def __init__(self, model: str, first: Embedder, second: Embedder, *, weight: float) -> None:
        self.model, self.first, self.second, self.weight = model, first, second, weight

    @property
    def identity(self) -> dict[str, Any]:
        """The identities of both, and the weight."""
        return pair_identity(self.model, (self.first.identity, self.second.identity), self.weight)

    @property
    def dimensions(self) -> int:
        """The length of a row of both."""
        return self.first.dimensions + self.second.dimensions

    @property
    def parameters(self) -> int:
        """The number of trained weights of both."""
        return self.first.parameters + self.second.parameters

    def crops(self, photo: NDArray[np.uint8], face: Face) -> list[NDArray[np.uint8]]:
        """The views of the first embedder, then those of the second, each uint8 (height, width, 3)."""
        return [*self.first.crops(photo, face), *self.second.crops(photo, face)]

    def __call__(self, faces_crops: Sequence[Sequence[NDArray[np.uint8]]]) -> NDArray[np.float32]:
        """Unit rows, float32 (n, dimensions), of n faces, each given by its views (:meth:`crops`)."""
        views = self.first.views
        return side_by_side(
            self.first([crops[:views] for crops in faces_crops]),
            self.second([crops[views:] for crops in faces_crops]),
            weight=self.weight,
        )

    @property
    def views(self) -> int:
        """How many views of a face both are shown."""
        return self.first.views + self.second.views


@dataclass(frozen=True, kw_only=True)
class PairEntry(EmbedderEntry):
    """The line of a pair in the registry. parts: the lines of both. weight: the factor on the second one's rows."""

    parts: tuple[EmbedderEntry, EmbedderEntry]
    weight: float


def side_by_side(first: NDArray[np.float32], second: NDArray[np.float32], *, weight: float) -> NDArray[np.float32]:
    """Unit rows (n, a) and (n, b) side by side, the second scaled by ``weight``: unit rows (n, a + b)."""
    return unit(np.hstack([first, weight * second]))


def pair_identity(model: str, parts: Sequence[dict[str, Any]], weight: float) -> dict[str, Any]:
    """The identity of a pair, as galleries store it."""
    return {"model": model, "parts": list(parts), "weight": weight}


def pair_entry(
    name: str,
    *,
    title: str,
    help_text: str,
    parts: tuple[EmbedderEntry, EmbedderEntry],
    weight: float,
    copy_distance_max: float = COPY_DISTANCE_MAX,
    same_cosine_min: float | None = None,
) -> PairEntry:
    """The line of a pair, whose name is also the id of its model."""

    def fetch() -> None:
        for part in parts:
            part.fetch()

    known = [part.dimensions for part in parts if part.dimensions is not None]
    return PairEntry(
        name=name,
        title=title,
        help=help_text,
        identity=pair_identity(name, [part.identity for part in parts], weight),
        load=lambda: PairEmbedder(name, *(part.load() for part in parts), weight=weight),
        dimensions=sum(known) if len(known) == len(parts) else None,
        fetch=fetch,
        parts=parts,
        weight=weight,
        copy_distance_max=copy_distance_max,
        same_cosine_min=same_cosine_min,
    )


FACENET_PAIR = pair_entry(
    "facenet-pair",
    title="both FaceNets",
    help_text="both FaceNets side by side, 640 dimensions",
    parts=(FACENET_128, FACENET_512),
    weight=0.5,
)
FACENET_SFACE = pair_entry(
    "facenet+sface",
    title="FaceNet 128 and SFace",
    help_text="FaceNet and SFace side by side, 256 dimensions",
    parts=(facenet_entry(BESIDE_SFACE), SFACE),
    weight=SFACE_WEIGHT,
    copy_distance_max=0.02,
    same_cosine_min=0.45,
)
