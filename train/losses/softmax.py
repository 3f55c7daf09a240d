"""Softmax loss of logits: classification of people."""

from __future__ import annotations

import keras
from keras import ops

from train.losses.base import Loss, Tensor, register


def softmax_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the right person: logits (n, people), labels int (n,)."""
    return keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)


@register
class Softmax(Loss):
    """:func:`softmax_loss`."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value per photo."""
        return softmax_loss(y_pred, ops.reshape(y_true, (-1,)))
