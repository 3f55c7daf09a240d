"""Awkward ONNX models with their JSON settings: ``python -m tests.cases.onnx_models FOLDER``."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

NCHW: tuple[Any, ...] = ("photos", 3, 112, 112)
NHWC: tuple[Any, ...] = ("photos", 112, 112, 3)
ARCFACE = [[38.3, 51.7], [73.5, 51.5], [56.0, 71.7], [41.5, 92.4], [70.7, 92.2]]
NAN, INF = float("nan"), float("inf")


@dataclass(frozen=True)
class Case:
    """A model and its settings.

    shape, kind: of its input. factor: of its rows. rounded: they are whole numbers. outputs: "rows", or "maps, rows"
    for the same numbers as (n, 16, 1, 1) first, or "one row" for all crops in one row. weights: the file that keeps
    the weights, from the model's folder. settings: text is written as it is, None writes no file.
    """

    shape: tuple[Any, ...] = NCHW
    kind: int = TensorProto.FLOAT
    factor: float = 1.0
    rounded: bool = False
    outputs: str = "rows"
    weights: str = ""
    settings: Any = ()


CASES = {
    "nchw": Case(),
    "nhwc": Case(NHWC),
    "float16": Case(kind=TensorProto.FLOAT16),
    "double": Case(kind=TensorProto.DOUBLE),
    "uint8": Case(NHWC, TensorProto.UINT8),
    "uint8-mean": Case(NHWC, TensorProto.UINT8, settings={"mean": 127.5}),
    "int32": Case(kind=TensorProto.INT32),
    "rectangle": Case(("photos", 3, 112, 96)),
    "rectangle-landmarks": Case(
        ("photos", 3, 112, 96), settings={"landmarks": [[x - 8, y] for x, y in ARCFACE], "margin_ratio": 0}
    ),
    "tiny": Case(("photos", 3, 16, 16)),
    "dynamic": Case(("photos", 3, "height", "width")),
    "grey": Case(("photos", 1, 112, 112)),
    "batch-1": Case((1, 3, 112, 112)),
    "batch-4": Case((4, 3, 112, 112)),
    "batch-1-undeclared": Case(outputs="one row"),
    "two-outputs": Case(outputs="maps, rows"),
    "whole-numbers": Case(rounded=True),
    "nan": Case(factor=NAN),
    "infinite": Case(factor=INF),
    "zero": Case(factor=0.0),
    "huge": Case(factor=1e30),
    "minute": Case(factor=1e-30),
    "external": Case(weights="external.onnx.data"),
    "external-below": Case(weights="weights/of/model.bin"),
    "external-missing": Case(weights="external-missing.onnx.data"),
    "external-outside": Case(weights="../outside.data"),
    "byte-order-mark": Case(settings="\ufeff{}"),
    "list": Case(settings="[]"),
    "no-json": Case(settings="mean: 127.5"),
    "without-settings": Case(settings=None),
    "unknown": Case(settings={"side": 112}),
    "mean-of-each-channel": Case(settings={"mean": [123.7, 116.3, 103.5], "std": [58.4, 57.1, 57.4]}),
    "mean-text": Case(settings={"mean": "127.5"}),
    "std-text": Case(settings={"std": "127.5"}),
    "std-of-two": Case(settings={"std": [1, 2]}),
    "std-nan": Case(settings='{"std": NaN}'),
    "std-zero": Case(settings={"std": [58.4, 0, 57.4]}),
    "std-huge": Case(settings={"std": 1e300}),
    "margin-negative": Case(settings={"margin_ratio": -0.6}),
    "margin-text": Case(settings={"margin_ratio": "a"}),
    "mirrored-text": Case(settings={"mirrored": "no"}),
    "channels": Case(settings={"channels": "hsv"}),
    "landmarks-one": Case(settings={"landmarks": [[1, 2]]}),
    "landmarks-same": Case(settings={"landmarks": [[0, 0]] * 5}),
    "landmarks-outside": Case(settings={"landmarks": [[2 * x, y] for x, y in ARCFACE]}),
}


def write_models(folder: Path) -> dict[str, Path]:
    """Write all cases into an empty folder. Returns the path of each model."""
    models = {name: _write(case, folder / f"{name}.onnx") for name, case in CASES.items()}
    (folder / "external-missing.onnx.data").unlink()
    models["external-damaged"] = _damage_weights(models["external"], folder / "external-damaged.onnx")
    original = models["nchw"]
    models["upper"] = Path(shutil.copyfile(original, folder / "UPPER.ONNX"))
    models["text"], models["cut"] = folder / "text.onnx", folder / "cut.onnx"
    models["text"].write_bytes(b"not a model")
    models["cut"].write_bytes(original.read_bytes()[:2000])
    for name in ("upper", "text", "cut"):
        models[name].with_suffix(".json").write_text("{}")
    return models


def _write(case: Case, path: Path) -> Path:
    graph = helper.make_graph(
        _nodes(case),
        "awkward",
        [helper.make_tensor_value_info("crops", case.kind, case.shape)],
        [helper.make_tensor_value_info(name, _output_kind(case), None) for name in case.outputs.split(", ")],
        _weights(case),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if case.weights:
        (path.parent / case.weights).parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, path, save_as_external_data=True, location=path.name + ".data", size_threshold=0)
        _move_weights(path, case.weights)
    else:
        onnx.save(model, path)
    if case.settings is not None:
        text = case.settings if isinstance(case.settings, str) else json.dumps(dict(case.settings))
        path.with_suffix(".json").write_text(text, encoding="utf-8")
    return path


def _move_weights(path: Path, location: str) -> None:
    """Move the weights to a location that onnx itself would not write."""
    path.with_name(path.name + ".data").rename(path.parent / location)
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        next(entry for entry in tensor.external_data if entry.key == "location").value = location
    path.write_bytes(model.SerializeToString())


def _damage_weights(model: Path, path: Path) -> Path:
    """Copy a model, and spoil where its weights begin in their file."""
    copied = onnx.load(model, load_external_data=False)
    for tensor in copied.graph.initializer:
        next(entry for entry in tensor.external_data if entry.key == "offset").value = "x"
    path.write_bytes(copied.SerializeToString())
    path.with_suffix(".json").write_text("{}")
    return path


def _nodes(case: Case) -> list[Any]:
    channels = next(size for size in case.shape[1:] if size in (1, 3))
    steps: list[tuple[Any, ...]] = [("Cast", (), {"to": TensorProto.FLOAT})]
    if case.shape[-1] == channels:
        steps.append(("Transpose", (), {"perm": [0, 3, 1, 2]}))
    if channels == 1:
        steps.append(("Concat", ("grey", "grey"), {"axis": 1}))
    steps += [("Conv", ("first",), {"strides": [8, 8]}), ("Relu", (), {}), ("Conv", ("second",), {})]
    steps += [("GlobalAveragePool", (), {}), ("Mul", ("factor",), {}), ("Cast", (), {"to": _output_kind(case)})]
    nodes, current = [], "crops"
    for number, (operator, more, attributes) in enumerate(steps):
        given = [current] * 3 if operator == "Concat" else [current, *more]
        current = f"step-{number}"
        nodes.append(helper.make_node(operator, given, [current], **attributes))
    for name in case.outputs.split(", "):
        if name == "maps":
            nodes.append(helper.make_node("Identity", [current], [name]))
        else:
            nodes.append(helper.make_node("Flatten", [current], [name], axis=0 if name == "one row" else 1))
    return nodes


def _output_kind(case: Case) -> int:
    if case.rounded:
        return int(TensorProto.INT64)
    return int(TensorProto.FLOAT16 if case.kind == TensorProto.FLOAT16 else TensorProto.FLOAT)


def _weights(case: Case) -> Sequence[Any]:
    random = np.random.default_rng(0)
    arrays = {
        "first": random.normal(size=(32, 3, 8, 8)) / 14,
        "second": random.normal(size=(16, 32, 3, 3)) / 17,
        "factor": np.array(case.factor),
    }
    return [numpy_helper.from_array(array.astype(np.float32), name) for name, array in arrays.items()]


if __name__ == "__main__":
    write_models(Path(sys.argv[1]))
