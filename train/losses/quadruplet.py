"""Quadruplet loss with fixed margins, and with margins that adapt to the batch."""

from __future__ import annotations

from keras import ops

from train.losses.base import Loss, Tensor, register


def quadruplet_loss(ap: Tensor, an: Tensor, nn: Tensor, alpha: float = 0.25, beta: float = 0.03) -> Tensor:
    """max(ap² - an² + alpha, 0) + max(ap² - nn² + beta, 0).

    ap, an, nn (n,): anchor to positive, anchor to first negative, first to second negative. The default margins are
    those of the original project.
    """
    return ops.relu(ap**2 - an**2 + alpha) + ops.relu(ap**2 - nn**2 + beta)


def adaptive_quadruplet_loss(ap: Tensor, an: Tensor, nn: Tensor, w_alpha: float = 1.0, w_beta: float = 0.5) -> Tensor:
    """Quadruplet loss with adaptive margins (Chen et al. 2017, arXiv 1704.01719, equation 9).

    A margin is ``w`` times the gap between the mean squared distances of negative and of positive pairs in the
    batch. The gap is at least zero, and no gradient flows through it.
    """
    gap = ops.relu(ops.mean(ops.concatenate([an**2, nn**2])) - ops.mean(ap**2))
    gap = ops.stop_gradient(gap)
    return ops.relu(ap**2 - an**2 + w_alpha * gap) + ops.relu(ap**2 - nn**2 + w_beta * gap)


@register
class Quadruplet(Loss):
    """:func:`quadruplet_loss` with its margins alpha and beta."""

    def of_quadruplets(self, ap: Tensor, an: Tensor, nn: Tensor) -> Tensor:
        """One value per quadruplet."""
        return quadruplet_loss(ap, an, nn, **self.parameters)


@register
class QuadrupletAdaptive(Loss):
    """:func:`adaptive_quadruplet_loss`."""

    def of_quadruplets(self, ap: Tensor, an: Tensor, nn: Tensor) -> Tensor:
        """One value per quadruplet."""
        return adaptive_quadruplet_loss(ap, an, nn, **self.parameters)
