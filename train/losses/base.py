"""The base class of the loss functions.

Each module beside this one has the loss as a function of tensors and a thin Keras class that holds its parameters.
Distances are those of the similarity net, 0..1; codes are the encoder's output. The functions return one value per
example, float32 (n,), unless they say otherwise; the loss of a batch is their mean.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

Tensor = Any

register = keras.saving.register_keras_serializable("lookslikewho")


class Loss(keras.losses.Loss):
    """A loss with its parameters as keyword arguments.

    What y_pred is depends on ``takes`` of the loss in :data:`train.options.LOSSES`:

    "distances": (n, 3), anchor to positive, anchor to first negative, first to second negative; y_true is unused.
    Subclasses implement :meth:`of_quadruplets` or :meth:`of_pairs`.
    "codes": (n, d), and y_true (n,) the person, numbered from 0, with the photos of a person in sequence.
    "logits": (n, people), and y_true (n,) the person. In these two cases subclasses implement :meth:`call`.
    """

    def __init__(self, name: str | None = None, **parameters: Any) -> None:
        super().__init__(name=name)
        self.parameters = parameters

    def get_config(self) -> dict[str, Any]:
        """Name and parameters, as stored in ``.keras`` files."""
        return {"name": self.name, **self.parameters}

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One value per example (n,), or a scalar."""
        return self.of_quadruplets(y_pred[:, 0], y_pred[:, 1], y_pred[:, 2])

    def of_quadruplets(self, ap: Tensor, an: Tensor, nn: Tensor) -> Tensor:
        """The loss of the distances (n,) of quadruplets. By default that of the anchor's two pairs."""
        same = ops.concatenate([ops.ones_like(ap), ops.zeros_like(an)])
        return self.of_pairs(ops.concatenate([ap, an]), same)

    def of_pairs(self, distance: Tensor, same: Tensor) -> Tensor:
        """The loss of pairs (n,); ``same`` is 1 for two photos of one person, else 0."""
        raise NotImplementedError
