"""Face detection: which sizes and orientations of a photo are searched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.faces.face import Face
from pipeline.faces.geometry import prominence, shrink_to, turned_back
from pipeline.faces.mtcnn import Cascade


@dataclass(frozen=True)
class DetectionSettings:
    """How faces are looked for.

    detect_side_px: the photo is reduced to this longer side, as MTCNN's time grows with the area.
    second_look_side_px: the side of a second look where the first found nothing (small faces in large photos).
    confidence_min: what is less likely to be a face is dropped, 0..1.
    batch_max: photos of one size that are looked at together.
    """

    detect_side_px: int = 640
    second_look_side_px: int = 1280
    confidence_min: float = 0.80
    batch_max: int = 16


class Detector:
    """MTCNN over photos of any size. Loading it takes seconds, so one is shared."""

    def __init__(self, settings: DetectionSettings = DetectionSettings()) -> None:
        self.settings = settings
        self._cascade = Cascade()

    def __call__(self, photos: Sequence[np.ndarray]) -> list[list[Face]]:
        """Faces of each photo (uint8 RGB, (height, width, 3)), the most prominent first; empty where none is."""
        side_px = self.settings.detect_side_px
        found = self._look(photos, side_px)
        larger = [index for index, photo in enumerate(photos) if not found[index] and max(photo.shape[:2]) > side_px]
        second = self._look([photos[index] for index in larger], self.settings.second_look_side_px)
        for index, faces in zip(larger, second, strict=True):
            found[index] = faces
        # A photo that lies on its side or its head without saying so: MTCNN finds few faces in it as it is.
        for quarters in (1, 3, 2):
            none = [index for index in range(len(photos)) if not found[index]]
            turned = self._look([np.rot90(photos[index], quarters) for index in none], side_px)
            for index, faces in zip(none, turned, strict=True):
                found[index] = [turned_back(face, photos[index].shape, quarters) for face in faces]
        return found

    def _look(self, photos: Sequence[np.ndarray], side_px: int) -> list[list[Face]]:
        reduced = [shrink_to(photo, side_px) for photo in photos]
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for index, photo in enumerate(reduced):
            by_shape.setdefault(photo.shape, []).append(index)
        found: list[list[Face]] = [[] for _ in photos]
        for same in by_shape.values():
            for start in range(0, len(same), self.settings.batch_max):
                batch = same[start : start + self.settings.batch_max]
                rows = self._cascade(np.stack([reduced[index] for index in batch]))
                for place, index in enumerate(batch):
                    scale = max(photos[index].shape[:2]) / max(reduced[index].shape[:2])
                    faces = [_face(row, scale) for row in rows[rows[:, 0] == place]]
                    kept = [face for face in faces if face.confidence >= self.settings.confidence_min]
                    found[index] = sorted(kept, key=lambda face: -prominence(face, photos[index].shape))
        return found


def _face(row: np.ndarray, scale: float) -> Face:
    x0, y0, x1, y1 = (float(value) * scale for value in row[1:5])
    points = tuple((float(x) * scale, float(y) * scale) for x, y in zip(row[6:11], row[11:16], strict=True))
    return Face((x0, y0, x1 - x0, y1 - y0), points, float(row[5]))
