"""The explorer: the map of a gallery's faces, whom each is near in truth, and where the map misleads."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import streamlit as st

from pages.shared import faces, navigation, problems, scatter, session, url_state
from pages.shared.scatter import Colouring, Mark, Points
from pages.shared.streamlit_fixes import require_router
from pages.shared.text import NOTE, escape, name_html
from pages.shared.url_state import YOU, choose, compare, select
from pipeline import storage
from pipeline.errors import MapError, UserError
from pipeline.gallery.gallery import Gallery
from pipeline.lookalikes import Probe
from pipeline.map import queries
from pipeline.map.files import CODES_FILE, map_path, network_of_codes, open_code_layouts, open_map
from pipeline.map.layouts import FaceMap, MapSettings
from pipeline.similarity import registry

KEY = "map"
# Names that are buttons take no more room than other names.
STYLE = """<style>
div:has(> .st-key-stays) { position: sticky; top: 4rem; }
.st-key-people button { min-height: 0; padding: 0; }
</style>"""
NEIGHBOURS = 12
WALL = 48
# One size on the map and beside it, so that each picture is made once.
SMALL_PX = 96
COLOURS = {
    "Source": "Where the photos come from.",
    "Cluster": "Groups of alike faces, found by k-means among the embeddings and not on the map.",
    "Quality": "How sure the detector is of the face, less where it is small.",
    "Truth": "How many of a face's ten nearest photos are near it on the map too.",
    "Distance": "How far each face is from the chosen one: half of one minus the cosine.",
}


@dataclass(frozen=True)
class Drawn:
    """A gallery's map made ready for the screen, shared by all sessions.

    complaint: why the layouts of a network's codes, which were made once, cannot be shown.
    """

    map: FaceMap
    points: Points
    names: list[str]
    sources: tuple[np.ndarray, list[str]]
    complaint: str = ""


def page() -> None:
    """The page from top to bottom."""
    try:
        opened = session.open_chosen_gallery()
    except UserError as error:
        st.title("Map of faces", anchor=False)
        problems.show(error)
        return
    try:
        drawn = drawn_map(opened)
    except MapError as error:
        st.title("Map of faces", anchor=False)
        problems.show(error)
        return
    session.loading_models()
    Explorer(opened, drawn).draw()


def drawn_map(opened: Gallery) -> Drawn:
    """A gallery's map, read anew when it, or the network whose codes it shows, was made anew. Raises MapError."""
    network = network_of_codes(opened)
    files = [map_path(opened), opened.folder / CODES_FILE, *([network / storage.MANIFEST] if network else [])]
    stamps = tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in files)
    return _drawn_map(str(opened.folder), opened.manifest, stamps, opened)


@st.cache_resource(show_spinner="Unfolding the map", max_entries=4)
def _drawn_map(folder: str, manifest: dict[str, Any], changed: tuple[int, ...], _opened: Gallery) -> Drawn:
    opened_map = open_map(_opened)
    complaint = ""
    try:
        opened_map = replace(opened_map, layouts=opened_map.layouts | open_code_layouts(_opened))
    except MapError as error:
        complaint = str(error)
    names = _opened.faces["name"].to_pylist()
    sources = _opened.faces["source"].combine_chunks().dictionary_encode()
    layouts = {name: layout.places for name, layout in opened_map.layouts.items()}
    points = Points.packed(layouts, _opened.person_of_row, [names[row] for row in _opened.first_rows.tolist()])
    numbered = (np.asarray(sources.indices), sources.dictionary.to_pylist())
    return Drawn(opened_map, points, names, numbered, complaint)


def picked() -> None:
    """A click on the map, or beside all points."""
    click: dict[str, Any] = st.session_state[KEY].picked
    row = click["row"]
    if row is None:
        choose(None, fly=False)
    elif "face" in st.query_params and (click["beside"] or st.session_state.get("comparing")):
        compare(st.query_params["face"], row, fly=False)
    else:
        choose(row, fly=False)


def found() -> None:
    """A name that was searched for."""
    choose(st.session_state[KEY].found)


def surrounded() -> None:
    """A box or lasso was drawn."""
    st.session_state.pop("wall", None)
    select(st.session_state[KEY].area)


class Explorer:
    """One drawing of the page: what is chosen, and what follows from it."""

    def __init__(self, opened: Gallery, drawn: Drawn) -> None:
        self.gallery, self.drawn, self.map = opened, drawn, drawn.map
        # The finder's face is measured by the default embedder.
        fits = registry.is_default_embedding(opened.manifest.get("embedding"))
        self.probe: Probe | None = st.session_state.get("probe") if fits else None
        self.face = YOU if self.probe and url_state.is_you() else url_state.row("face", len(opened))
        self.other = url_state.row("other", len(opened)) if self.face is not None else None
        self.area = url_state.area()

    @property
    def row(self) -> int | None:
        """The chosen face's row, where it is one of the gallery."""
        return self.face if isinstance(self.face, int) else None

    @cached_property
    def embedding(self) -> np.ndarray:
        """The chosen face's unit row (128,)."""
        if self.row is not None:
            return self.gallery.embeddings[self.row]
        assert self.probe
        return self.probe.embedding

    @cached_property
    def cosines(self) -> np.ndarray:
        """Of the chosen face to all rows, float32 (n,)."""
        return self.gallery.embeddings @ self.embedding

    @cached_property
    def place(self) -> np.ndarray:
        """The chosen face's place on the map."""
        return self.places[self.row] if self.row is not None else queries.place_face(self.cosines, self.places)

    @cached_property
    def neighbours(self) -> list[int]:
        """The most similar other people, each by the row of the most similar photo."""
        people = self.gallery.person_of_row
        own = None if self.row is None else int(people[self.row])
        return queries.most_similar_people(self.cosines, people, count=NEIGHBOURS, own_person=own)

    @cached_property
    def reach(self) -> float:
        """How far from the chosen face places on the map count as near it."""
        return queries.near_radius(self.places, self.place, near=MapSettings().near_of(len(self.gallery)))

    def far(self, row: int) -> bool:
        """Whether the map shows a row far from the chosen face."""
        return bool(queries.is_far(self.places[row], self.place, self.reach))

    def draw(self) -> None:
        """The map on the left; on the right, or below it on a phone, what is chosen."""
        with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
            with st.container(width="content", gap=None):
                st.title("Map of faces", anchor=False)
                counts = f"{len(self.gallery):,} photos of {self.gallery.people_count:,} people"
                st.caption(f"{escape(self.gallery.name)} · {counts}")
            self._settings()
        left, right = st.columns([5, 3], gap="medium")
        # The map stays in sight while what is beside it is scrolled.
        st.html(STYLE)
        with left, st.container(gap=None, key="stays"):
            self._plot()
        with right:
            if self.other is not None:
                self._pair(self.other)
            elif self.face is not None:
                self._chosen()
            elif self.area is not None:
                self._selected()
            else:
                self._overview()
        if self.area is not None and self.face is None:
            self._wall()
        if self.drawn.complaint:
            st.caption(f":material/warning: {escape(self.drawn.complaint)}")
        st.caption(f":material/info: {NOTE}")

    def _settings(self) -> None:
        with st.container(horizontal=True, vertical_alignment="top", width="content"):
            if len(self.map.layouts) > 1:
                self.layout = st.segmented_control(
                    "Layout",
                    list(self.map.layouts),
                    default=next(iter(self.map.layouts)),
                    required=True,
                    key="layout",
                    bind="query-params",
                    on_change=url_state.forget,
                    args=("area",),
                    help="UMAP keeps neighbours together; PCA is a plain shadow of the 128 numbers. Codes are what "
                    "the encoder of a trained network makes of these numbers.",
                )
            else:
                self.layout = next(iter(self.map.layouts))
            help_text = "  \n".join(f"**{name}**: {text}" for name, text in COLOURS.items())
            self.colour = st.selectbox(
                "Colour", list(COLOURS), key="colour", bind="query-params", width=150, help=help_text
            )
        self.places = self.map.layouts[self.layout].places

    def _plot(self) -> None:
        marks, links = self._marks()
        scatter.draw(
            KEY,
            self.drawn.points,
            self.layout,
            self._colouring(),
            marks,
            links,
            None if self.area is None else self.area.tolist(),
            f"{self.gallery.name} {self.layout} {url_state.flights()}",
            f"Map of {len(self.gallery):,} faces. Arrow keys move it, plus and minus zoom; search finds a person.",
            on_picked_change=picked,
            on_found_change=found,
            on_area_change=surrounded,
        )

    def _colouring(self) -> Colouring:
        match self.colour:
            case "Cluster":
                clusters = self.map.clusters
                return scatter.by_category(clusters, [f"Cluster {n + 1}" for n in range(int(clusters.max()) + 1)])
            case "Quality":
                return scatter.by_value(self.map.quality, 0, 1, ("poor", "good"))
            case "Truth":
                return scatter.by_value(self.map.layouts[self.layout].kept, 0, 1, ("misleading", "true"))
            case "Distance" if self.face is None:
                return scatter.by_value(np.zeros(len(self.gallery)), 0, 1, ("choose a face", ""))
            case "Distance":
                # Copies have a cosine of 1, and strangers hardly ever one below -0.1.
                return scatter.by_value(self.cosines, -0.1, 0.9, ("far", "near"))
        return scatter.by_category(*self.drawn.sources)

    def _marks(self) -> tuple[list[Mark], list[tuple[int, int]]]:
        if self.face is None:
            return [], []
        marks = [Mark(self.row, self.place, self._name(self.row), "chosen", self._portrait(self.row, SMALL_PX))]
        for row in self.neighbours if self.other is None else [self.other]:
            kind: Literal["near", "other"] = "near" if self.other is None else "other"
            portrait, name = self._portrait(row, SMALL_PX), self.drawn.names[row]
            marks.append(Mark(row, self.places[row], name, kind, portrait, self.far(row)))
        return marks, [(0, number) for number in range(1, len(marks))]

    def _name(self, row: int | None) -> str:
        return "Your photo" if row is None else self.drawn.names[row]

    def _portrait(self, row: int | None, side_px: int = 256) -> np.ndarray:
        if row is None:
            assert self.probe
            return faces.square(self.probe.portrait, side_px)
        return faces.portrait(self.gallery.crop_path(row), side_px)

    # What stands beside the map --------------------------------------------------------------------------------

    def _overview(self) -> None:
        layout = self.map.layouts[self.layout]
        with st.container(border=True):
            st.markdown("#### Every point is a face")
            st.markdown(
                ":material/ads_click: **Click** one to see whom it is really near.  \n"
                ":material/search: **Search** a name, and the map flies there.  \n"
                ":material/lasso_select: **Draw** around several to list them.  \n"
                ":material/face: **Look yourself up** in the finder, then see your place here."
            )
            if self.probe:
                st.button("My face", icon=":material/person_pin_circle:", on_click=choose, args=(YOU,))
            else:
                st.page_link(navigation.page("Finder"), label="To the finder", icon=":material/arrow_back:")
        with st.container(border=True):
            st.markdown(
                f"#### How far to trust {self.layout}",
                help="128 numbers do not fit on a plane: what is near need not be alike, nor the other way round.",
            )
            first, second = st.columns(2, wrap=False)
            first.metric(
                "Neighbours kept",
                f"{layout.kept.mean():.0%}",
                help="Of each face's ten nearest photos, how many are near it on the map as well.",
            )
            second.metric(
                "Trustworthiness",
                f"{layout.trustworthiness:.2f}",
                help="How far those who are neighbours on the map are so in truth: 1 is perfect, 0.5 is chance.",
            )
            others = [f"{name}: {of.kept.mean():.0%}" for name, of in self.map.layouts.items() if of is not layout]
            if others:
                st.caption(f"Neighbours kept by {', '.join(others)}")
        with st.container(border=True):
            clusters = int(self.map.clusters.max()) + 1
            st.markdown(f"#### {clusters} clusters" if clusters > 1 else "#### No clusters")
            first, second = st.columns(2, wrap=False)
            first.metric(
                "Silhouette",
                _number(self.map.silhouette),
                help="How well clusters are apart: 1 is perfectly, 0 not at all. Faces of strangers seldom cluster.",
            )
            second.metric(
                "Purity",
                _number(self.map.purity),
                help="Of people with several photos, the share of photos in the cluster of most of their photos.",
            )

    def _chosen(self) -> None:
        with st.container(border=True):
            self._head()
            self._honest_sign()
            with st.container(horizontal=True, vertical_alignment="center"):
                st.toggle("Compare with the next click", key="comparing", help="Or hold Shift while you click.")
                st.space("stretch")
                self._close()
        st.markdown("##### Nearest people in truth", help="By the 128 numbers of the embedding, not by the map.")
        distances = queries.to_distance(self.cosines[self.neighbours])
        with st.container(gap="xsmall", key="people"):
            for row, distance in zip(self.neighbours, distances.tolist(), strict=True):
                self._neighbour(row, distance)

    def _neighbour(self, row: int, distance: float) -> None:
        name = self.drawn.names[row]
        with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall"):
            st.image(self._portrait(row, SMALL_PX), width=56, alt=f"Photo of {name}")
            with st.container(width="stretch", gap=None):
                words = f"**{escape(name)}**"
                st.button(words, key=f"go {row}", on_click=choose, args=(row,), type="tertiary", wrap=True)
                far = " · :orange[far on the map]" if self.far(row) else ""
                st.caption(f"{distance:.3f}{far}")
            st.button("Compare", key=f"compare {row}", on_click=compare, args=(self.face, row), type="tertiary")

    def _head(self) -> None:
        with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
            st.image(self._portrait(self.row), width=112, alt=f"Photo of {self._name(self.row)}")
            with st.container(width="stretch", gap="xxsmall"):
                st.html(f"<strong style='font-size: 1.25rem'>{name_html(self._name(self.row))}</strong>")
                if self.row is None:
                    st.caption("Placed among the faces it resembles.")
                    st.page_link(navigation.page("Finder"), label="Back to the finder", icon=":material/arrow_back:")
                    return
                columns = self.gallery.row(self.row)
                st.caption(escape(columns["source"]))
                own = int((self.gallery.person_of_row == self.gallery.person_of_row[self.row]).sum())
                if own > 1:
                    st.caption(f"{own} photos in the gallery")
                st.caption(f"Cluster {self.map.clusters[self.row] + 1} · quality {self.map.quality[self.row]:.0%}")
        if self.row is not None:
            st.caption(escape(f"Licence: {columns['licence']}"))

    def _honest_sign(self) -> None:
        """Whether the map can be believed around the chosen face."""
        checked = MapSettings().checked_of(len(self.gallery))
        if not checked:
            return
        if self.row is None:
            near = queries.neighbours_near(
                self.cosines, self.places, centre=self.place, radius=self.reach, checked=checked
            )
        else:
            near = round(float(self.map.layouts[self.layout].kept[self.row]) * checked)
        words = f"{near} of the {checked} nearest photos are near on the map."
        if near >= 0.7 * checked:
            st.success(f"The map is true here: {words}", icon=":material/verified:")
        elif near >= 0.4 * checked:
            st.info(f"The map is half true here: {words}", icon=":material/contrast:")
        else:
            st.warning(f"The map misleads here: only {words}", icon=":material/wrong_location:")

    def _close(self) -> None:
        st.button("Close", icon=":material/close:", on_click=choose, args=(None, False), type="tertiary")

    def _pair(self, other: int) -> None:
        """Two people: their most and least alike photos."""
        people = self.gallery.person_of_row
        rows = np.array([-1]) if self.row is None else np.flatnonzero(people == people[self.row])
        others = np.flatnonzero(people == people[other])
        own = self.embedding[None] if self.row is None else self.gallery.embeddings[rows]
        same = self.row is not None and people[self.row] == people[other]
        pairs = queries.compare_photos(own, self.gallery.embeddings[others], same_photos=bool(same))
        with st.container(border=True):
            one, two = name_html(self._name(self.row)), name_html(self.drawn.names[other])
            st.html(f"<strong style='font-size: 1.25rem'>{one} and {two}</strong>")
            if pairs is None:
                st.caption("There is but one photo of this person.")
            else:
                only = pairs.most == pairs.least
                shown = (("Most alike photos", pairs.most), ("Least alike photos", pairs.least))
                for title, (first, second) in shown[: 1 if only else 2]:
                    self._photos("The photos" if only else title, int(rows[first]), int(others[second]), own[first])
                if not only:
                    st.caption(f"Of {pairs.count:,} pairs; on average a distance of {pairs.mean_distance:.3f}.")
            with st.container(horizontal=True):
                back = (self.face, None)
                st.button("Back", icon=":material/arrow_back:", on_click=compare, args=back, type="tertiary")
                st.space("stretch")
                self._close()

    def _photos(self, title: str, row: int, other: int, embedding: np.ndarray) -> None:
        st.markdown(f"**{title}**")
        for column, shown in zip(st.columns(2, wrap=False), (None if row < 0 else row, other), strict=True):
            column.image(self._portrait(shown), width="stretch", alt=f"Photo of {self._name(shown)}")
        fitting = [
            registry.scorer_for(self.gallery.manifest.get("embedding"), name) for name in reversed(registry.SCORERS)
        ]
        measured = {scorer.name: scorer for scorer in fitting}
        with st.container(horizontal=True):
            for name, scorer in measured.items():
                distance = scorer.distances(embedding, scorer.prepare(self.gallery.embeddings[[other]]))
                resemblance = float(scorer.calibration.resemblance(distance)[0])
                st.metric(
                    f"Distance, {escape(name)}",
                    f"{distance[0]:.3f}",
                    f"resemblance {resemblance:.0f}" if resemblance == resemblance else None,
                    delta_color="off",
                    delta_arrow="off",
                )

    # What a box or lasso selects -------------------------------------------------------------------------------

    @cached_property
    def selected(self) -> np.ndarray:
        """The rows within the area, int64."""
        assert self.area is not None
        return np.flatnonzero(queries.inside_polygon(self.places, self.area))

    @cached_property
    def _table(self) -> Any:
        """The selected faces as columns."""
        return queries.faces_table(self.gallery, self.map, self.map.layouts[self.layout], self.selected)

    def _csv(self) -> bytes:
        import pyarrow.csv

        buffer = io.BytesIO()
        pyarrow.csv.write_csv(self._table, buffer)
        return buffer.getvalue()

    def _selected(self) -> None:
        rows = self.selected
        with st.container(border=True):
            people = len(np.unique(self.gallery.person_of_row[rows]))
            st.markdown(f"#### {len(rows):,} photos of {people:,} people")
            if len(rows):
                numbers, names = self.drawn.sources
                for number, photos in queries.most_common(numbers[rows], count=5):
                    st.progress(photos / len(rows), text=escape(f"{names[number]}: {photos:,}"))
            with st.container(horizontal=True):
                st.download_button(
                    "CSV", self._csv, "faces.csv", "text/csv", icon=":material/download:", on_click="ignore"
                )
                st.space("stretch")
                st.button("Close", icon=":material/close:", on_click=select, args=(None,), type="tertiary")
        table = self._table.select(["name", "source", "cluster", "quality"])
        st.dataframe(table, hide_index=True, height=330)

    def _wall(self) -> None:
        shown = st.session_state.get("wall", WALL)
        grid = st.grid("auto", min_column_width=96)
        for row in self.selected[:shown].tolist():
            with grid.cell(), st.container(gap="xxsmall"):
                st.image(self._portrait(row, 160), width="stretch", alt=f"Photo of {self.drawn.names[row]}")
                name = escape(self.drawn.names[row])
                st.button(
                    name, key=f"wall {row}", on_click=choose, args=(row,), type="tertiary", width="stretch", wrap=True
                )
        if len(self.selected) > shown:
            st.button(f"Show more of {len(self.selected):,}", icon=":material/expand_more:", on_click=self._more)

    def _more(self) -> None:
        st.session_state.wall = st.session_state.get("wall", WALL) + WALL


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


if __name__ == "__main__":  # Streamlit ran this file without the router.
    require_router()
