"""Any face model in ONNX format, with its settings in a JSON file beside it.

The data folder keeps a copy of each model with its settings, under an id that is the hash of both. So a gallery finds
exactly what it was built with, whatever is built later.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import storage
from pipeline.embedding.base import (
    EmbedderEntry,
    EmbeddingSettings,
    FaceNetwork,
    NetworkEmbedder,
    unit,
    usable,
)
from pipeline.embedding.onnx_model import OnnxFile, OnnxModel, read_onnx_file
from pipeline.embedding.onnx_settings import OnnxSettings, as_json, onnx_settings, read_onnx_settings
from pipeline.errors import UserError, WeightsError
from pipeline.faces.face import Face
from pipeline.faces.geometry import View

SUFFIX = ".onnx"
_MODEL_FILE, _SETTINGS_FILE = "model.onnx", "model.json"
_MODEL_ID = re.compile(r"onnx-[0-9a-f]{16}")
# For models that take whole numbers: the pixels as they are.
_PIXELS = OnnxSettings(mean=0.0, std=1.0)


class OnnxEmbedder(NetworkEmbedder):
    """An ONNX model. Where its settings give landmarks, faces are aligned to them."""

    def __init__(self, network: FaceNetwork, settings: OnnxSettings) -> None:
        view = View(settings.squareness, settings.margin_ratio)
        views = (view, replace(view, mirror=True)) if settings.mirrored else (view,)
        super().__init__(network, EmbeddingSettings(views))
        self.onnx = settings

    @property
    def identity(self) -> dict[str, Any]:
        """The model, whose id is a hash, and all of its settings."""
        return identity_of(self.network.model, self.onnx)

    def crops(self, photo: NDArray[np.uint8], face: Face) -> list[NDArray[np.uint8]]:
        """The aligned face, or the box around it, and the mirror image where that is averaged."""
        if not self.onnx.landmarks:
            return super().crops(photo, face)
        crop = align_to_template(photo, face, self.onnx.landmarks, size=self.network.size)
        return [crop, crop[:, ::-1]] if self.onnx.mirrored else [crop]


def identity_of(model: str, settings: OnnxSettings) -> dict[str, Any]:
    """The identity of an embedder: its model's id and all of its settings."""
    return {"model": model, **as_json(settings)}


def align_to_template(
    photo: NDArray[np.uint8], face: Face, template: Sequence[tuple[float, float]], *, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """The face turned, scaled and shifted so that its landmarks fit the template best: uint8 (height, width, 3).

    size: of the crop, (width, height). Raises UserError where the landmarks coincide.
    """
    import cv2

    points, wanted = np.array(face.landmarks, np.float32), np.array(template, np.float32)
    matrix, _ = cv2.estimateAffinePartial2D(points, wanted, method=cv2.LMEDS)
    if matrix is None:
        raise UserError("All landmarks of a face are at the same point, so it cannot be aligned.")
    return np.asarray(cv2.warpAffine(photo, matrix, size, borderMode=cv2.BORDER_REPLICATE))


def onnx_embedder(path: Path) -> OnnxEmbedder:
    """The embedder of the user's model, once it has embedded a test picture; a copy is kept. Raises UserError."""
    settings_path = path.with_suffix(".json")
    if path.name == _MODEL_FILE and path.parent.parent == storage.home() / "models":
        return kept_embedder({"model": path.parent.name, **as_json(read_onnx_settings(settings_path))})
    for part in (path, settings_path):
        if not part.is_file():
            raise UserError(f"{part} is missing. An ONNX embedder is two files: MODEL.onnx and MODEL.json beside it.")
    file = read_onnx_file(path)
    model = OnnxModel(file.content, path)
    whole_numbers = model.pixels == np.uint8
    settings = read_onnx_settings(settings_path, defaults=_PIXELS if whole_numbers else OnnxSettings())
    embedder = _embedder(_id_of(file, settings), file, model, settings)
    _keep(embedder, file)
    return embedder


def kept_embedder(identity: Mapping[str, Any]) -> OnnxEmbedder:
    """The embedder that a gallery was built with, with the settings of that time. Raises WeightsError."""
    path = kept_model_path(identity["model"])
    settings = onnx_settings({name: value for name, value in identity.items() if name != "model"})
    try:
        return embedder_of(identity["model"], path, settings)
    except WeightsError as error:
        raise WeightsError(
            f"The copy of the gallery's ONNX model in {path.parent} is damaged. "
            "Build the gallery again with the model's own file, which restores the copy."
        ) from error


def embedder_of(model_id: str, path: Path, settings: OnnxSettings) -> OnnxEmbedder:
    """The embedder of the model in a file. Raises WeightsError."""
    file = read_onnx_file(path)
    return _embedder(model_id, file, OnnxModel(file.content, path), settings)


def kept_entry(identity: Mapping[str, Any]) -> EmbedderEntry | None:
    """The embedder of a gallery, as the registry has others, if its model is kept."""
    model = str(identity.get("model"))
    if not _MODEL_ID.fullmatch(model) or not kept_model_path(model).is_file():
        return None
    load = partial(kept_embedder, identity)
    return EmbedderEntry(str(kept_model_path(model)), model, "an ONNX model", dict(identity), load)


def kept_model_path(model: str) -> Path:
    """Where the data folder keeps the model with this id."""
    return storage.home() / "models" / model / _MODEL_FILE


def _id_of(file: OnnxFile, settings: OnnxSettings) -> str:
    """The id of a model with its settings.

    Earlier versions took the hash of the model alone. A copy of theirs with the same settings is used, so that their
    galleries can be added to.
    """
    former = f"onnx-{file.sha256[:16]}"
    with suppress(WeightsError):  # Its settings are missing, or no longer allowed.
        if read_onnx_settings(kept_model_path(former).with_name(_SETTINGS_FILE)) == settings:
            return former
    text = json.dumps([file.sha256, as_json(settings)], sort_keys=True)
    return f"onnx-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _keep(embedder: OnnxEmbedder, file: OnnxFile) -> None:
    """Copy a model and its settings into the data folder, unless they are there undamaged."""
    path = kept_model_path(embedder.network.model)
    if path.is_file() and path.read_bytes() == file.content and path.with_name(_SETTINGS_FILE).is_file():
        return
    with storage.atomic_path(path.parent) as temporary:
        temporary.mkdir(parents=True)
        (temporary / _MODEL_FILE).write_bytes(file.content)
        storage.write_json(temporary / _SETTINGS_FILE, as_json(embedder.onnx))


def _embedder(model_id: str, file: OnnxFile, model: OnnxModel, settings: OnnxSettings) -> OnnxEmbedder:
    """The embedder, once it has embedded two test pictures. Raises WeightsError for settings that do not fit."""
    settings.check_landmarks(model.size)
    if model.pixels == np.uint8 and (settings.mean, settings.std) != (_PIXELS.mean, _PIXELS.std):
        raise WeightsError(
            "The ONNX model takes whole numbers from 0 to 255. Leave mean and std out of its settings."
        )
    with np.errstate(over="ignore"):
        mean, std = np.array(settings.mean, np.float32), np.array(settings.std, np.float32)
    channels = slice(None, None, -1 if settings.channels == "bgr" else 1)

    def pixels(crops: NDArray[np.uint8]) -> NDArray[Any]:
        return ((crops.astype(np.float32) - mean) / std)[..., channels]

    pictures = _test_pictures(model.size)
    model.fit_batch(pixels(pictures))
    rows = unit(model.rows(pixels(pictures)))
    if not usable(rows).all():
        raise WeightsError(
            "The ONNX model gives a test picture a row that is zero or not a number. "
            "Check mean and std in its settings, or use another model."
        )
    if np.allclose(rows[0], rows[1], atol=1e-6):
        raise WeightsError(
            "The ONNX model gives different pictures the same row. "
            "Check mean and std in its settings, or use another model."
        )
    model.hasten(file.content, pixels(pictures), rows)
    network = FaceNetwork(
        model_id, model.size, rows.shape[1], file.parameters, lambda crops: unit(model.rows(pixels(crops)))
    )
    return OnnxEmbedder(network, settings)


def _test_pictures(size: tuple[int, int]) -> NDArray[np.uint8]:
    """A drawn face, and noise: uint8 (2, height, width, 3)."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    right, down = x / width - 0.5, y / height - 0.5

    def spot(across: float, along: float, wide: float, high: float) -> NDArray[np.bool_]:
        return np.hypot((right - across) / wide, (down - along) / high) < 1

    face = np.full((height, width, 3), (90, 110, 130), np.uint8)
    face[spot(0, 0, 0.38, 0.48)] = (205, 160, 135)
    for eye in (-0.16, 0.16):
        face[spot(eye, -0.1, 0.07, 0.04)] = (50, 40, 35)
    face[spot(0, 0.25, 0.14, 0.04)] = (150, 70, 70)
    noise = np.random.default_rng(0).integers(0, 256, face.shape, np.uint8)
    return np.stack([face, noise])
