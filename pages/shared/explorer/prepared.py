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


@dataclass(frozen=True)
class PreparedMap:
    """A map with the packed points of its plot.

    names: of the person in each row. sources: the number of each row's source, (n,), and their names.
    exemplars: the row of each cluster's most typical face and how many photos the cluster has, the largest first.
    families: the row of each family's most typical face and how many people it has, by the family's number.
    warning: why the layouts of a network's codes cannot be shown, or "".
    """

    gallery: Gallery
    map: FaceMap
    points: Points
    names: list[str]
    sources: tuple[NDArray[np.int32], list[str]]
    exemplars: list[tuple[int, int]]
    families: list[tuple[int, int]]
    warning: str = ""

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
    names = _opened.faces["name"].to_pylist()
    sources = _opened.faces["source"].combine_chunks().dictionary_encode()
    layouts = {name: layout.places for name, layout in opened_map.layouts.items()}
    points = Points.packed(layouts, _opened.person_of_row, [names[row] for row in _opened.first_rows.tolist()])
    numbered = (np.asarray(sources.indices), sources.dictionary.to_pylist())
    exemplars = queries.exemplars(_opened.embeddings, opened_map.clusters)
    families = _families(_opened, opened_map)
    return PreparedMap(_opened, opened_map, points, names, numbered, exemplars, families, warning)


def _families(opened: Gallery, opened_map: FaceMap) -> list[tuple[int, int]]:
    found = opened_map.families
    if found is None:
        return []
    rows = np.flatnonzero(found.of_person[opened.person_of_row] >= 0)
    numbers = found.of_person[opened.person_of_row[rows]]
    typical = queries.typical_rows(np.asarray(opened.embeddings[rows]), numbers)
    people = np.bincount(found.of_person[found.of_person >= 0])
    return list(zip(rows[typical].tolist(), people.tolist(), strict=True))
