"""Losses of pairs with a margin."""

from __future__ import annotations

from keras import ops

from train.losses.base import Loss, Tensor, register


def contrastive_loss(distance: Tensor, same: Tensor, margin: float = 0.5) -> Tensor:
    """d² / 2 for pairs of one person, max(margin - d, 0)² / 2 for others (Hadsell et al. 2006).

    distance (n,); same (n,): 1 for one person, 0 for two.
    """
    same = ops.cast(same, distance.dtype)
    return (same * distance**2 + (1 - same) * ops.relu(margin - distance) ** 2) / 2


def similar_different_loss(distance: Tensor, same: Tensor, threshold: float = 0.5) -> Tensor:
    """Half the mean distance of similar pairs plus half the mean shortfall of different ones: a scalar.

    As in github.com/michaelfiman/face_rec_metric_comparison. Both kinds are averaged separately, so that many
    different pairs do not outweigh few similar ones.
    """
    same = ops.cast(same, distance.dtype)
    similar = ops.sum(same * distance) / ops.maximum(ops.sum(same), 1)
    different = ops.sum((1 - same) * ops.relu(threshold - distance)) / ops.maximum(ops.sum(1 - same), 1)
    return 0.5 * (similar + different)


@register
class Contrastive(Loss):
    """:func:`contrastive_loss` with its margin."""

    def of_pairs(self, distance: Tensor, same: Tensor) -> Tensor:
        """One value per pair."""
        return contrastive_loss(distance, same, **self.parameters)


@register
class SimilarDifferent(Loss):
    """:func:`similar_different_loss` with its threshold."""

    def of_pairs(self, distance: Tensor, same: Tensor) -> Tensor:
        """A scalar."""
        return similar_different_loss(distance, same, **self.parameters)
