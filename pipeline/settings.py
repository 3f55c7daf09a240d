"""Settings whose values are checked: fields of frozen dataclasses, each with a rule for its value."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from pipeline.errors import UserError

_SHOWN_MAX = 60
_LARGEST = sys.float_info.max


@dataclass(frozen=True)
class Rule:
    """What a value must be. words: completes "It must be"."""

    words: str
    allows: Callable[[Any], bool]


def setting(default: Any, rule: Rule) -> Any:
    """A field of a dataclass with a rule for its value."""
    return field(default=default, metadata={"rule": rule})


def whole(low: int, high: int) -> Rule:
    """A whole number, both limits included."""
    return Rule(
        f"a whole number from {low:,} to {high:,}", lambda value: _is_number(value, int) and low <= value <= high
    )


def decimal(low: float, high: float) -> Rule:
    """A number, both limits included. NaN is none."""
    return Rule(f"a number from {low:g} to {high:g}", lambda value: is_number(value) and low <= value <= high)


def positive() -> Rule:
    """A finite number above 0."""
    return Rule("a number above 0", lambda value: is_number(value) and value > 0)


def one_of(*names: str) -> Rule:
    """One of some words."""
    return Rule(" or ".join(names), lambda value: value in names)


def whole_numbers(low: int, high: int) -> Rule:
    """Any number of whole numbers."""
    each = whole(low, high)
    return Rule(
        f"whole numbers from {low:,} to {high:,}",
        lambda value: isinstance(value, tuple) and all(map(each.allows, value)),
    )


def yes_or_no() -> Rule:
    """True or false."""
    return Rule("true or false", lambda value: isinstance(value, bool))


def is_number(value: Any) -> bool:
    """Whether a value is a finite number; True and False are none."""
    return _is_number(value, (int, float)) and -_LARGEST <= value <= _LARGEST


def _is_number(value: Any, kind: type | tuple[type, ...]) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def check(settings: Any) -> None:
    """Raises UserError for the first value that its rule does not allow."""
    if text := problem(settings):
        raise UserError(text)


def problem(settings: Any) -> str | None:
    """The first value that its rule does not allow, in two sentences. None if all are allowed."""
    for each in fields(settings):
        rule, value = each.metadata.get("rule"), getattr(settings, each.name)
        if rule and not rule.allows(value):
            text = repr(value)
            shown = text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"
            return f"{each.name} is {shown}. It must be {rule.words}."
    return None
