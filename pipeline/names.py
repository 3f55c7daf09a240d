"""What a name is: one rule for people, galleries and runs, in folders, on the command line and on pages.

A name is composed Unicode (NFC) with single spaces and without characters that show nothing or steer a terminal. Two
names are the same if they differ in case only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

LENGTH_MAX = 100
# File systems take 255 bytes; the rest is for the temporary names of a copy, as in ".NAME.1234567.part".
BYTES_MAX = 240
_PLAIN = " .-_"
JOINERS = "\u200c\u200d"
# They join what stands on both sides, as in emoji of families and in Persian and Indic scripts.
_LOOSE_JOINERS = re.compile(rf"(?:(?<=\s)|^)[{JOINERS}]+|[{JOINERS}]+(?=\s|$)")
# Joiners, and the selectors of an emoji's colour, change how characters look but not which they are.
_UNCOMPARED = re.compile(rf"[{JOINERS}\ufe0e\ufe0f]")
# What colours text on a terminal, or moves its cursor.
_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[@-~]")
# The fillers of Hangul and the empty pattern of Braille are letters and symbols that show nothing.
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
_FLAG = "\U0001f3f4"
_SHOWN_MAX = 40
# How cameras, phones and messengers begin the names of files.
_CAMERA = re.compile(
    r"(img|imag|dsc[nf]?|dcim|cimg|pxl|mvimg|gopr|dji|fb img|received|image|photo|foto|picture|screenshot|"
    r"bildschirmfoto|camera|webcam|whatsapp|signal|telegram|download|unnamed|untitled|scan)(?![^\W\d])"
    r"|vid \d|p\d{6}|\d|[0-9a-f]{8}",
    re.IGNORECASE,
)


def clean(text: str) -> str:
    """A text as a name; "" if nothing of it can be seen. Bytes that are not Unicode are escaped."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    kept: list[str] = []
    for character in _TERMINAL.sub("", text).encode("utf-8", "backslashreplace").decode():
        if character.isspace() or character in _BLANKS:
            kept.append(" ")
        elif _is_kept(character, kept[-1] if kept else ""):
            kept.append(character)
    joined = _LOOSE_JOINERS.sub("", " ".join("".join(kept).split()))
    name = " ".join(unicodedata.normalize("NFC", joined).split())
    return name if any(map(_is_visible, name)) else ""


def person(text: str) -> str:
    """The name of a person, also from that of a file or folder, where underscores stand for spaces."""
    return clean(text.replace("_", " "))


def key(name: str) -> str:
    """What two spellings of a name have in common."""
    folded = unicodedata.normalize("NFD", clean(name)).casefold()
    return unicodedata.normalize("NFC", _UNCOMPARED.sub("", folded))


def person_key(name: str) -> str:
    """What two spellings of a person's name have in common."""
    return key(person(name))


def distinct(people: Iterable[str]) -> list[str]:
    """The names of people, each in its first spelling."""
    first: dict[str, str] = {}
    for name in map(person, people):
        first.setdefault(key(name), name)
    return list(first.values())


def problem(text: str, what: str = "name", *, plain: bool = False) -> str:
    """Why a text cannot be a name, in two sentences for the user; "" if it can.

    what: the kind of name. plain: for what is typed on the command line, which has letters, digits and little else.
    """
    name = clean(text)
    if not name:
        return f"The {what} is empty. Use letters or digits."
    shown = name if len(name) <= _SHOWN_MAX else f"{name[:_SHOWN_MAX]}…"
    if len(name) > LENGTH_MAX or len(name.encode()) > BYTES_MAX:
        return f"The {what} '{shown}' is too long. Use a shorter one."
    if plain and not _is_plain(name):
        advice = "Use letters, digits, spaces, dots and hyphens, as in my-family."
    elif not is_folder_name(name):
        advice = "Leave out slashes and backslashes, and don't start with a dot."
    else:
        return ""
    return f"'{shown}' is not a valid {what}. {advice}"


def is_folder_name(name: str) -> bool:
    """Whether a folder can have exactly this name, inside the folder above it and not hidden."""
    return bool(re.fullmatch(r"[^/\\\0.][^/\\\0]*", name)) and len(name.encode()) <= BYTES_MAX


def folder_in(parent: Path, name: str) -> Path:
    """The folder called ``name`` in ``parent``: one that is there under any spelling, or else a new one."""
    wanted = parent / clean(name)
    if (wanted.name == name and wanted.exists()) or not parent.is_dir():
        return wanted
    same = sorted(path for path in parent.iterdir() if key(path.name) == key(name))
    return next((path for path in same if path.name == name), same[0] if same else wanted)


def is_camera_name(name: str) -> bool:
    """Whether a name is one that cameras and messengers give to files, which says nothing about who is on them."""
    return bool(_CAMERA.match(name))


def _is_plain(name: str) -> bool:
    def fits(character: str) -> bool:
        marks = unicodedata.category(character).startswith("M")
        return character.isalnum() or marks or character in _PLAIN or character in JOINERS

    return (name[0].isalnum() or name[0] == "_") and all(map(fits, name)) and not name.endswith(".")


def _is_kept(character: str, before: str) -> bool:
    """Whether a character is no control or format character, except where one belongs to an emoji or a letter."""
    if unicodedata.category(character) not in ("Cc", "Cf"):
        return True
    # Tags after a black flag make the flags of England, Scotland and Wales.
    is_tag = "\U000e0020" <= character <= "\U000e007f"
    return character in JOINERS or (is_tag and (before == _FLAG or "\U000e0020" <= before < "\U000e007f"))


def _is_visible(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] not in "MZ" and category != "Cf"
