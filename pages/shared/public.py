"""A public server: visitors see the galleries that it names, and can change nothing."""

from __future__ import annotations

import os

from pipeline.gallery import layout

# Names of galleries with commas between them.
VARIABLE = "LOOKSLIKEWHO_PUBLIC"


def is_public() -> bool:
    """Whether this is a public server."""
    return bool(_named())


def gallery_names() -> list[str]:
    """The galleries that visitors may choose: all of them, or those that a public server names."""
    names = layout.names()
    return [name for name in _named() if name in names] if is_public() else names


def default_name() -> str:
    """The gallery of a visitor who has not chosen one. It may be missing."""
    return next(iter([*gallery_names(), *_named(), layout.DEMONSTRATION]))


def _named() -> list[str]:
    return [name for part in os.environ.get(VARIABLE, "").split(",") if (name := part.strip())]
