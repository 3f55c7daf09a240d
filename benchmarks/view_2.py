"""View 2 of LFW: what ships, on people whom it was not trained on.

A network trained without the people of a fold scores the pairs and probes of that fold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.cli.console import tracked
from pipeline.embedding.facenet import FACENET_128
from pipeline.embedding.pair import FACENET_SFACE
from pipeline.similarity.network import SimilarityNetwork
from train.datasets.lfw import LFW
from train.evaluation import measuring, metrics
from train.evaluation.distances import Distances, cosine_distances, network_distances, pair_distances
from train.evaluation.protocols import DRAWS, VerificationPairs
from train.evaluation.resemblance import Attributes, strangers_figures

FOLDS = 10
_STRANGERS = {
    "women_first": "strangers: women, first",
    "women_three": "strangers: women, three",
    "men_first": "strangers: men, first",
    "men_three": "strangers: men, three",
    "balanced_women_first": "strangers, as many women as men: women, first",
    "balanced_women_three": "strangers, as many women as men: women, three",
    "balanced_men_first": "strangers, as many women as men: men, first",
    "balanced_men_three": "strangers, as many women as men: men, three",
    "skin_tone_degrees": "strangers: difference of skin tone, degrees",
    "age_years": "strangers: difference of age, years",
    "stability": "strangers: the same three for another photo",
    "stability_three": "strangers: the same three for three other photos",
    "rank_1_women": "one-shot, women, rank-1",
    "rank_1_men": "one-shot, men, rank-1",
}


def measure(lfw: LFW, attributes: Attributes) -> list[dict[str, object]]:
    """FaceNet by cosine, both networks by cosine, and both by the kind of network that ships."""
    pairs, folds = lfw.pairs("pairs.txt"), lfw.folds()
    rows = {name: lfw.embedded(name, np.arange(len(lfw))) for name in (FACENET_128.name, FACENET_SFACE.name)}
    both = rows[FACENET_SFACE.name]
    networks = [_network(lfw, both, folds, fold) for fold in tracked(range(FOLDS), "Training", "folds")]
    ways: dict[str, tuple[NDArray[Any], Distances]] = {
        f"{name}, cosine": (embeddings, cosine_distances) for name, embeddings in rows.items()
    }
    # Ten columns say in which fold a person is, for any length of the row.
    ways["as shipped"] = np.hstack([both, np.eye(FOLDS, dtype=np.float32)[folds]]), _cross_fitted(networks)
    has_face = np.any(both, axis=1)
    lines: dict[str, dict[str, object]] = {}
    for way, (embeddings, distances) in tracked(ways.items(), "View 2", "scorers"):
        shipped = way == "as shipped"
        of = None if shipped else pairs
        for figures in measuring.figures(embeddings, lfw.people, distances, pairs=of, has_face=has_face):
            _put(lines, way, figures)
        if shipped:
            _put(lines, way, {measuring.verification_label(pairs): _verification(both, pairs, networks)})
        photos = np.flatnonzero(has_face)
        draws = [
            strangers_figures(embeddings[photos], lfw.people[photos], attributes.of(photos), distances, draw=draw)
            for draw in DRAWS
        ]
        _put(lines, way, {label: [draw[name] for draw in draws] for name, label in _STRANGERS.items()})
    return list(lines.values())


def _put(lines: dict[str, dict[str, object]], way: str, figures: measuring.Figures) -> None:
    for label, values in figures.items():
        lines.setdefault(label, {"protocol": label})[way] = measuring.spread(values)


def _network(lfw: LFW, rows: NDArray[np.float32], folds: NDArray[np.int64], fold: int) -> SimilarityNetwork:
    """The kind of network that ships, trained without the people of a fold."""
    from train import release

    training = f"{release.SHIPPED}-beside-{FACENET_SFACE.weight:g}-without-{fold}"
    settings = release.TRAININGS[release.SHIPPED]
    return release.train_once(training, rows, lfw.people, settings, held_out=folds == fold)


def _verification(
    embeddings: NDArray[np.float32], pairs: VerificationPairs, networks: list[SimilarityNetwork]
) -> list[float]:
    """Accuracy on each fold of the network trained without it, at the best threshold of the other folds."""
    assert pairs.folds is not None
    found = []
    for fold, network in enumerate(networks):
        values = pair_distances(embeddings, pairs.photos, network_distances(network))
        found.append(float(metrics.fold_accuracies(values, pairs.same, pairs.folds)[fold]))
    return found


def _cross_fitted(networks: list[SimilarityNetwork]) -> Distances:
    """Each probe is scored by the network trained without the people of its fold."""

    def distances(probes: NDArray[Any], gallery: NDArray[Any]) -> NDArray[Any]:
        found = np.empty((len(probes), len(gallery)), np.float32)
        folds = probes[:, -FOLDS:].argmax(axis=1)
        for fold in np.unique(folds):
            score = network_distances(networks[fold])
            found[folds == fold] = score(probes[folds == fold, :-FOLDS], gallery[:, :-FOLDS])
        return found

    return distances
