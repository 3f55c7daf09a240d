"""The registry of scorers: defaults, errors, and a scorer that is added by one line."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from pipeline.embedding.facenet import FACENET_128
from pipeline.embedding.registry import default_identity
from pipeline.errors import UserError
from pipeline.similarity import registry
from pipeline.similarity.base import ScorerEntry
from pipeline.similarity.cosine import CosineScorer
from tests.conftest import unit_rows


class ToyScorer(CosineScorer):
    name = "toy"


TOY = ScorerEntry("toy", "Toy", "a toy", "What a toy says", lambda identity: ToyScorer())


@pytest.mark.parametrize("name", registry.SCORERS)
def test_each_scorer_is_loaded_by_its_name(name):
    scorer = registry.load_scorer(name, FACENET_128.identity)
    rows = unit_rows(20)
    assert scorer.name == name
    assert (scorer.digest == "") == (scorer.prepare(rows) is rows)
    distances = scorer.distances(rows[0], scorer.prepare(rows))
    assert distances.argmin() == 0
    assert ((distances >= 0) & (distances <= 1)).all()


@pytest.mark.parametrize("name", registry.SCORERS)
def test_the_product_gives_the_distances(name):
    scorer, probes, rows = registry.load_scorer(name, FACENET_128.identity), unit_rows(3, seed=1), unit_rows(50)
    product = scorer.product_of(probes)
    assert product is not None
    expected = np.stack([scorer.distances(probe, scorer.prepare(rows)) for probe in probes], axis=1)
    assert product.distances(scorer.prepare(rows)) == pytest.approx(expected, abs=1e-6)


def test_an_unknown_scorer_lists_the_known_ones():
    with pytest.raises(UserError, match=r"no finished run euclid. Choose one of network, cosine\.$"):
        registry.load_scorer("euclid")


def test_rows_of_another_embedder_are_compared_by_cosine_without_a_calibration():
    scorer = registry.scorer_for({"model": "another"})
    assert scorer.name == "cosine"
    assert np.isnan(scorer.calibration.same_person(0.2))
    assert registry.scorer_for(default_identity()).name == registry.DEFAULT_SCORER
    assert registry.scorer_for(None, "cosine").name == "cosine"


def test_a_scorer_added_to_the_registry_is_loaded_by_its_name(monkeypatch):
    monkeypatch.setitem(registry.SCORERS, "toy", TOY)
    assert registry.load_scorer("toy").name == "toy"


def test_a_scorer_added_to_the_registry_is_offered_on_the_command_line():
    code = (
        "from pipeline.similarity.registry import SCORERS\n"
        "from tests.pipeline.similarity.test_registry import TOY\n"
        "SCORERS['toy'] = TOY\n"
        "from pipeline.cli.app import main\n"
        "main(['find', '--help'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    words = " ".join(done.stdout.split())
    assert "; toy: a toy" in words
