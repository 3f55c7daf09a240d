"""The other public FaceNet, 20180408-102900 (512 dimensions, CASIA-WebFace), beside the shipped one."""

from __future__ import annotations

import numpy as np

from pipeline.embedding.facenet_512 import FACENET_512
from pipeline.embedding.pair import side_by_side
from train.datasets.lfw import LFW


def second_facenet(lfw: LFW, embeddings: np.ndarray, photos: np.ndarray) -> np.ndarray:
    """Unit rows of both networks side by side, the second at half weight; its part is zero except for ``photos``."""
    second = np.zeros((len(lfw), 512), np.float32)
    second[photos] = lfw.embedded(FACENET_512.name, photos)
    return side_by_side(embeddings, second)
