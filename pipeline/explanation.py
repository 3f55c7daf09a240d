"""Which parts of two faces make them similar: one part after another is blurred, and the similarity measured again.

Occlusion as in Zeiler and Fergus 2014, arXiv 1311.2901, here of both faces in turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.embedding.base import Embedder
from pipeline.faces import geometry
from pipeline.faces.detector import Detector
from pipeline.faces.face import Face, face_from_front


@dataclass(frozen=True)
class OcclusionSettings:
    """What is hidden.

    columns, rows: of the patches, evenly spread over the box of the face. radius_ratio: of a patch, to where it is
    half hidden. blur_ratio: the sigma of the blur. Both are shares of the box's width.
    """

    columns: int = 3
    rows: int = 4
    radius_ratio: float = 0.2
    blur_ratio: float = 0.15


@dataclass(frozen=True)
class Explanation:
    """How much the similarity of two faces depends on their parts.

    similarity: the cosine of the whole faces. maps: for each picture of a face, float32 (height, width): by how much
    the cosine falls where that place is hidden; below zero where it rises.
    """

    similarity: float
    maps: tuple[NDArray[np.float32], NDArray[np.float32]]


def explain(
    pictures: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    faces: tuple[Face, Face],
    embedder: Embedder,
    settings: OcclusionSettings = OcclusionSettings(),
) -> Explanation:
    """Compare two faces, each the one face of its picture, uint8 (height, width, 3), with parts of either hidden."""
    masks = [_masks(picture, face, settings) for picture, face in zip(pictures, faces, strict=True)]
    shown = [
        [picture, *_hidden(picture, own, settings.blur_ratio * face.box[2])]
        for picture, face, own in zip(pictures, faces, masks, strict=True)
    ]
    crops = [
        embedder.crops(variant, face) for variants, face in zip(shown, faces, strict=True) for variant in variants
    ]
    rows = embedder(crops)
    first, second = rows[: len(shown[0])], rows[len(shown[0]) :]
    similarity = float(first[0] @ second[0])
    drops = (similarity - first[1:] @ second[0], similarity - second[1:] @ first[0])
    one, other = (_spread(own, drop) for own, drop in zip(masks, drops, strict=True))
    return Explanation(similarity, (one, other))


def face_in(portrait: NDArray[np.uint8], detector: Detector) -> Face:
    """The face of a portrait (see geometry.portrait()); where it is by construction if the detector misses it."""
    (found,) = detector([portrait])
    if found:
        return max(found, key=lambda face: geometry.prominence(face, portrait.shape))
    margin = geometry.PORTRAIT_MARGIN_RATIO / (1 + 2 * geometry.PORTRAIT_MARGIN_RATIO)
    height, width = portrait.shape[:2]
    x, y, across, down = margin * width, margin * height, (1 - 2 * margin) * width, (1 - 2 * margin) * height
    return face_from_front((x, y, across, down))


def _masks(picture: NDArray[np.uint8], face: Face, settings: OcclusionSettings) -> NDArray[np.float32]:
    """How much each patch hides: 0..1, float32 (patches, height, width)."""
    x, y, width, height = face.box
    down, across = np.ogrid[: picture.shape[0], : picture.shape[1]]
    centres = [
        (x + width * (column + 0.5) / settings.columns, y + height * (row + 0.5) / settings.rows)
        for row in range(settings.rows)
        for column in range(settings.columns)
    ]
    radius = max(settings.radius_ratio * width, 1.0)
    squared = [((across - cx) ** 2 + (down - cy) ** 2) / radius**2 for cx, cy in centres]
    # Flat in the middle, soft at the edge: a hard edge would be a feature of its own.
    return np.exp2(-np.square(np.stack(squared))).astype(np.float32)


def _hidden(picture: NDArray[np.uint8], masks: NDArray[np.float32], sigma: float) -> list[NDArray[np.uint8]]:
    """The picture with each patch blurred."""
    import cv2

    sharp = picture.astype(np.float32)
    change = cv2.GaussianBlur(sharp, (0, 0), sigmaX=max(sigma, 1.0)) - sharp
    return [np.round(sharp + mask[..., None] * change).clip(0, 255).astype(np.uint8) for mask in masks]


def _spread(masks: NDArray[np.float32], drops: NDArray[np.float32]) -> NDArray[np.float32]:
    """A map, float32 (height, width), of the drops: their mean weighted by the masks, fading to 0 outside."""
    total = masks.sum(axis=0)
    return np.tensordot(drops.astype(np.float32), masks, axes=1) / np.maximum(total, 0.5)
