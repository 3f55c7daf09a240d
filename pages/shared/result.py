"""The finder's result: the best match, the next ones as equal cards, and the details in folds."""

from __future__ import annotations

import streamlit as st

from pages.shared import about, face_box, focus, groups, long_list, navigation, pair, scorers, scrolling, sharing
from pages.shared.exclusions import Exclusions
from pages.shared.faces import inline, portrait, square
from pages.shared.text import NOTE, escape, name_html
from pipeline.lookalikes import Lookalikes, Match, Probe
from pipeline.search.index import candidates_among
from pipeline.search.ranking import Method
from pipeline.similarity.resemblance import HELP

METHODS: dict[Method, str] = {"min": "Most similar photo", "average": "Average of three"}
# Cards beside the best match: two full rows of four, of two on a phone. Each click adds as many.
CARDS, CARDS_MAX = 8, 40
COLUMNS = (4, 3, 5)
# Pictures with white and dark backgrounds look alike on tiles of one colour with a thin edge.
_STYLE = """<style>
[class*="st-key-tile-"] { position: relative; }
[class*="st-key-tile-"] img {
  background: color-mix(in srgb, currentColor 6%, transparent);
  box-shadow: 0 0 0 1px color-mix(in srgb, currentColor 14%, transparent);
  aspect-ratio: 1;
}
[class*="st-key-tile-"] > [class*="st-key-enlarge-"] { position: absolute; inset: 0; width: 100%; }
[class*="st-key-enlarge-"] [data-testid="stButton"], [class*="st-key-enlarge-"] button { width: 100%; height: 100%; }
[class*="st-key-enlarge-"] button { background: none; border-color: transparent; cursor: zoom-in; }
[class*="st-key-enlarge-"] button:hover { border-color: currentColor; background: none; }
[class*="st-key-enlarge-"] button * { opacity: 0; }
.st-key-best h2 { padding: 0; }
</style>"""


class Result:
    """The matches of a probe, ranked with the visitor's settings."""

    def __init__(self, lookalikes: Lookalikes, probe: Probe, exclusions: Exclusions) -> None:
        self.exclusions, self.models = exclusions, lookalikes.models
        self.gallery, self.scorer, self.probe = lookalikes.gallery, lookalikes.scorer.name, probe
        self.candidates = candidates_among(lookalikes.settings.candidates, len(self.gallery))
        # One match more tells whether there are more.
        self.cards = long_list.shown("cards", CARDS)
        method, exact = st.session_state.get("method", "min"), st.session_state.get("exact", False)
        (ranked,) = lookalikes.rank(
            [probe],
            self.cards + 2,
            method=method,
            exact=exact,
            exclude=exclusions.people.keys(),
            where=groups.chosen(lookalikes.gallery),
        )
        self.more = len(ranked) > self.cards + 1 and self.cards < CARDS_MAX
        self.matches = ranked[: self.cards + 1]

    def draw(self, times: dict[str, float]) -> None:
        """The best match large, the other matches as cards, then what only some want to know."""
        st.html(_STYLE)
        groups.ask(self.gallery)
        if not self.matches:
            st.info("Nobody of this group is left. Choose another one.", icon=":material/group_off:")
            self.exclusions.draw()
            return
        self._draw_best()
        grid = st.grid(_columns(len(self.matches) - 1), min_column_width=140, border=True)
        for match in self.matches[1:]:
            with grid.cell():
                self._draw_card(match)
        self.exclusions.draw()
        if self.more:
            long_list.draw_more("cards", self.cards, CARDS)
        st.caption(f":material/info: {NOTE}")
        self._draw_sources()
        with st.expander("Advanced", type="compact", key="advanced"):
            self._draw_settings()
            self._draw_distances(times)
        photo = self.exclusions.place[0]
        if not face_box.is_marking(photo):  # Then the visitor is busy above.
            scrolling.to("best", result=photo)

    def _draw_best(self) -> None:
        match = self.matches[0]
        with (
            st.container(border=True, key="best"),
            st.container(horizontal=True, vertical_alignment="center", gap="medium"),
        ):
            with st.container(width=520):
                yours, theirs = st.columns(2, wrap=False, gap="small")
                with yours, st.container(key="tile-you"):
                    st.image(inline(square(self.probe.portrait)), width="stretch", alt="The face in your photo")
                with theirs:
                    self._draw_portrait(match)
            with st.container(width="stretch", gap="xsmall"):
                with focus.target():
                    st.html(f"<h2>1. {name_html(match.name)}</h2>")
                _draw_about(match)
                self._draw_score(match)
                _draw_copy_badge(match)
                self._draw_links(match)

    def _draw_score(self, match: Match) -> None:
        """The resemblance, or the distance where no resemblance was fitted."""
        if not match.has_resemblance:
            text = f"{scorers.distance(self.scorer)}: 0 to 1, smaller is more alike."
            st.metric("Distance", f"{match.distance:.3f}", help=text)
            st.caption("For this gallery's face model, no resemblance of 0 to 100 has been fitted.")
        else:
            st.metric("Resemblance", f"{match.resemblance:.0f}", help=HELP)
            st.caption(f"{match.phrase.capitalize()} resemblance: closer than {match.closer_than} % of strangers")

    def _draw_links(self, match: Match) -> None:
        sharing.draw_share(self.probe, match)
        with st.container(horizontal=True, gap="small"):
            sharing.draw_save(self.probe, match)
            if st.button("Why?", icon=":material/lightbulb:", key="why best", help="The parts that are alike"):
                pair.show(self.probe, match, self.models, why=True)
            explorer = navigation.page("Explorer")
            icon = ":material/explore:"
            st.page_link(explorer, label="Show me on the map", icon=icon, query_params={"face": "you"})
            self.exclusions.draw_button(match)

    def _draw_card(self, match: Match) -> None:
        self._draw_portrait(match)
        st.html(f"{match.rank}. <strong>{name_html(match.name)}</strong>")
        _draw_about(match)
        if match.has_resemblance:
            st.progress(match.resemblance / 100, text=f"Resemblance {match.resemblance:.0f}, {match.phrase}")
        _draw_copy_badge(match)
        self.exclusions.draw_button(match)

    def _draw_portrait(self, match: Match) -> None:
        """The picture of a match, which opens it beside the visitor's face."""
        with st.container(key=f"tile-{match.rank}"):
            st.image(portrait(match.crop_path), width="stretch", alt=f"Photo of {match.name} in the gallery")
            label = f"Compare with {escape(match.name)}"
            if st.button(label, key=f"enlarge-{match.rank}", width="stretch"):
                pair.show(self.probe, match, self.models)
        if line := about.credit_line(match.credit):
            st.caption(line)

    def _draw_sources(self) -> None:
        with st.expander("Sources and licences", type="compact", key="sources"):
            for source, licence in dict.fromkeys((match.source, match.licence) for match in self.matches):
                st.caption(f"**{escape(source)}**: {escape(licence)}")

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
                scorers.draw_choice(self.gallery)
                if self.candidates < len(self.gallery):
                    self._draw_exact()

    def _draw_exact(self) -> None:
        st.toggle(
            "Compare with every photo",
            key="exact",
            persist_state="session",
            disabled=self.scorer == "cosine",
            help=f"Otherwise only the {self.candidates:,} most similar photos by cosine are compared, with all "
            "photos of the same people: about one person in a hundred is missed.",
        )

    def _draw_distances(self, times: dict[str, float]) -> None:
        st.caption(f"{scorers.distance(self.scorer)}: 0 to 1, smaller is more alike.")
        st.table(
            {
                "Place": [match.rank for match in self.matches],
                "Person": [escape(match.name) for match in self.matches],
                "Distance": [f"{match.distance:.3f}" for match in self.matches],
            },
            hide_index=True,
            width="content",
        )
        st.caption("  \n".join(f"{name}: {seconds:.2f} s" for name, seconds in times.items()))


def _columns(cards: int) -> int:
    """How many columns leave no single card in the last row."""
    return next(columns for columns in COLUMNS if cards <= columns or cards % columns != 1)


def _draw_about(match: Match) -> None:
    """Who it is, in one line, as far as the gallery knows."""
    # Always there: what comes and goes would move what is below, and the browser would draw it twice.
    place = st.empty()
    if line := about.person_line(match.columns):
        place.caption(line)


def _draw_copy_badge(match: Match) -> None:
    place = st.empty()
    if match.copy:
        icon = ":material/content_copy:"
        place.badge("The same photo", icon=icon, color="grey", help="Or a copy of it in another size")
