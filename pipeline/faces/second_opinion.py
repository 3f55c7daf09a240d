"""A second detector behind the first: for photos without a face, and faces that may be none.

Detectors find false upright faces in photos that lie on their side, some of them with a confidence above 0.99. A
second network, shown such a face in all four orientations, finds it most clearly the right way up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.faces import geometry
from pipeline.faces.base import DetectionNetwork, DetectionSettings
from pipeline.faces.face import Face
from pipeline.faces.geometry import prominence, rotate_back, scale_face, shrink_to

# A face of the first detector is taken as it is from this confidence on, up to this roll. On the people of LFW's
# DevTest list, 85% of faces are; of those in photos turned by a quarter or half, one in fifty.
SURE_CONFIDENCE, SURE_ROLL_DEGREES = 0.995, 20.0
# The second detector looks at squares around a face, twice as long as the face.
SQUARE_PX, REACH_RATIO = 128, 1.0
# At this confidence a face is upright; below, its other orientations are looked at too, and it must be the clearest.
# Upright faces get 0.88 and more (0.5% of them less), those lying on their side at most 0.86, upside down 0.90.
UPRIGHT_CONFIDENCE, CLEAREST_CONFIDENCE = 0.9, 0.6
# How often a face is levelled.
LEVELLINGS = 3
# Photos are searched in four orientations, at the smallest size at which a face is found.
FIRST_SIDE_PX = 320
# The most faces that are looked at in all orientations.
CANDIDATES_MAX = 40
_OVERLAP_MIN = 0.4


@dataclass(frozen=True)
class _Candidate:
    """A face found in a photo turned by ``quarters``, in coordinates of the photo, and its levelled square."""

    face: Face
    quarters: int
    square: geometry.Square


class SecondOpinion:
    """Two networks on one photo: the second says which faces are upright, and finds more, in all orientations."""

    def __init__(self, first: DetectionNetwork, second: DetectionNetwork, settings: DetectionSettings) -> None:
        self.first, self.second, self.settings = first, second, settings

    def __call__(self, photo: NDArray[np.uint8], faces: list[Face]) -> list[Face]:
        """The faces of a photo, the most prominent first, given those that the first network found.

        They stay as they are if the first is sure or any is upright, and if no other orientation shows a face.
        """
        if faces and (_is_sure(faces[0]) or any(self._is_upright(photo, face) for face in faces)):
            return faces
        sides = sorted({FIRST_SIDE_PX, self.settings.detect_side_px, self.settings.second_look_side_px})
        longer = max(photo.shape[:2])
        for side_px, smaller_px in zip(sides, [0, *sides], strict=False):
            if longer > smaller_px and (found := self._search(photo, side_px)):
                return found
        return faces

    def _is_upright(self, photo: NDArray[np.uint8], face: Face) -> bool:
        return self._stands(geometry.square_around(photo, face, reach_ratio=REACH_RATIO, side_px=SQUARE_PX).pixels)

    def _stands(self, square: NDArray[np.uint8]) -> bool:
        """Whether the face in the middle of a square, uint8 (side, side, 3), is clearest in this orientation."""
        upright = self._confidence(square)
        return upright >= UPRIGHT_CONFIDENCE or (
            upright >= CLEAREST_CONFIDENCE
            and all(self._confidence(np.rot90(square, quarters)) < upright for quarters in (2, 1, 3))
        )

    def _confidence(self, square: NDArray[np.uint8]) -> float:
        """The second network's confidence in a face in the middle, 0 where it finds none."""
        face = self._middle_face(square)
        return face.confidence if face else 0.0

    def _middle_face(self, square: NDArray[np.uint8]) -> Face | None:
        """The face in the middle of a square of which the second network is most confident."""
        middle = len(square) / 2
        around = [
            face
            for face in self.second(square[None])[0]
            if all(start < middle < start + length for start, length in zip(face.box[:2], face.box[2:], strict=True))
        ]
        return max(around, key=lambda face: face.confidence, default=None)

    def _search(self, photo: NDArray[np.uint8], side_px: int) -> list[Face]:
        """The faces that the second network finds in the orientation that shows the most prominent ones."""
        standing: dict[int, list[_Candidate]] = defaultdict(list)
        for candidate in self._candidates(photo, side_px):
            if self._stands(candidate.square.pixels):
                standing[candidate.quarters].append(candidate)
        if not standing:
            return []

        def weight(candidates: Sequence[_Candidate]) -> float:
            return sum(
                prominence(candidate.face, photo.shape) * (candidate.face.confidence - CLEAREST_CONFIDENCE)
                for candidate in candidates
            )

        faces = self._refined(max(standing.values(), key=weight))
        return sorted(faces, key=lambda face: -prominence(face, photo.shape))

    def _candidates(self, photo: NDArray[np.uint8], side_px: int) -> list[_Candidate]:
        """What the second network finds in each orientation, the clearest and most prominent first."""
        shrunk = shrink_to(photo, side_px)
        scale = max(photo.shape[:2]) / max(shrunk.shape[:2])
        found: list[tuple[Face, int]] = []
        for quarters in range(4):
            for face in self.second(np.rot90(shrunk, quarters)[None])[0]:
                back = rotate_back(face, shrunk.shape, quarters=quarters) if quarters else face
                found.append((scale_face(back, scale), quarters))
        found.sort(key=lambda each: -each[0].confidence * prominence(each[0], photo.shape))
        return [self._levelled(photo, face, quarters) for face, quarters in found[:CANDIDATES_MAX]]

    def _levelled(self, photo: NDArray[np.uint8], face: Face, quarters: int) -> _Candidate:
        """Level a face, and again by what is found then: the second network draws rolled faces too level."""
        for _ in range(LEVELLINGS):
            square = geometry.square_around(
                photo, face, reach_ratio=REACH_RATIO, side_px=SQUARE_PX, roll_degrees=face.roll_degrees
            )
            found = self._middle_face(square.pixels)
            if not found:
                break
            face = square.moved_back(found)
        return _Candidate(face, quarters, square)

    def _refined(self, candidates: Sequence[_Candidate]) -> list[Face]:
        """The faces as the first network finds them in the levelled squares, or else as the second does.

        Crops depend on how a network draws its boxes, and those of all faces should be alike.
        """
        squares = np.stack([candidate.square.pixels for candidate in candidates])
        faces = []
        for candidate, found in zip(candidates, self.first(squares), strict=True):
            expected = candidate.square.moved(candidate.face)
            overlaps = [geometry.overlap(face.box, expected.box) for face in found]
            best = found[int(np.argmax(overlaps))] if max(overlaps, default=0.0) > _OVERLAP_MIN else None
            face = candidate.square.moved_back(best) if best else candidate.face
            if face.confidence >= self.settings.confidence_min:
                faces.append(face)
        return faces


def _is_sure(face: Face) -> bool:
    return face.confidence >= SURE_CONFIDENCE and abs(face.roll_degrees) <= SURE_ROLL_DEGREES
