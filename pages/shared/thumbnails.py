"""Small pictures of a gallery's faces at addresses of their own, which a browser fetches after the page.

Such an address holds a secret that only pages which may show the gallery hand out. It ends when the gallery changes,
so a browser may keep what it has fetched.
"""

from __future__ import annotations

import html
import io
import secrets
import threading
from dataclasses import dataclass

import streamlit as st
from PIL import Image
from streamlit import config

from pages.shared import faces, session
from pipeline.errors import GalleryError
from pipeline.gallery.gallery import Gallery
from pipeline.map.sample import rows_on_map

PATH = "thumbnails"
# For lists and the map, and for grids of portraits: sharp on screens of twice as many pixels.
SMALL_PX, LARGE_PX = 96, 192


@dataclass(frozen=True)
class _Shown:
    """Which faces are at an address: those of a gallery as it was, or of them as many as its map shows."""

    name: str
    digest: str
    faces: int


# By secret. Not the galleries themselves: they are dropped from memory now and then, and the pages stay.
_SHOWN: dict[str, _Shown] = {}
_LOCK = threading.Lock()


def draw(opened: Gallery, row: int, name: str, *, width_px: int | None = None) -> None:
    """Show the face of a row; over the whole width where none is given. What cannot be fetched is a grey square."""
    side = SMALL_PX if width_px and width_px < SMALL_PX else LARGE_PX
    width = "100%" if width_px is None else f"{width_px}px"
    st.html(
        f'<img src="{address(opened, side)}/{row}.jpg" alt="Photo of {html.escape(name)}" style="display: block; '
        f'width: {width}; aspect-ratio: 1; border-radius: 0.5rem; background: #808080; color: transparent">',
        width="stretch" if width_px is None else "content",
    )


def address(opened: Gallery, side_px: int = SMALL_PX) -> str:
    """Where the faces of a gallery are, each as ``ROW.jpg``, ``SMALL_PX`` or ``LARGE_PX`` wide."""
    shown = _Shown(opened.name, opened.digest, len(opened))
    with _LOCK:
        for secret, other in list(_SHOWN.items()):
            if other.name == shown.name and other.digest != shown.digest:
                del _SHOWN[secret]
        known = (secret for secret, other in _SHOWN.items() if other == shown)
        secret = next(known, None) or secrets.token_urlsafe(16)
        _SHOWN[secret] = shown
    base = str(config.get_option("server.baseUrlPath")).strip("/")
    return "/".join(("", *([base] if base else ()), PATH, secret, str(side_px)))


def picture(secret: str, side_px: int, row: int) -> bytes | None:
    """The picture of a row, as JPEG; None where there is none."""
    shown = _SHOWN.get(secret)
    if shown is None or side_px not in (SMALL_PX, LARGE_PX) or not 0 <= row < shown.faces:
        return None
    try:
        opened = session.read_gallery(shown.name)
    except GalleryError:
        return None
    if opened.digest != shown.digest:
        return None
    if shown.faces < len(opened):
        row = int(rows_on_map(len(opened))[row])
    if not opened.crop_path(row).exists():
        return None
    written = io.BytesIO()
    Image.fromarray(faces.portrait(opened.crop_path(row), side_px)).save(written, "JPEG", quality=85)
    return written.getvalue()
