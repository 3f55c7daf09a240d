"""The result card: a picture of the best matches to keep or share."""

from __future__ import annotations

import io
from collections.abc import Sequence
from math import isnan

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pages.shared import fonts
from pages.shared.faces import portrait, square
from pages.shared.text import NOTE
from pipeline.lookalikes import Match

_WIDTH_PX, _MARGIN_PX, _GAP_PX = 1200, 64, 32
_INNER_PX = _WIDTH_PX - 2 * _MARGIN_PX
_LARGE_PX, _SMALL_PX = (_INNER_PX - _GAP_PX) // 2, (_INNER_PX - 3 * _GAP_PX) // 4
_PICTURES_TOP_PX = _MARGIN_PX + 72
_NAMES_TOP_PX = _PICTURES_TOP_PX + _LARGE_PX + 20
_REST_TOP_PX = _NAMES_TOP_PX + 200
_INK, _PALE, _ACCENT, _LINE = "#1b2725", "#5a6a67", "#0f6b63", "#d5dfdd"


def render(probe: NDArray[np.uint8], matches: Sequence[Match], gallery_name: str) -> bytes:
    """The card as PNG: the probe next to the best match, then the next four."""
    best, rest = matches[0], matches[1:5]
    note_top = _REST_TOP_PX + (_SMALL_PX + 170 if rest else 0)
    image = Image.new("RGB", (_WIDTH_PX, note_top + 144), "white")
    draw = ImageDraw.Draw(image)
    _write(draw, "LooksLikeWho", (_MARGIN_PX, _MARGIN_PX - 16), _INNER_PX, size=40, bold=True, ink=_ACCENT)
    _paste(image, probe, (_MARGIN_PX, _PICTURES_TOP_PX), _LARGE_PX)
    _write(draw, "The face in the photo", (_MARGIN_PX, _NAMES_TOP_PX), _LARGE_PX, size=34, ink=_PALE)
    _draw_match(image, best, (_MARGIN_PX + _LARGE_PX + _GAP_PX, _PICTURES_TOP_PX), _LARGE_PX, size=44)
    for column, match in enumerate(rest):
        corner = (_MARGIN_PX + column * (_SMALL_PX + _GAP_PX), _REST_TOP_PX)
        _draw_match(image, match, corner, _SMALL_PX, size=28)
    sources = ", ".join(dict.fromkeys(match.source for match in (best, *rest)))
    draw.line((_MARGIN_PX, note_top, _WIDTH_PX - _MARGIN_PX, note_top), _LINE, 2)
    for line, text in enumerate((NOTE, f"Gallery {gallery_name}. Photos: {sources}.")):
        _write(draw, text, (_MARGIN_PX, note_top + 24 + 38 * line), _INNER_PX, size=23, ink=_PALE)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _draw_match(image: Image.Image, match: Match, corner: tuple[int, int], side: int, *, size: int) -> None:
    """A match's picture with name and resemblance, or else the distance, below."""
    draw = ImageDraw.Draw(image)
    x, y = corner
    _paste(image, portrait(match.crop_path, side), corner, side)
    below = _write(draw, match.name, (x, y + side + size // 3), side, size=size, bold=True, lines=2)
    known = not isnan(match.resemblance)
    likeness = f"Resemblance {match.resemblance:.0f}" if known else f"Distance {match.distance:.3f}"
    likeness += ", the same photo" if match.copy else ""
    _write(draw, likeness, (x, below), side, size=round(size * 0.8), lines=2)


def _paste(image: Image.Image, picture: NDArray[np.uint8], corner: tuple[int, int], side: int) -> None:
    """A picture with round corners and a thin edge, which sets off white backgrounds."""
    scale = 4
    edge, inside = (Image.new("L", (side * scale, side * scale), 0) for _ in range(2))
    for mask, margin in ((edge, 0), (inside, 2)):
        end = (side - margin) * scale - 1
        box = (margin * scale, margin * scale, end, end)
        ImageDraw.Draw(mask).rounded_rectangle(box, (24 - margin) * scale, 255)
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
