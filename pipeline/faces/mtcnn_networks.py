"""The three networks of the package ``mtcnn``, with its weights, on the project's runtime.

They run in float32 everywhere: in bfloat16 the boxes would be others.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipeline import runtime, storage, tensorflow_loader
from pipeline.errors import WeightsError
from pipeline.runtime import Network

# The photo's side that the second and the third network see, in pixels.
REFINEMENT_SIDE_PX, OUTPUT_SIDE_PX = 24, 48
_SHA256 = {
    "pnet.lz4": "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
    "rnet.lz4": "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
    "onet.lz4": "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
}


def load_networks() -> tuple[Network, Network, Network]:
    """Proposals, refinement and output, in the order in which they run.

    Pixels are float32, -1..1. Proposals take ``pixels`` (n, height, width, 3) and ``outside`` (1, height - 2,
    width - 2, 1), which is added to the first layer: 0, or very low where there is no photo. They return offsets
    (n, rows, columns, 4) and scores (n, rows, columns, 2). The others take ``pixels`` (n, side, side, 3) and return
    offsets (n, 4) and scores (n, 2), the last with the points (n, 10) between them.
    """
    proposals, refinement, output = (
        runtime.kept_network(f"mtcnn-1.0.0/{name}", _SHA256[file], make, precision="f32")
        for name, file, make in (
            ("proposals", "pnet.lz4", _proposals),
            ("refinement", "rnet.lz4", partial(_on_patches, 1, REFINEMENT_SIDE_PX)),
            ("output", "onet.lz4", partial(_on_patches, 2, OUTPUT_SIDE_PX)),
        )
    )
    return proposals, refinement, output


def _weights(file: str) -> str:
    """The path of a file of weights in the package. Raises WeightsError if it is not the expected one.

    The package reads it by joblib, which runs what a file tells it to, and prefers a file in the working directory.
    """
    spec = find_spec("mtcnn")
    assert spec
    assert spec.origin
    path = Path(spec.origin).parent / "assets" / "weights" / file
    if storage.sha256(path) != _SHA256[file]:
        raise WeightsError(f"The file {file} of the package mtcnn is damaged. Install the package again.")
    return str(path)


@cache
def _package_networks() -> list[Any]:
    paths = [_weights(file) for file in _SHA256]
    tensorflow_loader.load_tensorflow()
    from mtcnn.stages import StageONet, StagePNet, StageRNet

    return [stage(weights=path).model for stage, path in zip((StagePNet, StageRNet, StageONet), paths, strict=True)]


def _proposals() -> Any:
    tf = tensorflow_loader.load_tensorflow()
    network = _package_networks()[0]

    def propose(pixels: Any, outside: Any) -> Any:
        # The layers of the package's PNet. Before its pooling, what lies outside the photo is made very low, as the
        # pooling at the photo's border sees it.
        seen = network.maxpool1(network.prelu1(network.conv1(pixels)) + outside)
        seen = network.prelu3(network.conv3(network.prelu2(network.conv2(seen))))
        return network.conv4_1(seen), network.conv4_2(seen)

    shapes = ((None, None, None, 3), "pixels"), ((1, None, None, 1), "outside")
    return tf.function(propose, input_signature=[tf.TensorSpec(shape, tf.float32, name) for shape, name in shapes])


def _on_patches(stage: int, side_px: int) -> Any:
    tf = tensorflow_loader.load_tensorflow()
    network: Callable[[Any], Any] = _package_networks()[stage]
    spec = tf.TensorSpec((None, side_px, side_px, 3), tf.float32, "pixels")
    return tf.function(lambda pixels: network(pixels), input_signature=[spec])
