"""Choosing a face of a group photo: it is cut out as a photo of its own, in which it is the most prominent face.

So the gallery keeps nothing of the others, and finds the same face when it is rebuilt.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline import isolated_photo
from pipeline.embedding.base import Embedder
from pipeline.faces.detector import Detector
from pipeline.faces.face import Box, Face, sure_faces
from pipeline.faces.geometry import overlap
from pipeline.gallery import inspection
from pipeline.gallery.inspection import InspectedPhoto
from pipeline.gallery.screening import PhotoQuality, Rejection, RejectionKind

# Of the box's longer side, on each side of the box: from what a portrait shows to what a neighbour leaves.
_MARGIN_RATIOS = (0.9, 0.6, 0.35)
_OVERLAP_MIN = 0.5
_TOO_CLOSE = Rejection(RejectionKind.NOT_COMPARABLE, "the next face is too close to this one")


def find_faces(data: bytes, detector: Detector) -> tuple[NDArray[np.uint8], list[Face]]:
    """The pixels of a photo, RGB uint8 (height, width, 3), and its faces, the most prominent first.

    Raises PhotoError if it cannot be read.
    """
    pixels = isolated_photo.read(data)
    return pixels, sure_faces(detector([pixels])[0])


def cut_out(data: bytes, number: int, detector: Detector, embedder: Embedder) -> tuple[bytes, InspectedPhoto]:
    """A photo of face ``number`` alone, counted from 1, as a PNG file, and the result of its inspection.

    If there is no such photo because another face is too close, the inspection says so.
    """
    pixels, faces = find_faces(data, detector)
    face = faces[number - 1]
    png = b""
    for ratio in _MARGIN_RATIOS:
        cut, box = _cut(pixels, face.box, ratio)
        png = _png(cut)
        if _shows_first(sure_faces(detector([cut])[0]), box):
            (inspected,) = inspection.inspect_photos([png], detector, embedder)
            return png, inspected
    return png, replace(InspectedPhoto(PhotoQuality(flaw=_TOO_CLOSE)), faces=len(faces))


def _cut(pixels: NDArray[np.uint8], box: Box, ratio: float) -> tuple[NDArray[np.uint8], Box]:
    """The part of a photo around a box, and the box in it."""
    x, y, width, height = box
    margin = ratio * max(width, height)
    left, top = max(0, round(x - margin)), max(0, round(y - margin))
    part = pixels[top : round(y + height + margin), left : round(x + width + margin)]
    return part, (x - left, y - top, width, height)


def _shows_first(found: Sequence[Face], box: Box) -> bool:
    return bool(found) and overlap(found[0].box, box) >= _OVERLAP_MIN


def _png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
