"""What training makes small: functions of distances or codes, and a thin Keras class for each.

Distances are of the similarity net, 0..1; codes are the encoder's. Functions give one value for each example,
float32 (n,), unless said otherwise; the mean of them is the loss.
"""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import ops

Tensor = Any
register = keras.saving.register_keras_serializable("lookslikewho")


def quadruplet(ap: Tensor, an: Tensor, nn: Tensor, alpha: float = 0.25, beta: float = 0.03) -> Tensor:
    """max(ap² - an² + alpha, 0) + max(ap² - nn² + beta, 0).

    ap, an, nn (n,): anchor to positive, anchor to first negative, first to second negative. The margins are those
    of the system that this project grew from.
    """
    return ops.relu(ap**2 - an**2 + alpha) + ops.relu(ap**2 - nn**2 + beta)


def quadruplet_adaptive(ap: Tensor, an: Tensor, nn: Tensor, w_alpha: float = 1.0, w_beta: float = 0.5) -> Tensor:
    """The quadruplet loss with margins that follow the batch (Chen et al. 2017, arXiv 1704.01719, equation 9).

    The margin is ``w`` times the gap between the mean squared distance of negative and positive pairs, as a
    constant of the step; never below zero.
    """
    gap = ops.relu(ops.mean(ops.concatenate([an**2, nn**2])) - ops.mean(ap**2))
    gap = ops.stop_gradient(gap)
    return ops.relu(ap**2 - an**2 + w_alpha * gap) + ops.relu(ap**2 - nn**2 + w_beta * gap)


def triplet(ap: Tensor, an: Tensor, margin: float = 0.2) -> Tensor:
    """max(ap² - an² + margin, 0) (Schroff et al. 2015, arXiv 1503.03832, equation 3)."""
    return ops.relu(ap**2 - an**2 + margin)


def contrastive(distance: Tensor, same: Tensor, margin: float = 0.5) -> Tensor:
    """d² / 2 for pairs of one person, max(margin - d, 0)² / 2 for others (Hadsell et al. 2006)."""
    same = ops.cast(same, distance.dtype)
    return (same * distance**2 + (1 - same) * ops.relu(margin - distance) ** 2) / 2


def binary(distance: Tensor, same: Tensor) -> Tensor:
    """Cross-entropy of "different person", the distance being its probability (Koch et al. 2015)."""
    distance = ops.clip(distance, 1e-6, 1 - 1e-6)
    same = ops.cast(same, distance.dtype)
    return -(same * ops.log(1 - distance) + (1 - same) * ops.log(distance))


def similar_different(distance: Tensor, same: Tensor, threshold: float = 0.5) -> Tensor:
    """Half the mean distance of similar pairs plus half the mean shortfall of different ones: a scalar.

    As in github.com/michaelfiman/face_rec_metric_comparison. Each kind is averaged by
    itself, so that the many different pairs do not outweigh the similar ones.
    """
    same = ops.cast(same, distance.dtype)
    similar = ops.sum(same * distance) / ops.maximum(ops.sum(same), 1)
    different = ops.sum((1 - same) * ops.relu(threshold - distance)) / ops.maximum(ops.sum(1 - same), 1)
    return 0.5 * (similar + different)


def n_pairs(anchors: Tensor, positives: Tensor, l2_weight: float = 0.002) -> Tensor:
    """Cross-entropy of each anchor's own positive among all positives of the batch (Sohn 2016, equation 6).

    anchors, positives (n, d): codes of n different people; row i of both is one person.
    """
    logits = ops.matmul(anchors, ops.transpose(positives))
    own = ops.arange(ops.shape(logits)[0])
    entropy = keras.losses.sparse_categorical_crossentropy(own, logits, from_logits=True)
    lengths = ops.sum(anchors**2, axis=1) + ops.sum(positives**2, axis=1)
    return entropy + l2_weight / 4 * lengths


def softmax(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the right person among all, logits (n, people): classification as pre-training."""
    return keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)


def cluster(codes: Tensor, people: Tensor, count: int, gamma: float = 1.0) -> Tensor:
    """How much better the batch falls into wrong clusters than into the right ones: a scalar, never below zero.

    codes (n, d), people (n,) in 0..count-1 and each of them there. Facilities are opened one by one, greedily, for
    the best sum of closeness and ``gamma`` times the wrongness (1 - NMI) of the clusters they make; the loss is what
    that sum exceeds the closeness of the right clusters by (Song et al. 2017, arXiv 1612.01213, equations 4 to 7,
    without the exchanges that refine the greedy choice).
    """
    squares = ops.sum((codes[:, None] - codes[None]) ** 2, axis=-1)
    # The root has no slope at zero, where a face meets itself.
    apart = ops.sqrt(ops.maximum(squares, 1e-12))
    right = ops.one_hot(people, count)
    same = ops.matmul(right, ops.transpose(right))
    # Of each person the photo that is nearest to all others of that person.
    to_own = ops.sum(same * apart, axis=1)
    closeness_right = -ops.sum(ops.min(ops.where(right > 0, to_own[:, None], 1e9), axis=0))
    chosen, wrongness = _facilities(ops.stop_gradient(apart), right, count, gamma)
    closeness = -ops.sum(ops.min(ops.take(apart, chosen, axis=0), axis=0))
    return ops.relu(closeness + gamma * wrongness - closeness_right)


def _facilities(apart: Tensor, right: Tensor, count: int, gamma: float) -> tuple[Tensor, Tensor]:
    """Greedily opened facilities, int (count,), and the wrongness of the clusters that they make."""
    chosen: list[Tensor] = []
    nearest = ops.full_like(apart[0], 1e9)
    clusters = ops.zeros_like(right)
    wrongness: Tensor = 0.0
    taken = ops.zeros_like(apart[0])
    for place in range(count):
        # Every photo as the next facility: (candidates, photos), and the clusters as (candidates, photos, count).
        closer = ops.cast(apart < nearest, apart.dtype)
        mine = closer[..., None] * ops.one_hot(place, count)
        candidates = mine + (1 - closer)[..., None] * clusters
        wrong = 1 - _mutual_information(candidates, right)
        gain = -ops.sum(ops.minimum(apart, nearest), axis=1) + gamma * wrong - 1e9 * taken
        best = ops.argmax(gain)
        chosen.append(best)
        taken = ops.maximum(taken, ops.one_hot(best, ops.shape(apart)[0]))
        nearest = ops.minimum(nearest, apart[best])
        clusters, wrongness = candidates[best], wrong[best]
    return ops.stack(chosen), wrongness


def _mutual_information(clusters: Tensor, right: Tensor) -> Tensor:
    """Normalised mutual information, by the geometric mean of entropies, of one-hot clusters (m, n, k): (m,)."""
    total = ops.cast(ops.shape(right)[0], right.dtype)
    joint = ops.einsum("mnk,nc->mkc", clusters, right) / total
    one, other = ops.sum(joint, axis=2, keepdims=True), ops.sum(joint, axis=1, keepdims=True)

    def entropy(shares: Tensor) -> Tensor:
        return -ops.sum(shares * ops.log(ops.maximum(shares, 1e-12)), axis=(1, 2))

    entropies = entropy(one), entropy(other)
    mutual = entropies[0] + entropies[1] - entropy(joint)
    return mutual / ops.maximum(ops.sqrt(ops.maximum(entropies[0] * entropies[1], 0)), 1e-6)


class Loss(keras.losses.Loss):
    """What all losses share. ``takes``: what y_pred is.

    "distances": (n, 3), anchor to positive, anchor to first negative, first to second negative; y_true is unused.
    "codes": (n, d), and y_true (n,) the person, numbered from 0, with the photos of a person in sequence.
    "logits": (n, people), and y_true (n,) the person.
    """

    takes: Literal["distances", "codes", "logits"] = "distances"

    def __init__(self, name: str | None = None, **parameters: Any) -> None:
        super().__init__(name=name)
        self.parameters = parameters

    def get_config(self) -> dict[str, Any]:
        """What ``.keras`` files remember."""
        return {"name": self.name, **self.parameters}

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value for each example, or a scalar."""
        ap, an, nn = y_pred[:, 0], y_pred[:, 1], y_pred[:, 2]
        return self.of(ap, an, nn)

    def of(self, ap: Tensor, an: Tensor, nn: Tensor) -> Tensor:
        """The loss of distances; pairs are the anchor's two, where the loss is one of pairs."""
        same = ops.concatenate([ops.ones_like(ap), ops.zeros_like(an)])
        return self.of_pairs(ops.concatenate([ap, an]), same)

    def of_pairs(self, distance: Tensor, same: Tensor) -> Tensor:
        """The loss of pairs (n,) that show one person where ``same`` is 1."""
        raise NotImplementedError


@register
class Quadruplet(Loss):
    """:func:`quadruplet` with its margins alpha and beta."""

    def of(self, ap: Tensor, an: Tensor, nn: Tensor) -> Tensor:
        """The loss of distances."""
        return quadruplet(ap, an, nn, **self.parameters)


@register
class QuadrupletAdaptive(Loss):
    """:func:`quadruplet_adaptive`."""

    def of(self, ap: Tensor, an: Tensor, nn: Tensor) -> Tensor:
        """The loss of distances."""
        return quadruplet_adaptive(ap, an, nn, **self.parameters)


@register
class Triplet(Loss):
    """:func:`triplet` with its margin."""

    def of(self, ap: Tensor, an: Tensor, nn: Tensor) -> Tensor:
        """The loss of distances."""
        return triplet(ap, an, **self.parameters)


@register
class Contrastive(Loss):
    """:func:`contrastive` with its margin."""

    def of_pairs(self, distance: Tensor, same: Tensor) -> Tensor:
        """The loss of pairs."""
        return contrastive(distance, same, **self.parameters)


@register
class Binary(Loss):
    """:func:`binary`."""

    def of_pairs(self, distance: Tensor, same: Tensor) -> Tensor:
        """The loss of pairs."""
        return binary(distance, same)


@register
class SimilarDifferent(Loss):
    """:func:`similar_different` with its threshold."""

    def of_pairs(self, distance: Tensor, same: Tensor) -> Tensor:
        """The loss of pairs."""
        return similar_different(distance, same, **self.parameters)


@register
class NPairs(Loss):
    """:func:`n_pairs` on codes of two photos each of n people."""

    takes = "codes"

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value for each person."""
        return n_pairs(y_pred[::2], y_pred[1::2], **self.parameters)


@register
class Cluster(Loss):
    """:func:`cluster` on codes of unit length, with the number of people in a batch (count) and gamma."""

    takes = "codes"

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """A scalar."""
        people = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        return cluster(ops.normalize(y_pred, axis=-1), people, **self.parameters)


@register
class Softmax(Loss):
    """:func:`softmax`."""

    takes = "logits"

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value for each photo."""
        return softmax(y_pred, ops.reshape(y_true, (-1,)))
