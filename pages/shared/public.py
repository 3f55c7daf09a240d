"""A public server: visitors see the galleries that it names, and can change nothing. An administrator may do all."""

from __future__ import annotations

import os
from collections.abc import Callable

from pages.shared import administrator
from pipeline.errors import UserError
from pipeline.gallery import layout

# Names of galleries with commas between them.
VARIABLE = "LOOKSLIKEWHO_PUBLIC"


class NotAllowedError(UserError):
    """A visitor of a public server has tried to change something."""


def is_server_public() -> bool:
    """Whether this is a public server."""
    return bool(_named())


def is_public() -> bool:
    """Whether this visitor is one of a public server, and not its administrator."""
    return is_server_public() and not administrator.is_signed_in()


def refuse_visitors() -> None:
    """Raise NotAllowedError for a visitor of a public server, who may change nothing.

    Pages that change something are not theirs to open. This holds for what is still on the screen of somebody who has
    signed out.
    """
    if is_public():
        raise NotAllowedError("Only the administrator may change anything here.")


def unless_visitor(change: Callable[..., object], *arguments: object) -> None:
    """For a button that changes something: nothing where whoever clicks has signed out since it was drawn."""
    if not is_public():
        change(*arguments)


def gallery_names() -> list[str]:
    """The galleries that the visitor may choose: all of them, or those that a public server names."""
    names = layout.names()
    return [name for name in _named() if name in names] if is_public() else names


def default_name() -> str:
    """The gallery of a visitor who has not chosen one. It may be missing."""
    return next(iter([*gallery_names(), *_named(), layout.DEMONSTRATION]))


def _named() -> list[str]:
    return [name for part in os.environ.get(VARIABLE, "").split(",") if (name := part.strip())]
