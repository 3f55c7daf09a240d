"""Settings of a run: frozen dataclasses, written into its ``config.json``. A value that makes
no sense raises UserError, wherever it comes from. Nothing here imports TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from pipeline.settings import check, decimal, one_of, positive, setting, whole, whole_numbers, yes_or_no
from train.augment import Variation

if TYPE_CHECKING:
    from train.sampling import PhotosByPerson

Metric = Literal["concatenate", "product"]
# Inception blocks (Block8) of FaceNet that can be trained.
BLOCKS = 6
_MANY = 1_000_000
# NumPy, Keras and Optuna all take such seeds.
SEED = whole(0, 2**31 - 1)
_UNITS, _ACTIVATION = whole_numbers(1, 100_000), one_of("linear", "relu", "tanh")
_MARGIN, _SHARE = decimal(0, 10), decimal(0.01, 0.99)


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
    wccn: the encoder is the map of :func:`train.within_person.within_person_map`, with this shrinkage, computed from
        the people trained on and then left as it is. 0: no such map.
    """

    encoder_units: tuple[int, ...] = setting((128,), _UNITS)
    encoder_activation: str = setting("relu", _ACTIVATION)
    encoder_residual: bool = setting(False, yes_or_no())
    dropout: float = setting(0.3, decimal(0, 0.95))
    metric: Metric = setting("concatenate", one_of("concatenate", "product"))
    metric_units: tuple[int, ...] = setting((30, 20, 10), _UNITS)
    metric_activation: str = setting("relu", _ACTIVATION)
    both_orders: bool = setting(False, yes_or_no())
    cohort: int = setting(0, whole(0, _MANY))
    cohort_nearest: int = setting(3, whole(1, _MANY))
    wccn: float = setting(0.0, decimal(0, 1000))

    def __post_init__(self) -> None:
        check(self)

    @property
    def has_separable_encoder(self) -> bool:
        """Whether losses of codes and logits can train the encoder on its own."""
        return self.metric == "product" and bool(self.encoder_units) and not self.wccn

    def for_rows(self, dimensions: int, cohort: int) -> NetworkSettings:
        """These settings for embeddings of so many numbers and a cohort of so many faces.

        A code that is added to the embedding has its length, and so has one of ``wccn``.
        """
        units = (*self.encoder_units[:-1], dimensions) if self.encoder_residual else self.encoder_units
        if self.wccn:
            units = (dimensions,)
        nearest = min(self.cohort_nearest, max(cohort, 1))
        return replace(self, encoder_units=units, cohort=cohort, cohort_nearest=nearest)


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
    alpha: float = setting(0.25, _MARGIN)
    beta: float = setting(0.03, _MARGIN)
    margin: float = setting(0.5, _MARGIN)
    batch_size: int = setting(8, whole(1, _MANY))
    steps_per_epoch: int = setting(280, whole(1, _MANY))
    epochs: int = setting(50, whole(1, _MANY))
    learning_rate: float = setting(1e-3, positive())
    mining: str = "random"
    neighbours: int = setting(50, whole(1, _MANY))
    photos_per_person: int = setting(4, whole(2, _MANY))
    held_out_share: float = setting(0.2, _SHARE)
    patience_epochs: int = setting(10, whole(1, _MANY))
    seed: int = setting(0, SEED)
    start: str | None = None

    def __post_init__(self) -> None:
        check(self)

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

    blocks: int = setting(1, whole(1, BLOCKS))
    alpha: float = setting(0.25, _MARGIN)
    beta: float = setting(0.03, _MARGIN)
    batch_size: int = setting(16, whole(1, _MANY))
    steps_per_epoch: int = setting(100, whole(1, _MANY))
    epochs: int = setting(10, whole(1, _MANY))
    learning_rate: float = setting(1e-5, positive())
    variation: Variation = field(default_factory=Variation)
    held_out_share: float = setting(0.2, _SHARE)
    patience_epochs: int = setting(4, whole(1, _MANY))
    seed: int = setting(0, SEED)

    def __post_init__(self) -> None:
        check(self)
