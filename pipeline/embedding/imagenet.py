"""Networks of keras.applications trained on ImageNet, up to their mean pooling.

LooksLikeWho by sdamolini, the project this one reimplements, tried these networks.
"""

from __future__ import annotations

import importlib
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import storage, tensorflow_loader
from pipeline.embedding.base import SQUARE_CROP, EmbedderEntry, FaceNetwork, NetworkEmbedder, unit
from pipeline.errors import WeightsError

# Name of the embedder to module and class of keras.applications.
IMAGENET = {
    "mobilenetv2": ("mobilenet_v2", "MobileNetV2"),
    "resnet50": ("resnet50", "ResNet50"),
    "vgg16": ("vgg16", "VGG16"),
    "inceptionv3": ("inception_v3", "InceptionV3"),
    "xception": ("xception", "Xception"),
}
_SIDE_PX = 160


def imagenet_weights_path(name: str) -> Path:
    """Where the user can put the weights, without the top layer. Keras downloads them otherwise."""
    return storage.home() / "models" / f"{name}.weights.h5"


def imagenet_embedder(name: str) -> NetworkEmbedder:
    """A network of keras.applications up to its mean pooling. Raises WeightsError."""
    tf = tensorflow_loader.load_tensorflow()
    module_name, class_name = IMAGENET[name]
    module = importlib.import_module(f"keras.applications.{module_name}")
    path = imagenet_weights_path(name)
    try:
        model = getattr(module, class_name)(
            include_top=False,
            pooling="avg",
            input_shape=(_SIDE_PX, _SIDE_PX, 3),
            weights=str(path) if path.is_file() else "imagenet",
        )
    except Exception as error:  # Keras raises plain exceptions for failed downloads and for files that do not fit.
        raise WeightsError(
            f"The ImageNet weights of {class_name} could not be downloaded. Check the network, or put Keras' file "
            f"without the top layer into the data folder as models/{path.name}."
            if not path.is_file()
            else f"The weights of {class_name} in models/{path.name} are damaged. Delete the file in the data folder."
        ) from error
    compiled = tf.function(
        lambda crops: model(module.preprocess_input(tf.cast(crops, tf.float32)), training=False),
        input_signature=[tf.TensorSpec((None, _SIDE_PX, _SIDE_PX, 3), tf.uint8)],
    )

    def rows(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        return unit(compiled(crops).numpy())

    network = FaceNetwork(_model_id(name), (_SIDE_PX, _SIDE_PX), model.output_shape[-1], model.count_params(), rows)
    return NetworkEmbedder(network, SQUARE_CROP)


def _model_id(name: str) -> str:
    return f"{name}-imagenet"


IMAGENET_NETWORKS = tuple(
    EmbedderEntry(
        name=name,
        title=f"{class_name} (ImageNet)",
        help=f"{class_name}, trained on the objects of ImageNet",
        identity=SQUARE_CROP.identity(_model_id(name)),
        load=partial(imagenet_embedder, name),
    )
    for name, (_, class_name) in IMAGENET.items()
)
