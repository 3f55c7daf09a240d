"""What the pages share: the networks and galleries in memory, and how faces, names and results are drawn."""

from __future__ import annotations

import html
import io
import re
import shlex
import threading
import unicodedata
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw, ImageFont
from starlette.formparsers import MultiPartParser
from streamlit.errors import StreamlitAPIException
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import script_runner

from pages.shared import url_state
from pipeline import photo, storage
from pipeline.errors import EmptyGalleryError, GalleryError, UserError
from pipeline.faces.face import Face
from pipeline.gallery import layout, opening
from pipeline.gallery.gallery import Gallery
from pipeline.lookalikes import Lookalikes, Match, Models
from pipeline.similarity import scorers
from pipeline.similarity.scorers import ScorerName

NOTE = "Resemblance says how alike two photos are, never who somebody is: entertainment, not identification."
# Okabe and Ito's colours, told apart by colour-blind people too; the numbers say the same without colour.
# Plots have the same ones: chartCategoricalColors in .streamlit/config.toml.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#f0e442")


def keep_uploads_in_memory() -> None:
    """Stop the web server from spooling uploads above 1 MB to a temporary file: a photo is never written."""
    MultiPartParser.spool_max_size = 2 * photo.PhotoLimits().bytes_max


def through_the_router() -> None:
    """Start again where Streamlit ran a page by its own: it does so until it has once seen the router's pages."""
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()


def choose_gallery() -> None:
    """The switch that all pages follow, where there is a choice; the address keeps it."""
    names = layout.names()
    wanted = st.session_state.get("gallery") or st.query_params.get("gallery")
    if wanted and wanted not in names:
        st.toast(f"There is no gallery {literal(wanted)} here.", icon=":material/photo_library:")
        st.session_state.pop("gallery", None)
        with suppress(StreamlitAPIException):  # Once the switch is drawn, the address follows it by itself.
            st.query_params.pop("gallery", None)
    if len(names) > 1:
        with st.sidebar:
            st.selectbox(
                "Gallery",
                names,
                key="gallery",
                bind="query-params",
                on_change=url_state.forget,
                help="The people whom faces are compared to, and who are on the map",
            )


def switch_to(name: str | None) -> None:
    """Choose a gallery, or the first where there is no name; not once the switch is drawn."""
    url_state.forget()
    st.session_state.gallery = name = name or next(iter(layout.names()), "")
    with suppress(StreamlitAPIException):  # A switch that is drawn for the first time leaves the address alone.
        st.query_params["gallery"] = name


def chosen_gallery() -> str:
    """The name of the gallery that was chosen."""
    names = layout.names() or [layout.DEMONSTRATION]
    chosen = st.session_state.get("gallery")
    return chosen if chosen in names else names[0]


def opened_gallery() -> Gallery:
    """The gallery that was chosen, opened. Raises GalleryError, EmptyGalleryError where nobody is in it."""
    return open_gallery(chosen_gallery())


def missing(error: UserError) -> None:
    """The state before set-up, and of a gallery that is empty or cannot be used: what to do."""
    if isinstance(error, EmptyGalleryError):
        with st.container(border=True, width=640):
            st.subheader(":material/group_add: Nobody is in this gallery yet", anchor=False)
            st.markdown("Add photos of people you know, and they are found here.")
            st.page_link("pages/people.py", label="Add people", icon=":material/add_a_photo:")
        return
    with st.container(border=True, width=640):
        st.subheader(":material/build: One step is missing", anchor=False)
        st.markdown(literal(str(error)))
        if error.command:
            st.code(error.command, language="bash")
        if error.command == "python -m pipeline setup":
            st.caption("It fetches the network's weights and the photos, and measures all faces once: a few minutes.")
        st.button("Check again", icon=":material/refresh:", on_click=_try_again)


def _try_again() -> None:
    """Load the networks anew where that failed."""
    loading = networks()
    if loading.done() and loading.exception():
        networks.clear()


@st.cache_resource(show_spinner=False)
def networks() -> Future[Models]:
    """The networks, loading in the background from the first visit on, warm when done, shared by all sessions."""
    # Streamlit resets Keras after each run of a page, which breaks a network that is being built meanwhile.
    script_runner._clean_problem_modules = lambda: None
    loading: Future[Models] = Future()

    def load() -> None:
        try:
            models = Models.load()
            models.warm()
        except BaseException as error:
            loading.set_exception(error)  # Raised again where the networks are used.
        else:
            loading.set_result(models)

    threading.Thread(target=load, name="networks", daemon=True).start()
    return loading


def read_gallery(name: str) -> Gallery:
    """A gallery, which may be empty, shared by all sessions and read anew when it changed. Raises GalleryError."""
    folder = layout.folder_of(name)
    return _read_gallery(name, str(folder), storage.read_manifest(folder))


def open_gallery(name: str) -> Gallery:
    """A gallery with people in it, shared by all sessions. Raises GalleryError."""
    opened = read_gallery(name)
    return opened if len(opened) else opening.open_gallery(name)


@st.cache_resource(show_spinner=False, max_entries=4)
def _read_gallery(name: str, folder: str, manifest: dict[str, Any] | None) -> Gallery:
    return opening.read_gallery(name)


def lookalikes(opened: Gallery, models: Models, scorer: ScorerName) -> Lookalikes:
    """A gallery with its search, shared by all sessions.

    Raises GalleryError where it was made for another model, WeightsError where the scorer's network cannot be used.
    """
    return _lookalikes(str(opened.folder), opened.manifest, scorer, opened, models)


@st.cache_resource(show_spinner=False, max_entries=4)
def _lookalikes(
    folder: str, manifest: dict[str, Any], scorer: ScorerName, _opened: Gallery, _models: Models
) -> Lookalikes:
    if not scorers.fits(_opened.manifest.get("embedding")):
        raise GalleryError(
            f"The gallery {_opened.name} was built with another embedder than the app uses. "
            "Search it on the command line.",
            command=f"python -m pipeline find PHOTO --gallery {shlex.quote(_opened.name)}",
        )
    return Lookalikes(_opened, _models, scorers.named(scorer))


def let_go() -> None:
    """Keep nothing in memory of galleries and their pictures: somebody was removed."""
    for kept in (_read_gallery, _lookalikes, _portrait):
        kept.clear()


def portrait(path: Path, side_px: int = 256) -> np.ndarray:
    """A picture of a gallery or of the examples as a square of one size; plain grey where it cannot be read."""
    try:
        return _portrait(path, path.stat().st_mtime_ns, side_px)
    except OSError:
        return np.full((side_px, side_px, 3), 128, np.uint8)


@st.cache_data(show_spinner=False, max_entries=500)
def _portrait(path: Path, changed: int, side_px: int) -> np.ndarray:
    with Image.open(path) as picture:
        return square(np.asarray(picture.convert("RGB")), side_px)


def square(picture: np.ndarray, side_px: int = 256) -> np.ndarray:
    """A picture as a square of one size: cut at the sides, or at the foot rather than at the head."""
    height, width = picture.shape[:2]
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 4
    box = (left, top, left + side, top + side)
    return np.asarray(Image.fromarray(picture).resize((side_px, side_px), Image.Resampling.LANCZOS, box=box))


def reduced(picture: np.ndarray, side_px: int = 1200) -> np.ndarray:
    """A photo for the screen: at most ``side_px`` on its longer side."""
    image = Image.fromarray(picture)
    image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.asarray(image)


def literal(text: str) -> str:
    """Text for Markdown that shows as it stands."""
    # Icons and emoji in colons are replaced after Markdown is read, so no backslash stops them: a word joiner does.
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text).replace(r"\:", "\\:\u2060")


def plain(text: str) -> str:
    """Text for comparing names: without accents and capitals."""
    letters = unicodedata.normalize("NFD", text.casefold())
    return "".join(sign for sign in letters if not unicodedata.combining(sign))


def person(name: str) -> str:
    """A person's name as HTML that shows as it stands, keeps its own writing direction and breaks where it must."""
    breakable = re.sub(r"(\S{16})(?=\S)", r"\1\n", " ".join(name.split()))
    return f"<bdi>{html.escape(breakable)}</bdi>".replace("\n", "<wbr>")


def boxed(picture: np.ndarray, faces: Sequence[Face], scale: float, chosen: int) -> np.ndarray:
    """The picture with a numbered box around each face; ``chosen``, counted from 1, stands out.

    scale: pixels of this picture for each pixel of the photo in which the faces were found.
    """
    # Photos are drawn on at the size of the screen, so that lines and numbers are as sharp as text.
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
        for grown, ink, thick in ((line + 2, "white", line + 4), (line, colour, line)):
            draw.rectangle((x - grown, y - grown, x + width + grown, y + height + grown), outline=ink, width=thick)
        _number(draw, str(number), (x - line, y - line), colour, round(unit * (20 if number == chosen else 16)))
    return np.asarray(image)


def _number(draw: ImageDraw.ImageDraw, text: str, corner: tuple[float, float], colour: str, size: int) -> None:
    """A face's number on a plate above the corner of its box, or within the picture where that is outside."""
    font = _font(0, size, True)
    width, height = font.getlength(text) + size * 0.9, size * 1.35
    x, y = max(corner[0], 2), max(corner[1] - height, 2)
    draw.rounded_rectangle((x, y, x + width, y + height), size // 4, colour, "white", max(size // 12, 1))
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    ink = "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 120 else "white"
    draw.text((x + width / 2, y + height / 2), text, ink, font, anchor="mm")


_CARD_WIDTH_PX, _MARGIN_PX, _GAP_PX = 1200, 64, 32
_INK, _PALE, _ACCENT, _LINE = "#1b2725", "#5a6a67", "#0f6b63", "#d5dfdd"


def card(probe: np.ndarray, matches: Sequence[Match], gallery_name: str) -> bytes:
    """The result as a picture to keep, PNG: the probe beside the best match, then the next four."""
    inner = _CARD_WIDTH_PX - 2 * _MARGIN_PX
    big, small = (inner - _GAP_PX) // 2, (inner - 3 * _GAP_PX) // 4
    best, rest = matches[0], matches[1:5]
    pictures_top = _MARGIN_PX + 72
    names_top = pictures_top + big + 20
    rest_top = names_top + 200
    note_top = rest_top + (small + 170 if rest else 0)
    image = Image.new("RGB", (_CARD_WIDTH_PX, note_top + 144), "white")
    draw = ImageDraw.Draw(image)
    right = _MARGIN_PX + big + _GAP_PX
    _write(draw, "LooksLikeWho", (_MARGIN_PX, _MARGIN_PX - 16), inner, 40, True, _ACCENT)
    _paste(image, probe, (_MARGIN_PX, pictures_top), big)
    _write(draw, "The face in the photo", (_MARGIN_PX, names_top), big, 34, False, _PALE)
    for place, match in enumerate((best, *rest)):
        side, size, x, y = big, 44, right, pictures_top
        if place:
            side, size, x, y = small, 28, _MARGIN_PX + (place - 1) * (small + _GAP_PX), rest_top
        _paste(image, portrait(match.crop_path, side), (x, y), side)
        below = _write(draw, match.name, (x, y + side + size // 3), side, size, True, _INK, lines=2)
        _write(draw, resemblance(match), (x, below), side, round(size * 0.8), False, _INK, lines=2)
    sources = ", ".join(dict.fromkeys(match.source for match in (best, *rest)))
    draw.line((_MARGIN_PX, note_top, _CARD_WIDTH_PX - _MARGIN_PX, note_top), _LINE, 2)
    _write(draw, NOTE, (_MARGIN_PX, note_top + 24), inner, 23, False, _PALE)
    _write(draw, f"Gallery {gallery_name}. Photos: {sources}.", (_MARGIN_PX, note_top + 62), inner, 23, False, _PALE)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def resemblance(match: Match) -> str:
    """A match's resemblance in words."""
    return f"Resemblance {match.resemblance:.0f}" + (", the same photo" if match.copy else "")


def _paste(image: Image.Image, picture: np.ndarray, corner: tuple[int, int], side: int) -> None:
    """A picture with round corners and a thin edge, which sets white backgrounds off from the card."""
    scale = 4
    edge = Image.new("L", (side * scale, side * scale), 0)
    ImageDraw.Draw(edge).rounded_rectangle((0, 0, side * scale - 1, side * scale - 1), 24 * scale, 255)
    inside = Image.new("L", edge.size, 0)
    ImageDraw.Draw(inside).rounded_rectangle(
        (2 * scale, 2 * scale, (side - 2) * scale - 1, (side - 2) * scale - 1), 22 * scale, 255
    )
    size = (side, side)
    image.paste(Image.new("RGB", size, _LINE), corner, edge.resize(size, Image.Resampling.BOX))
    image.paste(Image.fromarray(square(picture, side)), corner, inside.resize(size, Image.Resampling.BOX))


def _write(
    draw: ImageDraw.ImageDraw,
    text: str,
    corner: tuple[int, int],
    width: int,
    size: int,
    bold: bool,
    ink: str,
    lines: int = 1,
) -> int:
    """Text of at most so many lines, cut with an ellipsis where it is longer. Returns where it ends, y."""
    font, shown = _shown(text, size, bold)
    x, y = corner
    for line in _wrapped(font, shown, width, lines):
        draw.text((x, y), line, ink, font)
        y += round(size * 1.3)
    return y


def _wrapped(font: ImageFont.FreeTypeFont, text: str, width: int, lines: int) -> list[str]:
    words, wrapped = text.split(), list[str]()
    while words and len(wrapped) < lines - 1:
        line = words.pop(0)
        while words and font.getlength(f"{line} {words[0]}") <= width:
            line = f"{line} {words.pop(0)}"
        wrapped.append(line)
    rest = " ".join(words)
    return [_cut(font, line, width) for line in (*wrapped, rest) if line]


def _cut(font: ImageFont.FreeTypeFont, text: str, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


def _shown(text: str, size: int, bold: bool) -> tuple[ImageFont.FreeTypeFont, str]:
    """The font that has most of a text's characters, and what of the text it has.

    One font for the whole text keeps scripts that are written from the right, or joined, in order.
    """
    text = " ".join("".join(" " if unicodedata.category(sign) == "Cc" else sign for sign in text).split())
    best = max(range(len(_fonts())), key=lambda place: sum(_has(place, sign) for sign in text))
    kept = " ".join("".join(sign for sign in text if _has(best, sign)).split())
    return _font(best, size, bold), kept or "(no font for this name)"


# Streamlit brings Source Sans (Latin, Greek, Cyrillic). For other scripts, what the machine has is used.
_OTHER_FONTS = (
    "DejaVuSans-Bold.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "wqy-zenhei.ttc",
    "Arial Unicode.ttf",
    "arialuni.ttf",
    "segoeui.ttf",
    "msyh.ttc",
    "malgun.ttf",
    "seguiemj.ttf",
)


@cache
def _fonts() -> tuple[str | None, ...]:
    """The fonts there are, the preferred first; None is Pillow's own."""
    shipped = sorted((Path(st.__file__).parent / "static" / "static" / "media").glob("SourceSansVF-Upright*"))
    found: list[str | None] = [str(path) for path in shipped]
    for name in _OTHER_FONTS:
        try:
            found.append(str(ImageFont.truetype(name, 16).path))
        except OSError:
            continue
    return (*found, None)


@cache
def _font(place: int, size: int, bold: bool) -> ImageFont.FreeTypeFont:
    path = _fonts()[place]
    if path is None:
        return cast(ImageFont.FreeTypeFont, ImageFont.load_default(size))
    font = ImageFont.truetype(path, size)
    with suppress(OSError):  # Fonts of one weight.
        font.set_variation_by_axes([600 if bold else 400])
    return font


@cache
def _has(place: int, sign: str) -> bool:
    """Whether a font has a character: what it lacks, it draws as it draws a code point that is none."""
    font = _font(place, 16, False)
    drawn, lacking = font.getmask(sign), font.getmask("\uffff")
    return bool(sign.isspace() or drawn.size != lacking.size or bytes(drawn) != bytes(lacking))
