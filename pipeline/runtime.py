"""OpenVINO, which runs the networks where the platform has it; elsewhere TensorFlow and onnxruntime do.

Networks run in bfloat16 where the processor computes in it, which takes a third of the time of float32, and always
so, for one photo as for many: a row is the same, to the bit, whichever way its photo came. Rows agree with those of
float32 to a cosine of ``AGREEMENT_MIN`` at least, so rows of one gallery may come from different machines.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline import storage, tensorflow_loader
from pipeline.errors import StorageError

# Cosine of a row to that of the same crop by TensorFlow or onnxruntime in float32 (``make benchmark-runtime``).
AGREEMENT_MIN = 0.999

_FORMAT = 1
_FILE = "network.xml"
_FILES = (_FILE, "network.bin")


def load_openvino() -> Any | None:
    """The package, or None where it cannot be imported."""
    # Its conversion tools report to a statistics service as soon as they are imported, so they must not be.
    sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError:
        return None
    return openvino


def load_onnxruntime() -> Any:
    """The package, which reports to a statistics service and writes into the temporary folder unless told not to."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    return onnxruntime


class Network(Protocol):
    """A network of one or several inputs and outputs. Threads may share it."""

    def __call__(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """The first output of a network with one input."""

    def outputs(self, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """All outputs, for inputs by their names."""


class CompiledNetwork:
    """A network on the processor, by OpenVINO. Threads take turns."""

    def __init__(self, model: Any, *, precision: str | None = None) -> None:
        """model: an ``openvino.Model``. precision: "f32" or "bf16" instead of what the processor has, to compare."""
        # OpenVINO chooses bfloat16 itself where the processor has it, but float16 on others, where nobody measured.
        chosen = _core().get_property("CPU", "INFERENCE_PRECISION_HINT").to_string()
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            # Threads that are bound to a core wait for each other where other programs use it: twice the time.
            "ENABLE_CPU_PINNING": False,
            "INFERENCE_PRECISION_HINT": precision or ("bf16" if chosen == "bf16" else "f32"),
        }
        self._request = _core().compile_model(model, "CPU", settings).create_infer_request()
        self._lock = threading.Lock()

    def __call__(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """The first output for ``inputs``."""
        with self._lock:
            return np.array(self._request.infer([inputs])[0])

    def outputs(self, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """All outputs, for inputs by their names."""
        with self._lock:
            return [np.array(output) for output in self._request.infer(inputs).values()]


class _TensorFlowNetwork:
    """A network where there is no OpenVINO: a ``tf.function``."""

    def __init__(self, function: Any) -> None:
        self._function = function

    def __call__(self, inputs: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(self._function(inputs))

    def outputs(self, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        return [np.asarray(output) for output in self._function(**inputs)]


@cache
def _core() -> Any:
    openvino = load_openvino()
    assert openvino is not None
    return openvino.Core()


def use_threads(count: int) -> None:
    """Have networks that are loaded from now on, and OpenCV, use so many threads, as other processes use the rest."""
    import cv2

    cv2.setNumThreads(count)
    if load_openvino() is not None:
        _core().set_property("CPU", {"INFERENCE_NUM_THREADS": count})


def onnx_network(content: bytes) -> CompiledNetwork | None:
    """A model in ONNX format, compiled. None without OpenVINO, and for models that it does not take."""
    if load_openvino() is None:
        return None
    try:
        return CompiledNetwork(_core().read_model(content))
    except RuntimeError:  # All that OpenVINO raises.
        return None


def kept_network(model: str, origin: str, function: Callable[[], Any], *, precision: str | None = None) -> Network:
    """A network that TensorFlow defines, such as one from uint8 crops (n, height, width, 3) to rows (n, dimensions).

    model: its id. function: makes it as a ``tf.function`` with an input signature; called once, to convert it into
    the data folder, or always where there is no OpenVINO or nothing can be written. origin: the hash of its weights;
    if that changes, it is converted again. precision: as for :class:`CompiledNetwork`.
    """
    path = kept_path(model)
    if load_openvino() is None:
        return _TensorFlowNetwork(function())
    if not _is_kept(path.parent, origin):
        made = function()
        try:
            _convert(path.parent, origin, made)
        except StorageError:  # The data folder of an earlier version may have become read-only.
            return _TensorFlowNetwork(made)
    return CompiledNetwork(_core().read_model(path), precision=precision)


def kept_path(model: str) -> Path:
    """Where the data folder keeps a converted network."""
    return storage.home() / "models" / model / "openvino" / _FILE


def _is_kept(folder: Path, origin: str) -> bool:
    manifest = storage.read_manifest(folder) or {}
    return (manifest.get("format"), manifest.get("origin")) == (_FORMAT, origin) and all(
        (folder / name).is_file() and storage.sha256(folder / name) == manifest["sha256"][name] for name in _FILES
    )


def _convert(folder: Path, origin: str, function: Any) -> None:
    """Keep a ``tf.function`` as OpenVINO's own files."""
    tf, openvino = tensorflow_loader.load_tensorflow(), load_openvino()
    assert openvino is not None
    with storage.atomic_path(folder) as temporary:
        saved = temporary.with_name("saved")
        module = tf.Module()
        module.function = function
        # A SavedModel holds the variables that its module can reach.
        module.network_variables = function.get_concrete_function().graph.variables
        tf.saved_model.save(module, str(saved), signatures=function)
        temporary.mkdir()
        openvino.save_model(_core().read_model(saved), temporary / _FILE, compress_to_fp16=False)
        hashes = {name: storage.sha256(temporary / name) for name in _FILES}
        storage.write_manifest(temporary, {"format": _FORMAT, "origin": origin, "sha256": hashes})
