"""N-pairs loss of codes."""

from __future__ import annotations

import keras
from keras import ops

from train.losses.base import Loss, Tensor, register


def n_pairs_loss(anchors: Tensor, positives: Tensor, l2_weight: float = 0.002) -> Tensor:
    """Cross-entropy of each anchor's own positive among all positives of the batch (Sohn 2016, equation 6).

    anchors, positives (n, d): codes of n different people; row i of both is one person.
    """
    logits = ops.matmul(anchors, ops.transpose(positives))
    own = ops.arange(ops.shape(logits)[0])
    entropy = keras.losses.sparse_categorical_crossentropy(own, logits, from_logits=True)
    lengths = ops.sum(anchors**2, axis=1) + ops.sum(positives**2, axis=1)
    return entropy + l2_weight / 4 * lengths


@register
class NPairs(Loss):
    """:func:`n_pairs_loss` of a batch of two photos each of n people."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value per person."""
        return n_pairs_loss(y_pred[::2], y_pred[1::2], **self.parameters)
