"""A gallery's map prepared for the screen, shared by all sessions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.shared import watching
from pages.shared.scatter import Points
from pipeline import storage
from pipeline.errors import MapError
from pipeline.gallery import layout
from pipeline.gallery.gallery import Gallery
from pipeline.map import queries
from pipeline.map.density import Contours, contours
from pipeline.map.facets import Facet, facets_of
from pipeline.map.files import map_path, network_of_codes, open_code_layouts, open_map
from pipeline.map.layouts import FaceMap
from pipeline.map.sample import part_on_map, rows_on_map


@dataclass(frozen=True)
class PreparedMap:
    """A map with the packed points of its plot.

    gallery: the faces on the map. whole: all faces of the gallery, more than that where it is very large.
    names: of the person in each row. sources: the number of each row's source, (n,), and their names.
    exemplars: the row of each cluster's most typical face and how many photos the cluster has, the largest first.
    families: the row of each family's most typical face and how many people it has, by the family's number.
    warning: why the layouts of a network's codes cannot be shown, or "".
    """

    whole: Gallery
    gallery: Gallery
    map: FaceMap
    points: Points
    names: list[str]
    sources: tuple[NDArray[np.int32], list[str]]
    exemplars: list[tuple[int, int]]
    families: list[tuple[int, int]]
    warning: str = ""

    def __contains__(self, number: object) -> bool:
        """Whether a row of the whole gallery, or another photo of that person, is on the map."""
        return isinstance(number, int) and number < len(self.whole) and self.row_of(number) is not None

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """The row in the whole gallery, as addresses have it, of each row on the map, ascending int64 (n,)."""
        return rows_on_map(len(self.whole))

    @property
    def is_sample(self) -> bool:
        """Whether the gallery has more faces than its map."""
        return len(self.gallery) < len(self.whole)

    def row_of(self, number: int) -> int | None:
        """The row on the map of a row of the whole gallery, or the first one of the same person; None without one."""
        row = int(np.searchsorted(self.numbers, number))
        if self.numbers[row] == number:
            return row
        people = self.whole.person_of_row
        others = np.flatnonzero(people[self.numbers] == people[number])
        return int(others[0]) if len(others) else None

    def moved(self, layout: str, places: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.float32]:
        """How many of the faces around each face are others in another map: see :func:`queries.moved`.

        places: (n, 2), of the faces that are ``known`` there, (n,). For the others it is 0.
        """
        held = self._moved.get(layout)
        if held is None or held[0] is not places:
            shares = np.zeros(len(places), np.float32)
            shares[known] = queries.moved(self.map.layouts[layout].places[known], places[known])
            held = self._moved[layout] = places, shares
        return held[1]

    @cached_property
    def contours(self) -> dict[str, Contours]:
        """The contours of all faces in each layout: see :func:`pipeline.map.density.contours`."""
        return {name: contours(layout.places) for name, layout in self.map.layouts.items()}

    @cached_property
    def _moved(self) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
        return {}

    @cached_property
    def facets(self) -> dict[str, Facet]:
        """What the faces can be filtered by."""
        return facets_of(self.gallery, self.map)


def prepared_map(opened: Gallery) -> PreparedMap:
    """A gallery's map, read again when it, or the network whose codes it shows, has changed. Raises MapError."""
    network = network_of_codes(opened)
    files = [map_path(opened), opened.folder / layout.CODES, *([network / storage.MANIFEST] if network else [])]
    stamps = tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in files)
    return _prepared_map(str(opened.folder), opened.manifest, stamps, opened)


@watching.dropped_with_galleries
@st.cache_resource(show_spinner="Opening the map", max_entries=4)
def _prepared_map(folder: str, manifest: dict[str, Any], changed: tuple[int, ...], _opened: Gallery) -> PreparedMap:
    opened_map = open_map(_opened)
    warning = ""
    try:
        opened_map = replace(opened_map, layouts=opened_map.layouts | open_code_layouts(_opened))
    except MapError as error:
        warning = str(error)
    part = part_on_map(_opened)
    names = part.faces["name"].to_pylist()
    sources = part.faces["source"].combine_chunks().dictionary_encode()
    layouts = {name: layout.places for name, layout in opened_map.layouts.items()}
    points = Points.packed(layouts, part.person_of_row, [names[row] for row in part.first_rows.tolist()])
    numbered = (np.asarray(sources.indices), sources.dictionary.to_pylist())
    exemplars = _with_sizes(opened_map.typical, opened_map.clusters)
    found = opened_map.families
    families = _with_sizes(found.typical, found.of_person[found.of_person >= 0]) if found else []
    return PreparedMap(_opened, part, opened_map, points, names, numbered, exemplars, families, warning)


def _with_sizes(rows: NDArray[np.int64], groups: NDArray[Any]) -> list[tuple[int, int]]:
    """The row of each group's most typical face, with the group's size."""
    return list(zip(rows.tolist(), np.bincount(groups).tolist(), strict=True))
