"""A second map beside the first: another layout, or the map of another gallery with the same photos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.shared import public, scatter, session, watching
from pages.shared.explorer.prepared import PreparedMap, prepared_map
from pipeline import storage
from pipeline.errors import GalleryError, UserError
from pipeline.gallery import layout as galleries
from pipeline.gallery.gallery import Gallery
from pipeline.map.counterparts import same_faces
from pipeline.map.density import Contours, contours
from pipeline.map.files import map_path
from pipeline.map.layouts import Layout

# Of a gallery whose map is offered, so many of the faces are the same, and not more than twice as many.
_SAME_MIN = 0.5


@dataclass(frozen=True)
class Beside:
    """A second map of a gallery's faces.

    layout: places of all faces; those of faces that are not on it mean nothing. known: which are on it, bool (n,).
    points: what is sent of it. contours: of its faces.
    """

    layout: Layout
    known: NDArray[np.bool_]
    points: scatter.Points
    contours: Contours


def titles(opened: Gallery) -> dict[str, str]:
    """The galleries with the same photos, by what their maps are called, such as "Map of friends"."""
    return {title: name for name in public.gallery_names() if (title := _title(opened, name))}


def open_beside(prepared: PreparedMap, title: str, others: dict[str, str]) -> Beside | None:
    """A layout of the map, or the map of one of the other galleries, by its title. None if it is gone."""
    if title in prepared.map.layouts:
        known = np.ones(len(prepared.gallery), bool)
        return Beside(prepared.map.layouts[title], known, prepared.points, prepared.contours[title])
    try:
        theirs = prepared_map(session.open_gallery(others[title]))
        drawn = map_path(theirs.gallery).stat().st_mtime_ns
    except (KeyError, UserError, OSError):
        return None
    return _of_gallery(prepared.gallery.digest, theirs.gallery.digest, drawn, title, prepared, theirs)


@watching.dropped_with_galleries
@st.cache_resource(show_spinner="Opening the second map", max_entries=4)
def _of_gallery(own: str, other: str, drawn: int, title: str, _prepared: PreparedMap, _theirs: PreparedMap) -> Beside:
    rows = same_faces(_prepared.gallery, _theirs.gallery)
    known = rows >= 0
    layout = next(iter(_theirs.map.layouts.values()))
    places = np.where(known[:, None], layout.places[rows], 0).astype(np.float32)
    kept = np.where(known, layout.kept[rows], 0).astype(np.float32)
    points = _prepared.points.with_layout(title, places)
    return Beside(Layout(places, kept, layout.trustworthiness), known, points, contours(places[known]))


def _title(opened: Gallery, name: str) -> str:
    """What a gallery's map is called beside another one's, "" if it cannot be there."""
    folder = galleries.folder_of(name)
    if name == opened.name or not (folder / galleries.MAP).exists():
        return ""
    try:
        changed = (folder / storage.MANIFEST).stat().st_mtime_ns
    except OSError:  # It has just been deleted.
        return ""
    return _title_of(opened.digest, name, changed, opened)


@watching.dropped_with_galleries
@st.cache_data(show_spinner=False, max_entries=50)
def _title_of(digest: str, name: str, changed: int, _opened: Gallery) -> str:
    count, manifest = len(_opened), storage.read_manifest(galleries.folder_of(name)) or {}
    if not _SAME_MIN * count <= manifest.get("faces", 0) <= count / _SAME_MIN:
        return ""
    try:
        other = session.open_gallery(name)
    except GalleryError:
        return ""
    return f"Map of {name}" if (same_faces(_opened, other) >= 0).mean() >= _SAME_MIN else ""
