"""What a detector is made of: a network that finds faces, and how photos are shown to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pipeline.faces.face import Box, Face


class DetectionNetwork(Protocol):
    """A network that finds upright faces in photos of one size. Thresholds and order are the detector's business."""

    def __call__(self, photos: NDArray[np.uint8]) -> list[list[Face]]:
        """The faces of each photo, RGB (n, height, width, 3), in pixels of these photos."""


@runtime_checkable
class RefiningNetwork(Protocol):
    """A network that can look for a face where somebody says that one is."""

    def refine(self, photo: NDArray[np.uint8], box: Box) -> Face | None:
        """The most likely face at a box of a photo, RGB (height, width, 3); None where there is hardly one."""


@dataclass(frozen=True)
class DetectionSettings:
    """How photos are searched. The defaults are those of MTCNN.

    detect_side_px: photos are shrunk to this longer side, because the time grows with the area.
    second_look_side_px: the longer side of a second look at photos without a face: small faces in large photos.
    confidence_min: faces below this confidence, 0..1, are dropped.
    batch_max: photos of one size that are searched together.
    """

    detect_side_px: int = 640
    second_look_side_px: int = 1280
    confidence_min: float = 0.80
    batch_max: int = 16


@dataclass(frozen=True)
class DetectorEntry:
    """A detector's line in the registry.

    name: by which it is chosen. help: one line for help texts. load: loads the network, which takes seconds.
    load_second: loads the network of a second opinion, if there is one (see :mod:`.second_opinion`).
    """

    name: str
    help: str
    load: Callable[[], DetectionNetwork]
    settings: DetectionSettings = DetectionSettings()
    load_second: Callable[[], DetectionNetwork] | None = None
