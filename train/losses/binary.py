"""Binary cross-entropy of pairs: same person or not."""

from __future__ import annotations

from keras import ops

from train.losses.base import Loss, Tensor, register


def binary_loss(distance: Tensor, same: Tensor) -> Tensor:
    """Cross-entropy of pairs (n,); the distance is the probability of "different person" (Koch et al. 2015)."""
    distance = ops.clip(distance, 1e-6, 1 - 1e-6)
    same = ops.cast(same, distance.dtype)
    return -(same * ops.log(1 - distance) + (1 - same) * ops.log(distance))


@register
class Binary(Loss):
    """:func:`binary_loss`."""

    def of_pairs(self, distance: Tensor, same: Tensor) -> Tensor:
        """One value per pair."""
        return binary_loss(distance, same)
