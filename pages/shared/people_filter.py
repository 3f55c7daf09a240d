"""The search of the people page: by name, by source and other columns, and by how many photos people have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shared.groups import Group, groups_of
from pages.shared.text import escape, fold
from pipeline.gallery import editing
from pipeline.gallery.gallery import Gallery
from pipeline.sources.base import SOURCE

_ALL_SOURCES, _EVERYBODY = "All sources", "All columns"
# The least and the most photos of a person.
_COUNTS = {"All people": (1, None), "One photo": (1, 1), "Two or more": (2, None)}


@dataclass(frozen=True)
class PeopleFilter:
    """What people must have to be shown. source: "" for any. group: None for everybody."""

    words: str = ""
    source: str = ""
    group: Group | None = None
    photos_min: int = 1
    photos_max: int | None = None

    @property
    def key(self) -> str:
        """Identifies the filter in keys of the session."""
        photos = f" {self.photos_min} to {self.photos_max}" if (self.photos_min, self.photos_max) != (1, None) else ""
        group = f" where {self.group.condition}" if self.group else ""
        return self.words + (f" from {self.source}" if self.source else "") + group + photos

    @property
    def nobody(self) -> str:
        """What to say when nobody is left."""
        if self.words and self.key == self.words:
            return f"Nobody is called {escape(self.words)}."
        return "Nobody fits. Widen the search or the filters."

    def search(self, opened: Gallery) -> list[int]:
        """The first row of each person who fits; people added by hand come first, newest on top."""
        names, sources = (opened.faces[column].to_pylist() for column in ("name", "source"))
        counts = np.bincount(opened.person_of_row)[opened.person_of_row[opened.first_rows]]
        most = np.inf if self.photos_max is None else self.photos_max
        fits = (counts >= self.photos_min) & (counts <= most)
        if self.group:
            fits &= opened.columns.mask([self.group.condition])
        rows = opened.first_rows[fits].tolist()
        rows.sort(key=lambda row: -row if sources[row] == editing.SOURCE else 1)
        words = fold(self.words).split()
        return [
            row
            for row in rows
            if self.source in ("", sources[row]) and all(word in fold(names[row]) for word in words)
        ]


def ask(opened: Gallery) -> PeopleFilter:
    """The fields of the search."""
    # The same fields in every gallery: what comes and goes would move what is below.
    name, source, group, photos = st.columns([2, 1, 1, 1], gap="small")
    typed = name.text_input(
        "Search by name",
        key=f"search in {opened.name}",
        icon=":material/search:",
        placeholder="Name",
        label_visibility="collapsed",
    )
    sources = sorted(opened.faces["source"].unique().to_pylist())
    chosen = source.selectbox(
        "Source", [_ALL_SOURCES, *sources], key=f"source in {opened.name}", label_visibility="collapsed"
    )
    least, most = _COUNTS[
        photos.selectbox("Photos", list(_COUNTS), key=f"photos in {opened.name}", label_visibility="collapsed")
    ]
    source_name = "" if chosen == _ALL_SOURCES else chosen
    return PeopleFilter((typed or "").strip(), source_name, _ask_group(opened, group), least, most)


def _ask_group(opened: Gallery, place: DeltaGenerator) -> Group | None:
    """The field for what a column says of people; None for everybody."""
    known = {
        f"{group.column}: {', '.join(group.condition.values)}": group
        for group in groups_of(opened)
        if group.column != SOURCE
    }
    chosen = place.selectbox(
        "Column", [_EVERYBODY, *known], key=f"group in {opened.name}", label_visibility="collapsed"
    )
    return known.get(chosen)
