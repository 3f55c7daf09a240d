"""One detected face: its box, landmarks and confidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE_SURE = 0.9
# Eyes, nose and corners of the mouth in the box of a face from the front, as shares of its sides.
_FRONT = ((0.31, 0.4), (0.69, 0.4), (0.5, 0.6), (0.35, 0.78), (0.65, 0.78))

# (x, y, width, height)
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Face:
    """One detected face.

    box: (x, y, width, height) in pixels of the photo; may lie partly outside.
    landmarks: five points (x, y): left eye, right eye, nose, left and right corner of the mouth; left and right as
        the viewer sees them.
    confidence: the detector's confidence that this is a face, 0..1.
    """

    box: Box
    landmarks: tuple[tuple[float, float], ...]
    confidence: float

    @property
    def side_px(self) -> float:
        """The longer side of the box."""
        return max(self.box[2], self.box[3])

    @property
    def centre(self) -> tuple[float, float]:
        """The centre of the box, (x, y)."""
        x, y, width, height = self.box
        return x + width / 2, y + height / 2

    @property
    def roll_degrees(self) -> float:
        """The angle of the line between the eyes, -180..180; positive is clockwise on the screen."""
        (left_x, left_y), (right_x, right_y) = self.landmarks[:2]
        return math.degrees(math.atan2(right_y - left_y, right_x - left_x))


def face_from_front(box: Box) -> Face:
    """A face that is known by its box alone: its landmarks are where those of an upright face from the front are."""
    x, y, width, height = box
    return Face(box, tuple((x + across * width, y + down * height) for across, down in _FRONT), 0.0)


def sure_faces(found: Sequence[Face]) -> list[Face]:
    """The faces of a photo that count, in the order found.

    Unsure detections are mostly patterns in the background, unless there is nothing else.
    """
    return [face for face in found if face.confidence >= CONFIDENCE_SURE] or list(found)
