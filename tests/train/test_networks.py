from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops

from pipeline.similarity.calibration import Calibration
from pipeline.similarity.network_scorer import NetworkScorer
from train.networks import Similarity, hashed_dropout
from train.options import COHORT, ORIGINAL, RESIDUAL, WCCN
from train.settings import NetworkSettings

RANDOM = np.random.default_rng(0)
A, B = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in RANDOM.normal(size=(2, 50, 128)).astype("f4"))
SYMMETRIC = [
    RESIDUAL,
    NetworkSettings(both_orders=True),
    NetworkSettings(encoder_units=(64, 32), metric="product"),
    COHORT,
    replace(RESIDUAL, cohort=20),
    WCCN.for_rows(128, 20),
]


def made(settings):
    keras.utils.set_random_seed(0)
    model = Similarity(settings, name="similarity")
    model([A, B])
    return model


def perturbed(settings):
    """A model with all weights moved away from their initial values."""
    model = made(settings)
    model.set_weights([weight + RANDOM.normal(0, 0.05, weight.shape) for weight in model.get_weights()])
    return model


def test_original_network_has_the_published_sizes():
    sizes = {layer.name: layer.count_params() for layer in made(ORIGINAL)._flatten_layers() if layer.weights}
    del sizes["similarity"]
    assert sizes == {
        "encoder_0": 128 * 128 + 128,
        "metric_0": 256 * 30 + 30,
        "metric_1": 30 * 20 + 20,
        "metric_2": 20 * 10 + 10,
        "metric_out": 10 + 1,
    }


@pytest.mark.parametrize("settings", [ORIGINAL, *SYMMETRIC])
def test_distances_lie_between_0_and_1(settings):
    distances = ops.convert_to_numpy(perturbed(settings)([A, B]))
    assert distances.shape == (50,) and (distances >= 0).all() and (distances <= 1).all()


@pytest.mark.parametrize("settings", SYMMETRIC)
def test_symmetric_networks_ignore_the_order(settings):
    model = perturbed(settings)
    np.testing.assert_allclose(model([A, B]), model([B, A]), atol=1e-6)


def test_original_network_depends_on_the_order():
    model = perturbed(ORIGINAL)
    assert np.abs(np.subtract(model([A, B]), model([B, A]))).max() > 1e-3


@pytest.mark.parametrize("settings", [RESIDUAL, COHORT])
def test_product_networks_start_with_the_order_of_cosine(settings):
    distances = ops.convert_to_numpy(made(settings)([A, B]))
    assert (np.argsort(distances) == np.argsort(-(A * B).sum(axis=1))).all()


@pytest.mark.parametrize(
    "settings",
    [
        ORIGINAL,
        *SYMMETRIC,
        NetworkSettings(encoder_units=(64, 32), encoder_activation="tanh", metric_activation="tanh"),
        NetworkSettings(encoder_units=(64, 128), encoder_residual=True),
        NetworkSettings(encoder_units=(), metric_units=(), both_orders=True),
    ],
)
@pytest.mark.parametrize("seed", [None, 7])
def test_distances_within_quadruplets_equal_those_of_their_pairs(settings, seed):
    model, pairs = perturbed(settings), ((0, 1), (0, 2), (2, 3))
    seed = seed and ops.convert_to_tensor(seed, "uint32")
    codes = ops.reshape(model.codes(A[:48], seed), (12, 4, -1))
    expected = np.stack([model.distances(codes[:, one], codes[:, other]) for one, other in pairs], axis=1)
    found = model.distances_within(A[:48].reshape(12, 4, 128), pairs, seed)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_dropout_depends_on_the_seed_alone():
    values = np.ones((1000, 128), np.float32)
    first, again, other = (hashed_dropout(values, 0.3, ops.convert_to_tensor(seed, "uint32")) for seed in (1, 1, 2))
    first, again, other = map(ops.convert_to_numpy, (first, again, other))
    np.testing.assert_array_equal(first, again)
    assert set(np.unique(first)) == {0, np.float32(1 / 0.7)}
    for axis, count in ((0, 1000), (1, 128)):
        shares = (first == 0).mean(axis=axis)
        # Six standard deviations of a binomial draw.
        assert np.abs(shares - 0.3).max() < 6 * (0.3 * 0.7 / count) ** 0.5
    # Consecutive seeds are independent.
    assert ((first == 0) & (other == 0)).mean() == pytest.approx(0.09, abs=0.005)


@pytest.mark.parametrize("settings", [ORIGINAL, *SYMMETRIC])
def test_saved_network_is_restored_unchanged(settings, tmp_path):
    model = perturbed(settings)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.settings == settings
    np.testing.assert_array_equal(model([A, B]), loaded([A, B]))


@pytest.mark.parametrize(
    "settings",
    [
        ORIGINAL,
        *SYMMETRIC,
        NetworkSettings(
            encoder_units=(64, 32), encoder_activation="tanh", metric_activation="tanh", both_orders=True
        ),
        NetworkSettings(encoder_residual=True, metric="product", metric_units=(24,), metric_activation="tanh"),
        NetworkSettings(metric_units=(), both_orders=True),
        NetworkSettings(metric="product", metric_units=()),
    ],
)
def test_numpy_network_gives_the_distances_and_ranking_of_keras(settings):
    model = perturbed(settings)
    scorer = NetworkScorer(model.to_numpy(), Calibration(0.5, 1, on_logit=True))
    # More than two blocks: whole ones and a remainder, on several threads.
    rows = RANDOM.normal(size=(9000, 128)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    prepared = scorer.prepare(rows)
    for probe in A[:3]:
        expected = model.predict([np.tile(probe, (len(rows), 1)), rows], batch_size=len(rows), verbose=0)
        found = scorer.distances(probe, prepared)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-5)
        # Photos that differ by more than rounding keep their order.
        assert (np.diff(expected[np.argsort(found, kind="stable")]) >= -2e-6).all()
