"""Text on pages: the note on resemblance, names shown exactly as written, plurals."""

from __future__ import annotations

import html
import re
import unicodedata

NOTE = "Resemblance compares photos. It never tells who somebody is: this is entertainment, not identification."


def escape(text: str) -> str:
    """Text that Markdown shows exactly as written."""
    # Icons and emoji between colons are replaced after Markdown is parsed, so a backslash doesn't stop them: a word
    # joiner does.
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text).replace(r"\:", "\\:\u2060")


def fold(text: str) -> str:
    """Text for comparing names: without accents and capitals."""
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def name_html(name: str) -> str:
    """A person's name as HTML: shown exactly as written, in its own writing direction, with breaks in long words."""
    breakable = re.sub(r"(\S{16})(?=\S)", r"\1\n", " ".join(name.split()))
    return f"<bdi>{html.escape(breakable)}</bdi>".replace("\n", "<wbr>")


def plural(count: int, one: str, several: str = "") -> str:
    """A number with its noun: "1 photo", "2 people"."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def photos_of_people(photos: int, people: int) -> str:
    """How many photos of how many people."""
    return f"{plural(photos, 'photo')} of {plural(people, 'person', 'people')}"
