"""Who looks alike in the whole gallery: pairs of doubles, families, and clusters, each with faces to click."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.shared import long_list, map_refit, public, thumbnails
from pages.shared.explorer.view import MapView
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
    shown = long_list.shown("doubles", _PAIRS)
    distances = queries.to_distance(found.cosines[:shown])
    for (one, other), distance in zip(found.doubles[:shown].tolist(), distances.tolist(), strict=True):
        with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall"):
            for row in (one, other):
                thumbnails.draw(view.gallery, row, view.name(row), width_px=48)
            # The button itself would centre the names.
            with st.container(width="stretch"):
                st.button(
                    f"{escape(view.name(one))} and {escape(view.name(other))}",
                    key=f"double {one} {other}",
                    on_click=compare,
                    args=(view.number(one), view.number(other)),
                    type="tertiary",
                    wrap=True,
                    help=f"Distance {distance:.3f}. Click to compare their photos.",
                )
    if shown < len(found.doubles):
        long_list.draw_more("doubles", shown, 2 * _PAIRS)


def _draw_families(view: MapView) -> None:
    """Families of people who resemble one another, those of a branch next to each other."""
    found = view.map.families
    assert found
    alone = int((found.of_person < 0).sum())
    st.caption(
        f"{plural(len(found.branches), 'family', 'families')} of people who resemble one another. "
        f"{plural(alone, 'person', 'people')} {'is' if alone == 1 else 'are'} in none."
    )
    shown = long_list.shown("families", _FAMILIES)
    # Branches come in the order of their largest families.
    order = np.argsort(found.branches, kind="stable")[:shown]
    draw_grid(view, order.tolist())
    if shown < len(found.branches):
        long_list.draw_more("families", shown, 2 * _FAMILIES)


def draw_grid(view: MapView, families: list[int]) -> None:
    """The most typical face of each of these families."""
    grid = st.grid(3, min_column_width=80)
    for number in families:
        row, people = view.prepared.families[number]
        with grid.cell():
            name = view.name(row)
            thumbnails.draw(view.gallery, row, name)
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
            thumbnails.draw(view.gallery, row, name)
            st.button(
                plural(count, "photo"),
                key=f"cluster {row}",
                type="tertiary",
                on_click=choose,
                args=(view.number(row),),
                help=escape(name),
            )


def _offer_to_fit(view: MapView, what: str) -> None:
    """Maps of earlier versions know neither doubles nor families."""
    st.caption(f"This map was fitted by an earlier version, without {what}.")
    if not public.is_public():
        fit = (map_refit.begin, view.gallery.name)
        st.button("Fit the map again", key=f"fit for {what}", on_click=public.unless_visitor, args=fit)
