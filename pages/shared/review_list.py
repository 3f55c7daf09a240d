"""The list of photos that may be wrong, each with what speaks against it and what can be done about it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.shared import long_list, people_dialogs, thumbnails, watching
from pages.shared.text import escape, plural
from pipeline.gallery.gallery import Gallery
from pipeline.map import review
from pipeline.map.review import Doubt, DoubtKind

# At first, and with each click on "Show more".
_SHOWN = 8


def draw(opened: Gallery) -> None:
    """A fold that looks through the gallery when it is opened."""
    fold = st.expander("Photos to review", icon=":material/rule:", key="review", on_change="rerun")
    if not fold.open:
        return
    with fold:
        with st.spinner("Comparing all photos"):
            kept = review.reviewed_photos(opened)
            doubts = _doubts(str(opened.folder), opened.manifest, sorted(kept), opened)
        if not doubts:
            st.success("Nothing looks wrong.", icon=":material/check_circle:")
            return
        st.caption(
            f"{plural(len(doubts), 'photo')} to look at: perhaps poor, there twice, or under the wrong name. "
            "People who look alike are listed, too: keep them."
        )
        shown = long_list.shown("reviews", _SHOWN)
        for doubt in doubts[:shown]:
            _draw_doubt(opened, doubt)
        if len(doubts) > shown:
            long_list.draw_more("reviews", shown, _SHOWN)


@watching.dropped_with_galleries
@st.cache_resource(show_spinner=False, max_entries=4)
def _doubts(folder: str, manifest: dict[str, Any], reviewed: list[str], _opened: Gallery) -> list[Doubt]:
    return review.find_doubts(_opened)


def _draw_doubt(opened: Gallery, doubt: Doubt) -> None:
    values = opened.row(doubt.row)
    with st.container(border=True, key=f"doubt {doubt.row}"), st.container(horizontal=True):
        for row in (doubt.row, doubt.other):
            if row is not None:
                thumbnails.draw(opened, row, opened.row(row)["name"], width_px=96)
        with st.container(width="stretch", gap="xsmall"):
            st.markdown(_text(opened, doubt))
            with st.container(horizontal=True, gap="small"):
                _draw_buttons(opened, doubt.row, values["person"], values["sha256"])


def _text(opened: Gallery, doubt: Doubt) -> str:
    name = f"**{escape(opened.row(doubt.row)['name'])}**"
    other = "" if doubt.other is None else f"**{escape(opened.row(doubt.other)['name'])}**"
    match doubt.kind:
        case DoubtKind.COPY:
            return f"The same photo stands under {name} and {other}."
        case DoubtKind.SOMEBODY_ELSE:
            own = f"distance {doubt.other_distance:.3f}, and {doubt.own_distance:.3f} to the nearest of {name}"
            return f"Under {name}, but nearer to {other}: {own}."
        case DoubtKind.APART:
            return f"Unlike the other photos of {name}: distance {doubt.own_distance:.3f} to the nearest."
    return f"A poor photo of {name}: the face is small, or it is not surely one."


def _draw_buttons(opened: Gallery, row: int, person: str, sha256: str) -> None:
    def keep() -> None:
        people_dialogs.attempt(lambda: _keep(opened, sha256))

    st.button("Keep", key=f"keep {row}", icon=":material/check:", on_click=keep)
    several = (opened.person_of_row == opened.person_of_row[row]).sum() > 1
    if several:
        args: tuple[str, ...] = ("move", person, sha256)
        st.button("Move", key=f"doubt move {row}", type="tertiary", on_click=people_dialogs.show, args=args)
    args = ("person", person, sha256 if several else "")
    st.button("Remove", key=f"remove-doubt {row}", type="tertiary", on_click=people_dialogs.show, args=args)


def _keep(opened: Gallery, sha256: str) -> str:
    review.keep(opened, sha256)
    return "Kept. It is not listed again."
