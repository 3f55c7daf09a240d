"""The embedders by name.

A gallery stores the identity of its embedder in its manifest, and a probe is embedded by the same one. An ONNX
model is copied into the data folder, so that a gallery keeps working without the user's file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.embedding import facenet
from pipeline.embedding.base import Embedder, EmbeddingSettings
from pipeline.embedding.facenet_512 import MODEL_ID, facenet_512_network
from pipeline.embedding.imagenet import IMAGENET, imagenet_network, model_id
from pipeline.embedding.onnx import MODEL_FILE, keep, model_folder, onnx_embedder
from pipeline.embedding.pair import FACENET_512, FACENET_PAIR, Pair
from pipeline.errors import UserError
from pipeline.faces.geometry import View

DEFAULT = "facenet"
NAMES = (DEFAULT, FACENET_512, FACENET_PAIR, *IMAGENET)
_ONE_CROP = EmbeddingSettings(views=(View(1.0, 0.1), View(1.0, 0.1, mirror=True)))


def load(name: str) -> Embedder:
    """An embedder by its name, or by the path of an ONNX model. Raises UserError."""
    if name.endswith(".onnx"):
        return onnx_embedder(keep(Path(name)))
    if name in IMAGENET:
        return Embedder(_ONE_CROP, imagenet_network(name))
    if name not in NAMES:
        raise UserError(
            f"There is no embedder {name}. Choose one of {', '.join(NAMES)}, or a file that ends in .onnx."
        )
    if name == DEFAULT:
        return Embedder()
    second = Embedder(_ONE_CROP, facenet_512_network())
    return second if name == FACENET_512 else Pair(Embedder(), second)


def name_of(identity: dict[str, Any]) -> str | None:
    """What :func:`load` takes for an identity, or None where nothing here has it."""
    model = str(identity.get("model"))
    names = {facenet.MODEL_ID: DEFAULT, MODEL_ID: FACENET_512, FACENET_PAIR: FACENET_PAIR} | {
        model_id(name): name for name in IMAGENET
    }
    if model in names:
        return names[model]
    kept = model_folder(model) / MODEL_FILE
    return str(kept) if kept.is_file() else None
