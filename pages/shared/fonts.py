"""Fonts for pictures: the one that covers a text best, and breaking lines."""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import cast

import streamlit as st
from PIL import ImageFont
from PIL.ImageFont import FreeTypeFont

# Streamlit ships Source Sans (Latin, Greek, Cyrillic). Other scripts use what is installed on the machine.
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


def best_for(text: str, size: int, *, bold: bool) -> tuple[FreeTypeFont, str]:
    """The font that has most characters of a text, and the text without the characters that it lacks.

    One font for the whole text keeps scripts that are joined or written from right to left in order.
    """
    text = " ".join("".join(" " if unicodedata.category(sign) == "Cc" else sign for sign in text).split())
    best = max(range(len(_paths())), key=lambda number: sum(_has(number, sign) for sign in text))
    kept = " ".join("".join(sign for sign in text if _has(best, sign)).split())
    return load(best, size, bold=bold), kept or "(no font for this name)"


def wrap(font: FreeTypeFont, text: str, width: int, lines: int) -> list[str]:
    """A text broken into at most ``lines`` lines of ``width`` pixels, with an ellipsis where it is cut."""
    words, wrapped = text.split(), list[str]()
    while words and len(wrapped) < lines - 1:
        line = words.pop(0)
        while words and font.getlength(f"{line} {words[0]}") <= width:
            line = f"{line} {words.pop(0)}"
        wrapped.append(line)
    return [_shorten(font, line, width) for line in (*wrapped, " ".join(words)) if line]


def _shorten(font: FreeTypeFont, text: str, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


@cache
def _paths() -> tuple[str | None, ...]:
    """The available fonts, best first; None is Pillow's own."""
    shipped = sorted((Path(st.__file__).parent / "static" / "static" / "media").glob("SourceSansVF-Upright*"))
    found: list[str | None] = [str(path) for path in shipped]
    for name in _OTHER_FONTS:
        with suppress(OSError):
            found.append(str(ImageFont.truetype(name, 16).path))
    return (*found, None)


@cache
def load(number: int, size: int, *, bold: bool) -> FreeTypeFont:
    """An available font by its number; 0 is the best one."""
    path = _paths()[number]
    if path is None:
        return cast(FreeTypeFont, ImageFont.load_default(size))
    font = ImageFont.truetype(path, size)
    with suppress(OSError):  # The font has a single weight.
        font.set_variation_by_axes([600 if bold else 400])
    return font


@cache
def _has(number: int, sign: str) -> bool:
    """Whether a font has a character: a missing one looks like U+FFFF, which no font has."""
    font = load(number, 16, bold=False)
    drawn, missing = font.getmask(sign), font.getmask("\uffff")
    return bool(sign.isspace() or drawn.size != missing.size or bytes(drawn) != bytes(missing))
