"""What training makes small: pure functions of distances or codes, each checked against a naive loop.

Distances are of the similarity net, 0..1. Functions give one value for each example, float32 (n,), unless said
otherwise; the mean of them is the loss.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

Tensor = Any


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
