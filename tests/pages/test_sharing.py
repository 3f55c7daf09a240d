"""What a shared result says, and how an explanation is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from pages.shared import pair, sharing
from pipeline.explanation import Explanation


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://looks.example.org/finder?gallery=a", "looks.example.org"),
        ("https://example.org:8443/", "example.org:8443"),
        ("http://localhost:8501/", ""),
        ("http://127.0.0.1:8501", ""),
        ("http://[::1]:8501", ""),
        (None, ""),
    ],
)
def test_the_address_is_that_of_the_app_unless_it_runs_on_the_visitors_machine(url, address):
    assert sharing.address_of(url) == address


def test_blue_is_where_faces_are_alike_on_one_scale_for_both():
    grey = np.full((40, 40, 3), 128, np.uint8)
    strong, weak, below = (np.zeros((20, 20), np.float32) for _ in range(3))
    strong[:10], weak[:10], below[:] = 0.2, 0.1, -0.3
    one, other = pair.with_heat((grey, grey), Explanation(0.5, (strong, weak)))
    assert (one[30:] == 128).all()
    assert one[5, 5, 2] > other[5, 5, 2] > 128 > other[5, 5, 0] > one[5, 5, 0]
    plain, _ = pair.with_heat((grey, grey), Explanation(0.5, (below, below)))
    assert (plain == grey).all()
