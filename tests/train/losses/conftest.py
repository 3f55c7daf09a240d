"""Random distances and pairs, and the comparison of a loss with its formula."""

from types import SimpleNamespace

import numpy as np
import pytest
from keras import ops


@pytest.fixture
def distances():
    """Distances of 40 quadruplets and whether 40 pairs show one person."""
    random = np.random.default_rng(0)
    ap, an, nn = random.random((3, 40)).astype(np.float32)
    return SimpleNamespace(ap=ap, an=an, nn=nn, same=random.random(40) < 0.5)


@pytest.fixture
def assert_close():
    def check(value, expected):
        np.testing.assert_allclose(ops.convert_to_numpy(value), expected, rtol=1e-5, atol=1e-6)

    return check
