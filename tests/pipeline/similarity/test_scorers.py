"""Scorers and calibration: cosine against its formula, networks in their files, resemblance."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise

import numpy as np
import pytest

from pipeline import photo, storage
from pipeline.embedding.facenet import FACENET_128
from pipeline.embedding.registry import default_identity
from pipeline.errors import WeightsError
from pipeline.similarity import files, network_scorer, registry
from pipeline.similarity.calibration import Calibration
from pipeline.similarity.cosine import CosineScorer
from pipeline.similarity.network import Layer, SimilarityNetwork
from pipeline.similarity.network_scorer import NetworkScorer
from tests.conftest import unit_rows
from train.evaluation import metrics
from train.evaluation.calibration import fit_calibration

CURVE = Calibration(middle=0.3, slope=2, on_logit=True, strangers=((0.001, 0.05), (0.5, 0.6)))


def test_the_cosine_distance_is_half_of_one_minus_the_cosine():
    probe, rows = unit_rows(1, seed=1)[0], unit_rows(50)
    expected = [(1 - sum(a * b for a, b in zip(probe.tolist(), row.tolist(), strict=True))) / 2 for row in rows]
    distances = CosineScorer().distances(probe, rows)
    assert distances == pytest.approx(expected, abs=1e-6)
    assert distances.dtype == np.float32


def test_the_cosine_distance_is_symmetric_and_runs_from_0_to_1():
    scorer, (one, two) = CosineScorer(), unit_rows(2)
    assert scorer.distances(one, two[None]) == pytest.approx(scorer.distances(two, one[None]))
    assert scorer.distances(one, np.stack([one, -one])) == pytest.approx([0, 1], abs=1e-6)
    assert (scorer.distances(one, np.stack([one * 1.001, -one * 1.001])) == [0, 1]).all()


def network(seed: int = 0, *, length: int = 128, **settings: object) -> SimilarityNetwork:
    """A network of random weights for rows of some length, with the layer sizes of LooksLikeWho by sdamolini."""
    random = np.random.default_rng(seed)

    def layers(*sizes: int) -> tuple[Layer, ...]:
        return tuple(
            (random.normal(0, 0.2, pair).astype(np.float32), random.normal(0, 0.2, pair[1]).astype(np.float32))
            for pair in pairwise(sizes)
        )

    parts: dict[str, object] = {"encoder": layers(length, 128), "metric": layers(256, 30, 20, 10, 1)}
    return SimilarityNetwork(**parts | settings)  # type: ignore[arg-type]


def test_a_network_of_a_training_that_diverged_is_refused(tmp_path):
    made = network(encoder=((np.full((128, 128), np.nan, np.float32), np.zeros(128, np.float32)),))
    files.write_network(tmp_path, made, CURVE, {"embedding": default_identity()})
    with pytest.raises(WeightsError, match="its training diverged"):
        files.read_network(tmp_path)


@pytest.mark.parametrize("settings", [{}, {"both_orders": True}, {"product": True, "steepness": 9.0, "middle": 0.3}])
def test_a_network_read_from_its_folder_gives_the_same_distances(settings, tmp_path):
    made = network(**settings)
    files.write_network(tmp_path, made, CURVE, {"trained_on": "nothing", "embedding": default_identity()})
    scorer = network_scorer.read_scorer(tmp_path)
    probe, rows = unit_rows(1, seed=1)[0], unit_rows(50)
    expected = made.distances(made.codes(probe[None])[0], made.prepare(made.codes(rows)))
    assert (scorer.distances(probe, scorer.prepare(rows)) == expected).all()
    assert scorer.calibration == CURVE
    assert scorer.digest == NetworkScorer(made, CURVE).digest
    assert (storage.read_manifest(tmp_path) or {})["trained_on"] == "nothing"


def test_the_digest_depends_on_weights_and_settings():
    plain, again, others = network(), network(), [network(seed=1), network(both_orders=True)]
    digests = {NetworkScorer(made, CURVE).digest for made in (plain, again, *others)}
    assert len(digests) == 3


@pytest.mark.parametrize("product", [False, True])
def test_blocks_on_several_threads_agree_with_single_rows(product):
    made = network(product=product, both_orders=not product)
    prepared = made.prepare(made.codes(unit_rows(9000)))
    code = made.codes(unit_rows(1, seed=1))[0]
    some = np.r_[:40, 4080:4110, 8970:9000]
    single = np.concatenate([made.distances(code, prepared[row : row + 1]) for row in some])
    assert made.distances(code, prepared)[some] == pytest.approx(single, abs=1e-6)
    assert made.distances(code, prepared[:0]).shape == (0,)


def test_codes_row_by_row_have_the_same_bits_in_any_company():
    made = network_scorer.read_scorer(files.SHIPPED / "facenet", FACENET_128.identity).network
    rows = unit_rows(9)
    together = made.codes_row_by_row(rows)
    assert (np.concatenate([made.codes_row_by_row(row[None]) for row in rows]) == together).all()
    assert together == pytest.approx(made.codes(rows), abs=1e-6)
    assert made.codes_row_by_row(rows[:0]).shape == (0, together.shape[1])


def test_the_shipped_calibration_keeps_the_order_of_distances():
    scorer = registry.load_scorer(identity=FACENET_128.identity)
    assert scorer.name == "network"
    distances = scorer.distances(unit_rows(1, seed=1)[0], scorer.prepare(unit_rows(500)))
    assert distances.dtype == np.float32
    assert ((distances >= 0) & (distances <= 1)).all()
    assert (np.diff(scorer.calibration.same_person(np.sort(distances))) <= 0).all()


@pytest.fixture
def shipped(tmp_path):
    """A copy of the shipped network's folder."""
    return shutil.copytree(files.SHIPPED / "facenet", tmp_path / "facenet")


def _without_manifest(folder):
    (folder / storage.MANIFEST).unlink()


def _torn_manifest(folder):
    (folder / storage.MANIFEST).write_text('{"format": 1')


def _another_format(folder):
    _changed(folder, format=99)


def _another_embedding(folder):
    _changed(folder, embedding={"model": "another"})


def _without_calibration(folder):
    _changed(folder, calibration=None)


def _unknown_setting(folder):
    _changed(folder, network={"wings": 2})


def _without_weights(folder):
    (folder / "network.npz").unlink()


def _other_weights(folder):
    np.savez(folder / "network.npz", encoder_0_kernel=np.zeros(3))


def _cut_weights(folder):
    (folder / "network.npz").write_bytes((folder / "network.npz").read_bytes()[:-100])


def _changed(folder, **values):
    path = folder / storage.MANIFEST
    path.write_text(json.dumps(storage.with_digest(json.loads(path.read_text()) | values)))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_without_manifest, "manifest.json is missing"),
        (_torn_manifest, "manifest.json is missing or damaged"),
        (_another_format, "format 99, but this version reads 1"),
        (_another_embedding, "embeddings of another model"),
        (_without_calibration, "a part is missing or damaged"),
        (_unknown_setting, "wings"),
        (_without_weights, "a part is missing"),
        (_other_weights, "network.npz does not match its hash"),
        (_cut_weights, "network.npz does not match its hash"),
    ],
)
def test_an_unusable_network_is_reported_in_one_sentence(shipped, damage, says, monkeypatch):
    network_scorer.read_scorer(shipped, FACENET_128.identity)
    damage(shipped)
    with pytest.raises(WeightsError, match=says) as caught:
        network_scorer.read_scorer(shipped, FACENET_128.identity)
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.command == f"python -m train fit --run {shipped.name}"
    monkeypatch.setattr(files, "SHIPPED", shipped.parent)
    with pytest.raises(WeightsError, match="rank by cosine"):
        network_scorer.read_scorer(shipped, FACENET_128.identity)


@pytest.mark.parametrize(("middle", "slope"), [(0.01, 1), (0.5, 20), (0.95, 2)])
def test_fitting_recovers_the_curve_that_labelled_the_pairs(middle, slope):
    true = Calibration(middle, slope, on_logit=True)
    random = np.random.default_rng(0)
    logits = true.scale(np.array(middle)) + random.uniform(-4, 4, 20_000) / slope
    distances = 1 / (1 + np.exp(-logits))
    same = random.random(20_000) < true.same_person(distances) / 100
    found = fit_calibration(distances, same, on_logit=True)
    assert metrics.reliability_curve(found.same_person(distances) / 100, same).error < 0.02
    assert found.same_person(distances) == pytest.approx(true.same_person(distances), abs=4)


def test_a_distance_of_0_or_1_has_a_resemblance():
    assert CURVE.same_person(np.array([0, 1], np.float32)) == pytest.approx([100, 0], abs=0.01)


def test_resemblance_falls_from_100_to_0_through_50_at_the_middle():
    for calibration in (registry.load_scorer("cosine").calibration, Calibration(middle=0.3, slope=40), CURVE):
        resemblance = calibration.same_person(np.linspace(0, 1, 101))
        assert (np.diff(resemblance) < 0).all()
        assert 99 < resemblance[0] <= 100
        assert 0 <= resemblance[-1] < 1
        assert calibration.same_person(np.array([calibration.middle]))[0] == pytest.approx(50)


@pytest.mark.parametrize("name", registry.SCORERS)
def test_the_calibration_separates_the_celebrities(models, examples, name):
    """Two photos of one person are mostly above 50, photos of two people almost never."""
    pictures = [photo.read(path) for paths in examples.values() for path in paths]
    found = models.detector(pictures)
    rows = models.embedder(
        [models.embedder.crops(*pair) for pair in zip(pictures, [f[0] for f in found], strict=True)]
    )
    people = np.repeat(np.arange(5), 5)
    scorer = registry.load_scorer(name)
    prepared = scorer.prepare(rows)
    resemblance = np.stack([scorer.calibration.same_person(scorer.distances(row, prepared)) for row in rows])
    same = people[:, None] == people
    assert (resemblance[same] > 50).mean() > 0.85
    assert (resemblance[~same] > 50).mean() < 0.02
