"""Galleries and encoders that the map's tests share."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.synthetic import synthetic
from pipeline.gallery import opening
from pipeline.similarity.network import SimilarityNetwork


@pytest.fixture
def made(empty_home):
    """An open gallery of six people with ten photos each, on disk."""
    synthetic("made", faces=60)
    return opening.open_gallery("made")


def encoder(kernel: np.ndarray) -> SimilarityNetwork:
    """A network whose encoder is a product with a matrix."""
    return SimilarityNetwork(encoder=((kernel, np.zeros(kernel.shape[1], np.float32)),), metric=())
