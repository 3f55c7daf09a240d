"""``make benchmark-scoring``: candidates compared with the exact scan, and the time per probe.

The networks: the one that ships, and the original architecture with random weights. Speed is compared with the
original project's way: repeat the probe for each photo, encode both sides and compare them with ``predict``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa

from benchmarks import Line, explained, exponent, report, times
from pipeline.embedding import facenet_weights
from pipeline.embedding.base import unit
from pipeline.embedding.registry import DEFAULT_EMBEDDER, default_identity
from pipeline.errors import UserError
from pipeline.gallery.gallery import Gallery
from pipeline.search.ranking import Ranking
from pipeline.search.search import Search, SearchSettings
from pipeline.similarity import files
from pipeline.similarity.base import Scorer
from pipeline.similarity.calibration import Calibration
from pipeline.similarity.cosine import CosineScorer
from pipeline.similarity.network import SimilarityNetwork
from pipeline.similarity.network_scorer import NetworkScorer, read_scorer
from train.datasets.lfw import LFW
from train.networks import Similarity
from train.options import ORIGINAL
from train.settings import NetworkSettings

CANDIDATES = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
TOP = 10
PROBES = 300
# The gallery of the original project: 9,131 people with ten photos each.
PHOTOS, PER_PERSON = 91_310, 10
# Noise per coordinate (s.d.) of a resampled row; over 128 coordinates it rotates by about 13 degrees.
NOISE = 0.02
PROBES_SLOW, ROUNDS = 3, 17
SIZES = (10_000, 30_000, PHOTOS)
PREDICTED, LARGE = "predict as it comes, batches of 32", "predict, batches of 8,192"
EVERY, PRODUCT = "every photo scored", "cosine, a product of matrices"


def main() -> None:
    """Measure both tables."""
    lfw = LFW()
    embeddings = lfw.embeddings()
    known = embeddings.any(axis=1)
    embeddings, people = embeddings[known], lfw.people[known]
    shipped = read_scorer(files.SHIPPED / DEFAULT_EMBEDDER, default_identity())
    original = NetworkScorer(_original().to_numpy(), Calibration(0.5, 1.0, on_logit=True))
    default = lfw.embedded(DEFAULT_EMBEDDER, np.flatnonzero(known))
    shares = recall(default, people, {"network as shipped": shipped, "cosine": CosineScorer()})
    one_probe = f"One probe against {PHOTOS:,} photos"
    measured = {"network as shipped": speed(default, shipped)}
    measured["original architecture, random weights"] = speed(embeddings, original)
    report(
        "scoring",
        {
            f"Share of the exact scan's {TOP} people found, {PROBES} probes, LFW": shares,
            **{f"{one_probe}, {name}": rows for name, rows in measured.items()},
            "Every photo scored by the network as shipped, by their number": growth(default, shipped),
        },
        [_line(name, rows) for name, rows in measured.items()],
    )


def _line(name: str, rows: list[dict[str, Any]]) -> Line:
    milliseconds = {row["way"]: row["median, ms"] for row in rows}
    here, slow, large, least = (milliseconds[way] for way in (EVERY, PREDICTED, LARGE, PRODUCT))
    return Line(
        f"one probe, all of {PHOTOS:,} photos scored, {name}",
        f"{here:.1f} ms",
        f"the original way, `predict`: {slow:,.0f} ms, in batches of 8,192: {large:,.0f} ms; "
        f"a matrix product: {least:.1f} ms",
        slow / here,
        "below 8 ms, 500 times, below 3 times the matrix product",
        here < 8 and slow / here >= 500 and here < 3 * least,
    )


def growth(embeddings: np.ndarray, scorer: Scorer) -> list[dict[str, Any]]:
    """Milliseconds at three sizes, and the exponent with which they grow."""
    photos, probe = _extended(embeddings[1:]), embeddings[0]
    prepared = scorer.prepare(photos)
    ways: dict[str, Callable[[int], Any]] = {
        EVERY: lambda size: scorer.distances(probe, prepared[:size]),
        PRODUCT: lambda size: photos[:size] @ probe,
    }
    found = {way: [1000 * times(lambda: run(size), 3 * ROUNDS)[0] for size in SIZES] for way, run in ways.items()}  # noqa: B023
    rows: list[dict[str, Any]] = [
        {"photos": f"{size:,}", **{f"{way}, ms": some[place] for way, some in found.items()}}
        for place, size in enumerate(SIZES)
    ]
    grown = {f"{way}, ms": exponent(SIZES, some) for way, some in found.items()}
    return [*rows, {"photos": "grows with photos to the power", **grown}]


def recall(embeddings: np.ndarray, people: np.ndarray, of: dict[str, Scorer]) -> list[dict[str, Any]]:
    """A row per number of candidates; the probe itself is excluded from the gallery."""
    probes = np.random.default_rng(0).choice(len(embeddings), PROBES, replace=False)
    found = {name: np.zeros((len(CANDIDATES) + 1, PROBES)) for name in of}
    for place, probe in enumerate(probes):
        rest = _gallery(np.delete(embeddings, probe, axis=0), np.delete(people, probe))
        for name, scorer in of.items():
            search = Search(rest, scorer)
            exact = search.rank(embeddings[[probe]], TOP, exact=True)[0].people
            for row, candidates in enumerate((*CANDIDATES, len(rest))):
                search.settings = SearchSettings(candidates)
                some = search.rank(embeddings[[probe]], TOP)[0].people
                found[name][row, place] = np.isin(exact, some).mean()
    default = SearchSettings().candidates
    return [
        {"candidates": f"{candidates:,}{' (default)' * (candidates == default)}"}
        | {name: float(shares[row].mean()) for name, shares in found.items()}
        for row, candidates in enumerate((*CANDIDATES, len(embeddings) - 1))
    ]


def speed(embeddings: np.ndarray, scorer: NetworkScorer) -> list[dict[str, Any]]:
    """A row per way of ranking; the first one is the reference."""
    probes, photos = embeddings[:PROBES_SLOW], _extended(embeddings[PROBES_SLOW:])
    search = Search(_gallery(photos, np.arange(PHOTOS) // PER_PERSON), scorer)
    prepared = scorer.prepare(photos)
    slow = _Predicted(_model(scorer.network, embeddings.shape[1]), embeddings.shape[1])
    ways: dict[str, tuple[Callable[[np.ndarray], Any], int]] = {
        PREDICTED: (lambda probe: slow.distances(probe, photos), 1),
        LARGE: (lambda probe: slow.distances(probe, photos, 8192), 1),
        EVERY: (lambda probe: scorer.distances(probe, prepared), ROUNDS),
        "every photo scored, people ranked": (lambda probe: search.rank(probe[None], TOP, exact=True)[0], ROUNDS),
        f"{search.settings.candidates} candidates, people ranked": (
            lambda probe: search.rank(probe[None], TOP)[0],
            ROUNDS,
        ),
        PRODUCT: (lambda probe: 1 - photos @ probe, ROUNDS),
    }
    rows: list[dict[str, Any]] = []
    truth: list[np.ndarray] = []
    first = 0.0
    for way, (look_up, rounds) in ways.items():
        answers, milliseconds = _timed(look_up, probes, rounds)
        distances = [] if isinstance(answers[0], Ranking) or way == PRODUCT else answers
        truth, first = truth or answers, first or float(np.median(milliseconds))
        same = [(_people(answer) == _people(right)).mean() for answer, right in zip(answers, truth, strict=True)]
        far = [float(np.abs(answer - right).max()) for answer, right in zip(distances, truth, strict=False)]
        rows.append(
            {
                "way": way,
                "median, ms": float(np.median(milliseconds)),
                "best, ms": min(milliseconds),
                "times faster": first / float(np.median(milliseconds)),
                f"same place in the top {TOP}": float(np.mean(same)),
                "largest difference": f"{max(far):.1e}" if far else "",
            }
        )
    return rows


class _Predicted:
    """The original project's way."""

    def __init__(self, model: Similarity, dimensions: int) -> None:
        one, two = (keras.Input((dimensions,)) for _ in range(2))
        self.encoder = keras.Model(one, _Call(model.codes)(one))
        size = self.encoder.output_shape[1]
        one, two = (keras.Input((size,)) for _ in range(2))
        self.metric = keras.Model([one, two], _Call(model.distances)(one, two))

    def distances(self, probe: np.ndarray, photos: np.ndarray, batch: int = 32) -> np.ndarray:
        """Distances (n,) of a unit row to photos (n, d)."""
        repeated = np.repeat(probe[None], len(photos), axis=0)
        sides = [self.encoder.predict(side, batch_size=batch, verbose=0) for side in (repeated, photos)]
        found: np.ndarray = self.metric.predict(sides, batch_size=batch, verbose=0)
        return found


class _Call(keras.layers.Layer):
    """Wrap a function of tensors as a layer."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def call(self, *tensors: Any) -> Any:
        return self.function(*tensors)


def _original() -> Similarity:
    keras.utils.set_random_seed(0)
    return _built(Similarity(ORIGINAL), facenet_weights.DIMENSIONS)


def _built(model: Similarity, dimensions: int) -> Similarity:
    blank = np.zeros((1, dimensions), np.float32)
    model([blank, blank])
    return model


def _model(network: SimilarityNetwork, dimensions: int) -> Similarity:
    """A Keras model from a network's arrays, for rows (d,)."""
    settings = NetworkSettings(
        encoder_units=tuple(len(bias) for _, bias in network.encoder),
        encoder_activation=network.encoder_activation,
        encoder_residual=network.encoder_residual,
        metric="product" if network.product else "concatenate",
        metric_units=tuple(len(bias) for _, bias in network.metric[:-1]),
        metric_activation=network.metric_activation,
        both_orders=network.both_orders,
        cohort=0 if network.cohort is None else len(network.cohort),
        cohort_nearest=network.cohort_nearest,
    )
    model = _built(Similarity(settings), dimensions)
    layers = [*model.encoder_layers, *model.metric_layers, *([model.metric_out] if network.metric else [])]
    for layer, weights in zip(layers, (*network.encoder, *network.metric), strict=True):
        layer.set_weights(weights)
    if network.product:
        model.steepness.assign(network.steepness)
        model.middle.assign(network.middle)
    if network.cohort is not None:
        # The model maps its cohort itself.
        unmapped = np.linalg.inv(network.encoder[0][0]) if network.encoder else np.eye(network.cohort.shape[1])
        model.cohort.assign(network.cohort @ unmapped)
        model.cohort_weight.assign(network.cohort_weight)
    return model


def _gallery(rows: np.ndarray, people: np.ndarray) -> Gallery:
    return Gallery(Path("in memory"), {}, pa.table({"person": [str(person) for person in people]}), rows)


def _extended(rows: np.ndarray) -> np.ndarray:
    """The rows and enough noisy copies to reach ``PHOTOS``."""
    random = np.random.default_rng(0)
    drawn = rows[random.integers(len(rows), size=PHOTOS - len(rows))]
    return np.concatenate([rows, unit(drawn + random.normal(0, NOISE, drawn.shape))])


def _people(answer: np.ndarray | Ranking) -> np.ndarray:
    """The nearest people, from distances or a ranking."""
    if isinstance(answer, Ranking):
        return answer.people
    return np.argsort(answer.reshape(-1, PER_PERSON).min(axis=1), kind="stable")[:TOP]


def _timed(look_up: Callable[[np.ndarray], Any], probes: np.ndarray, rounds: int) -> tuple[list[Any], list[float]]:
    """The answer to each probe, and the milliseconds per probe after a warm-up."""
    look_up(probes[0])
    answers, times = [], []
    for _ in range(rounds):
        for probe in probes:
            begun = time.perf_counter()
            answers.append(look_up(probe))
            times.append(1e3 * (time.perf_counter() - begun))
    return answers[: len(probes)], times


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(explained(error))
