"""Who looks alike in the whole gallery: pairs of doubles, families, and clusters, each with faces to click."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.shared import map_refit, public
from pages.shared.explorer.view import SMALL_PX, MapView
from pages.shared.text import escape, plural
from pages.shared.url_state import choose, choose_family, compare
from pipeline.map import queries

# Pairs and families at first, and with each click on "Show more".
_PAIRS, _FAMILIES = 5, 9


def draw(view: MapView) -> None:
    """All three, one at a time."""
    st.markdown("#### Who looks alike?")
    if view.map.families is None:
        map_refit.draw(view.gallery.name)
    doubles, families, clusters = st.tabs(["Doubles", "Families", "Clusters"])
    with doubles:
        _draw_doubles(view) if view.map.families else _offer_to_fit(view, "doubles")
    with families:
        _draw_families(view) if view.map.families else _offer_to_fit(view, "families")
    with clusters:
        _draw_clusters(view)


def _draw_doubles(view: MapView) -> None:
    """The most similar pairs of different people."""
    found = view.map.families
    assert found
    st.caption("The most similar pairs of different people.")
    shown = st.session_state.get("doubles", _PAIRS)
    distances = queries.to_distance(found.cosines[:shown])
    for (one, other), distance in zip(found.doubles[:shown].tolist(), distances.tolist(), strict=True):
        with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall"):
            for row in (one, other):
                st.image(view.portrait(row, SMALL_PX), width=48, alt=f"Photo of {view.name(row)}")
            st.button(
                f"{escape(view.name(one))} and {escape(view.name(other))}",
                key=f"double {one} {other}",
                on_click=compare,
                args=(one, other),
                type="tertiary",
                width="stretch",
                wrap=True,
                help=f"Distance {distance:.3f}. Click to compare their photos.",
            )
    _draw_more("doubles", shown, _PAIRS, len(found.doubles))


def _draw_families(view: MapView) -> None:
    """Families of people who resemble one another, those of a branch next to each other."""
    found = view.map.families
    assert found
    alone = int((found.of_person < 0).sum())
    st.caption(
        f"{plural(len(found.branches), 'family', 'families')} of people who resemble one another. "
        f"{plural(alone, 'person', 'people')} {'is' if alone == 1 else 'are'} in none."
    )
    shown = st.session_state.get("families", _FAMILIES)
    # Branches come in the order of their largest families.
    order = np.argsort(found.branches, kind="stable")[:shown]
    draw_grid(view, order.tolist())
    _draw_more("families", shown, _FAMILIES, len(found.branches))


def draw_grid(view: MapView, families: list[int]) -> None:
    """The most typical face of each of these families."""
    grid = st.grid(3, min_column_width=80)
    for number in families:
        row, people = view.prepared.families[number]
        with grid.cell():
            name = view.name(row)
            st.image(view.portrait(row), width="stretch", alt=f"Photo of {name}")
            st.button(
                plural(people, "person", "people"),
                key=f"family {number}",
                type="tertiary",
                on_click=choose_family,
                args=(number,),
                help=escape(f"{name} and {plural(people - 1, 'other')}"),
            )


def _draw_clusters(view: MapView) -> None:
    """A face of each cluster, the one nearest to the cluster's mean."""
    st.caption("Large groups, found on the embeddings by k-means. Each is shown by its most typical face.")
    grid = st.grid(3, min_column_width=80)
    for row, count in view.prepared.exemplars:
        with grid.cell():
            name = view.name(row)
            st.image(view.portrait(row), width="stretch", alt=f"Photo of {name}")
            st.button(
                plural(count, "photo"),
                key=f"cluster {row}",
                type="tertiary",
                on_click=choose,
                args=(row,),
                help=escape(name),
            )


def _draw_more(name: str, shown: int, more: int, count: int) -> None:
    if shown < count:
        st.button(
            "Show more",
            key=f"more {name}",
            icon=":material/expand_more:",
            type="tertiary",
            on_click=st.session_state.update,
            args=({name: shown + 2 * more},),
        )


def _offer_to_fit(view: MapView, what: str) -> None:
    """Maps of earlier versions know neither doubles nor families."""
    st.caption(f"This map was fitted by an earlier version, without {what}.")
    if not public.is_public():
        name = view.gallery.name
        st.button("Fit the map again", key=f"fit for {what}", on_click=map_refit.begin, args=(name,))
