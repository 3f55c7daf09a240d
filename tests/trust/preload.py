"""Imports everything that the kinds of work use, so that each of their processes starts at once."""

from importlib import import_module

import cv2  # noqa: F401
import faiss  # noqa: F401
import onnx.reference  # noqa: F401
import pandas  # noqa: F401
import pillow_heif  # noqa: F401
import pyarrow.compute
import pyarrow.parquet  # noqa: F401
import scipy.spatial  # noqa: F401
import simplejpeg  # noqa: F401
import sklearn.cluster
import sklearn.decomposition
import sklearn.metrics  # noqa: F401
from PIL import Image

from pipeline import tensorflow_loader
from tests import toys
from tests.trust import damage, work  # noqa: F401

Image.init()
toys.register()
# Without its messages.
tensorflow_loader.load_tensorflow()
import_module("train.fit")
