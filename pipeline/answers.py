"""Answers as JSON: the command line and the HTTP API say the same in the same words."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.comparison import Comparison
    from pipeline.lookalikes import Found
    from pipeline.similarity.resemblance import Likeness

NOTE = "Resemblance is entertainment: it says how alike two photos are, never who somebody is."


def found_json(found: Found) -> dict[str, Any]:
    """The faces of a photo, the number of the one looked up, and its matches."""
    values = asdict(found)
    for value, match in zip(values["matches"], found.matches, strict=True):
        value |= _likeness_json(match)
    return values


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Two faces compared, without their portraits."""
    values = {name: value for name, value in vars(comparison).items() if name != "portraits"}
    return values | _likeness_json(comparison)


def _likeness_json(likeness: Likeness) -> dict[str, float | str | None]:
    """Resemblance, its phrase and the share of strangers, or null, as JSON has no NaN."""
    known = likeness.has_resemblance
    return {
        "resemblance": likeness.resemblance if known else None,
        "phrase": likeness.phrase if known else None,
        "strangers": likeness.strangers if known else None,
    }
