"""The report of a run: it agrees with the history's figures, is small strict JSON, and notices damage."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pipeline import storage
from tests.train.evaluation.people import noisy_people
from train.evaluation import measuring, report
from train.evaluation.distances import cosine_distances
from train.evaluation.measuring import OneShotDraw
from train.runs import evaluations, files

EMBEDDINGS, LABELS = noisy_people(150, noise=0.9)
NAMES = [f"Person {label}" for label in LABELS]
WAYS = {"network": lambda one, other: cosine_distances(one, other) ** 0.5, "cosine": cosine_distances}


@pytest.fixture(scope="module")
def whole():
    photos = np.arange(len(LABELS)) + 1000
    return report.evaluation(EMBEDDINGS, LABELS, NAMES, photos=photos, ways=WAYS, draws=range(3))


def one_shot_draw() -> OneShotDraw:
    return measuring.one_shot_draw(EMBEDDINGS, LABELS, cosine_distances, 0)


def test_the_report_agrees_with_the_figures_of_the_history(whole):
    rows = [measuring.one_shot(EMBEDDINGS, LABELS, cosine_distances, draw) for draw in range(3)]
    ranked = dict(zip(*whole["ways"]["cosine"]["rank_k"].values(), strict=True))
    assert ranked[1] == pytest.approx(np.mean([row["rank_1"] for row in rows]), abs=1e-4)
    assert ranked[5] == pytest.approx(np.mean([row["rank_5"] for row in rows]), abs=1e-4)
    accepted = dict(zip(*whole["ways"]["cosine"]["roc"].values(), strict=True))
    assert accepted[0.001] == pytest.approx(np.mean([row["tar_at_far_1e-3"] for row in rows]), abs=1e-4)
    assert whole["ways"]["cosine"]["mistakes"] == pytest.approx((1 - ranked[1]) * whole["probes"], abs=0.02)


def test_stretching_distances_changes_neither_ranks_nor_the_roc_curve(whole):
    network, cosine = whole["ways"]["network"], whole["ways"]["cosine"]
    assert network["rank_k"] == cosine["rank_k"]
    assert network["roc"] == cosine["roc"]
    assert network["mistakes"] == cosine["mistakes"]


def test_the_mistaken_are_those_whose_nearest_photo_is_of_somebody_else():
    draw = one_shot_draw()
    wrong = {
        (NAMES[probe], NAMES[draw.gallery[row.argmin()]])
        for probe, row in zip(draw.probes, draw.distances, strict=True)
        if LABELS[draw.gallery[row.argmin()]] != LABELS[probe]
    }
    found = report.mistaken([draw], NAMES, np.arange(len(LABELS)))
    assert {(each["person"], each["taken_for"]) for each in found} <= wrong
    assert len(found) == min(len(wrong), 12)
    margins = [each["distances"][0] - each["distances"][1] for each in found]
    assert margins == sorted(margins, reverse=True)
    for each in found:
        probe, own, taken = each["photos"]
        assert [NAMES[row] for row in (probe, own, taken)] == [each["person"], each["person"], each["taken_for"]]
        assert each["place"] > 1


def test_the_most_frequent_mistake_comes_first():
    def draw(distances: list[list[float]]) -> OneShotDraw:
        return OneShotDraw(np.array([0, 1]), np.array([2, 3]), np.array([0, 1]), np.array(distances))

    draws = [draw([[0.9, 0.1], [0.2, 0.8]]), draw([[0.2, 0.1], [0.9, 0.8]]), draw([[0.1, 0.4], [0.1, 0.8]])]
    found = report.mistaken(draws, ["Ann", "Bo", "Ann", "Bo"], np.arange(4))
    assert [(each["person"], each["taken_for"], each["times"]) for each in found] == [
        ("Ann", "Bo", 2),
        ("Bo", "Ann", 2),
    ]
    assert [each["distances"] for each in found] == [[0.9, 0.1], [0.8, 0.1]]


def test_a_handful_of_people_gives_curves_but_no_reliability():
    some = LABELS < 8
    names = [name for name, kept in zip(NAMES, some, strict=True) if kept]
    photos = np.flatnonzero(some)
    found = report.evaluation(EMBEDDINGS[some], LABELS[some], names, photos=photos, ways=WAYS, draws=range(5))
    assert found["ways"]["network"]["reliability"] is None
    assert found["ways"]["network"]["rank_k"]["k"] == [1, 2, 3, 5]
    assert found["ways"]["network"]["roc"]["false"][-1] == 1


def test_the_file_is_small_strict_json_and_damage_is_noticed(whole, tmp_path):
    storage.write_json(tmp_path / files.EVALUATION, whole)
    text = (tmp_path / files.EVALUATION).read_text()
    assert len(text) < 20_000
    assert json.loads(text, parse_constant=pytest.fail) == evaluations.read_evaluation(tmp_path)
    for damage in ("{}", text[:500], text.replace('"roc"', '"rock"'), '{"ways": []}'):
        (tmp_path / files.EVALUATION).write_text(damage)
        assert evaluations.read_evaluation(tmp_path) is None
    assert evaluations.read_evaluation(tmp_path / "nowhere") is None


def test_the_recorded_reports_are_readable():
    folders = [path.parent for path in files.RECORDED_RUNS.glob(f"*/{files.EVALUATION}")]
    assert folders
    assert all(evaluations.read_evaluation(folder) for folder in folders)
