"""``make benchmark-runtime``: each face network by each runtime: time, memory, and agreement with float32.

The runtimes take turns, and the fastest of several rounds counts, because other work on the machine only adds time.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import explained, report, times
from pipeline import runtime
from pipeline.embedding import facenet_512, onnx, registry
from pipeline.embedding import facenet_weights as weights
from pipeline.embedding.base import NetworkEmbedder, unit
from pipeline.errors import UserError
from train.datasets.lfw import LFW

Rows = Callable[[NDArray[np.uint8]], NDArray[Any]]

PHOTOS = 500
BATCHES = (1, 4, 32)
CROPS_PER_ROUND, ROUNDS = 32, 8
FLOAT32, BFLOAT16 = "OpenVINO, float32", "OpenVINO, bfloat16"
TENSORFLOW, ONNXRUNTIME = "TensorFlow", "onnxruntime"


def main() -> None:
    """Measure every network. The processes come first: one counts the memory of this process where it began."""
    costs = {network: _in_processes(network) for network in NETWORKS}
    rows = [row for network in NETWORKS for row in _network(network, costs[network])]
    report("runtime", {f"A crop by each runtime, and agreement on {PHOTOS} photos of LFW": rows})


def _facenet() -> Rows:
    function = weights.facenet_function(weights.load_facenet())
    return lambda crops: np.asarray(function(crops))


def _facenet_512() -> Rows:
    function = facenet_512.facenet_512_function()
    return lambda crops: np.asarray(function(crops))


def _sface() -> Rows:
    onnxruntime = runtime.load_onnxruntime()
    session = onnxruntime.InferenceSession(onnx.kept_model_path(registry.EMBEDDERS["sface"].model))
    return lambda crops: session.run(None, {"data": _channels_first(crops)})[0]


def _channels_first(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32)


def _openvino(path: Path, precision: str) -> Rows:
    openvino = runtime.load_openvino()
    assert openvino is not None
    network = runtime.CompiledNetwork(openvino.Core().read_model(path), precision=precision)
    return (lambda crops: network(_channels_first(crops))) if path.suffix == onnx.SUFFIX else network


# By the embedder's name: the title, the reference in float32, and how that is loaded.
NETWORKS: dict[str, tuple[str, str, Callable[[], Rows]]] = {
    "facenet": ("FaceNet 128", TENSORFLOW, _facenet),
    "facenet-512": ("FaceNet 512", TENSORFLOW, _facenet_512),
    "sface": ("SFace", ONNXRUNTIME, _sface),
}


def _ways(network: str) -> dict[str, Callable[[], Rows]]:
    """How to load a network, by runtime, the reference first."""
    _, reference, load = NETWORKS[network]
    of_model = onnx.kept_model_path if reference == ONNXRUNTIME else runtime.kept_path
    path = of_model(registry.EMBEDDERS[network].model)
    precisions = {FLOAT32: "f32", BFLOAT16: "bf16"}
    return {reference: load} | {name: partial(_openvino, path, which) for name, which in precisions.items()}


def _network(network: str, costs: dict[str, dict[str, float]]) -> list[dict[str, Any]]:
    """The rows of one network. costs: of a process with each runtime."""
    embedder = registry.load_embedder(network)
    assert isinstance(embedder, NetworkEmbedder)
    crops = _crops(embedder)
    loaded = {name: load() for name, load in _ways(network).items()}
    reference, *_ = loaded
    ms = _milliseconds(loaded, crops)
    expected = _all_rows(loaded[reference], crops)
    rows = []
    for name, run in loaded.items():
        cosines = np.sum(_all_rows(run, crops) * expected, axis=1)
        rows.append(
            {
                "network": NETWORKS[network][0],
                "runtime": name + (" (as shipped)" if name == BFLOAT16 else ""),
                **{f"ms a crop, batch {batch}": round(ms[name][batch], 1) for batch in BATCHES},
                **{
                    f"times faster, batch {batch}": round(ms[reference][batch] / ms[name][batch], 1)
                    for batch in BATCHES
                },
                "smallest cosine": float(cosines.min()),
                "mean cosine": float(cosines.mean()),
                "loaded after, s": round(costs[name]["seconds"], 1),
                "memory, MB": round(costs[name]["megabytes"]),
            }
        )
    return rows


def _crops(embedder: NetworkEmbedder) -> NDArray[np.uint8]:
    """The first view of the faces of random photos."""
    lfw = LFW()
    chosen = np.random.default_rng(0).choice(len(lfw), PHOTOS, replace=False)
    found = [(lfw.photo(number), face) for number in chosen if (face := lfw.faces[number])]
    return np.stack([embedder.crops(*each)[0] for each in found])


def _milliseconds(loaded: dict[str, Rows], crops: NDArray[np.uint8]) -> dict[str, dict[int, float]]:
    """Milliseconds a crop by runtime and batch: the fastest round."""

    def once(run: Rows, batch: int) -> None:
        for start in range(0, CROPS_PER_ROUND, batch):
            run(crops[start : start + batch])

    fastest = {name: dict.fromkeys(BATCHES, float("inf")) for name in loaded}
    for place in range(1 + ROUNDS):
        for batch in BATCHES:
            for name, run in loaded.items():
                seconds, _ = times(partial(once, run, batch), 1)
                if place:
                    fastest[name][batch] = min(fastest[name][batch], 1000 * seconds / CROPS_PER_ROUND)
    return fastest


def _all_rows(run: Rows, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    size = max(BATCHES)
    return unit(np.concatenate([run(crops[start : start + size]) for start in range(0, len(crops), size)]))


def _in_processes(network: str) -> dict[str, dict[str, float]]:
    """Seconds and memory of a fresh process with each runtime."""
    command = [sys.executable, "-m", "benchmarks.runtime", network]
    # Converted networks are read by the others.
    subprocess.run(command, check=True)
    ways = list(_ways(network))
    told = [subprocess.run([*command, way], stdout=subprocess.PIPE, check=True).stdout for way in ways]
    return dict(zip(ways, map(json.loads, told), strict=True))


def _costs(network: str, way: str) -> dict[str, float]:
    """Seconds until a network is loaded, and the peak memory of this process (MB) after a full batch."""
    side_px = 112 if network == "sface" else weights.CROP_SIDE_PX
    begun = time.perf_counter()
    run = _ways(network)[way]()
    seconds = time.perf_counter() - begun
    run(np.zeros((max(BATCHES), side_px, side_px, 3), np.uint8))
    return {"seconds": seconds, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000}


if __name__ == "__main__":
    try:
        match sys.argv[1:]:
            case [network, way]:
                print(json.dumps(_costs(network, way)))
            case [network]:
                registry.load_embedder(network)
            case _:
                main()
    except UserError as error:
        sys.exit(explained(error))
