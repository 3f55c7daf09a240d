"""The scatter plot that the explorer shows: a component of our own, drawn by WebGL in the browser (``scatter.js``).

``st.plotly_chart`` sends all points anew with every new mark on them; here places, names and colours are sent once
each, and a click costs a few kilobytes. Nothing is fetched from elsewhere.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import streamlit as st

_HERE = Path(__file__).parent
_SCRIPTS = ("scatter.js", "scatter_points.js", "scatter_faces.js")
_PLACES, _PEOPLE, _NAMES, _COLOURS, _STATES, _CONTOURS = range(6)
# Places, states and contours are a chart's own, with a number beyond these for each chart; all else is of all charts.
_KINDS = 8
# How a face is drawn.
GONE, DIM, LIT = range(3)
# As many as chartCategoricalColors in .streamlit/config.toml; what is beyond them is grey.
CATEGORIES_MAX = 7


@dataclass(frozen=True)
class Mark:
    """A face shown by its picture, an address. row: None for one that is not in the gallery. far: from the chosen."""

    row: int | None
    place: np.ndarray
    name: str
    kind: Literal["chosen", "other", "near"]
    picture: str
    far: bool = False


@dataclass(frozen=True)
class Colouring:
    """What the colours say: values uint8 (n,); categories with their counts, or the words at the ends of a scale."""

    values: np.ndarray
    categories: Sequence[tuple[str, int]] | None = None
    scale: tuple[str, str] = ("", "")


def by_category(numbers: np.ndarray, names: Sequence[str]) -> Colouring:
    """Colours for categories, int (n,), the largest first; what is beyond the colours there are is one grey rest."""
    counts = np.bincount(numbers, minlength=len(names))
    order = np.argsort(-counts, kind="stable")
    shown = [(names[number], int(counts[number])) for number in order]
    if len(shown) > CATEGORIES_MAX:
        shown[CATEGORIES_MAX:] = [("Others", sum(count for _, count in shown[CATEGORIES_MAX:]))]
    places = np.minimum(np.argsort(order), CATEGORIES_MAX)
    return Colouring(places[numbers].astype(np.uint8), shown)


def by_value(values: np.ndarray, low: float, high: float, scale: tuple[str, str]) -> Colouring:
    """Colours for numbers, float (n,), of which ``low`` and ``high`` are the ends of the scale."""
    along = np.clip((values - low) / ((high - low) or 1), 0, 1)
    return Colouring((255 * along).astype(np.uint8), scale=scale)


@dataclass(frozen=True)
class Points:
    """What is sent once: places by layout and the people's names, packed."""

    places: dict[str, bytes]
    people: bytes
    names: bytes

    @classmethod
    def packed(cls, layouts: dict[str, np.ndarray], people: np.ndarray, names: Sequence[str]) -> Points:
        """Pack places, float32 (n, 2) in -1..1, the person's number of each row, and the names of the people."""
        places = {name: _packed_places(of) for name, of in layouts.items()}
        lines = "\n".join(" ".join(name.split()) for name in names)
        return cls(places, _packed(_PEOPLE, people.astype("<u4")), _packed(_NAMES, lines.encode()))

    def with_layout(self, name: str, places: np.ndarray) -> Points:
        """The same people in one layout more, places float32 (n, 2) in -1..1."""
        return replace(self, places={**self.places, name: _packed_places(places)})


def _packed_places(places: np.ndarray) -> bytes:
    return _packed(_PLACES, np.round((places + 1) * 32767.5).clip(0, 65535).astype("<u2"))


def _packed(kind: int, content: np.ndarray | bytes) -> bytes:
    return bytes([kind]) + zlib.compress(content if isinstance(content, bytes) else content.tobytes(), 1)


def draw(
    key: str,
    points: Points,
    layout: str,
    colouring: Colouring,
    hidden: Sequence[int],
    states: np.ndarray,
    contours: Sequence[Sequence[np.ndarray]],
    marks: Sequence[Mark],
    links: Sequence[tuple[int, int]],
    area: Sequence[tuple[float, float]] | None,
    flight: str,
    label: str,
    thumbnails: str,
    chart: int,
    **callbacks: Callable[[], None],
) -> None:
    """Draw the plot.

    hidden: the numbers of the categories that the legend hides. states: uint8 (n,), how each face is drawn: ``GONE``
    ones cannot be seen or picked. contours: closed lines, float32 (points, 2), from the widest to the densest parts.
    links: pairs of marks that a line joins. area: the corners of what is selected.
    flight: when it changes, the view flies to the first mark. thumbnails: the address below which the picture of a
    row is, as ``ROW.jpg``, or "" for no faces on the map. chart: 1 for a second map of the same faces, with the
    layout's name and without search, legend and selection, beside the map 0.

    callbacks, with the value in ``st.session_state[key]``:
    ``on_picked_change`` (a click: ``{"row": int | None, "beside": bool}``), ``on_found_change`` (by search:
    ``{"row": int, "hidden": names}``), ``on_area_change`` (corners) and ``on_hidden_change`` (the names of the hidden
    categories).
    """
    _component()(
        key=key,
        data={
            "label": label,
            "flight": flight,
            "categories": colouring.categories,
            "scale": colouring.scale,
            "hidden": hidden,
            "marks": [_mark(mark) for mark in marks],
            "links": links,
            "area": area,
            "thumbnails": thumbnails,
            "chart": chart,
            "title": layout if chart else "",
        },
        **callbacks,
    )
    places = bytes([_KINDS * chart + _PLACES]) + points.places[layout][1:]
    lines = json.dumps([[line.round(4).tolist() for line in level] for level in contours])
    sent = [
        places,
        _packed(_KINDS * chart + _STATES, states),
        _packed(_KINDS * chart + _CONTOURS, lines.encode()),
    ]
    if not chart:
        sent += [points.people, points.names, _packed(_COLOURS, colouring.values)]
    for piece in sent:
        _component()(key=f"{key} {piece[0]}", data=piece)


@cache
def _component() -> Any:
    return st.components.v2.component(
        "scatter",
        js="".join((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS),
        css=(_HERE / "scatter.css").read_text(encoding="utf-8"),
    )


def _mark(mark: Mark) -> dict[str, Any]:
    return {
        "row": mark.row,
        "place": [round(float(value), 5) for value in mark.place],
        "name": mark.name,
        "kind": mark.kind,
        "far": mark.far,
        "picture": mark.picture,
    }
