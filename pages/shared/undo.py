"""Undoing removals. What was removed stays in the memory of the visitor's session, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages.shared.text import escape, plural
from pipeline.gallery import removing
from pipeline.gallery.removing import RemovedPhotos

HOW_LONG = (
    "The app deletes its copies from this machine. You can undo this until you leave: for that long, they stay in "
    "the memory of this session. Files in your own folders stay."
)


@dataclass(frozen=True)
class Removal:
    """Photos of a person that were removed from a gallery."""

    gallery: str
    person: str
    photos: RemovedPhotos


def _removals() -> list[Removal]:
    known: list[Removal] = st.session_state.setdefault("removals", [])
    return known


def keep(removal: Removal) -> None:
    """Make it possible to undo a removal, until the session ends."""
    if len(removal.photos):
        _removals().append(removal)


def last(gallery_name: str) -> Removal | None:
    """The last removal from a gallery that was not undone."""
    return next((each for each in reversed(_removals()) if each.gallery == gallery_name), None)


def restore_last(gallery_name: str) -> str:
    """Undo the last removal, and say so. Raises GalleryError."""
    removal = last(gallery_name)
    if removal is None:
        return "There is nothing to undo."
    count = removing.restore(gallery_name, removal.photos)
    st.session_state.removals = [each for each in _removals() if each is not removal]
    return f"Restored {plural(count, 'photo')} of {escape(removal.person)}."


def forget(gallery_name: str) -> None:
    """Drop what was removed from a gallery from memory."""
    st.session_state.removals = [each for each in _removals() if each.gallery != gallery_name]
