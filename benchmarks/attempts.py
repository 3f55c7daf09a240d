"""Attempts at a similarity that is better than the cosine of FaceNet's and SFace's rows side by side.

Each learns from 80 % of the people of ``peopleDevTrain.txt``, drawn by a seed, and gives distances of any scale. Rows
are float32 (n, 258): the mean row of FaceNet's views, SFace's unit row, the detector's confidence and the size of the
face as a logarithm of pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.embedding.base import unit
from pipeline.embedding.pair import side_by_side
from train.datasets.lfw import LFW
from train.evaluation.distances import Distances
from train.evaluation.resemblance import Attributes
from train.within_person import within_person_map

Rows = NDArray[np.float32]
FACENET, SFACE, QUALITY = slice(0, 128), slice(128, 256), slice(256, 258)
_SHARE, _PHOTOS_MAX, _NEAREST = 0.8, 10, 20
# Hinges for :func:`sure`, of which each seed takes the best: weight and start.
_SURE = [(weight, start) for weight in (0.5, 1.0, 3.0) for start in (0.2, 0.3, 0.4, 0.5)]


@dataclass(frozen=True)
class Trainset:
    """What an attempt learns from: rows (n, 258), the person of each (n,), and attributes of the photos.

    weight: the factor on SFace's rows beside FaceNet's.
    """

    rows: Rows
    people: NDArray[np.int64]
    attributes: Attributes
    weight: float

    @classmethod
    def of_lfw(cls, lfw: LFW, rows: Rows, attributes: Attributes, *, weight: float, seed: int) -> Trainset:
        """The photos with a face of the people drawn by a seed."""
        photos = lfw.photos_of("peopleDevTrain.txt")
        photos = photos[rows[photos, FACENET].any(axis=1)]
        people = np.unique(lfw.people[photos])
        drawn = np.random.default_rng(seed).permutation(people)[: round(_SHARE * len(people))]
        photos = photos[np.isin(lfw.people[photos], drawn)]
        return cls(rows[photos], lfw.people[photos], attributes.of(photos), weight)

    @cached_property
    def joined(self) -> Rows:
        """Both networks' rows side by side, unit rows (n, 256)."""
        return joined(self.rows, self.weight)

    @cached_property
    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Pairs of photos (m, 2): of one person (m,), of near strangers and of random ones."""
        same = [
            own[_pairs_of(len(own))]
            for own in (np.flatnonzero(self.people == one)[:_PHOTOS_MAX] for one in np.unique(self.people))
        ]
        own = np.concatenate([pairs for pairs in same if len(pairs)])
        near = nearest_strangers(self.joined, self.people)
        # As many at random: where all strangers are near, nothing is learned of those who are far.
        random = np.random.default_rng(0).integers(len(near), size=near.shape)
        either = np.concatenate([near.ravel(), random.ravel()])
        others = np.stack([np.tile(np.repeat(np.arange(len(near)), near.shape[1]), 2), either], axis=1)
        others = others[self.people[others[:, 0]] != self.people[others[:, 1]]]
        return np.concatenate([own, others]), np.arange(len(own) + len(others)) < len(own)


def _pairs_of(count: int) -> NDArray[np.int64]:
    return np.stack(np.triu_indices(count, 1), axis=1)


def joined(rows: Rows, weight: float) -> Rows:
    """Both networks' rows side by side, unit rows (n, 256)."""
    return side_by_side(unit(rows[:, FACENET]), unit(rows[:, SFACE]), weight=weight)


def cosines(one: Rows, other: Rows) -> tuple[Rows, Rows]:
    """FaceNet's and SFace's cosines, (n, m) each."""
    return tuple(unit(one[:, part]) @ unit(other[:, part]).T for part in (FACENET, SFACE))  # type: ignore[return-value]


def nearest_strangers(rows: Rows, people: NDArray[np.int64], count: int = _NEAREST) -> NDArray[np.int64]:
    """The nearest photos of other people of each photo, nearest first, (n, count)."""
    found = []
    for start in range(0, len(rows), 2048):
        values = rows[start : start + 2048] @ rows.T
        values[people[start : start + 2048, None] == people] = -2
        near = np.argpartition(-values, count, axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(values, near, axis=1), axis=1)
        found.append(np.take_along_axis(near, order, axis=1))
    return np.concatenate(found)


# Without training --------------------------------------------------------------------------------------------------


def weighted(weight: float) -> Distances:
    """The cosine of both rows side by side."""
    return lambda one, other: -joined(one, weight) @ joined(other, weight).T


def alone(part: slice) -> Distances:
    """The cosine of one network's rows."""
    return lambda one, other: -unit(one[:, part]) @ unit(other[:, part]).T


# Cosines, weighed --------------------------------------------------------------------------------------------------


def logistic(train: Trainset, *, product: bool = False, quality: bool = False) -> Distances:
    """Logistic regression on both cosines, with their product, or with the quality of both photos."""
    from sklearn.linear_model import LogisticRegression

    def features(facenet: Any, sface: Any, of_one: Any, of_other: Any) -> list[Any]:
        made = [facenet, sface]
        if product:
            made.append(facenet * sface)
        if quality:
            made += [part * cosine for part in (of_one + of_other) for cosine in (facenet, sface)]
            made += list(of_one + of_other)
        return made

    pairs, same = train.pairs
    one, other = (train.rows[pairs[:, side]] for side in (0, 1))
    facenet, sface = (np.sum(unit(one[:, part]) * unit(other[:, part]), axis=1) for part in (FACENET, SFACE))
    table = np.stack(features(facenet, sface, _quality(one), _quality(other)), axis=1)
    middle, scale = table.mean(axis=0), table.std(axis=0)
    fit = LogisticRegression(C=1.0, class_weight="balanced", max_iter=1000).fit((table - middle) / scale, same)
    weights = fit.coef_[0] / scale

    def distances(one: Rows, other: Rows) -> NDArray[Any]:
        of_one, of_other = ([part[:, None] for part in _quality(one)], [part[None] for part in _quality(other)])
        made = features(*cosines(one, other), np.array(of_one), np.array(of_other))
        return -sum(weight * part for weight, part in zip(weights, made, strict=True))

    return distances


def _quality(rows: Rows) -> Any:
    """Agreement of FaceNet's views, confidence and size of the face: (3, n)."""
    length = np.linalg.norm(rows[:, FACENET], axis=1) / np.linalg.norm(rows[:, SFACE], axis=1)
    return np.stack([length, *rows[:, QUALITY].T])


def sure(base: Distances, identity: Distances, choose: Callable[[Distances], float]) -> Distances:
    """``base`` ranks, and where ``identity`` is sure of the same person it decides.

    A weight times what the cosine of ``identity`` has above a start is taken off; ``choose`` says how good that is.
    """

    def hinge(weight: float, start: float) -> Distances:
        return lambda one, other: base(one, other) - weight * np.maximum(-identity(one, other) - start, 0)

    return max((hinge(*values) for values in _SURE), key=choose)


def normalised(train: Trainset, *, nearest: int = 50) -> Distances:
    """Adaptive symmetric score normalisation (AS-norm): cosines in units of those to the nearest of a cohort."""
    _, first = np.unique(train.people, return_index=True)
    cohort = train.joined[first]

    def of(rows: Rows) -> tuple[Any, Any]:
        near = np.sort(rows @ cohort.T, axis=1)[:, -nearest:]
        return near.mean(axis=1), near.std(axis=1)

    def distances(one: Rows, other: Rows) -> NDArray[Any]:
        one, other = joined(one, train.weight), joined(other, train.weight)
        values = one @ other.T
        (mean, deviation), (other_mean, other_deviation) = of(one), of(other)
        return -((values - mean[:, None]) / deviation[:, None] + (values - other_mean) / other_deviation)

    return distances


# Linear maps -------------------------------------------------------------------------------------------------------


def mapped(kernel: NDArray[Any], weight: float, shift: Any = 0) -> Distances:
    """The cosine of rows side by side after a linear map (256, columns)."""

    def distances(one: Rows, other: Rows) -> NDArray[Any]:
        one, other = (unit((joined(rows, weight) - shift) @ kernel) for rows in (one, other))
        return -one @ other.T

    return distances


def wccn(train: Trainset, shrinkage: float) -> Distances:
    """Within-class covariance normalisation."""
    return mapped(within_person_map(train.joined, train.people, shrinkage=shrinkage), train.weight)


def whitened(train: Trainset, power: float) -> Distances:
    """Principal components, each divided by a power of its standard deviation."""
    shift = train.joined.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov((train.joined - shift).T))
    return mapped(vectors / np.maximum(values, 1e-9) ** (power / 2), train.weight, shift)


def discriminant(train: Trainset) -> Distances:
    """Linear discriminant analysis with shrinkage."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    _, inverse, counts = np.unique(train.people, return_inverse=True, return_counts=True)
    several = counts[inverse] > 1
    fit = LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.5).fit(train.joined[several], train.people[several])
    return mapped(fit.scalings_[:, : fit._max_components], train.weight, fit.xbar_ if hasattr(fit, "xbar_") else 0)


def plausible(train: Trainset, seed: int, *, start: NDArray[Any], beta: float, steps: int = 300) -> Distances:
    """A linear map by quadruplets: anchor, another photo of the person, a plausible and an implausible stranger.

    The own person is to be nearer than the plausible stranger, and that one nearer than the implausible stranger: of
    the other sex as labelled, or the farther one in skin tone. Labels are used here alone, to train.
    """
    import tensorflow as tf

    random = np.random.default_rng(seed)
    near = nearest_strangers(train.joined, train.people, 100)
    known = np.flatnonzero(train.attributes.women | train.attributes.men)
    women, tones = train.attributes.women, np.nan_to_num(train.attributes.skin_tone_degrees, nan=0.0)
    _, inverse, counts = np.unique(train.people, return_inverse=True, return_counts=True)
    anchors = known[counts[inverse[known]] > 1]
    order = np.argsort(inverse, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)])
    kernel, rows = tf.Variable(start.astype(np.float32)), tf.constant(train.joined)
    adam = tf.keras.optimizers.Adam(1e-3)

    def update(quadruplets: Any) -> None:
        with tf.GradientTape() as tape:
            codes = tf.math.l2_normalize(tf.matmul(tf.gather(rows, tf.reshape(quadruplets, [-1])), kernel), axis=1)
            codes = tf.reshape(codes, (-1, 4, kernel.shape[1]))
            to = tf.einsum("nd,nkd->nk", codes[:, 0], codes[:, 1:])
            loss = tf.reduce_mean(tf.nn.relu(0.2 - to[:, 0] + to[:, 1])) + tf.reduce_mean(
                tf.nn.relu(beta - to[:, 1] + to[:, 2])
            )
            loss += 0.01 * tf.reduce_sum((kernel - start) ** 2)
        adam.apply_gradients([(tape.gradient(loss, kernel), kernel)])

    step = tf.function(update, reduce_retracing=True)
    for _ in range(steps):
        anchor = random.choice(anchors, 1024)
        own = order[starts[inverse[anchor]] + (random.random(1024) * counts[inverse[anchor]]).astype(int)]
        two = near[anchor[:, None], random.integers(100, size=(1024, 2))]
        other_sex = women[two] != women[anchor, None]
        far = np.abs(tones[two] - tones[anchor, None])
        worse = np.where(other_sex[:, 0] != other_sex[:, 1], other_sex[:, 0], far[:, 0] > far[:, 1]).astype(int)
        place = np.arange(1024)
        step(tf.constant(np.stack([anchor, own, two[place, worse], two[place, 1 - worse]], axis=1)))
    return mapped(kernel.numpy(), train.weight)
