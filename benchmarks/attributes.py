"""What the proxies of resemblance need of each photo of LFW: sex as labelled, skin tone and age. Cached."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from benchmarks.age_net import SIDE_PX, ages_of
from pipeline import storage
from pipeline.faces import geometry
from pipeline.faces.geometry import View
from train.datasets.lfw import LFW
from train.datasets.lfw_sex import read_sex_labels
from train.evaluation.resemblance import Attributes
from train.evaluation.skin_tone import by_person, skin_tone_degrees

# Of the crops tried on 800 photos of view 1, the network tells LFW's labels of sex best on this one (0.979).
AGE_VIEW = View(squareness=1.0, margin_ratio=0.0)


def attributes_of(lfw: LFW) -> Attributes:
    """The attributes of all photos. Skin tone and age are medians over a person's photos. Raises UserError."""
    labels = read_sex_labels(lfw.folder, lfw.paths)
    return Attributes(labels.women, labels.men, *(by_person(values, lfw.people) for values in measured_of(lfw)))


def measured_of(lfw: LFW) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Skin tone in degrees and age in years of each photo, NaN without a face. Raises UserError."""
    has_face = np.array([face is not None for face in lfw.faces])
    tones, ages = _kept(lfw, "skin-tone", lambda: _skin_tones(lfw)), _kept(lfw, "age", lambda: _ages(lfw))
    return np.where(has_face, tones, np.nan), np.where(has_face, ages, np.nan)


def _skin_tones(lfw: LFW) -> NDArray[np.float64]:
    def tone(number: int) -> float:
        face = lfw.faces[number]
        return skin_tone_degrees(lfw.photo(number), face) if face else np.nan

    with ThreadPoolExecutor() as threads:
        return np.array(list(threads.map(tone, range(len(lfw)))))


def _ages(lfw: LFW) -> NDArray[np.float64]:
    def crop(number: int) -> NDArray[np.uint8]:
        face = lfw.faces[number]
        size = (SIDE_PX, SIDE_PX)
        return geometry.crop(lfw.photo(number), face, AGE_VIEW, size=size) if face else np.zeros((*size, 3), np.uint8)

    return ages_of(map(crop, range(len(lfw))))


def _kept(lfw: LFW, name: str, measure: Callable[[], NDArray[np.float64]]) -> NDArray[np.float64]:
    """Values of all photos, (photos,), measured once."""
    path = lfw.cache / f"{name}.npy"
    if not path.is_file():
        values = measure()
        with storage.atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, values)
    kept: NDArray[np.float64] = np.load(path)
    return kept
