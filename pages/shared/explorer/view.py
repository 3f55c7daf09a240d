"""What a visitor sees of the map: the layout, the chosen faces or area, and what follows from them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.shared import faces, more_photos, scatter, url_state
from pages.shared.explorer import beside
from pages.shared.explorer.beside import Beside
from pages.shared.explorer.prepared import PreparedMap
from pages.shared.scatter import Colouring
from pipeline.errors import GalleryError
from pipeline.gallery.columns import Condition
from pipeline.gallery.gallery import Gallery
from pipeline.lookalikes import Probe
from pipeline.map import queries
from pipeline.map.density import Contours, contours
from pipeline.map.facets import Facet, mask_of
from pipeline.map.layouts import Layout, MapSettings
from pipeline.sources.base import SOURCE

COLOURS = {
    "Source": "Where the photos come from.",
    "Cluster": "Groups of similar faces, found by k-means on the embeddings, not on the map.",
    "Quality": "How sure the detector is of the face; less for small faces.",
    "Trust": "How many of the ten people most similar to a face are near it on the map, too.",
    "Distance": "How far each face is from the chosen one: half of one minus the cosine.",
}
MOVED = {"Moved": "How many of the ten faces around a face are others in the layout beside it, or in the next one."}
_NOT_STATED = "not stated"


def colours_of(opened: Gallery) -> dict[str, str]:
    """What the colours can say, with an explanation of each: also by the columns of the gallery."""
    columns = opened.columns
    kept = {name.capitalize(): name for name in columns.names if name != SOURCE}
    said = {title: "What the gallery's source states." for title, name in kept.items() if columns.has_groups(name)}
    return COLOURS | {title: text for title, text in said.items() if title not in COLOURS}


class MapView:
    """The state of the page, as the URL has it. face: a row, "you" for the finder's face, or None.

    The widgets for layout and colour set ``layout_name`` and ``colour`` before anything is drawn.
    """

    def __init__(self, opened: Gallery, prepared: PreparedMap) -> None:
        self.gallery, self.prepared, self.map = prepared.gallery, prepared, prepared.map
        self.probe: Probe | None = more_photos.probe_in(opened)
        self.layout_name, self.colour, self.beside = next(iter(self.map.layouts)), next(iter(COLOURS)), ""
        # Galleries with the same photos, by what their maps are called.
        self.others = beside.titles(opened)
        dropped = url_state.check(
            face=(prepared, self.probe is not None),
            other=prepared if "face" in st.query_params else (),
            area=None,
            family=range(len(prepared.families)),
            where=self._fits,
            layout=list(self.map.layouts),
            beside=[*self.map.layouts, *self.others],
            colour=list(self.colours),
        )
        if "face" in dropped:
            url_state.forget("other")
        self.face, self.other, self.area = self._row(url_state.face()), self._row(url_state.other()), url_state.area()
        self.family = url_state.family()
        self.conditions = list(map(Condition.parse, url_state.conditions()))
        # The chosen face's place in each layout, and how far from it people count as near.
        self._around: dict[int, tuple[NDArray[np.float32], float]] = {}

    def _row(self, face: int | str | None) -> Any:
        """The row on the map of a face in the address."""
        return self.prepared.row_of(face) if isinstance(face, int) else face

    def number(self, row: int | str | None) -> Any:
        """The face as addresses have it: a row of the whole gallery, ``YOU``, or None."""
        return int(self.prepared.numbers[row]) if isinstance(row, int) else row

    @property
    def colours(self) -> dict[str, str]:
        """What the colours can say, with an explanation of each."""
        return colours_of(self.gallery) | (MOVED if self.maps_beside else {})

    @property
    def layout(self) -> Layout:
        """The chosen layout."""
        return self.map.layouts[self.layout_name]

    @property
    def dimensions(self) -> int:
        """How many numbers an embedding has."""
        return int(self.gallery.embeddings.shape[1])

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
    def second(self) -> Beside | None:
        """The map beside the first, if one is chosen."""
        return beside.open_beside(self.prepared, self.beside, self.others) if self.beside else None

    @property
    def maps_beside(self) -> list[str]:
        """What may be beside the map: its other layouts, and the maps of other galleries with the same photos."""
        return [name for name in [*self.map.layouts, *self.others] if name != self.layout_name]

    def is_on(self, layout: Layout) -> NDArray[np.bool_]:
        """Which faces have a place in a layout, bool (n,)."""
        return self.second.known if self.second and layout is self.second.layout else self._all

    def place_in(self, layout: Layout) -> NDArray[np.float32]:
        """The chosen face's place in a layout, (2,)."""
        if self.row is not None:
            return layout.places[self.row]
        known = self.is_on(layout)
        return queries.place_face(self.cosines[known], layout.places[known])

    @property
    def own_person(self) -> int | None:
        """The number of the chosen face's person, unless it is the finder's."""
        return None if self.row is None else int(self.gallery.person_of_row[self.row])

    @cached_property
    def neighbours(self) -> list[int]:
        """The ten most similar other people, each by the row of the most similar photo."""
        people, count = self.gallery.person_of_row, MapSettings().checked
        return queries.most_similar_people(self.cosines, people, count=count, own_person=self.own_person)

    def is_far(self, row: int, layout: Layout | None = None) -> bool:
        """Whether the map, or another layout of it, shows a row far from the chosen face."""
        layout = layout or self.layout
        if id(layout) not in self._around:
            place, known = self.place_in(layout), self.is_on(layout)
            people = self.gallery.person_of_row[known]
            near = MapSettings().near_of(self.gallery.people_count)
            radius = queries.near_radius(layout.places[known], place, people, near=near, own_person=self.own_person)
            self._around[id(layout)] = place, radius
        return bool(queries.is_far(layout.places[row], *self._around[id(layout)]))

    @property
    def checked(self) -> list[int]:
        """Those of the most similar people by whom the map is judged: all ten, unless the gallery is tiny."""
        return self.neighbours[: MapSettings().checked_of(self.gallery.people_count)]

    @cached_property
    def colouring(self) -> Colouring:
        """What the colours say."""
        match self.colour:
            case "Cluster":
                clusters = self.map.clusters
                return scatter.by_category(clusters, [f"Cluster {n + 1}" for n in range(int(clusters.max()) + 1)])
            case "Quality":
                return scatter.by_value(self.map.quality, 0, 1, ("poor", "good"))
            case "Trust":
                return scatter.by_value(self.layout.kept, 0, 1, ("misleading", "faithful"))
            case "Moved":
                return scatter.by_value(self._moved, 0, 1, ("same", "others near"))
            case "Distance" if self.face is None:
                return scatter.by_value(np.zeros(len(self.gallery)), 0, 1, ("choose a face", ""))
            case "Distance":
                # Copies have a cosine of 1; strangers are rarely below -0.1.
                return scatter.by_value(self.cosines, -0.1, 0.9, ("far", "near"))
            case "Source":
                return scatter.by_category(*self.prepared.sources)
        return self._colouring_by_column(self.colour)

    @property
    def _moved(self) -> NDArray[np.float32]:
        """How many of the faces around each face are others in the map beside it, or in the next one."""
        second = self.second or beside.open_beside(self.prepared, self.maps_beside[0], self.others)
        if second is None:  # Its gallery has just been deleted.
            return np.zeros(len(self.gallery), np.float32)
        return self.prepared.moved(self.layout_name, second.layout.places, second.known)

    def _colouring_by_column(self, name: str) -> Colouring:
        """The colours by what a column says of each face's person; of several texts, the first."""
        columns, people = self.gallery.columns, self.gallery.person_of_row
        if columns.is_number(name):
            numbers = columns.numbers(name)
            low, high = np.nanmin(numbers), np.nanmax(numbers)
            ends = (f"{low:g} or not stated", f"{high:g}")
            return scatter.by_value(np.nan_to_num(numbers, nan=low)[people], low, high, ends)
        found = columns.texts(name)
        codes = np.full(self.gallery.people_count, len(found.distinct))
        codes[found.people[::-1]] = found.texts[::-1]
        return scatter.by_category(codes[people], [*found.distinct, _NOT_STATED])

    @cached_property
    def hidden(self) -> list[int]:
        """The categories of the legend that are hidden, by their numbers."""
        groups = [name for name, _ in self.colouring.categories or ()]
        url_state.check(hidden=groups)
        return [groups.index(name) for name in url_state.hidden()]

    def _fits(self, text: str) -> bool:
        """Whether a condition fits the map."""
        try:
            mask_of(self.facets, [Condition.parse(text)], len(self.gallery))
        except GalleryError:
            return False
        return True

    @property
    def facets(self) -> dict[str, Facet]:
        """What the faces can be filtered by."""
        return self.prepared.facets

    @cached_property
    def filtered(self) -> NDArray[np.bool_]:
        """Whether the filters show each face, bool (n,)."""
        return mask_of(self.facets, self.conditions, len(self.gallery)) if self.conditions else self._all

    @property
    def _all(self) -> NDArray[np.bool_]:
        return np.ones(len(self.gallery), bool)

    @cached_property
    def states(self) -> NDArray[np.uint8]:
        """How each face is drawn, uint8 (n,): dim outside the chosen family, gone where the filters say so."""
        lit = np.where(self.in_family, scatter.LIT, scatter.DIM)
        return np.where(self.filtered, lit, scatter.GONE).astype(np.uint8)

    def contours_in(self, layout: Layout, whole: Contours) -> Contours:
        """The contours of the faces that the filters show, in a layout of which ``whole`` are those of all faces."""
        return contours(layout.places[self.filtered & self.is_on(layout)]) if self.conditions else whole

    @cached_property
    def in_family(self) -> NDArray[np.bool_]:
        """Whether each face is of the chosen family, bool (n,); all are where none is chosen."""
        if self.family is None or self.map.families is None:
            return self._all
        return np.asarray(self.map.families.of_person[self.gallery.person_of_row] == self.family)

    @property
    def members(self) -> list[int]:
        """The first photo of each person of the chosen family, the most typical face first."""
        assert self.family is not None
        typical = self.prepared.families[self.family][0]
        rows = self.gallery.first_rows[self.in_family[self.gallery.first_rows]].tolist()
        people = self.gallery.person_of_row
        return [typical, *(row for row in rows if people[row] != people[typical])]

    @property
    def has_selection(self) -> bool:
        """Whether an area or a family is chosen, or there are filters."""
        return self.area is not None or self.family is not None or bool(self.conditions)

    @cached_property
    def selected(self) -> NDArray[np.int64]:
        """The rows within the area, of the family and the filters that the legend does not hide."""
        chosen = self.in_family & self.filtered & ~np.isin(self.colouring.values, self.hidden)
        if self.area is not None:
            chosen &= queries.inside_polygon(self.layout.places, self.area)
        return np.flatnonzero(chosen)

    def name(self, row: int | None) -> str:
        """The name of a row; None stands for the finder's face."""
        return "Your photo" if row is None else self.prepared.names[row]

    def portrait(self, row: int | None, side_px: int = 256) -> NDArray[np.uint8]:
        """The picture of a row; None stands for the finder's face."""
        if row is None:
            assert self.probe
            return faces.square(self.probe.portrait, side_px)
        return faces.portrait(self.gallery.crop_path(row), side_px)
