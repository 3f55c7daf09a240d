"""Inspecting photos for a gallery: decode, detect, measure, crop and embed the most prominent face."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline import isolated_photo, photo, storage
from pipeline.embedding.base import Embedder, usable
from pipeline.errors import PhotoError
from pipeline.faces import geometry
from pipeline.faces.detector import Detector
from pipeline.faces.face import Face, sure_faces
from pipeline.gallery import layout, screening
from pipeline.gallery.screening import PhotoQuality, Rejection, RejectionKind


@dataclass(frozen=True)
class InspectedPhoto:
    """What is kept of a photo after inspection: never the photo itself.

    sha256: of the file, hex. faces: how many it shows. incomplete: whether part of it is missing. The rest describes
    the most prominent face, and is empty if no round could accept it: crops, as its embedder cuts them, dropped once
    embedded; embedding, a unit row, float32 (dimensions,), and the identity of the embedder; portrait, a JPEG.
    """

    quality: PhotoQuality
    sha256: str = ""
    faces: int = 0
    incomplete: bool = False
    crops: Sequence[NDArray[np.uint8]] = ()
    identity: dict[str, Any] | None = None
    embedding: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    portrait: bytes = b""


@dataclass(frozen=True)
class DecodedPhoto:
    """A photo's pixels, upright RGB, uint8 (height, width, 3), and the hash of its file; or its flaw.

    incomplete: whether part of the photo is missing.
    """

    pixels: NDArray[np.uint8]
    sha256: str = ""
    incomplete: bool = False
    flaw: Rejection | None = None


def inspect_photos(photos: Iterable[bytes], detector: Detector, embedder: Embedder) -> list[InspectedPhoto]:
    """Inspect and embed photos, given as the bytes of their files."""
    return embed(measure([_decode_bytes(data) for data in photos], detector, embedder), embedder)


def decode(path: Path) -> DecodedPhoto:
    """Read and decode a photo; an unreadable one gets a flaw."""
    try:
        data = photo.file_bytes(path)
    except PhotoError as error:
        return _flawed(unreadable(error, path))
    return _decode_bytes(data)


def _decode_bytes(data: bytes) -> DecodedPhoto:
    try:
        loaded = isolated_photo.load(data)
        return DecodedPhoto(loaded.pixels, hashlib.sha256(data).hexdigest(), loaded.incomplete)
    except PhotoError as error:
        return _flawed(Rejection(RejectionKind.UNREADABLE, str(error)))


def _flawed(flaw: Rejection) -> DecodedPhoto:
    return DecodedPhoto(np.empty((0, 0, 3), np.uint8), flaw=flaw)


def unreadable(error: PhotoError, path: Path) -> Rejection:
    """The rejection for a file that cannot be read, without the folders of its path."""
    return Rejection(RejectionKind.UNREADABLE, storage.encodable(str(error).replace(str(path), path.name)))


def batches(
    paths: Iterable[Path], pixels: Mapping[Path, int], *, photos: int, pixels_max: int
) -> Iterator[list[Path]]:
    """Batches of photos of similar size, which MTCNN detects fastest: at most so many photos and pixels in each."""
    batch: list[Path] = []
    total = 0
    for path in sorted(paths, key=pixels.__getitem__):
        if batch and (len(batch) == photos or total + pixels[path] > pixels_max):
            yield batch
            batch, total = [], 0
        batch.append(path)
        total += pixels[path]
    if batch:
        yield batch


def measure(photos: Sequence[DecodedPhoto], detector: Detector, embedder: Embedder) -> list[InspectedPhoto]:
    """Detect faces and cut the crops of those that the last round could accept. Nothing is embedded yet."""
    found = iter(detector([decoded.pixels for decoded in photos if not decoded.flaw]))
    return [_measured(each, [] if each.flaw else sure_faces(next(found)), embedder) for each in photos]


def _measured(decoded: DecodedPhoto, faces: list[Face], embedder: Embedder) -> InspectedPhoto:
    quality = PhotoQuality(flaw=decoded.flaw) if decoded.flaw else _quality(decoded, faces)
    inspected = InspectedPhoto(quality, decoded.sha256, len(faces), decoded.incomplete)
    if screening.rejection_for(quality, screening.LAST_ROUND):
        return inspected
    portrait = geometry.portrait(decoded.pixels, faces[0])
    return replace(inspected, crops=embedder.crops(decoded.pixels, faces[0]), portrait=_jpeg(portrait))


def _quality(decoded: DecodedPhoto, faces: list[Face]) -> PhotoQuality:
    shape = decoded.pixels.shape
    if not faces:
        return PhotoQuality(flaw=Rejection(RejectionKind.NO_FACE, photo.INCOMPLETE if decoded.incomplete else ""))
    if geometry.is_cut_off(faces[0], shape):
        return PhotoQuality(flaw=Rejection(RejectionKind.FACE_CUT))
    return PhotoQuality(min(shape[:2]), faces[0].confidence, faces[0].side_px)


def embed(photos: Sequence[InspectedPhoto], embedder: Embedder) -> list[InspectedPhoto]:
    """Replace the crops of photos by their embeddings. A photo gets a flaw if the network gives it no usable one."""
    embeddings = iter(embedder([each.crops for each in photos if each.crops]))
    identity = embedder.identity
    return [_embedded(each, next(embeddings), identity) if each.crops else each for each in photos]


def _embedded(inspected: InspectedPhoto, embedding: NDArray[np.float32], identity: dict[str, Any]) -> InspectedPhoto:
    flaw = None if usable(embedding) else Rejection(RejectionKind.NOT_COMPARABLE, "the network gives it no embedding")
    quality = replace(inspected.quality, flaw=flaw)
    return replace(inspected, quality=quality, embedding=embedding, identity=identity, crops=())


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def store_face(folder: Path, inspected: InspectedPhoto, *, round_number: int, crop: int) -> dict[str, Any]:
    """Write the portrait as crop number ``crop``, and return the columns of the gallery's row about the photo."""
    path = layout.crop_path(folder, crop)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(inspected.portrait)
    return {
        "sha256": inspected.sha256,
        "confidence": inspected.quality.confidence,
        "face_side_px": inspected.quality.face_side_px,
        "short_side_px": inspected.quality.short_side_px,
        "round": round_number,
        "crop": crop,
    }
