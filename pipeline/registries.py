"""What the registries share: every entry explains itself in a phrase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Entry(Protocol):
    """A line of a registry: its help is a phrase without a full stop."""

    @property
    def help(self) -> str:
        """What the entry is."""


def describe(registry: Mapping[str, Entry]) -> str:
    """Each name with its help, in one line for help texts."""
    return "; ".join(f"{name}: {entry.help}" for name, entry in registry.items())
