import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.map.density import SHARES, contours
from pipeline.map.queries import inside_polygon


def enclosed(places, lines):
    """Whether each place is inside an odd number of lines."""
    return np.logical_xor.reduce([inside_polygon(places, line.astype(np.float64)) for line in lines])


def test_lines_enclose_their_share_of_the_faces():
    random = np.random.default_rng(0)
    places = np.concatenate(
        [random.normal((-0.5, 0.2), 0.15, (6000, 2)), random.normal((0.5, -0.3), 0.08, (3000, 2))]
    ).clip(-1, 1)
    found = contours(places.astype(np.float32))
    for share, lines in zip(SHARES, found, strict=True):
        assert enclosed(places, lines).mean() == pytest.approx(share, abs=0.05)
    # Both heaps have a line of their own.
    assert len(found[1]) == 2


@pytest.mark.parametrize("place", [(0.5, -0.25), (1.0, -1.0)])
def test_lines_lie_around_the_faces_also_at_the_edge(place):
    (line,) = contours(np.tile(np.array([place], np.float32), (50, 1)))[1]
    assert line.mean(axis=0) == pytest.approx(place, abs=0.02)


@given(st.integers(0, 40), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1e-6, 1.0]))
def test_lines_are_closed_and_near_the_map(count, seed, spread):
    places = (spread * np.random.default_rng(seed).uniform(-1, 1, (count, 2))).astype(np.float32)
    for line in (line for lines in contours(places) for line in lines):
        assert (line[0] == line[-1]).all()
        assert np.abs(line).max() <= 1.1
        # No part of a line is far from all faces.
        assert np.linalg.norm(line[:, None] - places, axis=2).min(axis=1).max() <= 0.1


def test_a_map_without_faces_has_no_lines():
    assert contours(np.empty((0, 2), np.float32)) == [[] for _ in SHARES]
