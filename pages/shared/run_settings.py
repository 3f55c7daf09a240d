"""Settings of runs as text: which have an effect, which matter most, and how their values are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from train.options import LOSSES

NONE = "–"
# The settings that matter most, listed first.
_FIRST = ("study", "gallery", "network", "loss", "mining", "batch_size", "learning_rate", "alpha", "beta", "margin")
# Settings without effect when the setting that they belong to is empty.
_PARTS_OF = {
    "encoder_units": ("encoder_activation", "encoder_residual", "dropout"),
    "metric_units": ("metric_activation",),
    "cohort": ("cohort_nearest",),
}
# Settings that follow from the kind of network.
IMPLIED_BY_NETWORK = ("encoder_residual", "metric", "both_orders", "cohort", "people")


def effective(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that have an effect, given the others."""
    idle = set()
    if settings.get("mining") != "neighbours":
        idle.add("neighbours")
    loss = LOSSES.get(str(settings.get("loss")))
    if loss is None or "margin" not in loss.parameters.values():
        idle.add("margin")
    for name, parts in _PARTS_OF.items():
        if name in settings and not settings[name]:
            idle |= set(parts)
    return {name: value for name, value in settings.items() if name not in idle}


def values_by_name(table: Sequence[dict[str, Any]]) -> dict[str, set[str]]:
    """The different values of each setting, among the runs that have it; the most important setting first."""
    names = sorted(dict.fromkeys(name for settings in table for name in settings), key=_order)
    return {name: {word(settings[name]) for settings in table if name in settings} for name in names}


def _order(name: str) -> int:
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)


def word(value: Any) -> str:
    """A value as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return NONE if value in (None, "") else f"{value:g}" if isinstance(value, float) else str(value)


def words(name: object) -> str:
    """A name with spaces instead of underscores."""
    return str(name).replace("_", " ")
