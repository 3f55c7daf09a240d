"""Face detection: which sizes and orientations of a photo are searched, by whichever network.

Adding a detector takes a module with its network and a line in ``DETECTORS``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.faces import by_hand
from pipeline.faces.base import DetectionNetwork, DetectionSettings, DetectorEntry, RefiningNetwork
from pipeline.faces.face import Box, Face
from pipeline.faces.geometry import prominence, rotate_back, scale_face, shrink_to
from pipeline.faces.mtcnn import MTCNN_DETECTOR
from pipeline.faces.second_opinion import SecondOpinion
from pipeline.faces.yunet import YUNET_DETECTOR

BOTH = DetectorEntry(
    name="mtcnn+yunet",
    help="MTCNN, and YuNet where it finds no face or an unlikely one",
    load=MTCNN_DETECTOR.load,
    settings=MTCNN_DETECTOR.settings,
    load_second=YUNET_DETECTOR.load,
)
DETECTORS: dict[str, DetectorEntry] = {entry.name: entry for entry in (BOTH, MTCNN_DETECTOR, YUNET_DETECTOR)}
DEFAULT_DETECTOR = BOTH.name


class Detector:
    """Finds the faces of photos of any size. Loading a network takes seconds, so detectors are shared."""

    def __init__(
        self,
        network: DetectionNetwork,
        settings: DetectionSettings = DetectionSettings(),
        *,
        second: DetectionNetwork | None = None,
        name: str = "",
    ) -> None:
        """``second``: the network of a second opinion. ``name``: in the registry."""
        self.network, self.settings, self.name = network, settings, name
        self._opinion = SecondOpinion(network, second, settings) if second else None

    def __call__(self, photos: Sequence[NDArray[np.uint8]]) -> list[list[Face]]:
        """The faces of each photo, RGB (height, width, 3), the most prominent first; empty where there is none."""
        side_px = self.settings.detect_side_px
        found = self._search(photos, side_px)
        large = [index for index, photo in enumerate(photos) if not found[index] and max(photo.shape[:2]) > side_px]
        second = self._search([photos[index] for index in large], self.settings.second_look_side_px)
        for index, faces in zip(large, second, strict=True):
            found[index] = faces
        if self._opinion:
            found = [self._opinion(photo, faces) for photo, faces in zip(photos, found, strict=True)]
        # Networks find upright faces only: turn photos that lie on their side, or their head, without saying so.
        for quarters in (1, 3, 2):
            empty = [index for index in range(len(photos)) if not found[index]]
            turned = self._search([np.rot90(photos[index], quarters) for index in empty], side_px)
            for index, faces in zip(empty, turned, strict=True):
                found[index] = [rotate_back(face, photos[index].shape, quarters=quarters) for face in faces]
        return found

    def face_in(self, photo: NDArray[np.uint8], box: Box) -> Face:
        """The face in a box of a photo, RGB (height, width, 3), drawn by hand around it: see :mod:`.by_hand`."""
        network = self.network if isinstance(self.network, RefiningNetwork) else None
        return by_hand.face_in_box(photo, box, network)

    def _search(self, photos: Sequence[NDArray[np.uint8]], side_px: int) -> list[list[Face]]:
        """The faces of each photo, searched at a longer side of at most ``side_px``, in batches of equal size."""
        shrunk = [shrink_to(photo, side_px) for photo in photos]
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for index, photo in enumerate(shrunk):
            by_shape.setdefault(photo.shape, []).append(index)
        found: list[list[Face]] = [[] for _ in photos]
        for same in by_shape.values():
            for start in range(0, len(same), self.settings.batch_max):
                batch = same[start : start + self.settings.batch_max]
                faces_of = self.network(np.stack([shrunk[index] for index in batch]))
                for index, faces in zip(batch, faces_of, strict=True):
                    shape = photos[index].shape
                    scale = max(shape[:2]) / max(shrunk[index].shape[:2])
                    kept = [scale_face(face, scale) for face in faces if self._is_sure(face)]
                    found[index] = sorted(kept, key=lambda face: -prominence(face, shape))
        return found

    def _is_sure(self, face: Face) -> bool:
        return face.confidence >= self.settings.confidence_min


def load_detector(name: str = DEFAULT_DETECTOR) -> Detector:
    """A detector by its name. Raises UserError where there is none of that name."""
    if name not in DETECTORS:
        raise UserError(f"There is no detector {name}. Choose one of {', '.join(DETECTORS)}.")
    entry = DETECTORS[name]
    second = entry.load_second() if entry.load_second else None
    return Detector(entry.load(), entry.settings, second=second, name=name)
