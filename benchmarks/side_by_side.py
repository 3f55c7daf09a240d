"""FaceNet and SFace side by side: which views of FaceNet, which of SFace, and what weight."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.embedding.base import Embedder, unit
from pipeline.embedding.facenet import FACENET_SETTINGS
from pipeline.embedding.onnx import OnnxEmbedder
from pipeline.embedding.pair import side_by_side
from pipeline.embedding.sface import SFACE
from pipeline.faces.geometry import View
from train.datasets.lfw import LFW, loaded_embedder

# FaceNet's two crops and their mirror images; SFace's aligned crop alone, and with its mirror image.
VIEWS = dict(zip(("A", "A mirrored", "B", "B mirrored"), FACENET_SETTINGS.views, strict=True))
_SUBSETS = (("A",), ("A", "A mirrored"), ("A", "B mirrored"), tuple(VIEWS))
_SFACE = {1: "SFace without its mirror image", 2: "SFace"}
# By the number of SFace's passes.
_WEIGHTS = {1: (0.5, 0.75, 1.0), 2: (0.25, 0.5, 0.6, 0.75, 1.0, 1.5)}
# Milliseconds a pass on two cores, in batches of 32, as OpenVINO runs them.
_FACENET_MS, _SFACE_MS = 7.0, 5.0

# Unit rows, float32 (photos, d), of a view of FaceNet, and of SFace by its number of passes.
FaceNetRows = Callable[[View], NDArray[np.float32]]
SFaceRows = Callable[[int], NDArray[np.float32]]


@dataclass(frozen=True)
class Setting:
    """An embedder made of both networks.

    views: the names of FaceNet's views whose rows are averaged; none leaves FaceNet out.
    sface: passes of SFace; 0 leaves it out.
    weight: the factor on SFace's rows beside FaceNet's.
    """

    views: tuple[str, ...] = ()
    sface: int = 0
    weight: float = 1.0

    @property
    def facenet(self) -> str:
        """FaceNet's views as tables name them."""
        names = {tuple(VIEWS): "A, B and mirror images", ("A", "A mirrored"): "A and its mirror image"}
        return names.get(self.views, " and ".join(self.views) or "–")

    @property
    def title(self) -> str:
        """What is side by side."""
        if not self.sface:
            return f"FaceNet ({self.facenet})"
        if not self.views:
            return _SFACE[self.sface]
        return f"FaceNet ({self.facenet}) + {_SFACE[self.sface]}, weight {self.weight:g}"

    @property
    def milliseconds(self) -> float:
        """What the passes of one face take."""
        return _FACENET_MS * len(self.views) + _SFACE_MS * self.sface

    def rows(self, facenet: FaceNetRows, sface: SFaceRows) -> NDArray[np.float32]:
        """Unit rows of all photos. Rows of zeros stay so."""
        if not self.views:
            return sface(self.sface)
        first = unit(np.mean([facenet(VIEWS[name]) for name in self.views], axis=0))
        return side_by_side(first, sface(self.sface), weight=self.weight) if self.sface else first


FACENET_ALONE, SFACE_ALONE = Setting(tuple(VIEWS)), Setting(sface=2)


def settings() -> Iterator[Setting]:
    """All settings of the frontier."""
    yield from map(Setting, _SUBSETS)
    yield from (Setting(sface=passes) for passes in _SFACE)
    for passes, weights in _WEIGHTS.items():
        yield from (Setting(views, passes, weight) for views in _SUBSETS for weight in weights)


def sface(passes: int) -> Embedder:
    """SFace over the aligned face, and its mirror image with two passes."""
    embedder = loaded_embedder(SFACE.name)
    assert isinstance(embedder, OnnxEmbedder)
    return OnnxEmbedder(embedder.network, replace(embedder.onnx, mirrored=passes == 2))


def rows_of(lfw: LFW, setting: Setting, photos: NDArray[np.int64]) -> NDArray[np.float32]:
    """Unit rows of photos of LFW."""
    return setting.rows(
        lambda view: lfw.view(view, photos, FACENET_SETTINGS.level_over_degrees),
        lambda passes: lfw.embedded_by(sface(passes), photos, title=_SFACE[passes]),
    )
