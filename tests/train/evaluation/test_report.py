import json

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from pipeline import storage
from train.evaluation import protocols, report
from train.evaluation.report import OneShotDraw, WeightedPairs
from train.runs import evaluations, files

RANDOM = np.random.default_rng(0)
PEOPLE = 150
LABELS = np.repeat(np.arange(PEOPLE), RANDOM.integers(1, 5, size=PEOPLE))
NAMES = [f"Person {label}" for label in LABELS]


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


EMBEDDINGS = unit(RANDOM.normal(size=(PEOPLE, 16))[LABELS] + 0.9 * RANDOM.normal(size=(len(LABELS), 16)))
WAYS = {
    "network": lambda one, other: protocols.cosine_distances(one, other) ** 0.5,
    "cosine": protocols.cosine_distances,
}


@pytest.fixture(scope="module")
def kept():
    return report.evaluation(EMBEDDINGS, LABELS, NAMES, np.arange(len(LABELS)) + 1000, WAYS, range(3))


def draws(seed=0):
    random = np.random.default_rng(seed)
    return [report._draw(EMBEDDINGS, LABELS, protocols.cosine_distances, random)]


def test_what_is_kept_agrees_with_the_measures_of_the_history(kept):
    measured = [protocols.one_shot(EMBEDDINGS, LABELS, protocols.cosine_distances, seed) for seed in range(3)]
    ranked = dict(zip(*kept["ways"]["cosine"]["rank_k"].values(), strict=True))
    assert ranked[1] == pytest.approx(np.mean([row["rank_1"] for row in measured]), abs=1e-4)
    assert ranked[5] == pytest.approx(np.mean([row["rank_5"] for row in measured]), abs=1e-4)
    accepted = dict(zip(*kept["ways"]["cosine"]["roc"].values(), strict=True))
    at = np.mean([row["tar_at_far_1e-3"] for row in measured])
    assert accepted[0.001] == pytest.approx(at, abs=1e-4)
    assert kept["ways"]["cosine"]["mistakes"] == pytest.approx((1 - ranked[1]) * kept["probes"], abs=0.02)


def test_what_only_stretches_distances_changes_neither_ranks_nor_the_curve(kept):
    network, cosine = kept["ways"]["network"], kept["ways"]["cosine"]
    assert network["rank_k"] == cosine["rank_k"] and network["roc"] == cosine["roc"]
    assert [each["person"] for each in network["mistaken"]] and network["mistakes"] == cosine["mistakes"]


def test_the_roc_curve_is_scikit_learns():
    (draw,) = draws()
    same = np.zeros(draw.distances.shape, bool)
    same[np.arange(len(draw.own)), draw.own] = True
    false_accepts, true_accepts, _ = roc_curve(same.ravel(), -draw.distances.ravel(), drop_intermediate=False)
    found = report.roc([draw])
    for rate, accepted in zip(found["false"], found["true"], strict=True):
        # The largest share of true accepts with no more false ones.
        assert accepted == pytest.approx(true_accepts[false_accepts <= rate * 1.001].max(), abs=0.02)
    assert found["true"] == sorted(found["true"]) and found["true"][-1] == 1


def test_the_mistaken_are_those_whose_nearest_photo_is_somebody_elses():
    (draw,) = draws()
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


def test_whoever_is_mistaken_more_often_comes_first():
    one = OneShotDraw(np.array([0, 1]), np.array([2, 3]), np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]))
    other = OneShotDraw(np.array([0, 1]), np.array([2, 3]), np.array([0, 1]), np.array([[0.2, 0.1], [0.9, 0.8]]))
    again = OneShotDraw(np.array([0, 1]), np.array([2, 3]), np.array([0, 1]), np.array([[0.1, 0.4], [0.1, 0.8]]))
    found = report.mistaken([one, other, again], ["Ann", "Bo", "Ann", "Bo"], np.arange(4))
    assert [(each["person"], each["taken_for"], each["times"]) for each in found] == [
        ("Ann", "Bo", 2),
        ("Bo", "Ann", 2),
    ] or found[0]["times"] >= found[1]["times"]
    assert found[0]["distances"] in ([0.9, 0.1], [0.8, 0.1])


def test_a_resemblance_that_is_right_lies_on_its_line():
    random = np.random.default_rng(1)
    halves = []
    for _ in range(2):
        distances = random.random(40_000)
        same = random.random(40_000) < 1 / (1 + np.exp(12 * (distances - 0.4)))
        weights = np.where(same, 1 / same.sum(), 1 / (~same).sum())
        halves.append(WeightedPairs(distances, same, weights, 100))
    found = report.reliability(halves, on_logit=False)
    assert found is not None and found["error"] < 0.02
    assert found["same"] == pytest.approx(found["said"], abs=0.05) and len(found["said"]) == 10
    few = [WeightedPairs(half.distances, half.same, half.weights, 19) for half in halves]
    assert report.reliability(few, on_logit=False) is None


def test_a_handful_of_people_gives_curves_but_no_reliability():
    some = LABELS < 8
    names = [name for name, kept in zip(NAMES, some, strict=True) if kept]
    found = report.evaluation(EMBEDDINGS[some], LABELS[some], names, np.flatnonzero(some), WAYS, range(5))
    assert found["ways"]["network"]["reliability"] is None
    assert found["ways"]["network"]["rank_k"]["k"] == [1, 2, 3, 5]
    assert found["ways"]["network"]["roc"]["false"][-1] == 1


def test_what_is_kept_is_small_strict_json_and_damage_is_noticed(kept, tmp_path):
    storage.write_json(tmp_path / files.EVALUATION, kept)
    text = (tmp_path / files.EVALUATION).read_text()
    assert len(text) < 20_000
    assert json.loads(text, parse_constant=pytest.fail) == evaluations.read_evaluation(tmp_path)
    for damage in ("{}", text[:500], text.replace('"roc"', '"rock"'), '{"ways": []}'):
        (tmp_path / files.EVALUATION).write_text(damage)
        assert evaluations.read_evaluation(tmp_path) is None
    assert evaluations.read_evaluation(tmp_path / "nowhere") is None


def test_few_probes_are_drawn_more_often():
    assert len(protocols.seeds_of(np.repeat(np.arange(200), 2), 3)) == 3
    assert len(protocols.seeds_of(np.array([0, 0, 1, 2]), 3)) == 30
    assert len(protocols.seeds_of(np.repeat(np.arange(10), 2), 1)) == 6
