"""What a training can be made of, by name: losses, networks and mining strategies.

The command line, the training page and the tests read these registries. To add a loss, write it in a module of
``train/losses`` and add one line here. Nothing in this module imports TensorFlow: the implementations are named as
``module:attribute`` and imported when they are used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from train.settings import NetworkSettings

if TYPE_CHECKING:
    from train.losses.base import Loss
    from train.settings import FitSettings

Takes = Literal["distances", "codes", "logits"]


def load(implementation: str) -> Any:
    """Import ``module:attribute``."""
    module, _, attribute = implementation.partition(":")
    return getattr(import_module(module), attribute)


@dataclass(frozen=True)
class LossOption:
    """A loss function.

    implementation: a subclass of ``train.losses.base.Loss``, as ``module:class``.
    takes: what the loss compares. "distances" are those of the similarity net, "codes" those of the encoder, "logits"
        those of a classifier on the codes. The last two train the encoder alone.
    parameters: each argument of the class with the attribute of :class:`~train.settings.FitSettings` that fills it.
    """

    implementation: str
    help: str
    takes: Takes = "distances"
    parameters: Mapping[str, str] = field(default_factory=dict)

    def build(self, settings: FitSettings) -> Loss:
        """The loss with the parameters of a run."""
        given = {parameter: getattr(settings, name) for parameter, name in self.parameters.items()}
        loss: Loss = load(self.implementation)(**given)
        return loss

    def fits(self, network: NetworkSettings) -> bool:
        """Whether the loss can train such a network."""
        return self.takes == "distances" or network.has_separable_encoder


@dataclass(frozen=True)
class NetworkOption:
    """A shape of encoder and similarity net."""

    settings: NetworkSettings
    help: str


@dataclass(frozen=True)
class MiningOption:
    """A way to choose the negatives.

    implementation: ``module:function`` that chooses triplets within a batch, given the distances (n, n) and labels
        (n,) of its photos. None for strategies that draw from the whole gallery.
    """

    help: str
    implementation: str | None = None

    @property
    def within_batch(self) -> bool:
        """Whether triplets are chosen within batches of photos, by the network as it is."""
        return self.implementation is not None

    def load(self) -> Callable[..., Any]:
        """The function that chooses triplets within a batch."""
        assert self.implementation is not None
        chooser: Callable[..., Any] = load(self.implementation)
        return chooser


ORIGINAL = NetworkSettings()
SYMMETRIC = NetworkSettings(both_orders=True)
# Starts as the cosine exactly: the encoder adds nothing yet, the net corrects nothing yet.
RESIDUAL = NetworkSettings(encoder_residual=True, metric="product", dropout=0.0)
# Cosine with hubness correction; nothing else is learned.
COHORT = NetworkSettings(encoder_units=(), encoder_residual=False, metric="product", metric_units=(), cohort=1000)
# Photos of one person count as more alike in what differs between them anyway; hubness is corrected too.
WCCN = replace(COHORT, wccn=1.0)

NETWORKS: dict[str, NetworkOption] = {
    "original": NetworkOption(ORIGINAL, "as published"),
    "symmetric": NetworkOption(SYMMETRIC, "both orders averaged"),
    "residual": NetworkOption(RESIDUAL, "starts as cosine and learns a correction"),
    "cohort": NetworkOption(COHORT, "cosine with hubness correction"),
    "wccn": NetworkOption(WCCN, "as cohort, with what differs between photos of one person scaled down"),
}

LOSSES: dict[str, LossOption] = {
    "quadruplet": LossOption(
        "train.losses.quadruplet:Quadruplet",
        "two negatives and two margins, alpha and beta",
        parameters={"alpha": "alpha", "beta": "beta"},
    ),
    "quadruplet_adaptive": LossOption(
        "train.losses.quadruplet:QuadrupletAdaptive", "quadruplet with margins that follow the batch"
    ),
    "triplet": LossOption(
        "train.losses.triplet:Triplet", "one negative and one margin", parameters={"margin": "margin"}
    ),
    "contrastive": LossOption(
        "train.losses.contrastive:Contrastive",
        "pairs, negatives pushed to the margin",
        parameters={"margin": "margin"},
    ),
    "binary": LossOption("train.losses.binary:Binary", "cross-entropy of pairs: same person or not"),
    "similar_different": LossOption(
        "train.losses.contrastive:SimilarDifferent",
        "similar and different pairs averaged separately",
        parameters={"threshold": "margin"},
    ),
    "n_pairs": LossOption(
        "train.losses.n_pairs:NPairs", "each anchor's positive among those of the whole batch", takes="codes"
    ),
    "cluster": LossOption(
        "train.losses.cluster:Cluster",
        "clusters of the batch against the true ones (NMI)",
        takes="codes",
        parameters={"count": "people_per_batch", "gamma": "margin"},
    ),
    "softmax": LossOption(
        "train.losses.softmax:Softmax", "classification of the people trained on, as pre-training", takes="logits"
    ),
}

MINING: dict[str, MiningOption] = {
    "random": MiningOption("any photo of another person"),
    "neighbours": MiningOption("one of the nearest photos of other people by cosine"),
    "semi_hard": MiningOption("within the batch, a little farther than the positive", "train.sampling:semi_hard"),
    "batch_hard": MiningOption("within the batch, the nearest", "train.sampling:batch_hard"),
}


def losses_for(network: NetworkSettings) -> list[str]:
    """The losses that can train such a network."""
    return [name for name, loss in LOSSES.items() if loss.fits(network)]
