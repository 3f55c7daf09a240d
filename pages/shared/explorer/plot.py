"""The plot of the map: its colours, its marks, and what clicks on it do."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.shared import faces, scatter, thumbnails, url_state
from pages.shared.explorer.beside import Beside
from pages.shared.explorer.view import MapView
from pages.shared.scatter import Mark
from pipeline.map.layouts import Layout

# So many people of a family are marked.
_MEMBERS_MAX = 16


def draw(view: MapView) -> None:
    """The plot."""
    marks = _marks(view, view.layout)
    # What was searched, hidden or zoomed on a gallery's map stays with that gallery.
    key = f"map of {view.gallery.name}"
    scatter.draw(
        key,
        view.prepared.points,
        view.layout_name,
        view.colouring,
        view.hidden,
        view.states,
        view.contours_in(view.layout, view.prepared.contours[view.layout_name]),
        marks,
        _links(view, marks),
        None if view.area is None else view.area.tolist(),
        f"{view.gallery.name} {view.layout_name} {url_state.flights()}",
        f"Map of {len(view.gallery):,} faces. Arrow keys move it, plus and minus zoom; search finds a person.",
        thumbnails.address(view.gallery),
        chart=0,
        on_picked_change=partial(_on_click, key, view.prepared.numbers),
        on_found_change=partial(_on_search, key, view.prepared.numbers),
        on_area_change=partial(_on_area, key),
        on_hidden_change=partial(_on_hidden, key),
    )


def draw_beside(view: MapView, second: Beside) -> None:
    """The same faces in another map, with the same choice and selection."""
    marks = _marks(view, second.layout)
    key = f"map beside {view.gallery.name}"
    states = view.states
    if view.area is not None:
        states = np.minimum(states, scatter.DIM)
        states[view.selected] = scatter.LIT
    states = np.where(second.known, states, scatter.GONE).astype(np.uint8)
    scatter.draw(
        key,
        second.points,
        view.beside,
        view.colouring,
        view.hidden,
        states,
        view.contours_in(second.layout, second.contours),
        marks,
        _links(view, marks),
        None,
        f"{view.gallery.name} {view.beside} {url_state.flights()}",
        f"The same faces by {view.beside}. Arrow keys move the map, plus and minus zoom.",
        thumbnails.address(view.gallery),
        chart=1,
        on_picked_change=partial(_on_click, key, view.prepared.numbers),
    )


def _marks(view: MapView, layout: Layout) -> list[Mark]:
    """The chosen face, then its neighbours or the face that it is compared with; or the people of a family.

    Only those that have a place in the layout; without the chosen face there are none.
    """
    known = view.is_on(layout)
    if view.face is None:
        rows = [] if view.family is None else [row for row in view.members[:_MEMBERS_MAX] if known[row]]
        return [Mark(row, layout.places[row], view.name(row), "near", _picture(view, row)) for row in rows]
    if view.row is not None and not known[view.row]:
        return []
    marks = [Mark(view.row, view.place_in(layout), view.name(view.row), "chosen", _picture(view, view.row))]
    kind: Literal["near", "other"] = "near" if view.other is None else "other"
    for row in [row for row in (view.neighbours if view.other is None else [view.other]) if known[row]]:
        far = view.is_far(row, layout)
        marks.append(Mark(row, layout.places[row], view.name(row), kind, _picture(view, row), far))
    return marks


def _picture(view: MapView, row: int | None) -> str:
    """The address of a face; None stands for the visitor's, which has none: it is part of the page."""
    if row is None:
        return faces.inline(view.portrait(row, thumbnails.SMALL_PX))
    return f"{thumbnails.address(view.gallery)}/{row}.jpg"


def _links(view: MapView, marks: list[Mark]) -> list[tuple[int, int]]:
    """Lines from the chosen face to the others."""
    return [(0, number) for number in range(1, len(marks))] if view.face is not None else []


def _on_click(key: str, numbers: NDArray[np.int64]) -> None:
    """A click on a face, or next to all of them."""
    click: dict[str, Any] = st.session_state[key].picked
    if click["row"] is None:
        url_state.choose(None, fly=False)
    elif (face := st.query_params.get("face")) and (click["beside"] or st.session_state.get("comparing")):
        url_state.compare(face, int(numbers[click["row"]]), fly=False)
    else:
        url_state.choose(int(numbers[click["row"]]), fly=False)


def _on_search(key: str, numbers: NDArray[np.int64]) -> None:
    """A name was picked in the search; the legend shows that person's group again."""
    found = st.session_state[key].found
    url_state.hide(found["hidden"])
    url_state.choose(int(numbers[found["row"]]))


def _on_area(key: str) -> None:
    """A box or lasso was drawn."""
    st.session_state.pop("wall", None)
    url_state.select(st.session_state[key].area)


def _on_hidden(key: str) -> None:
    """A group was hidden by the legend, or shown again."""
    url_state.hide(st.session_state[key].hidden)
