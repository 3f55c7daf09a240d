"""Small pictures of a gallery's faces at addresses of their own, which the map fetches as they come into sight.

Such an address holds a secret that only pages which may show the gallery hand out. It ends with the open gallery, so
a browser may keep what it has fetched.
"""

from __future__ import annotations

import io
import secrets
from weakref import WeakValueDictionary

from PIL import Image
from streamlit import config

from pages.shared import faces
from pipeline.gallery.gallery import Gallery

PATH = "thumbnails"
SIDE_PX = 96
_galleries: WeakValueDictionary[str, Gallery] = WeakValueDictionary()


def address(opened: Gallery) -> str:
    """Where the faces of a gallery are, each as ``ROW.jpg``."""
    known = (secret for secret, gallery in list(_galleries.items()) if gallery is opened)
    secret = next(known, None) or secrets.token_urlsafe(16)
    _galleries[secret] = opened
    base = str(config.get_option("server.baseUrlPath")).strip("/")
    return "/".join(("", *([base] if base else ()), PATH, secret))


def picture(secret: str, row: int) -> bytes | None:
    """The picture of a row, as JPEG; None where there is none."""
    opened = _galleries.get(secret)
    if opened is None or not 0 <= row < len(opened) or not opened.crop_path(row).exists():
        return None
    written = io.BytesIO()
    Image.fromarray(faces.portrait(opened.crop_path(row), SIDE_PX)).save(written, "JPEG", quality=85)
    return written.getvalue()
