"""The finder's result: the best match, the settings of the search, and the other matches."""

from __future__ import annotations

from math import isnan

import streamlit as st

from pages.shared import card, focus, navigation, scorers
from pages.shared.exclusions import Exclusions
from pages.shared.faces import portrait, square
from pages.shared.text import NOTE, escape, name_html
from pipeline.lookalikes import Lookalikes, Match, Probe
from pipeline.search.ranking import Method

METHODS: dict[Method, str] = {"min": "Most similar photo", "average": "Average of three"}
TOP_MIN, TOP_MAX, TOP = 2, 40, 9
RESEMBLANCE_HELP = (
    "0 to 100, larger is more alike. If half of all pairs of photos showed the same person, 70 in 100 pairs with a "
    "resemblance of 70 would. Among a thousand strangers, somebody usually reaches 70 too: it compares photos and "
    "never tells who somebody is."
)


class Result:
    """The matches of a probe, ranked with the visitor's settings."""

    def __init__(self, lookalikes: Lookalikes, probe: Probe, exclusions: Exclusions) -> None:
        self.exclusions = exclusions
        self.gallery, self.scorer, self.probe = lookalikes.gallery, lookalikes.scorer.name, probe
        self.candidates = lookalikes.settings.candidates
        self.top_max = min(TOP_MAX, self.gallery.people_count)
        # A gallery of another size gets its own slider: the old value may be out of range.
        self.top_key = f"top of {self.top_max}"
        self.top = st.session_state.get(self.top_key, min(TOP, self.top_max))
        method, exact = st.session_state.get("method", "min"), st.session_state.get("exact", False)
        (self.matches,) = lookalikes.rank(
            [probe], self.top, method=method, exact=exact, exclude=exclusions.people.keys()
        )

    def draw(self, times: dict[str, float]) -> None:
        """The best match large, the settings, then the other matches as cards."""
        self._draw_best()
        self._draw_settings()
        grid = st.grid("auto", min_column_width=160, border=True)
        for match in self.matches[1:]:
            with grid.cell():
                _draw_portrait(match)
                st.html(f"{match.rank}. <strong>{name_html(match.name)}</strong>")
                if not isnan(match.resemblance):
                    st.progress(match.resemblance / 100, text=f"Resemblance {match.resemblance:.0f}")
                _draw_copy_badge(match)
                source = escape(match.source)
                st.caption(f"Distance {match.distance:.3f}  \n{source}", help=escape(match.licence))
                self.exclusions.draw_button(match)
        self.exclusions.draw()
        self._draw_notes(times)

    def _draw_best(self) -> None:
        match = self.matches[0]
        with st.container(border=True), st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            with st.container(width=440):
                yours, theirs = st.columns(2, wrap=False)
                yours.image(square(self.probe.portrait), width="stretch", alt="The face in your photo")
                with theirs:
                    _draw_portrait(match)
            with st.container(width="stretch", gap="xsmall"):
                with focus.target():
                    st.html(f"<h3>1. {name_html(match.name)}</h3>")
                self._draw_figures(match)
                _draw_copy_badge(match)
                st.caption(escape(f"{match.source}. Licence: {match.licence}"))
                self._draw_links()
                self.exclusions.draw_button(match)

    def _draw_figures(self, match: Match) -> None:
        """Resemblance and distance, or the distance alone where no resemblance was fitted."""
        distance = f"{scorers.distance(self.scorer)}: 0 to 1, smaller is more alike."
        if isnan(match.resemblance):
            st.metric("Distance", f"{match.distance:.3f}", help=distance)
            st.caption("For this gallery's face model, no resemblance of 0 to 100 has been fitted.")
        else:
            st.metric("Resemblance", f"{match.resemblance:.0f}", help=RESEMBLANCE_HELP)
            st.caption(f"Distance {match.distance:.3f}", help=distance)

    def _draw_links(self) -> None:
        st.download_button(
            "Result card",
            lambda: card.render(self.probe.portrait, self.matches, self.gallery.name),
            "looks-like-who.png",
            "image/png",
            icon=":material/download:",
            help="A picture of this result to keep or share",
            on_click="ignore",
        )
        explorer = navigation.page("Explorer")
        icon = ":material/explore:"
        st.page_link(explorer, label="Show me on the map", icon=icon, query_params={"face": "you"})

    def _draw_settings(self) -> None:
        with st.container(horizontal=True, gap="medium"):
            st.segmented_control(
                "Rank people by",
                list(METHODS),
                format_func=METHODS.__getitem__,
                default="min",
                required=True,
                key="method",
                persist_state="session",
                help="By each person's most similar photo, or by the average of the three most similar ones.",
            )
            with st.container(width="content", gap="small"):
                self._draw_scorer()
            if self.top_max > TOP_MIN:
                st.slider(
                    "How many", TOP_MIN, self.top_max, self.top, key=self.top_key, width=200, persist_state="session"
                )

    def _draw_scorer(self) -> None:
        scorers.draw_choice(self.gallery)
        if self.candidates < len(self.gallery):
            st.toggle(
                "Compare with every photo",
                key="exact",
                persist_state="session",
                disabled=self.scorer == "cosine",
                help=f"Otherwise only the {self.candidates:,} most similar photos by cosine are compared, with all "
                "photos of the same people: about one person in a hundred is missed.",
            )

    def _draw_notes(self, times: dict[str, float]) -> None:
        st.caption(f":material/info: {NOTE}")
        with st.expander("Sources, licences and times", type="compact"):
            for source, licence in dict.fromkeys((match.source, match.licence) for match in self.matches):
                st.caption(f"**{escape(source)}**: {escape(licence)}")
            st.caption("  \n".join(f"{name}: {seconds:.2f} s" for name, seconds in times.items()))


def _draw_portrait(match: Match) -> None:
    st.image(portrait(match.crop_path), width="stretch", alt=f"Photo of {match.name} in the gallery")


def _draw_copy_badge(match: Match) -> None:
    if match.copy:
        icon = ":material/content_copy:"
        st.badge("The same photo", icon=icon, color="grey", help="Or a copy of it in another size")
