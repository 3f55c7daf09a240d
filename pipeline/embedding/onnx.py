"""Any face model in ONNX format, with its settings in a JSON file beside it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import storage
from pipeline.embedding.base import Embedder, EmbeddingSettings, FaceNetwork, unit
from pipeline.errors import UserError, WeightsError
from pipeline.faces.face import Face
from pipeline.faces.geometry import View

SUFFIX = ".onnx"
_MODEL_FILE, _SETTINGS_FILE = "model.onnx", "model.json"


@dataclass(frozen=True)
class OnnxSettings:
    """What the JSON file beside an ONNX model says about its input.

    landmarks: five points (x, y) in pixels of the crop, where eyes, nose and corners of the mouth belong, as in
        ArcFace's template. Without them, the crop is a box around the face:
    squareness, margin_ratio: of that box (:class:`pipeline.faces.geometry.View`).
    mirrored: whether the rows of the crop and its mirror image are averaged.
    mean, std: subtracted from the pixels, 0..255; divisor afterwards.
    channels: "rgb" or "bgr".
    """

    landmarks: tuple[tuple[float, float], ...] = ()
    squareness: float = 1.0
    margin_ratio: float = 0.1
    mirrored: bool = True
    mean: float = 127.5
    std: float = 127.5
    channels: str = "rgb"


class OnnxEmbedder(Embedder):
    """An ONNX model. Where its settings give landmarks, faces are aligned to them."""

    def __init__(self, network: FaceNetwork, embedding: EmbeddingSettings, settings: OnnxSettings) -> None:
        super().__init__(network, embedding)
        self.onnx = settings

    @property
    def identity(self) -> dict[str, Any]:
        """The model, whose id is its hash, and all of its settings."""
        return {"model": self.network.model, **json.loads(json.dumps(asdict(self.onnx)))}

    def upright(self, photo: NDArray[np.uint8], face: Face) -> tuple[NDArray[np.uint8], Face]:
        """Unchanged where aligning turns the face anyway."""
        return (photo, face) if self.onnx.landmarks else super().upright(photo, face)

    def crops(self, photo: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
        """The aligned face, or the box around it, and the mirror image where that is averaged."""
        if not self.onnx.landmarks:
            return super().crops(photo, face)
        crop = align_to_template(photo, face, self.onnx.landmarks, side_px=self.network.side_px)
        return np.stack([crop, crop[:, ::-1]] if self.onnx.mirrored else [crop])


def align_to_template(
    photo: NDArray[np.uint8], face: Face, template: Sequence[tuple[float, float]], *, side_px: int
) -> NDArray[np.uint8]:
    """The face turned, scaled and shifted so that its landmarks fit the template best: uint8 (side, side, 3).

    Raises UserError where the landmarks coincide.
    """
    import cv2

    points, wanted = np.array(face.landmarks, np.float32), np.array(template, np.float32)
    matrix, _ = cv2.estimateAffinePartial2D(points, wanted, method=cv2.LMEDS)
    if matrix is None:
        raise UserError("All landmarks of a face are at the same point, so it cannot be aligned.")
    return np.asarray(cv2.warpAffine(photo, matrix, (side_px, side_px), borderMode=cv2.BORDER_REPLICATE))


def keep_model(path: Path) -> Path:
    """Copy the user's model and its settings into the data folder. Returns the copy's folder. Raises UserError."""
    if path.name == _MODEL_FILE and path.parent.parent == storage.home() / "models":
        return path.parent
    settings = path.with_suffix(".json")
    for part in (path, settings):
        if not part.is_file():
            raise UserError(f"{part} is missing. An ONNX embedder is two files: MODEL.onnx and MODEL.json beside it.")
    folder = kept_model_path(f"onnx-{storage.sha256(path)[:16]}").parent
    with storage.atomic_path(folder) as temporary:
        temporary.mkdir(parents=True)
        shutil.copyfile(path, temporary / _MODEL_FILE)
        shutil.copyfile(settings, temporary / _SETTINGS_FILE)
    return folder


def kept_model_path(model: str) -> Path:
    """Where the data folder keeps the model with this id."""
    return storage.home() / "models" / model / _MODEL_FILE


def onnx_embedder(folder: Path) -> Embedder:
    """The embedder of a kept ONNX model. Raises WeightsError."""
    settings = read_onnx_settings(folder / _SETTINGS_FILE)
    side_px, dimensions, parameters, run = _session(folder / _MODEL_FILE)
    channels = slice(None, None, -1 if settings.channels == "bgr" else 1)

    def rows(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        return unit(run((crops[..., channels].astype(np.float32) - settings.mean) / settings.std))

    view = View(settings.squareness, settings.margin_ratio)
    mirrored = (view, View(settings.squareness, settings.margin_ratio, mirror=True))
    embedding = EmbeddingSettings(views=mirrored if settings.mirrored else (view,))
    return OnnxEmbedder(FaceNetwork(folder.name, side_px, dimensions, parameters, rows), embedding, settings)


def read_onnx_settings(path: Path) -> OnnxSettings:
    """The settings of an ONNX model. Raises WeightsError."""
    values = storage.read_json(path)
    try:
        settings = OnnxSettings(**(values or {}))
        points = np.array(settings.landmarks, np.float64).reshape(-1, 2)
        if values is None or len(points) not in (0, 5) or settings.channels not in ("rgb", "bgr") or not settings.std:
            raise ValueError(values)
    except (TypeError, ValueError) as error:
        names = ", ".join(OnnxSettings.__dataclass_fields__)
        raise WeightsError(
            f"The settings of the ONNX model are invalid. They must be a JSON object with the keys {names}."
        ) from error
    return OnnxSettings(**{**asdict(settings), "landmarks": tuple(map(tuple, points.tolist()))})


def _session(path: Path) -> tuple[int, int, int, Callable[[NDArray[np.float32]], NDArray[np.float32]]]:
    """Side in pixels, dimensions, parameters, and the model on float32 (n, side, side, 3). Raises WeightsError."""
    import onnx
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(str(path), providers=onnxruntime.get_available_providers())
        graph = onnx.load(path).graph
    except Exception as error:  # The exceptions of the two libraries have no common base.
        raise WeightsError(f"{path} cannot be read as an ONNX model.") from error
    (crops_input, *others), (rows_output, *_) = session.get_inputs(), session.get_outputs()
    shape = list(crops_input.shape)
    channels_first = len(shape) == 4 and shape[1] == 3
    side = shape[2 if channels_first else 1] if len(shape) == 4 else None
    if others or not isinstance(side, int) or 3 not in shape[1:]:
        raise WeightsError(f"The ONNX model's input is {shape}. It must have one input (photos, 3, side, side).")

    def run(crops: NDArray[np.float32]) -> NDArray[np.float32]:
        crops = crops.transpose(0, 3, 1, 2) if channels_first else crops
        # Some models have a fixed batch size of one.
        parts = [crops] if not isinstance(shape[0], int) else [crop[None] for crop in crops]
        outputs = [
            session.run([rows_output.name], {crops_input.name: np.ascontiguousarray(part)})[0] for part in parts
        ]
        return np.concatenate([np.asarray(rows, np.float32).reshape(len(rows), -1) for rows in outputs])

    dimensions = run(np.zeros((1, side, side, 3), np.float32)).shape[1]
    return side, dimensions, int(sum(np.prod(tensor.dims) for tensor in graph.initializer)), run
