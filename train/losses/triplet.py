"""Triplet loss."""

from __future__ import annotations

from keras import ops

from train.losses.base import Loss, Tensor, register


def triplet_loss(ap: Tensor, an: Tensor, margin: float = 0.2) -> Tensor:
    """max(ap² - an² + margin, 0) (Schroff et al. 2015, arXiv 1503.03832, equation 3).

    ap, an (n,): anchor to positive, anchor to negative.
    """
    return ops.relu(ap**2 - an**2 + margin)


@register
class Triplet(Loss):
    """:func:`triplet_loss` with its margin. The second negative of a quadruplet is ignored."""

    def of_quadruplets(self, ap: Tensor, an: Tensor, nn: Tensor) -> Tensor:
        """One value per triplet."""
        return triplet_loss(ap, an, **self.parameters)
