"""Pictures of faces: portraits, square thumbnails and numbered boxes. Pictures are RGB, uint8 (height, width, 3)."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pages.shared import fonts
from pages.shared.palette import COLOURS
from pipeline.faces import edges
from pipeline.faces.face import Face


def portrait(path: Path, side_px: int = 256) -> NDArray[np.uint8]:
    """A picture file as a square; plain grey when it cannot be read."""
    try:
        return _portrait(path, path.stat().st_mtime_ns, side_px)
    except OSError:
        return np.full((side_px, side_px, 3), 128, np.uint8)


# 100 portraits are 20 MB, which stay when visitors have left.
@st.cache_data(show_spinner=False, max_entries=100)
def _portrait(path: Path, changed: int, side_px: int) -> NDArray[np.uint8]:
    with Image.open(path) as picture:
        return square(edges.without_repeats(np.asarray(picture.convert("RGB"))), side_px)


def forget_portraits() -> None:
    """Drop all portraits from memory."""
    _portrait.clear()


def square(picture: NDArray[np.uint8], side_px: int = 256) -> NDArray[np.uint8]:
    """A picture as a square. A tall one loses more at the bottom than at the top, where the head is."""
    height, width = picture.shape[:2]
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 4
    box = (left, top, left + side, top + side)
    return np.asarray(Image.fromarray(picture).resize((side_px, side_px), Image.Resampling.LANCZOS, box=box))


def for_screen(picture: NDArray[np.uint8], side_px: int = 1200) -> NDArray[np.uint8]:
    """A photo for the screen: at most ``side_px`` on its longer side."""
    image = Image.fromarray(picture)
    image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.asarray(image)


def inline(picture: NDArray[np.uint8]) -> str:
    """A picture of a visitor as a data URL.

    It is part of the page, where Streamlit would serve other pictures to anybody who knows their address, for some
    time after the visitor has left.
    """
    written = io.BytesIO()
    Image.fromarray(picture).save(written, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"


def with_boxes(picture: NDArray[np.uint8], faces: Sequence[Face], *, scale: float, chosen: int) -> NDArray[np.uint8]:
    """The picture with a numbered box around each face; the ``chosen`` one, counted from 1, stands out.

    scale: pixels of this picture per pixel of the photo in which the faces were found.
    """
    # Small photos are enlarged first, so that lines and numbers are as sharp as text.
    enlarged = max(1.0, 800 / max(picture.shape[:2]))
    size = (round(picture.shape[1] * enlarged), round(picture.shape[0] * enlarged))
    image = Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(image)
    unit = max(size) / 400
    # The chosen face is drawn last, so that nothing covers it.
    for number in sorted(range(1, len(faces) + 1), key=lambda number: number == chosen):
        x, y, width, height = (value * scale * enlarged for value in faces[number - 1].box)
        colour = COLOURS[(number - 1) % len(COLOURS)]
        line = round(unit * (2.5 if number == chosen else 1.25))
        for margin, ink, thickness in ((line + 2, "white", line + 4), (line, colour, line)):
            corners = (x - margin, y - margin, x + width + margin, y + height + margin)
            draw.rectangle(corners, outline=ink, width=thickness)
        _draw_number(draw, str(number), (x - line, y - line), colour, round(unit * (20 if number == chosen else 16)))
    return np.asarray(image)


def _draw_number(draw: ImageDraw.ImageDraw, text: str, corner: tuple[float, float], colour: str, size: int) -> None:
    """A face's number on a plate above the corner of its box, kept within the picture."""
    font = fonts.load(0, size, bold=True)
    width, height = font.getlength(text) + size * 0.9, size * 1.35
    x, y = max(corner[0], 2), max(corner[1] - height, 2)
    draw.rounded_rectangle((x, y, x + width, y + height), size // 4, colour, "white", max(size // 12, 1))
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    ink = "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 120 else "white"
    draw.text((x + width / 2, y + height / 2), text, ink, font, anchor="mm")
