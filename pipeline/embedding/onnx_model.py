"""An ONNX model as one block of bytes, and as a function from pixels to rows."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import runtime
from pipeline.embedding.base import unit
from pipeline.errors import WeightsError

# What the input may be, by onnxruntime's names.
_TYPES: dict[str, np.dtype[Any]] = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(float16)": np.dtype(np.float16),
    "tensor(double)": np.dtype(np.float64),
    "tensor(uint8)": np.dtype(np.uint8),
}
_SIDE_PX_MAX = 2048
_SILENT = 4


@dataclass(frozen=True)
class OnnxFile:
    """An ONNX model with all of its weights.

    content: the model, with the weights that it keeps in other files put into it. sha256: of the model's file and of
    those weights. parameters: how many weights.
    """

    content: bytes
    sha256: str
    parameters: int


def read_onnx_file(path: Path) -> OnnxFile:
    """Read a model and the weights that it keeps in other files. Raises WeightsError."""
    import onnx

    digest = hashlib.sha256()
    try:
        content = path.read_bytes()
        digest.update(content)
        model = onnx.load_model_from_string(content)
    except Exception as error:  # Protobuf's exceptions depend on its implementation.
        raise _unreadable(path) from error
    external = [tensor for tensor in _tensors(model) if onnx.external_data_helper.uses_external_data(tensor)]
    for tensor in external:
        _load_external(tensor, path)
        digest.update(tensor.raw_data)
    try:
        whole = model.SerializeToString() if external else content
    except Exception as error:
        raise WeightsError(f"{path.name} is too large: with its weights, a model may have up to 2 GB.") from error
    parameters = int(sum(np.prod(tensor.dims) for tensor in model.graph.initializer))
    return OnnxFile(whole, digest.hexdigest(), parameters)


def _unreadable(path: Path) -> WeightsError:
    return WeightsError(f"{path} cannot be read as an ONNX model. Copy it again, or use another one.")


def _tensors(model: Any) -> Iterator[Any]:
    """All tensors of a model: weights and constants, in subgraphs and functions too."""
    graphs, nodes = [model.graph], [node for function in model.functions for node in function.node]
    while graphs or nodes:
        if graphs:
            graph = graphs.pop()
            yield from graph.initializer
            for sparse in graph.sparse_initializer:
                yield from (sparse.values, sparse.indices)
            nodes.extend(graph.node)
        for node in nodes:
            for attribute in node.attribute:
                yield from (attribute.t, *attribute.tensors)
                for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                    yield from (sparse.values, sparse.indices)
                graphs.extend([attribute.g] if attribute.HasField("g") else attribute.graphs)
        nodes = []


def _load_external(tensor: Any, model: Path) -> None:
    """Put weights from another file into the model. The file must lie in the model's folder, or below it."""
    import onnx

    folder = model.parent.resolve()
    location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
    location = os.fsdecode(location)  # Bytes, where they are no valid text.
    place = (folder / location).resolve()
    if not place.is_relative_to(folder):
        raise WeightsError(
            f"{model.name} keeps its weights in {location}, outside its folder. Save it again with them beside it."
        )
    if not place.is_file():
        raise WeightsError(
            f"{model.name} keeps its weights in {location}, which is missing. Put it beside the model."
        )
    try:
        onnx.external_data_helper.load_external_data_for_tensor(tensor, str(folder))
    except Exception as error:  # ONNX raises errors of several kinds.
        raise WeightsError(
            f"The weights of {model.name} in {location} cannot be read. Copy the file again."
        ) from error
    tensor.data_location = onnx.TensorProto.DEFAULT
    del tensor.external_data[:]


class OnnxModel:
    """A model that takes pixels and gives rows.

    size: of its crops, (width, height) in pixels. pixels: the type of its input.

    The row is the model's first output. A model that takes a fixed number of crops gets its last batch filled up.
    onnxruntime runs it until :meth:`hasten` finds that OpenVINO gives the same rows.
    """

    def __init__(self, content: bytes, path: Path) -> None:
        """Raises WeightsError for what is no model, or one whose input is not crops."""
        onnxruntime = runtime.load_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _SILENT
        try:
            providers = onnxruntime.get_available_providers()
            # It prints why it tries another provider.
            with contextlib.redirect_stdout(io.StringIO()):
                session = onnxruntime.InferenceSession(content, options, providers=providers)
        except Exception as error:  # onnxruntime's exceptions have no common base.
            raise _unreadable(path) from error
        inputs, outputs = session.get_inputs(), session.get_outputs()
        shape = list(inputs[0].shape) if len(inputs) == 1 and outputs else []
        self._channels_first = shape[1:2] == [3]
        sides = shape[2:4] if self._channels_first else shape[1:3]
        fixed = all(isinstance(side, int) and 0 < side <= _SIDE_PX_MAX for side in sides)
        if len(shape) != 4 or 3 not in (shape[1], shape[3]) or not fixed:
            taken = ", ".join(str(list(each.shape)) for each in inputs)
            raise WeightsError(
                f"The ONNX model takes {taken}. It must have one input for crops of one size: "
                "[photos, 3, height, width] or [photos, height, width, 3]."
            )
        if inputs[0].type not in _TYPES:
            raise WeightsError(
                f"The ONNX model takes {inputs[0].type}. It must take float, float16, double or uint8."
            )
        self.size, self.pixels = (sides[1], sides[0]), _TYPES[inputs[0].type]
        crop, row = inputs[0].name, outputs[0].name
        self._network: Callable[[NDArray[Any]], Any] = lambda pixels: session.run([row], {crop: pixels})[0]
        self._batch = shape[0] if isinstance(shape[0], int) and shape[0] > 0 else None

    def fit_batch(self, crops: NDArray[Any]) -> None:
        """Give the model one crop at a time if it does not give a row for each of these."""
        try:
            self.rows(crops)
        except WeightsError:
            if self._batch is None:
                self._batch = 1

    def hasten(self, content: bytes, crops: NDArray[Any], expected: NDArray[np.float32]) -> None:
        """Let OpenVINO run the model, given as a file's content, if it gives these crops onnxruntime's unit rows."""
        reference = self._network
        self._network = runtime.onnx_network(content) or reference
        with contextlib.suppress(WeightsError):
            if (np.sum(unit(self.rows(crops)) * expected, axis=1) >= runtime.AGREEMENT_MIN).all():
                return
        self._network = reference

    def rows(self, crops: NDArray[Any]) -> NDArray[np.float64]:
        """Rows (n, dimensions) of crops (n, height, width, 3). Raises WeightsError if the model gives no rows."""
        batch = self._batch or max(len(crops), 1)
        return np.concatenate([self._run(crops[start : start + batch]) for start in range(0, len(crops), batch)])

    def _run(self, crops: NDArray[Any]) -> NDArray[np.float64]:
        count = len(crops)
        if self._batch:
            crops = np.concatenate([crops, np.repeat(crops[-1:], self._batch - count, axis=0)])
        ordered = crops.transpose(0, 3, 1, 2) if self._channels_first else crops
        pixels = np.ascontiguousarray(ordered.astype(self.pixels, copy=False))
        try:
            found = np.asarray(self._network(pixels))
        except Exception as error:
            raise WeightsError("The ONNX model cannot be run on a crop. Use another model.") from error
        if found.ndim < 2 or len(found) != len(crops) or found.dtype.kind != "f":
            raise WeightsError(
                f"The ONNX model's first output is {found.dtype} {list(found.shape)}. "
                "It must be decimal numbers, one row for each crop."
            )
        # Double precision: the squares of a row's values may exceed float32.
        return found[:count].reshape(count, -1).astype(np.float64)
