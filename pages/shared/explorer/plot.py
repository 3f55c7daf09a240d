"""The plot of the map: its colours, its marks, and what clicks on it do."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import streamlit as st

from pages.shared import scatter, url_state
from pages.shared.explorer.view import SMALL_PX, MapView
from pages.shared.scatter import Colouring, Mark

_KEY = "map"
COLOURS = {
    "Source": "Where the photos come from.",
    "Cluster": "Groups of similar faces, found by k-means on the embeddings, not on the map.",
    "Quality": "How sure the detector is of the face; less for small faces.",
    "Trust": "How many of a face's ten nearest photos are near it on the map, too.",
    "Distance": "How far each face is from the chosen one: half of one minus the cosine.",
}


def draw(view: MapView, colour: str) -> None:
    """The plot."""
    marks = _marks(view)
    links = [(0, number) for number in range(1, len(marks))]
    scatter.draw(
        _KEY,
        view.prepared.points,
        view.layout_name,
        _colouring(view, colour),
        marks,
        links,
        None if view.area is None else view.area.tolist(),
        f"{view.gallery.name} {view.layout_name} {url_state.flights()}",
        f"Map of {len(view.gallery):,} faces. Arrow keys move it, plus and minus zoom; search finds a person.",
        on_picked_change=_on_click,
        on_found_change=_on_search,
        on_area_change=_on_area,
    )


def _colouring(view: MapView, colour: str) -> Colouring:
    match colour:
        case "Cluster":
            clusters = view.map.clusters
            return scatter.by_category(clusters, [f"Cluster {n + 1}" for n in range(int(clusters.max()) + 1)])
        case "Quality":
            return scatter.by_value(view.map.quality, 0, 1, ("poor", "good"))
        case "Trust":
            return scatter.by_value(view.layout.kept, 0, 1, ("misleading", "faithful"))
        case "Distance" if view.face is None:
            return scatter.by_value(np.zeros(len(view.gallery)), 0, 1, ("choose a face", ""))
        case "Distance":
            # Copies have a cosine of 1; strangers are rarely below -0.1.
            return scatter.by_value(view.cosines, -0.1, 0.9, ("far", "near"))
    return scatter.by_category(*view.prepared.sources)


def _marks(view: MapView) -> list[Mark]:
    """The chosen face, then its neighbours or the face that it is compared with."""
    if view.face is None:
        return []
    marks = [Mark(view.row, view.place, view.name(view.row), "chosen", view.portrait(view.row, SMALL_PX))]
    kind: Literal["near", "other"] = "near" if view.other is None else "other"
    for row in view.neighbours if view.other is None else [view.other]:
        picture = view.portrait(row, SMALL_PX)
        marks.append(Mark(row, view.layout.places[row], view.name(row), kind, picture, view.is_far(row)))
    return marks


def _on_click() -> None:
    """A click on a face, or next to all of them."""
    click: dict[str, Any] = st.session_state[_KEY].picked
    row = click["row"]
    if row is None:
        url_state.choose(None, fly=False)
    elif "face" in st.query_params and (click["beside"] or st.session_state.get("comparing")):
        url_state.compare(st.query_params["face"], row, fly=False)
    else:
        url_state.choose(row, fly=False)


def _on_search() -> None:
    """A name was picked in the search."""
    url_state.choose(st.session_state[_KEY].found)


def _on_area() -> None:
    """A box or lasso was drawn."""
    st.session_state.pop("wall", None)
    url_state.select(st.session_state[_KEY].area)
