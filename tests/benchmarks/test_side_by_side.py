"""Settings of FaceNet beside SFace have the rows that their names say, and the plot shows them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import frontier
from benchmarks.side_by_side import FACENET_ALONE, SFACE_ALONE, VIEWS, Setting, settings
from pipeline.embedding.base import unit
from tests.conftest import unit_rows

FACENET = {view: unit_rows(5, seed) for seed, view in enumerate(VIEWS.values())}
SFACE = {passes: unit_rows(5, 10 + passes) for passes in (1, 2)}


def _rows(setting: Setting) -> np.ndarray:
    return setting.rows(FACENET.__getitem__, SFACE.__getitem__)


def test_each_network_alone_has_its_own_rows():
    assert np.allclose(_rows(FACENET_ALONE), unit(np.mean(list(FACENET.values()), axis=0)))
    assert np.array_equal(_rows(SFACE_ALONE), SFACE[2])


def test_side_by_side_the_cosine_is_a_weighted_mean_of_both():
    setting = Setting(("A", "A mirrored"), 1, 0.75)
    first, rows = _rows(Setting(("A", "A mirrored"))), _rows(setting)
    weighted = (first @ first.T + 0.75**2 * SFACE[1] @ SFACE[1].T) / (1 + 0.75**2)
    assert rows @ rows.T == pytest.approx(weighted, abs=1e-6)


def test_no_two_settings_of_the_frontier_share_a_title():
    titles = [setting.title for setting in settings()]
    assert len(titles) == len(set(titles))
    assert {FACENET_ALONE.title, SFACE_ALONE.title} <= set(titles)


def test_each_pass_takes_its_time():
    assert Setting(("A", "B"), 1).milliseconds == 2 * 7 + 5
    assert SFACE_ALONE.milliseconds == 10


@pytest.mark.slow
def test_the_plot_is_the_same_each_time_and_names_its_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(frontier, "PLOT", tmp_path / "frontier.svg")
    random = np.random.default_rng(0)
    rows = [
        {"rows": setting.title, "by": by, "facenet": len(setting.views), "sface": setting.sface}
        | {"rank_1": random.random()}
        | dict.fromkeys(frontier.PANELS, random.random())
        for setting in settings()
        for by in ("cosine", "map")
    ]
    drawn = []
    for _ in range(2):
        frontier.draw_frontier(rows)
        drawn.append(frontier.PLOT.read_text())
    assert drawn[0] == drawn[1]
    assert all(group in drawn[0] for group in frontier.GROUPS)
