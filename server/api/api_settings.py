"""Whether there is an API, what it gives away, and who needs a key."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pages.shared import public
from pipeline.errors import UserError
from server import protection

# Words with commas between them.
VARIABLE = "LOOKSLIKEWHO_API"
# The file with the hashes of the keys.
KEYS_VARIABLE = "LOOKSLIKEWHO_API_KEYS"
_ON, _OFF, _EMBEDDINGS = "on", "off", "embeddings"


@dataclass(frozen=True)
class ApiSettings:
    """is_on: whether there is an API. gives_embeddings: whether it tells the embeddings of faces.

    keys: the file with the keys of which a program needs one; None where it needs none. is_private: whether only this
    machine reaches the server, and may do everything.
    """

    is_on: bool
    gives_embeddings: bool = False
    keys: Path | None = None
    is_private: bool = False


def api_settings() -> ApiSettings:
    """The settings of this server. Raises UserError when they cannot be understood.

    Unless it is switched on or off, there is an API where there are keys, and where only this machine reaches the
    server.
    """
    words = [word for part in os.environ.get(VARIABLE, "").split(",") if (word := part.strip().lower())]
    known = (_ON, _OFF, _EMBEDDINGS)
    if wrong := next((word for word in words if word not in known), ""):
        raise UserError(f"{VARIABLE} has “{wrong}”. It may have {', '.join(known)}.")
    if _ON in words and _OFF in words:
        raise UserError(f"{VARIABLE} says both {_ON} and {_OFF}.")
    named = os.environ.get(KEYS_VARIABLE, "").strip()
    is_private = protection.is_local() and not public.is_server_public()
    return ApiSettings(
        is_on=_OFF not in words and (_ON in words or bool(named) or is_private),
        gives_embeddings=_EMBEDDINGS in words,
        keys=Path(named) if named else None,
        is_private=is_private,
    )
