"""What the address of a page says: it keeps what is selected, so that a view can be shared.

Every parameter is declared here: which page reads it, and which of its values fit what there is. What does not fit is
dropped from the address, and the visitor is told once, in one sentence. Parameters that the app does not know, such
as those that other sites add to a link, are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from pages.shared import streamlit_fixes

# Instead of a row: the finder's face.
YOU = "you"
# The browser draws areas of fewer corners, and close to the map, which lies within -1..1.
_CORNERS_MAX, _FAR = 100, 100.0
_MISFIT = "Parts of this link don't fit here and were left out."
_TOLD = "misfits told"


@dataclass(frozen=True)
class Parameter:
    """A parameter of the address.

    page: the title of the page that reads it, "" for all pages.
    fitting: the values that fit, given all values and what there is on the page; nothing where none fits.
    complaint: what the visitor is told when a value does not fit.
    """

    page: str
    fitting: Callable[[list[str], Any], list[str]]
    complaint: str = _MISFIT


# What fits ----------------------------------------------------------------------------------------------------------


def _single(fits: Callable[[str, Any], bool], values: list[str], known: Any) -> list[str]:
    return values if len(values) == 1 and fits(values[0], known) else []


def _several(values: list[str], known: Collection[str]) -> list[str]:
    """The known ones, each once; a single empty value says that none is chosen."""
    return values if values == [""] else [value for value in dict.fromkeys(values) if value in known]


def _listed(values: list[str], known: Collection[str]) -> list[str]:
    """The known ones of one value that lists them with commas; an empty one says that none is chosen."""
    if len(values) != 1 or not values[0]:
        return values[:1] if values == [""] else []
    found = ",".join(_several(values[0].split(","), known))
    return [found] if found else []


def _is_row(text: str, known: Container[int]) -> bool:
    return re.fullmatch("[0-9]{1,9}", text) is not None and int(text) in known


def _is_face(text: str, known: tuple[Container[int], bool]) -> bool:
    """known: the rows that there are, and whether the finder's face is on the map."""
    rows, you = known
    return you if text == YOU else _is_row(text, rows)


def _is_share(text: str, known: tuple[float, float]) -> bool:
    """Whether a number is within the range ``known``."""
    try:
        return len(text) < 20 and known[0] <= float(text) <= known[1]
    except ValueError:
        return False


def _conditions(values: list[str], fits: Callable[[str], bool]) -> list[str]:
    """Those that fit the map."""
    return [value for value in dict.fromkeys(values) if fits(value)]


_choice = partial(_single, lambda text, known: text in known)
_row, _face, _share = (partial(_single, fits) for fits in (_is_row, _is_face, _is_share))
_area = partial(_single, lambda text, _: _corners(text) is not None)
_switch = partial(_single, lambda text, _: text in ("true", "false"))

PARAMETERS = {
    "gallery": Parameter("", _choice, "There is no such gallery here."),
    "group": Parameter("Finder", _choice, "This gallery has no group as in this link to compare with."),
    "face": Parameter(
        "Explorer",
        _face,
        "The face in this link isn't on this map; yours is there once the finder has a photo of you.",
    ),
    "other": Parameter("Explorer", _row, "There is no second face as in this link to compare with."),
    "area": Parameter("Explorer", _area, "The area in this link can't be read."),
    "family": Parameter("Explorer", _row, "This map has no family of look-alikes as in this link."),
    "where": Parameter("Explorer", _conditions, "A filter in this link doesn't fit this map."),
    "layout": Parameter("Explorer", _choice, "This map has no layout as in this link."),
    "beside": Parameter("Explorer", _choice, "This map has no layout as in this link."),
    "colour": Parameter("Explorer", _choice, "This map has no colours as in this link."),
    "hidden": Parameter("Explorer", _several, "This link hides groups that aren't on this map."),
    "runs": Parameter("Training", _listed, "Some runs in this link aren't here."),
    "filter": Parameter("Training", _several, "No run fits the filter in this link."),
    "view": Parameter("Training", _choice),
    "along": Parameter("Training", _choice),
    "smoothing": Parameter("Training", _share),
    "logarithmic": Parameter("Training", _switch),
    "trained": Parameter("Training", _switch),
    "measures": Parameter("Training", _several),
    "grouped": Parameter("Training", _choice),
}

# What is of other faces after a change of the gallery and its map.
OF_ROWS = ("face", "other", "area", "family")


def check(**known: Any) -> list[str]:
    """Drop what does not fit from the address, tell the visitor, and return the names of what was dropped.

    known: what there is, by the parameter's name. A parameter that a widget holds already is the widget's.
    """
    dropped = {}
    for name, there_is in known.items():
        values = st.query_params.get_all(name)
        if values and not streamlit_fixes.is_held_by_widget(name):
            fitting = PARAMETERS[name].fitting(values, there_is)
            if fitting != values:
                dropped[name] = values
                streamlit_fixes.set_parameter(name, fitting)
    _tell(dropped)
    return list(dropped)


def check_page(title: str) -> None:
    """Drop what only other pages read from the address, and tell the visitor."""
    elsewhere = [name for name, parameter in PARAMETERS.items() if parameter.page not in ("", title)]
    dropped = {name: values for name in elsewhere if (values := st.query_params.get_all(name))}
    for name in dropped:
        streamlit_fixes.set_parameter(name, [])
    _tell(dropped, _MISFIT)


def _tell(dropped: dict[str, list[str]], complaint: str = "") -> None:
    """Tell of what was dropped, once: a run that was asked for before comes with the old address again."""
    told = st.session_state.setdefault(_TOLD, set())
    new = {name: hash((name, *values)) for name, values in dropped.items()}
    complaints = {complaint or PARAMETERS[name].complaint for name, number in new.items() if number not in told}
    told.update(new.values())
    if complaints:
        text = complaints.pop() if len(complaints) == 1 else _MISFIT
        st.toast(text, icon=":material/link_off:", duration="long")


# What is selected ---------------------------------------------------------------------------------------------------


def choose(face: int | str | None, fly: bool = True) -> None:
    """Choose a face by its row, the finder's face, or none. The map flies there."""
    _put("other", None)
    _put("face", face)
    _fly(fly)


def compare(face: int | str | None, other: int | None, fly: bool = True) -> None:
    """Compare the chosen face with a second one, or stop comparing.

    Both are given: a click on what an earlier run left on the screen comes with an earlier URL.
    """
    _put("face", face)
    _put("other", other)
    _fly(fly)


def select(corners: Sequence[Sequence[float]] | None) -> None:
    """Select the faces within an area of the map."""
    forget("face", "other", "family")
    _put("area", " ".join(f"{x:g},{y:g}" for x, y in corners) if corners else None)


def choose_family(number: int | None) -> None:
    """Choose a family of look-alikes, or none. The map shows all of it."""
    forget("face", "other", "area", "where")
    _put("family", number)
    _fly(fly=True)


def hide(groups: Sequence[str]) -> None:
    """Hide these groups of the legend."""
    _put("hidden", groups or None)


def filter_by(conditions: Sequence[str]) -> None:
    """Show only the faces that fit these conditions, such as ``quality=0.5..1``."""
    _put("where", list(conditions) or None)


def conditions() -> list[str]:
    """The conditions on the faces that are shown, in an address that was checked."""
    return st.query_params.get_all("where")


def to_save(widgets: Mapping[str, str]) -> dict[str, list[str]]:
    """What the explorer's address says of the view, but for the visitor's own face.

    widgets: the parameters that widgets hold, with their values, "" for none.
    """
    names = [name for name, parameter in PARAMETERS.items() if parameter.page == "Explorer"]
    said = {name: values for name in names if (values := st.query_params.get_all(name))}
    said |= {name: [value] for name, value in widgets.items() if value}
    return {name: values for name, values in said.items() if (name, values) != ("face", [YOU])}


def show_saved(address: dict[str, list[str]], widgets: dict[str, str | None]) -> None:
    """Show what :func:`to_save` has given, instead of the present view. The map flies to what is chosen.

    widgets: the parameters that widgets hold, with the values of those that were not saved.
    """
    for name, parameter in PARAMETERS.items():
        if name in widgets:
            (st.session_state[name],) = address.get(name, [widgets[name]])
        elif parameter.page == "Explorer":
            _put(name, address.get(name))
    _fly(fly=True)


def forget(*names: str) -> None:
    """Clear the selection, or these parts of it."""
    for name in names or ("face", "other", "area", "family", "hidden", "where"):
        _put(name, None)


def flights() -> int:
    """How many times the map was asked to fly to the chosen face."""
    return int(st.session_state.get("flights", 0))


def face() -> int | str | None:
    """The row of the chosen face, or ``YOU`` for the finder's, in an address that was checked."""
    text = st.query_params.get("face")
    return text if text in (YOU, None) else int(text)


def other() -> int | None:
    """The row of the face to compare with, in an address that was checked."""
    text = st.query_params.get("other")
    return None if text is None else int(text)


def family() -> int | None:
    """The number of the chosen family, in an address that was checked."""
    text = st.query_params.get("family")
    return None if text is None else int(text)


def area() -> np.ndarray | None:
    """The corners of the selected area, float64 (corners, 2), if any."""
    return _corners(st.query_params.get("area", ""))


def hidden() -> list[str]:
    """The hidden groups of the legend."""
    return st.query_params.get_all("hidden")


def _corners(text: str) -> np.ndarray | None:
    try:
        corners = [tuple(map(float, pair.split(","))) for pair in text.split(maxsplit=_CORNERS_MAX)]
        found = np.array(corners, np.float64).reshape(len(corners), 2)
    except ValueError:
        return None
    return found if len(found) > 2 and (np.abs(found) < _FAR).all() else None


def _fly(fly: bool) -> None:
    st.session_state.flights = flights() + fly


def _put(name: str, value: object) -> None:
    if value is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = value if isinstance(value, list) else str(value)
