"""What the pages share: the networks and galleries in memory, and how faces, names and results are drawn."""

from __future__ import annotations

import html
import io
import re
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw, ImageFont
from starlette.formparsers import MultiPartParser

from pipeline import gallery, photo, store
from pipeline.faces import Face
from pipeline.lookalikes import Lookalikes, Match, Models

NOTE = "Resemblance says how alike two photos are, never who somebody is. Entertainment, not identification."
# Okabe and Ito's colours, told apart by colour-blind people too; the numbers say the same without colour.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#f0e442")


def keep_uploads_in_memory() -> None:
    """Stop the web server from spooling larger uploads to a temporary file: a photo is never written."""
    MultiPartParser.spool_max_size = 2 * photo.PhotoLimits().bytes_max


@st.cache_resource(show_spinner=False)
def networks() -> Future[Models]:
    """The networks, loading in the background from the first visit on, warm when done, shared by all sessions."""
    loading: Future[Models] = Future()

    def load() -> None:
        try:
            models = Models.load()
            models.warm()
        except BaseException as error:  # noqa: BLE001 - it is raised again where the networks are used
            loading.set_exception(error)
        else:
            loading.set_result(models)

    threading.Thread(target=load, name="networks", daemon=True).start()
    return loading


def lookalikes(name: str, models: Models) -> Lookalikes:
    """An open gallery, shared by all sessions, opened anew when it was built anew. Raises GalleryError."""
    manifest = store.read_manifest(gallery.folder_of(name)) or {}
    return _lookalikes(name, str(gallery.folder_of(name)), str(manifest.get("written")), models)


@st.cache_resource(show_spinner=False, max_entries=4)
def _lookalikes(name: str, folder: str, written: str, _models: Models) -> Lookalikes:
    return Lookalikes.open(name, _models)


def square(picture: np.ndarray | Path, side_px: int = 256) -> np.ndarray:
    """The middle of a picture as a square of one size, so that cards are equal."""
    image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else Image.open(picture).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 4
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((side_px, side_px), Image.Resampling.LANCZOS, box=box))


def reduced(picture: np.ndarray, side_px: int = 1200) -> np.ndarray:
    """The picture for the screen: at most ``side_px`` on its longer side."""
    image = Image.fromarray(picture)
    image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.asarray(image)


def literal(text: str) -> str:
    """Text for Markdown that shows as it stands."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def person(name: str) -> str:
    """A person's name as HTML that shows as it stands, in its own writing direction."""
    return f"<strong><bdi>{html.escape(name)}</bdi></strong>"


def boxed(picture: np.ndarray, faces: Sequence[Face], scale: float, chosen: int) -> np.ndarray:
    """The picture with a numbered box around each face; ``chosen`` (from 1) stands out.

    ``scale``: pixels of this picture for each pixel of the photo in which the faces were found.
    """
    image = Image.fromarray(picture).convert("RGB")
    draw = ImageDraw.Draw(image)
    unit = max(image.size) / 400
    order = sorted(range(1, len(faces) + 1), key=lambda number: number == chosen)
    for number in order:
        x, y, width, height = (value * scale for value in faces[number - 1].box)
        colour = COLOURS[(number - 1) % len(COLOURS)]
        line = round(unit * (2.4 if number == chosen else 1.2)) + 1
        box = (x, y, x + width, y + height)
        draw.rectangle(_grown(box, line // 2 + 1), outline="white", width=line + 2)
        draw.rectangle(_grown(box, line // 2), outline=colour, width=line)
        if len(faces) > 1:
            _label(draw, str(number), (x, y), colour, round(unit * (15 if number == chosen else 12)))
    return np.asarray(image)


def _grown(box: tuple[float, float, float, float], by: float) -> tuple[float, float, float, float]:
    return (box[0] - by, box[1] - by, box[2] + by, box[3] + by)


def _label(draw: ImageDraw.ImageDraw, text: str, corner: tuple[float, float], colour: str, size: int) -> None:
    font = _font(0, size, True)
    width, height = font.getlength(text) + size * 0.8, size * 1.3
    x, y = max(corner[0], 0), max(corner[1] - height, 0)
    draw.rounded_rectangle((x, y, x + width, y + height), size // 4, fill=colour, outline="white", width=2)
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    ink = "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 120 else "white"
    draw.text((x + width / 2, y + height / 2), text, ink, font, anchor="mm")


@dataclass(frozen=True)
class CardSettings:
    """The result card, in pixels."""

    width_px: int = 1200
    margin_px: int = 60
    gap_px: int = 40


def card(portrait: np.ndarray, matches: Sequence[Match], settings: CardSettings = CardSettings()) -> bytes:
    """The result as a picture to keep, a PNG: the probe beside the best match, and the next four."""
    return b""


# Streamlit brings Source Sans (Latin, Greek, Cyrillic); for other scripts whatever the machine has.
_FONT_NAMES = ("DejaVuSans.ttf",)


@cache
def _font_files() -> tuple[Path | str, ...]:
    shipped = Path(st.__file__).parent / "static" / "static" / "media"
    return (*sorted(shipped.glob("SourceSansVF-Upright*.woff2")),)


@cache
def _font(place: int, size: int, bold: bool) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(_font_files()[place], size)
    if bold:
        font.set_variation_by_axes([600])
    return font


def png(picture: Image.Image) -> bytes:
    """A picture as PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
