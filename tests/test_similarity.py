"""The cosine scorer against its formula, and the resemblance that people read."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import photo
from pipeline.similarity import Calibration, CosineScorer
from tests.conftest import unit_rows


def test_the_distance_is_half_of_one_minus_the_cosine():
    probe, rows = unit_rows(1, seed=1)[0], unit_rows(50)
    expected = [(1 - sum(a * b for a, b in zip(probe.tolist(), row.tolist(), strict=True))) / 2 for row in rows]
    distances = CosineScorer().distances(probe, rows)
    assert distances == pytest.approx(expected, abs=1e-6)
    assert distances.dtype == np.float32


def test_the_distance_is_symmetric_zero_to_itself_and_one_to_the_opposite():
    scorer, (one, two) = CosineScorer(), unit_rows(2)
    assert scorer.distances(one, two[None]) == pytest.approx(scorer.distances(two, one[None]))
    assert scorer.distances(one, np.stack([one, -one])) == pytest.approx([0, 1], abs=1e-6)
    assert (scorer.distances(one, np.stack([one * 1.001, -one * 1.001])) == [0, 1]).all()


def test_resemblance_falls_from_100_to_0_and_is_50_at_the_middle():
    for calibration in (CosineScorer().calibration, Calibration(middle=0.3, slope=40)):
        resemblance = calibration.resemblance(np.linspace(0, 1, 101))
        assert (np.diff(resemblance) < 0).all()
        assert 99 < resemblance[0] <= 100
        assert 0 <= resemblance[-1] < 1
        assert calibration.resemblance(np.array([calibration.middle]))[0] == pytest.approx(50)


def test_the_calibration_separates_the_celebrities(models, examples):
    """Two photos of one person are mostly above 50, photos of two people almost never."""
    pictures = [photo.read(path) for paths in examples.values() for path in paths]
    found = models.detector(pictures)
    rows = models.embedder(
        [models.embedder.crops(*pair) for pair in zip(pictures, [f[0] for f in found], strict=True)]
    )
    people = np.repeat(np.arange(5), 5)
    scorer = CosineScorer()
    resemblance = np.stack([scorer.calibration.resemblance(scorer.distances(row, rows)) for row in rows])
    same = people[:, None] == people
    assert (resemblance[same] > 50).mean() > 0.85
    assert (resemblance[~same] > 50).mean() < 0.02
