"""The embedders by name. Adding one takes a module and a line in ``EMBEDDERS``.

A gallery's manifest stores the identity of its embedder, and probes are embedded by the same one. Beside the names,
any ONNX model can be given by its path; it is copied into the data folder, so that the gallery keeps working without
the user's file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.embedding import onnx
from pipeline.embedding.base import Embedder, EmbedderEntry
from pipeline.embedding.facenet import FACENET_128
from pipeline.embedding.facenet_512 import FACENET_512
from pipeline.embedding.imagenet import IMAGENET_NETWORKS
from pipeline.embedding.pair import FACENET_PAIR, FACENET_SFACE
from pipeline.embedding.sface import SFACE
from pipeline.errors import UserError

EMBEDDERS: dict[str, EmbedderEntry] = {
    entry.name: entry for entry in (FACENET_128, SFACE, FACENET_SFACE, FACENET_512, FACENET_PAIR, *IMAGENET_NETWORKS)
}
DEFAULT_EMBEDDER = FACENET_SFACE.name
# The default of the versions whose galleries do not say what it was: do not change it with the default.
FIRST_DEFAULT = FACENET_128.name


def default_identity() -> dict[str, Any]:
    """The identity of the default embedder, without loading it."""
    return EMBEDDERS[DEFAULT_EMBEDDER].identity


def load_embedder(name: str = DEFAULT_EMBEDDER) -> Embedder:
    """An embedder by its name, or by the path of an ONNX model. Raises UserError."""
    if name.lower().endswith(onnx.SUFFIX):
        return onnx.onnx_embedder(Path(name))
    if name not in EMBEDDERS:
        raise UserError(
            f"There is no embedder {name}. Choose one of {', '.join(EMBEDDERS)}, "
            f"or the path of a file that ends in {onnx.SUFFIX}."
        )
    return EMBEDDERS[name].load()


def entry_of(identity: dict[str, Any]) -> EmbedderEntry | None:
    """The embedder with an identity, an ONNX model too. None where no embedder here has it."""
    known = {entry.model: entry for entry in EMBEDDERS.values()}
    return known.get(str(identity.get("model"))) or onnx.kept_entry(identity)
