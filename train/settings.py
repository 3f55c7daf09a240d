"""Settings of a run: frozen dataclasses, written into its ``config.json``. Nothing here imports TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from train.augment import Variation

if TYPE_CHECKING:
    from train.sampling import PhotosByPerson

Metric = Literal["concatenate", "product"]


@dataclass(frozen=True)
class NetworkSettings:
    """Shape of encoder and similarity net. The defaults are those of the original project.

    encoder_units: sizes of the encoder's dense layers; the last is the size of the code.
    encoder_activation: between the encoder's layers; the last layer is linear.
    encoder_residual: the code is the embedding plus the encoder's output, which starts at zero.
    dropout: rate before the encoder's first layer.
    metric: "concatenate" feeds both codes to the net one after the other; "product" feeds their products and sums
        and starts as the cosine, so that d(a, b) = d(b, a) by construction.
    metric_units: sizes of the hidden layers of the similarity net. metric_activation: between them.
    both_orders: average d(a, b) and d(b, a), which makes "concatenate" symmetric.
    cohort: number of other people's faces that "product" keeps to measure hubness: a face near to many of them is
        near to everybody, and counts as less alike. As in score normalisation by a cohort (Auckenthaler et al. 2000)
        and CSLS (Conneau et al. 2018, arXiv 1710.04087). 0: no correction.
    cohort_nearest: number of nearest cohort faces that are averaged.
    """

    encoder_units: tuple[int, ...] = (128,)
    encoder_activation: str = "relu"
    encoder_residual: bool = False
    dropout: float = 0.3
    metric: Metric = "concatenate"
    metric_units: tuple[int, ...] = (30, 20, 10)
    metric_activation: str = "relu"
    both_orders: bool = False
    cohort: int = 0
    cohort_nearest: int = 3

    @property
    def has_separable_encoder(self) -> bool:
        """Whether losses of codes and logits can train the encoder on its own."""
        return self.metric == "product" and bool(self.encoder_units)


@dataclass(frozen=True)
class FitSettings:
    """One run. The defaults of network, margins and batch are those of the original project.

    loss: a name of :data:`train.options.LOSSES`. alpha, beta: margins of the quadruplet loss. margin: of the others.
    batch_size: quadruplets a step, or photos where the loss takes codes.
    mining: a name of :data:`train.options.MINING`. "neighbours" takes the first negative from the ``neighbours``
        nearest photos of other people by cosine; strategies within a batch choose among ``batch_size`` photos of
        people with ``photos_per_person`` each, by the network as it was when the epoch began.
    held_out_share: share of people kept from training, on whom generalisation is measured.
    patience_epochs: without a better held-out rank-1, the learning rate is halved after half of them, and training
        ends after all.
    start: the name of a run whose best weights are the initial weights, such as one with the loss "softmax".
    """

    network: NetworkSettings = field(default_factory=NetworkSettings)
    loss: str = "quadruplet"
    alpha: float = 0.25
    beta: float = 0.03
    margin: float = 0.5
    batch_size: int = 8
    steps_per_epoch: int = 280
    epochs: int = 50
    learning_rate: float = 1e-3
    mining: str = "random"
    neighbours: int = 50
    photos_per_person: int = 4
    held_out_share: float = 0.2
    patience_epochs: int = 10
    seed: int = 0
    start: str | None = None

    @property
    def people_per_batch(self) -> int:
        """Number of people in a batch of photos."""
        return max(self.batch_size // self.photos_per_person, 2)

    def within(self, people: PhotosByPerson) -> FitSettings:
        """These settings with no more people in a batch than have two photos, and pairs where the loss takes them."""
        photos = 2 if self.loss == "n_pairs" else self.photos_per_person
        count = min(max(self.batch_size // photos, 2), len(people.with_pairs))
        return replace(self, photos_per_person=photos, batch_size=count * photos)


@dataclass(frozen=True)
class FinetuneSettings:
    """One run of fine-tuning FaceNet.

    blocks: how many of the last Inception blocks (Block8) are trained, 1..6, and the bottleneck with them.
    alpha, beta: margins of the quadruplet loss, on half of one minus the cosine. batch_size: quadruplets a step.
    variation: how far a photo is changed at random each time it is drawn.
    held_out_share: share of people kept from training; their rank-1 chooses the best epoch and mix.
    patience_epochs: training ends after this many epochs without a better one.
    """

    blocks: int = 1
    alpha: float = 0.25
    beta: float = 0.03
    batch_size: int = 16
    steps_per_epoch: int = 100
    epochs: int = 10
    learning_rate: float = 1e-5
    variation: Variation = field(default_factory=Variation)
    held_out_share: float = 0.2
    patience_epochs: int = 4
    seed: int = 0
