"""Photos as people take them of themselves: a face in front of a place, by a webcam and by a phone."""

from __future__ import annotations

import io

import numpy as np
from PIL import ExifTags, Image

from pipeline import photo
from pipeline.faces.face import Face
from pipeline.lookalikes import Models
from pipeline.sources import demonstration

_FACE_SHARE, _EDGE_SHARE, _NOISE = 1 / 3, 0.08, 8.0


def webcam(models: Models) -> bytes:
    """A JPEG of 640 x 480 pixels."""
    return _encoded(_selfie(models, 640, 480), Image.Exif())


def phone(models: Models) -> bytes:
    """A JPEG of 12 megapixels, 4032 x 3024, that says it is to be turned upright."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return _encoded(np.rot90(_selfie(models, 3024, 4032)), exif)


def _selfie(models: Models, width: int, height: int) -> np.ndarray:
    """Uint8 (height, width, 3), with the grain of a sensor, which is most of what a decoder has to do."""
    from sklearn.datasets import load_sample_image

    person = photo.read(demonstration.example_photos()["Mindy Kaling"][0])
    face: Face = models.faces(person)[0]
    scale = _FACE_SHARE * height / face.box[3]
    person = _resized(person, scale)
    place = load_sample_image("china.jpg")
    canvas = _resized(place, max(width / place.shape[1], height / place.shape[0]))[:height, :width].astype(np.float32)
    # The person fades into the place.
    rows, columns = (np.clip(np.minimum(line, line[::-1]) / _EDGE_SHARE, 0, 1) for line in _lines(person))
    rows[len(rows) // 2 :] = 1
    share = (rows[:, None] * columns)[:, :, None]
    top, left = height - person.shape[0], (width - person.shape[1]) // 2
    around = canvas[top:, left : left + person.shape[1]]
    around[:] = share * person + (1 - share) * around
    noisy = canvas + np.random.default_rng(0).normal(scale=_NOISE, size=canvas.shape)
    return noisy.clip(0, 255).astype(np.uint8)


def _lines(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.linspace(0, 1, picture.shape[0]), np.linspace(0, 1, picture.shape[1])


def _resized(picture: np.ndarray, scale: float) -> np.ndarray:
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def _encoded(picture: np.ndarray, exif: Image.Exif) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=90, exif=exif)
    return buffer.getvalue()
