"""Who is left out of a photo's matches: the person whom an example shows, and those whom the visitor sent away.

The state belongs to the session, to one photo and to one gallery.
"""

from __future__ import annotations

import streamlit as st

from pages.shared.given_photo import GivenPhoto
from pages.shared.text import escape
from pipeline.gallery import editing
from pipeline.gallery.gallery import Gallery
from pipeline.lookalikes import Match

_KEY = "left out"


class Exclusions:
    """The people who are left out for one photo in one gallery. people: their names by key."""

    def __init__(self, given: GivenPhoto, opened: Gallery) -> None:
        self.place = (given.key, opened.name)
        everything: dict[tuple[str, str], dict[str, str]] = st.session_state.setdefault(_KEY, {})
        if self.place not in everything:
            everything[self.place] = _shown_in_example(given, opened)
        self.people = everything[self.place]
        # Somebody has to be left.
        self.can_grow = len(self.people) + 1 < opened.people_count

    def draw_button(self, match: Match) -> None:
        """*Not this person*, for a match."""
        if self.can_grow:
            st.button(
                "Not this person",
                icon=":material/person_off:",
                key=f"not {match.person}",
                type="tertiary",
                help="Leave this person out and show the next",
                on_click=_leave_out,
                args=(self.place, match.person, match.name),
            )

    def draw(self) -> None:
        """Who is left out, and a way to bring them back."""
        if self.people:
            names = ", ".join(self.people.values())
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.caption(f"Left out: {escape(names)}", width="content")
                st.button(
                    "Show everybody", key="show everybody", type="tertiary", on_click=_bring_back, args=(self.place,)
                )


def _shown_in_example(given: GivenPhoto, opened: Gallery) -> dict[str, str]:
    """The person whom an example shows, unless nobody else is in the gallery."""
    found = editing.find_people(opened, given.example) if given.example else []
    return dict.fromkeys(found, given.example) if len(found) < opened.people_count else {}


def _leave_out(place: tuple[str, str], person: str, name: str) -> None:
    st.session_state[_KEY][place] |= {person: name}


def _bring_back(place: tuple[str, str]) -> None:
    st.session_state[_KEY][place] = {}
