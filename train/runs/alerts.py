"""What a history says of a training, in words: diverged, not a number, no progress, overfitting, too few people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from train.evaluation.protocols import PROBES_ENOUGH
from train.runs.figures import column
from train.settings import FitSettings

Kind = Literal["not a number", "diverged", "overfitting", "plateau", "few people"]
# Without a better epoch for so many, a training stands still.
PLATEAU_EPOCHS = 5
# Overfitting shows in at least so many epochs, in each of which the held-out loss is larger by this share.
_OVERFITTING_EPOCHS, _OVERFITTING_SHARE = 3, 0.01
# A training loss that is so many times its smallest value has diverged, if accuracy fell as well.
_DIVERGED_FACTOR = 3
Rows = Sequence[dict[str, float]]


@dataclass(frozen=True)
class Alert:
    """One thing to know about a run. epoch: since when, where there is such an epoch."""

    kind: Kind
    text: str
    epoch: int | None = None


def alerts(rows: Rows, probes: int | None = None, *, ended_by_divergence: bool = False) -> list[Alert]:
    """What there is to say of a history, the most serious first.

    probes: how many held-out people with several photos it is measured on, if that is known.
    ended_by_divergence: whether the training was ended because its loss or weights grew without limit.
    """
    if ended_by_divergence:
        found: list[Alert | None] = [_ended(rows)]
    else:
        found = [_not_a_number(rows) or _diverged(rows) or _overfitting(rows) or _plateau(rows)]
    if probes is not None and (text := few_people(probes)):
        found.append(Alert("few people", text))
    return [alert for alert in found if alert]


def few_people(probes: int) -> str:
    """Why figures say little that are measured on so few held-out people with several photos, or ""."""
    if probes >= PROBES_ENOUGH:
        return ""
    needed = round(PROBES_ENOUGH / FitSettings.held_out_share)
    people = "1 person" if probes == 1 else f"{probes:,} people"
    return (
        f"Accuracy is measured on only {people} with several photos, so it says little. "
        f"It says more in a gallery where {needed} people or more have several photos."
    )


def _ended(rows: Rows) -> Alert:
    """The training was ended in the epoch after the last row."""
    epoch = int(rows[-1]["epoch"]) + 1 if rows else 1
    text = f"The loss or the weights grew without limit in epoch {epoch}. Start again with {_lower_rate(rows)}."
    return Alert("diverged", text, epoch)


def _not_a_number(rows: Rows) -> Alert | None:
    """The training loss is no longer a number. Epoch 0, before training, has none."""
    for row in rows:
        if row["epoch"] > 0 and not math.isfinite(row.get("train_loss", 0.0)):
            epoch = int(row["epoch"])
            text = f"Since epoch {epoch} the loss is not a number. Start again with {_lower_rate(rows)}."
            return Alert("not a number", text, epoch)
    return None


def _diverged(rows: Rows) -> Alert | None:
    """The training loss grew far beyond its least value, and accuracy fell. By itself, a loss may grow by design."""
    loss, rank_1 = column(rows, "train_loss"), column(rows, "held_out_rank_1")
    trained = np.flatnonzero(np.isfinite(loss))
    if len(trained) < 2:
        return None
    first, last = trained[0], trained[-1]
    least = trained[np.argmin(loss[trained])]
    grown = loss[last] > _DIVERGED_FACTOR * loss[least] and loss[last] > loss[first]
    if not grown or not (math.isnan(rank_1[last]) or rank_1[last] < rank_1[least]):
        return None
    epoch = int(rows[least + 1]["epoch"])
    text = (
        f"The loss diverged: it was {loss[least]:.3g} in epoch {rows[least]['epoch']:.0f} and is {loss[last]:.3g} "
        f"in epoch {rows[last]['epoch']:.0f}. Start again with {_lower_rate(rows)}."
    )
    return Alert("diverged", text, epoch)


def _overfitting(rows: Rows) -> Alert | None:
    """Since its least the held-out loss has been larger, while the training loss fell and accuracy did not rise."""
    held_out, trained = column(rows, "held_out_loss"), column(rows, "train_loss")
    rank_1 = column(rows, "held_out_rank_1")
    if not np.isfinite(held_out).any():
        return None
    least = int(np.nanargmin(held_out))
    after, known = held_out[least + 1 :], trained[least:][np.isfinite(trained[least:])]
    if len(after) < _OVERFITTING_EPOCHS or len(known) < _OVERFITTING_EPOCHS:
        return None
    worse = (after > (1 + _OVERFITTING_SHARE) * held_out[least]).all() and after[-1] >= after[0]
    if not worse or known[-1] >= known[0] or rank_1[-1] > rank_1[least]:
        return None
    epoch = int(rows[least]["epoch"])
    since = f"since epoch {epoch}" if epoch else "from the start"
    text = (
        f"It overfits {since}: the loss on held-out people grew from {held_out[least]:.3g} to {after[-1]:.3g}, "
        f"while that on people trained on fell from {known[0]:.3g} to {known[-1]:.3g}."
    )
    return Alert("overfitting", text, epoch)


def _plateau(rows: Rows) -> Alert | None:
    """Accuracy on held-out people has not improved for some epochs."""
    rank_1 = column(rows, "held_out_rank_1")
    if not np.isfinite(rank_1).any():
        return None
    best = int(np.nanargmax(rank_1))
    waited = int(rows[-1]["epoch"] - rows[best]["epoch"])
    if waited < PLATEAU_EPOCHS:
        return None
    epoch = int(rows[best]["epoch"])
    since = f"since epoch {epoch}" if epoch else "since before training"
    text = f"No better on held-out people {since}, for {waited} epochs: rank-1 {rank_1[best]:.4f}."
    return Alert("plateau", text, epoch)


def _lower_rate(rows: Rows) -> str:
    rate = rows[-1].get("learning_rate", math.nan) if rows else math.nan
    return f"a learning rate below {rate:g}" if math.isfinite(rate) else "a lower learning rate"
