"""Any face model in ONNX format, with its settings in a JSON file beside it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import storage
from pipeline.embedding.base import Embedder, EmbeddingSettings, FaceNetwork, unit
from pipeline.errors import UserError, WeightsError
from pipeline.faces.face import Face
from pipeline.faces.geometry import View

MODEL_FILE, SETTINGS_FILE = "model.onnx", "model.json"


@dataclass(frozen=True)
class OnnxSettings:
    """What the JSON file beside an ONNX model says of what it takes.

    landmarks: five points (x, y) in pixels of its crop where eyes, nose and corners of the mouth come to lie, as
        ArcFace's models want them; where there are none, the crop is a box around the face:
    squareness, margin_ratio: of that box (:class:`pipeline.faces.geometry.View`).
    mirrored: whether the mirror image is embedded as well and both rows averaged.
    mean, std: what is taken from the pixels, 0..255, and what they are divided by then.
    channels: "rgb" or "bgr".
    """

    landmarks: tuple[tuple[float, float], ...] = ()
    squareness: float = 1.0
    margin_ratio: float = 0.1
    mirrored: bool = True
    mean: float = 127.5
    std: float = 127.5
    channels: str = "rgb"


class Aligned(Embedder):
    """A network that wants eyes, nose and mouth at fixed places of its crop."""

    def __init__(self, settings: OnnxSettings, network: FaceNetwork, embedding: EmbeddingSettings) -> None:
        super().__init__(embedding, network)
        self.onnx = settings

    @property
    def identity(self) -> dict[str, Any]:
        """The model, which is named by its hash, and all that its settings say."""
        return {"model": self.network.model, **json.loads(json.dumps(asdict(self.onnx)))}

    def upright(self, photo: np.ndarray, face: Face) -> tuple[np.ndarray, Face]:
        """As they come where the template turns the face."""
        return (photo, face) if self.onnx.landmarks else super().upright(photo, face)

    def crops(self, photo: np.ndarray, face: Face) -> np.ndarray:
        """The face laid onto the template, or its box; and the mirror image where that is averaged."""
        if not self.onnx.landmarks:
            return super().crops(photo, face)
        crop = align(photo, face, self.onnx.landmarks, self.network.side_px)
        return np.stack([crop, crop[:, ::-1]] if self.onnx.mirrored else [crop])


def align(photo: np.ndarray, face: Face, template: Sequence[tuple[float, float]], side_px: int) -> np.ndarray:
    """A face turned, scaled and shifted onto the template, as near as its landmarks come: uint8 (side, side, 3)."""
    import cv2

    points, wanted = np.array(face.landmarks, np.float32), np.array(template, np.float32)
    matrix, _ = cv2.estimateAffinePartial2D(points, wanted, method=cv2.LMEDS)
    if matrix is None:
        raise UserError("The landmarks of a face lie on one point, so that it cannot be laid onto the template.")
    return np.asarray(cv2.warpAffine(photo, matrix, (side_px, side_px), borderMode=cv2.BORDER_REPLICATE))


def keep(path: Path) -> Path:
    """The folder in the data folder that keeps the user's model with its settings. Raises UserError."""
    if path.name == MODEL_FILE and path.parent.parent == storage.home() / "models":
        return path.parent
    settings = path.with_suffix(".json")
    for part in (path, settings):
        if not part.is_file():
            raise UserError(f"{part} is missing. An ONNX embedder is two files: MODEL.onnx and MODEL.json beside it.")
    folder = model_folder(f"onnx-{storage.sha256(path)[:16]}")
    with storage.written_whole(folder) as temporary:
        temporary.mkdir(parents=True)
        shutil.copyfile(path, temporary / MODEL_FILE)
        shutil.copyfile(settings, temporary / SETTINGS_FILE)
    return folder


def model_folder(model: str) -> Path:
    """Where the data folder keeps a model."""
    return storage.home() / "models" / model


def onnx_embedder(folder: Path) -> Embedder:
    """The embedder of a kept ONNX model. Raises WeightsError."""
    settings = read_settings(folder / SETTINGS_FILE)
    side_px, dimensions, parameters, run = _session(folder / MODEL_FILE)
    channels = slice(None, None, -1 if settings.channels == "bgr" else 1)

    def rows(crops: np.ndarray) -> np.ndarray:
        return unit(run((crops[..., channels].astype(np.float32) - settings.mean) / settings.std))

    view = View(settings.squareness, settings.margin_ratio)
    mirrored = (view, View(settings.squareness, settings.margin_ratio, mirror=True))
    embedding = EmbeddingSettings(views=mirrored if settings.mirrored else (view,))
    return Aligned(settings, FaceNetwork(folder.name, side_px, dimensions, parameters, rows), embedding)


def read_settings(path: Path) -> OnnxSettings:
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
            f"The settings of the ONNX model cannot be used. They are a JSON object of: {names}."
        ) from error
    return OnnxSettings(**{**asdict(settings), "landmarks": tuple(map(tuple, points.tolist()))})


def _session(path: Path) -> tuple[int, int, int, Callable[[np.ndarray], np.ndarray]]:
    """Side, dimensions, parameters, and what runs the model on float32 (n, side, side, 3). Raises WeightsError."""
    import onnx
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(str(path), providers=onnxruntime.get_available_providers())
        graph = onnx.load(path).graph
    except Exception as error:  # Both have errors of their own without a common base.
        raise WeightsError(f"{path} cannot be read as an ONNX model.") from error
    (taken, *others), (given, *_) = session.get_inputs(), session.get_outputs()
    shape = list(taken.shape)
    first = len(shape) == 4 and shape[1] == 3
    side = shape[2 if first else 1] if len(shape) == 4 else None
    if others or not isinstance(side, int) or 3 not in shape[1:]:
        raise WeightsError(f"The ONNX model takes {shape}, and one input (photos, 3, side, side) is wanted.")

    def run(crops: np.ndarray) -> np.ndarray:
        crops = crops.transpose(0, 3, 1, 2) if first else crops
        # Models that were written for one photo at a time say so.
        parts = [crops] if not isinstance(shape[0], int) else [crop[None] for crop in crops]
        found = [session.run([given.name], {taken.name: np.ascontiguousarray(part)})[0] for part in parts]
        return np.concatenate([np.asarray(rows, np.float32).reshape(len(rows), -1) for rows in found])

    dimensions = run(np.zeros((1, side, side, 3), np.float32)).shape[1]
    return side, dimensions, int(sum(np.prod(tensor.dims) for tensor in graph.initializer)), run
