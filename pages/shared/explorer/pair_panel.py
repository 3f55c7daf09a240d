"""The panel of two people: their most and least similar photos."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.shared.explorer.face_panel import draw_close
from pages.shared.explorer.view import MapView
from pages.shared.faces import inline
from pages.shared.text import escape, name_html
from pages.shared.url_state import compare
from pipeline.map import queries
from pipeline.similarity import registry


def draw(view: MapView, other: int) -> None:
    """The panel."""
    people, embeddings = view.gallery.person_of_row, view.gallery.embeddings
    rows: list[int | None] = [None]
    own, same = view.embedding[None], False
    if view.row is not None:
        own_rows = np.flatnonzero(people == people[view.row])
        rows = [*own_rows.tolist()]
        own, same = embeddings[own_rows], bool(people[view.row] == people[other])
    others = np.flatnonzero(people == people[other]).tolist()
    pairs = queries.compare_photos(own, embeddings[others], same_photos=same)
    with st.container(border=True):
        one, two = name_html(view.name(view.row)), name_html(view.name(other))
        st.html(f"<strong style='font-size: 1.25rem'>{one} and {two}</strong>")
        if pairs is None:
            st.caption("There is only one photo of this person.")
        elif pairs.most == pairs.least:
            first, second = pairs.most
            _draw_photos(view, "The photos", rows[first], others[second], own[first])
        else:
            for title, (first, second) in (
                ("Most similar photos", pairs.most),
                ("Least similar photos", pairs.least),
            ):
                _draw_photos(view, title, rows[first], others[second], own[first])
            st.caption(f"{pairs.count:,} pairs, mean distance {pairs.mean_distance:.3f}")
        with st.container(horizontal=True):
            back = (view.number(view.face), None)
            st.button("Back", icon=":material/arrow_back:", on_click=compare, args=back, type="tertiary")
            st.space("stretch")
            draw_close()


def _draw_photos(view: MapView, title: str, row: int | None, other: int, embedding: NDArray[np.float32]) -> None:
    """Two photos with their distance by every scorer."""
    st.markdown(f"**{title}**")
    grid = st.grid(2, min_column_width=88)
    for shown in (row, other):
        with grid.cell():
            st.image(inline(view.portrait(shown)), width="stretch", alt=f"Photo of {view.name(shown)}")
    identity = view.gallery.manifest.get("embedding")
    scorers = [registry.scorer_for(identity, name) for name in reversed(registry.SCORERS)]
    with st.container(horizontal=True):
        # A gallery without a trained network has one scorer under all names.
        for name, scorer in {scorer.name: scorer for scorer in scorers}.items():
            distance = scorer.distances(embedding, scorer.prepare(view.gallery.embeddings[[other]]))
            (likeness,) = scorer.calibration.likenesses(distance, view.prepared.whole.people_count)
            st.metric(
                f"Distance, {escape(name)}",
                f"{distance[0]:.3f}",
                f"resemblance {likeness.resemblance:.0f}, {likeness.phrase}" if likeness.has_resemblance else None,
                delta_color="off",
                delta_arrow="off",
            )
