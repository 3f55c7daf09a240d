"""The other public FaceNet, 20180408-102900 (512 dimensions, CASIA-WebFace), combined with the shipped one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.embedding.facenet_512 import FACENET_512
from pipeline.embedding.pair import side_by_side
from train.datasets.lfw import LFW


def second_facenet(lfw: LFW, embeddings: NDArray[np.float32], photos: NDArray[np.int64]) -> NDArray[np.float32]:
    """Unit rows of both networks concatenated, the second with half the weight. Only ``photos`` have the second."""
    second = np.zeros((len(lfw), 512), np.float32)
    second[photos] = lfw.embedded(FACENET_512.name, photos)
    return side_by_side(embeddings, second)
