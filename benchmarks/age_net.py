"""Ages of faces by the age network of @vladmandic/face-api (MIT), from its npm package; for benchmarks alone.

A small Xception of 112 x 112 pixels with weights of 8 bits, trained by another project for another task than the
embedders measured here.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import downloads, storage, tensorflow_loader
from pipeline.errors import UserError

SIDE_PX = 112
_BATCH = 64
_PACKAGE, _SHA256 = "@vladmandic/face-api@1.7.15", "0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031"
_WEIGHTS, _MANIFEST = "age_gender_model.bin", "age_gender_model-weights_manifest.json"
# Mean of red, green and blue in its training.
_MEAN = (122.782, 117.001, 104.298)

Weights = dict[str, NDArray[np.float32]]


def ages_of(crops: Iterable[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """Years, float64 (n,), of n square crops around faces, RGB uint8 (112, 112, 3). Raises UserError without npm."""
    tensorflow = tensorflow_loader.load_tensorflow()
    network = tensorflow.function(_network(tensorflow, _weights()), reduce_retracing=True)
    parts, rest = [np.empty(0)], iter(crops)
    while block := list(itertools.islice(rest, _BATCH)):
        parts.append(np.asarray(network(np.stack(block).astype(np.float32)), np.float64))
    return np.concatenate(parts)


def _network(tensorflow: Any, weights: Weights) -> Callable[[Any], Any]:
    """The network as a function from pixels (n, 112, 112, 3) to years (n,)."""
    nn = tensorflow.nn

    def separable(values: Any, name: str) -> Any:
        depthwise, pointwise = weights[f"{name}/depthwise_filter"], weights[f"{name}/pointwise_filter"]
        mixed = nn.separable_conv2d(values, depthwise, pointwise, [1, 1, 1, 1], "SAME")
        return mixed + weights[f"{name}/bias"]

    def convolution(values: Any, name: str) -> Any:
        return nn.conv2d(values, weights[f"{name}/filters"], 2, "SAME") + weights[f"{name}/bias"]

    def reduction(values: Any, name: str, *, activate: bool = True) -> Any:
        inner = separable(nn.relu(values) if activate else values, f"{name}/separable_conv0")
        inner = separable(nn.relu(inner), f"{name}/separable_conv1")
        return nn.max_pool2d(inner, 3, 2, "SAME") + convolution(values, f"{name}/expansion_conv")

    def main_block(values: Any, name: str) -> Any:
        inner = values
        for number in range(3):
            inner = separable(nn.relu(inner), f"{name}/separable_conv{number}")
        return inner + values

    def years(pixels: Any) -> Any:
        values = nn.relu(convolution((pixels - _MEAN) / 255, "entry_flow/conv_in"))
        values = reduction(values, "entry_flow/reduction_block_0", activate=False)
        values = reduction(values, "entry_flow/reduction_block_1")
        for number in range(2):
            values = main_block(values, f"middle_flow/main_block_{number}")
        values = reduction(values, "exit_flow/reduction_block")
        values = nn.relu(separable(values, "exit_flow/separable_conv"))
        pooled = tensorflow.reduce_mean(values, axis=[1, 2])
        return (pooled @ weights["fc/age/weights"] + weights["fc/age/bias"])[:, 0]

    return years


def _weights() -> Weights:
    """The weights by name, computed from their 8 bits."""
    files = {name.rpartition("/")[2]: content for name, content in downloads.members(_archive(), _wanted)}
    (group,) = json.loads(files[_MANIFEST])
    weights: Weights = {}
    start = 0
    for entry in group["weights"]:
        small = entry.get("quantization")
        kind = np.dtype(small["dtype"] if small else entry["dtype"])
        count = int(np.prod(entry["shape"]))
        values = np.frombuffer(files[_WEIGHTS], kind, count, start).astype(np.float32)
        start += count * kind.itemsize
        weights[entry["name"]] = (values * small["scale"] + small["min"] if small else values).reshape(entry["shape"])
    return weights


def _wanted(name: str) -> bool:
    return name.endswith((f"/{_WEIGHTS}", f"/{_MANIFEST}"))


def _archive() -> Path:
    """The package in the data folder, fetched by npm and checked by its hash."""
    folder = storage.home() / "downloads" / "face-api-1.7.15"
    for archive in folder.glob("*.tgz"):
        if storage.sha256(archive) == _SHA256:
            return archive
    with storage.atomic_path(folder) as temporary, tempfile.TemporaryDirectory() as place:
        temporary.mkdir()
        command = ["npm", "pack", "--silent", "--pack-destination", str(temporary), _PACKAGE]
        try:
            subprocess.run(command, cwd=place, check=True, stdout=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError) as error:
            raise UserError("The age network comes from npm. Install Node.js, then run this again.") from error
        (archive,) = temporary.iterdir()
        if storage.sha256(archive) != _SHA256:
            raise UserError(f"{_PACKAGE} from npm is not the package that was expected.")
    return folder / archive.name
