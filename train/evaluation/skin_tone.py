"""Skin tone in a photo: the individual typology angle (ITA) of the cheeks.

Chardon et al. 1991: the angle of lightness over yellowness in CIELab, about 55 degrees and more for very light skin,
below -30 for dark skin. Used to compare strangers in benchmarks; nothing that ships computes it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.faces.face import Face

# Where a cheek lies between its eye and its corner of the mouth, and half the side of its patch as a share of the
# distance between the eyes.
_DOWN, _HALF_SIDE = 0.55, 0.15


def skin_tone_degrees(photo: NDArray[np.uint8], face: Face) -> float:
    """The angle of the median colour of both cheeks, in degrees. photo RGB uint8 (height, width, 3).

    NaN where no pixel of a cheek lies in the photo, and where the colour is not that of skin, which is redder and
    yellower than grey: black-and-white photos, coloured light.

    What it does not tell: this is the colour in the photo, with its light, its camera and make-up.
    """
    import cv2

    pixels = cheek_pixels(photo, face)
    if not len(pixels):
        return math.nan
    lab = cv2.cvtColor(pixels[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    lightness, red, yellow = np.median(lab, axis=0)
    return math.degrees(math.atan2(lightness - 50, yellow)) if min(red, yellow) > 0 else math.nan


def cheek_pixels(photo: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
    """The pixels of two square patches on the cheeks, uint8 (n, 3), none where they lie outside the photo."""
    left_eye, right_eye, _, left_mouth, right_mouth = np.array(face.landmarks)
    half = max(float(np.linalg.norm(right_eye - left_eye)) * _HALF_SIDE, 1.0)
    patches = []
    for eye, mouth in ((left_eye, left_mouth), (right_eye, right_mouth)):
        low, high = (np.maximum(np.round(eye + _DOWN * (mouth - eye) + way * half), 0).astype(int) for way in (-1, 1))
        patches.append(photo[low[1] : high[1], low[0] : high[0]].reshape(-1, 3))
    return np.concatenate(patches)


def by_person(values: NDArray[np.floating], people: NDArray[np.int64]) -> NDArray[np.float64]:
    """The median of each person's values, for each of their photos, (photos,): evens out the light of single photos.

    NaN where a person has only NaN. people (photos,): the person of each photo.
    """
    found = np.full(len(values), np.nan)
    known = np.isfinite(values)
    for person in np.unique(people[known]):
        found[people == person] = np.median(values[known & (people == person)])
    return found
