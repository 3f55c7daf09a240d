"""What is said of the settings of runs: which have an effect, which tell most, and how their values are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from train.options import LOSSES

NONE = "–"
_TELLING = ("study", "gallery", "network", "loss", "mining", "batch_size", "learning_rate", "alpha", "beta", "margin")
# What has no effect where there is none of this.
_NEEDED = {
    "encoder_units": ("encoder_activation", "encoder_residual", "dropout"),
    "metric_units": ("metric_activation",),
    "cohort": ("cohort_nearest",),
}
# What the kind of network says already.
SAID_BY_NETWORK = ("encoder_residual", "metric", "both_orders", "cohort", "people")


def effective(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that have an effect beside the others."""
    idle = set()
    if settings.get("mining") != "neighbours":
        idle.add("neighbours")
    loss = LOSSES.get(str(settings.get("loss")))
    if loss is None or "margin" not in loss.parameters.values():
        idle.add("margin")
    for name, needed_by in _NEEDED.items():
        if name in settings and not settings[name]:
            idle |= set(needed_by)
    return {name: value for name, value in settings.items() if name not in idle}


def values(table: Sequence[dict[str, Any]]) -> dict[str, set[str]]:
    """The values of each setting among runs that have it, the most telling setting first."""
    names = sorted(dict.fromkeys(name for settings in table for name in settings), key=_importance)
    return {name: {word(settings[name]) for settings in table if name in settings} for name in names}


def _importance(name: str) -> int:
    """What tells most of a run comes first; the rest stays in its order."""
    return _TELLING.index(name) if name in _TELLING else len(_TELLING)


def word(value: Any) -> str:
    """A value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return NONE if value in (None, "") else f"{value:g}" if isinstance(value, float) else str(value)


def words(name: object) -> str:
    """A name as people write it."""
    return str(name).replace("_", " ")
