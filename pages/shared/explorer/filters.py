"""Filters of the map: a histogram or the most common values of each thing that is known, each with a choice.

The address holds what is chosen; the widgets show it. Each counts the faces that the other filters leave.
"""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.shared import url_state
from pages.shared.explorer.view import MapView
from pages.shared.text import escape
from pipeline.gallery.columns import Condition
from pipeline.map.facets import Categories, Facet, Numbers, mask_of

# With so many values, pills; with more, a list to search.
_PILLS_MAX, _VALUES_MAX = 8, 300
_BARS = """<div role="img" aria-label="{label}" style="display: flex; align-items: end; gap: 1px; height: 44px">
{bars}</div>"""
_BAR = """<i style="flex: 1; height: {height:.0f}%; background: linear-gradient(to top,
light-dark(#0f6b63, #3fb8a8) {share:.0f}%, color-mix(in srgb, currentColor 18%, transparent) 0)"></i>"""


def draw(view: MapView) -> None:
    """The button that opens the filters, and how many faces they leave."""
    # A button with another label would be another button, which is closed.
    st.caption(f"Faces: {int(view.filtered.sum()):,}" if view.conditions else "Faces: all")
    button = st.popover("Filter", icon=":material/filter_list:", key="filters", on_change="rerun")
    if not button.open:
        return
    with button:
        for facet in view.facets.values():
            _draw_facet(view, facet)
        st.button(
            "Show all faces",
            icon=":material/filter_list_off:",
            on_click=url_state.filter_by,
            args=([],),
            disabled=not view.conditions,
        )


def _draw_facet(view: MapView, facet: Facet) -> None:
    others = [condition for condition in view.conditions if condition.column != facet.name]
    own = next((condition for condition in view.conditions if condition.column == facet.name), None)
    shown = mask_of(view.facets, others, len(view.gallery))
    key = f"facet {view.gallery.name} {facet.name}"
    st.markdown(f"**{escape(facet.name.capitalize())}**")
    if isinstance(facet, Numbers):
        _draw_numbers(facet, own, shown, key)
    else:
        _draw_categories(facet, own, shown, key)


def _draw_numbers(facet: Numbers, own: Condition | None, shown: NDArray[np.bool_], key: str) -> None:
    every, some = facet.histogram(shown)
    # By their square root, so that few can be seen beside many.
    heights = 100 * np.sqrt(every / max(every.max(), 1))
    shares = 100 * np.sqrt(some / np.maximum(every, 1))
    bars = "".join(_BAR.format(height=height, share=share) for height, share in zip(heights, shares, strict=True))
    low, high = facet.ends
    st.html(_BARS.format(label=f"How many faces have which {facet.name}, from {low:g} to {high:g}", bars=bars))
    # Steps of ones, or of hundredths.
    steps = 1 if high - low > 1.5 else 100
    ends = float(np.floor(low * steps) / steps), float(np.ceil(high * steps) / steps)
    least, most = own.ranges()[0] if own else ends
    st.session_state[key] = (max(least, ends[0]), min(most, ends[1]))
    st.slider(
        facet.name.capitalize(),
        *ends,
        step=1 / steps,
        format="%.0f" if steps == 1 else "%.2f",
        key=key,
        label_visibility="collapsed",
        on_change=_filter_by_range,
        args=(facet.name, key, ends),
    )


def _draw_categories(facet: Categories, own: Condition | None, shown: NDArray[np.bool_], key: str) -> None:
    counts = facet.counts(shown)
    order = np.argsort(-np.bincount(facet.numbers, minlength=len(facet.texts)), kind="stable")[:_VALUES_MAX]
    names = [facet.texts[number] for number in order.tolist()]
    if own:
        names += [text for text in own.values if text not in names]
    said = {text: f"{text} · {int(counts[facet.texts.index(text)]):,}" for text in names}
    st.session_state[key] = list(own.values) if own else []
    if len(names) <= _PILLS_MAX:
        st.pills(
            facet.name.capitalize(),
            names,
            selection_mode="multi",
            format_func=lambda text: escape(said[text]),
            key=key,
            label_visibility="collapsed",
            on_change=_filter_by_texts,
            args=(facet.name, key),
        )
    else:
        st.multiselect(
            facet.name.capitalize(),
            names,
            format_func=said.__getitem__,
            key=key,
            placeholder="All",
            label_visibility="collapsed",
            on_change=_filter_by_texts,
            args=(facet.name, key),
        )


def _filter_by_range(name: str, key: str, ends: tuple[float, float]) -> None:
    low, high = st.session_state[key]
    whole = (low, high) == ends
    _replace(name, None if whole else Condition(name, (f"{low:g}..{high:g}",)))


def _filter_by_texts(name: str, key: str) -> None:
    chosen = st.session_state[key]
    _replace(name, Condition(name, tuple(chosen)) if chosen else None)


def _replace(name: str, condition: Condition | None) -> None:
    """Put a condition in the place of the one with that name."""
    kept = [text for text in url_state.conditions() if Condition.parse(text).column != name]
    url_state.filter_by([*kept, *([str(condition)] if condition else [])])
