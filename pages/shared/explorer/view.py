"""What a visitor sees of the map: the layout, the chosen faces or area, and what follows from them."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.shared import faces, url_state
from pages.shared.explorer.prepared import PreparedMap
from pages.shared.url_state import YOU
from pipeline.gallery.gallery import Gallery
from pipeline.lookalikes import Probe
from pipeline.map import queries
from pipeline.map.layouts import Layout, MapSettings
from pipeline.similarity import registry

NEIGHBOURS = 12
# One size for the map and the list next to it, so that each picture is made once.
SMALL_PX = 96


class MapView:
    """The state of the page, as the URL has it. face: a row, "you" for the finder's face, or None."""

    def __init__(self, opened: Gallery, prepared: PreparedMap) -> None:
        self.gallery, self.prepared, self.map = opened, prepared, prepared.map
        # The finder's face is an embedding of the default embedder.
        fits = registry.is_default_embedding(opened.manifest.get("embedding"))
        self.probe: Probe | None = st.session_state.get("probe") if fits else None
        self.face = YOU if self.probe and url_state.is_you() else url_state.row("face", len(opened))
        self.other = url_state.row("other", len(opened)) if self.face is not None else None
        self.area = url_state.area()
        self.layout_name = next(iter(self.map.layouts))

    @property
    def layout(self) -> Layout:
        """The chosen layout."""
        return self.map.layouts[self.layout_name]

    @property
    def row(self) -> int | None:
        """The row of the chosen face, unless it is the finder's."""
        return self.face if isinstance(self.face, int) else None

    @cached_property
    def embedding(self) -> NDArray[np.float32]:
        """The chosen face's unit row (d,)."""
        if self.row is not None:
            return self.gallery.embeddings[self.row]
        assert self.probe
        return self.probe.embedding

    @cached_property
    def cosines(self) -> NDArray[np.float32]:
        """Cosines of the chosen face to all rows, (n,)."""
        return self.gallery.embeddings @ self.embedding

    @cached_property
    def place(self) -> NDArray[np.float32]:
        """The chosen face's place on the map, (2,)."""
        places = self.layout.places
        return places[self.row] if self.row is not None else queries.place_face(self.cosines, places)

    @cached_property
    def neighbours(self) -> list[int]:
        """The most similar other people, each by the row of the most similar photo."""
        people = self.gallery.person_of_row
        own = None if self.row is None else int(people[self.row])
        return queries.most_similar_people(self.cosines, people, count=NEIGHBOURS, own_person=own)

    @cached_property
    def radius(self) -> float:
        """How far from the chosen face places on the map count as near."""
        return queries.near_radius(self.layout.places, self.place, near=MapSettings().near_of(len(self.gallery)))

    def is_far(self, row: int) -> bool:
        """Whether the map shows a row far from the chosen face."""
        return bool(queries.is_far(self.layout.places[row], self.place, self.radius))

    @property
    def neighbours_checked(self) -> int:
        """How many nearest photos are compared with the map."""
        return MapSettings().checked_of(len(self.gallery))

    def neighbours_kept(self) -> int:
        """How many of the chosen face's nearest photos are near it on the map."""
        checked = self.neighbours_checked
        if self.row is not None:
            return round(float(self.layout.kept[self.row]) * checked)
        return queries.neighbours_near(
            self.cosines, self.layout.places, centre=self.place, radius=self.radius, checked=checked
        )

    @cached_property
    def selected(self) -> NDArray[np.int64]:
        """The rows within the area."""
        assert self.area is not None
        return np.flatnonzero(queries.inside_polygon(self.layout.places, self.area))

    def name(self, row: int | None) -> str:
        """The name of a row; None stands for the finder's face."""
        return "Your photo" if row is None else self.prepared.names[row]

    def portrait(self, row: int | None, side_px: int = 256) -> NDArray[np.uint8]:
        """The picture of a row; None stands for the finder's face."""
        if row is None:
            assert self.probe
            return faces.square(self.probe.portrait, side_px)
        return faces.portrait(self.gallery.crop_path(row), side_px)
