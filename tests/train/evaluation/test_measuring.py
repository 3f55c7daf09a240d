"""Figures by protocol, against loops over probes and scikit-learn's curve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from tests.train.evaluation.people import noisy_people
from train.evaluation import measuring, protocols
from train.evaluation.distances import cosine_distances
from train.evaluation.protocols import Tier, VerificationPairs

EMBEDDINGS, LABELS = noisy_people(60, noise=0.8)
PAIRS = VerificationPairs(
    np.stack([np.arange(40), np.arange(40) + 1], axis=1), np.arange(40) % 2 > 0, np.arange(40) // 4
)


def test_one_shot_equals_a_loop_over_probes():
    gallery, probes = protocols.draw_one_shot(LABELS, 3)
    ranks, losses = [], []
    for probe in probes:
        distances = {LABELS[row]: (1 - EMBEDDINGS[probe] @ EMBEDDINGS[row]) / 2 for row in gallery}
        own = distances.pop(LABELS[probe])
        ranks.append(1 + sum(other <= own for other in distances.values()))
        losses.append(max(own**2 - min(distances.values()) ** 2 + 0.25, 0))
    found = measuring.one_shot(EMBEDDINGS, LABELS, cosine_distances, 3)
    assert found["rank_1"] == pytest.approx(np.mean(np.equal(ranks, 1)))
    assert found["rank_5"] == pytest.approx(np.mean(np.less_equal(ranks, 5)))
    assert found["mrr"] == pytest.approx(np.mean(1 / np.array(ranks)))
    assert found["rank_score"] == pytest.approx(np.mean(1 - (np.array(ranks) - 1) / 59))
    assert found["one_shot_loss"] == pytest.approx(np.mean(losses), rel=1e-4)


@given(st.integers(0, 1000))
def test_verification_in_one_shot_equals_scikit_learn(draw):
    gallery, probes = protocols.draw_one_shot(LABELS, draw)
    # Whole numbers bring ties.
    values = np.random.default_rng(draw).integers(0, 50, size=(len(probes), len(gallery))).astype(np.float32)
    same = LABELS[probes][:, None] == LABELS[gallery]
    values[same] -= 15
    found = measuring.one_shot(EMBEDDINGS, LABELS, lambda one, other: values, draw)
    assert found["auc"] == pytest.approx(roc_auc_score(same.ravel(), -values.ravel()))
    far, tar, _ = roc_curve(same.ravel(), -values.ravel())
    assert found["tar_at_far_1e-3"] == pytest.approx(tar[far <= 1e-3].max())


def test_distractors_make_a_tier_harder():
    found = measuring.tier_rank_1(EMBEDDINGS, LABELS, cosine_distances, tier=Tier("All", None, 2, 1), draw=0)
    assert found["closed_min"] > 0.3
    assert found["distractors_min"] <= found["closed_min"]


def test_a_tier_with_too_few_people_has_no_figures():
    assert measuring.tier_rank_1(EMBEDDINGS, LABELS, cosine_distances, tier=Tier("Large", 500, 2), draw=0) == {}


def test_the_table_and_the_figures_of_one_label_agree():
    steps: list[int] = []
    ways = {"network": lambda one, other: cosine_distances(one, other) ** 0.5, "cosine": cosine_distances}
    rows = measuring.table(EMBEDDINGS, LABELS, ways, pairs=PAIRS, progress=steps.append)
    cosine = {label: cells[1] for label, *cells in rows}
    figures: dict[str, str] = {}
    for some in measuring.figures(EMBEDDINGS, LABELS, cosine_distances, pairs=PAIRS):
        figures |= {label: measuring.spread(values) for label, values in some.items()}
    assert cosine == figures
    assert {measuring.one_shot_label(LABELS, 1), measuring.verification_label(PAIRS)} <= cosine.keys()
    assert steps == list(range(1, measuring.steps_count(ways) + 1))


def test_one_photo_of_everybody_gives_an_empty_table():
    rows = measuring.table(EMBEDDINGS[:3], np.arange(3), {"cosine": cosine_distances}, pairs=None, progress=silent)
    assert rows == []


def silent(_: int) -> None:
    """Ignore progress."""
