"""A face where somebody has drawn a box: for faces that no detector finds, and for the wrong one found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.faces import geometry
from pipeline.faces.base import RefiningNetwork
from pipeline.faces.face import Box, Face, face_from_front

# The network sees a square around the box, twice as long as the box.
SQUARE_PX, REACH_RATIO = 192, 1.0
# A face that covers less of the box is another one.
OVERLAP_MIN = 0.3


def face_in_box(photo: NDArray[np.uint8], box: Box, network: RefiningNetwork | None) -> Face:
    """The face in a box of a photo, RGB (height, width, 3), with the network's box and landmarks where it sees one.

    Otherwise the box as drawn, with the landmarks of an upright face from the front, and a confidence of 0.
    """
    drawn = face_from_front(box)
    if network:
        square = geometry.square_around(photo, drawn, reach_ratio=REACH_RATIO, side_px=SQUARE_PX)
        expected = square.moved(drawn).box
        found = network.refine(square.pixels, expected)
        if found and geometry.overlap(found.box, expected) >= OVERLAP_MIN:
            return square.moved_back(found)
    return drawn
