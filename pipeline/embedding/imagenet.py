"""Networks trained on ImageNet, up to their mean pooling."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np

from pipeline import storage, tensorflow_loader
from pipeline.embedding import facenet
from pipeline.embedding.base import FaceNetwork, unit
from pipeline.errors import WeightsError

# The networks that this project's ancestor tried, by module and class of keras.applications.
IMAGENET = {
    "mobilenetv2": ("mobilenet_v2", "MobileNetV2"),
    "resnet50": ("resnet50", "ResNet50"),
    "vgg16": ("vgg16", "VGG16"),
    "inceptionv3": ("inception_v3", "InceptionV3"),
    "xception": ("xception", "Xception"),
}


def imagenet_weights(name: str) -> Path:
    """Where weights that were trained on ImageNet can be put, without the top layer; else Keras fetches them."""
    return storage.home() / "models" / f"{name}.weights.h5"


def imagenet_network(name: str) -> FaceNetwork:
    """A network of keras.applications up to its mean pooling, for crops of 160 pixels. Raises WeightsError."""
    tf = tensorflow_loader.load()
    module_name, class_name = IMAGENET[name]
    module = importlib.import_module(f"keras.applications.{module_name}")
    path = imagenet_weights(name)
    side = facenet.CROP_SIDE_PX
    try:
        model = getattr(module, class_name)(
            include_top=False,
            pooling="avg",
            input_shape=(side, side, 3),
            weights=str(path) if path.is_file() else "imagenet",
        )
    except Exception as error:  # Keras raises bare ones for a download that fails and for a file that does not fit.
        raise WeightsError(
            f"ImageNet's weights of {class_name} could not be fetched from Keras' storage. Check the network, or put "
            f"Keras' file without the top layer into the data folder as models/{path.name}."
            if not path.is_file()
            else f"The weights of {class_name} in models/{path.name} are damaged. Delete it in the data folder."
        ) from error
    compiled = tf.function(
        lambda crops: model(module.preprocess_input(tf.cast(crops, tf.float32)), training=False),
        input_signature=[tf.TensorSpec((None, side, side, 3), tf.uint8)],
    )

    def rows(crops: np.ndarray) -> np.ndarray:
        return unit(compiled(crops).numpy())

    return FaceNetwork(model_id(name), side, model.output_shape[-1], model.count_params(), rows)


def model_id(name: str) -> str:
    """The model id that a gallery stores for a network."""
    return f"{name}-imagenet"
