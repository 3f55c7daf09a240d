"""The result card: a picture of the visitor's face and its best match, to keep or share."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pages.shared import fonts
from pages.shared.about import credit_text
from pages.shared.faces import portrait, square
from pages.shared.text import NOTE
from pipeline.lookalikes import Match

# Width and height in pixels.
Size = tuple[int, int]
SHAPES: dict[str, Size] = {"Post": (1080, 1350), "Story": (1080, 1920)}

_MARGIN_PX, _GAP_PX = 64, 24
_INK, _PALE, _ACCENT, _LINE, _GROUND = "#0d1614", "#5a6a67", "#0f6b63", "#d5dfdd", "#f1f5f4"


def render(probe: NDArray[np.uint8], match: Match, *, size: Size, address: str = "") -> bytes:
    """The card as PNG: both faces, the name, the resemblance, the app and its address, and whose photo it is.

    Side by side in a post, one above the other in a story.
    """
    width, height = size
    image = Image.new("RGB", size, _GROUND)
    draw = ImageDraw.Draw(image)
    inner = width - 2 * _MARGIN_PX
    _write(draw, "LooksLikeWho", (_MARGIN_PX, 56), inner, size=46, bold=True, ink=_ACCENT)
    pictures = (square(probe, 640), portrait(match.crop_path, 640))
    top = 150
    if height > 1.5 * width:
        side = 560
        corners = [(_MARGIN_PX, top), (width - _MARGIN_PX - side, top + side + _GAP_PX - 60)]
    else:
        side = (inner - _GAP_PX) // 2
        corners = [(_MARGIN_PX, top), (_MARGIN_PX + side + _GAP_PX, top)]
    for picture, corner in zip(pictures, corners, strict=True):
        _paste(image, picture, corner, side)
    below = corners[1][1] + side + 48
    _draw_result(draw, match, (_MARGIN_PX, below), inner)
    _draw_foot(draw, match, size, address)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _draw_result(draw: ImageDraw.ImageDraw, match: Match, corner: tuple[int, int], width: int) -> None:
    """The name, and the resemblance with its bar, or else the distance."""
    x, y = corner
    y = _write(draw, "I look like", (x, y), width, size=38, ink=_PALE)
    y = _write(draw, match.name, (x, y), width, size=84, bold=True, lines=2) + 16
    known = match.has_resemblance
    likeness = f"Resemblance {match.resemblance:.0f}, {match.phrase}" if known else f"Distance {match.distance:.3f}"
    likeness += ", the same photo" if match.copy else ""
    y = _write(draw, likeness, (x, y), width, size=56, bold=True, ink=_ACCENT) + 8
    if known:
        draw.rounded_rectangle((x, y, x + width, y + 20), 10, _LINE)
        draw.rounded_rectangle((x, y, x + max(20, width * match.resemblance / 100), y + 20), 10, _ACCENT)


def _draw_foot(draw: ImageDraw.ImageDraw, match: Match, size: Size, address: str) -> None:
    """Where the app is, what a resemblance is, and where the match's photo comes from."""
    width, height = size
    inner = width - 2 * _MARGIN_PX
    lines = [(NOTE, 26, 2), (f"Photo of {match.name}: {credit_text(match.source, match.credit)}", 22, 2)]
    y = height - 56 - 34 * 2 - 29 * 2 - (64 if address else 0)
    draw.line((_MARGIN_PX, y - 24, width - _MARGIN_PX, y - 24), _LINE, 2)
    if address:
        y = _write(draw, address, (_MARGIN_PX, y), inner, size=40, bold=True, ink=_ACCENT) + 12
    for text, points, most in lines:
        y = _write(draw, text, (_MARGIN_PX, y), inner, size=points, ink=_PALE, lines=most)


def _paste(image: Image.Image, picture: NDArray[np.uint8], corner: tuple[int, int], side: int) -> None:
    """A picture with round corners and a thin edge, which sets off white backgrounds."""
    scale = 4
    edge, inside = (Image.new("L", (side * scale, side * scale), 0) for _ in range(2))
    for mask, margin in ((edge, 0), (inside, 2)):
        end = (side - margin) * scale - 1
        box = (margin * scale, margin * scale, end, end)
        ImageDraw.Draw(mask).rounded_rectangle(box, (32 - margin) * scale, 255)
    size = (side, side)
    image.paste(Image.new("RGB", size, _LINE), corner, edge.resize(size, Image.Resampling.BOX))
    image.paste(Image.fromarray(square(picture, side)), corner, inside.resize(size, Image.Resampling.BOX))


def _write(
    draw: ImageDraw.ImageDraw,
    text: str,
    corner: tuple[int, int],
    width: int,
    *,
    size: int,
    bold: bool = False,
    ink: str = _INK,
    lines: int = 1,
) -> int:
    """Write at most ``lines`` lines, cut with an ellipsis. Returns the y where they end."""
    font, shown = fonts.best_for(text, size, bold=bold)
    x, y = corner
    for line in fonts.wrap(font, shown, width, lines):
        draw.text((x, y), line, ink, font)
        y += round(size * 1.3)
    return y
