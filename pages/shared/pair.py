"""A match side by side with the visitor's face, and on request which parts of the two are alike."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.shared import navigation
from pages.shared.faces import inline, portrait, square
from pages.shared.text import escape
from pipeline import explanation
from pipeline.explanation import Explanation
from pipeline.lookalikes import Match, Models, Probe

_SIDE_PX = 512
_BLUE = (0, 114, 178)
# At most so much of a picture is covered.
_COVER = 0.65
# What was asked last, and its answer.
_ASKED, _ANSWER = "why", "because"
LEGEND = (
    "The stronger the blue, the less alike the two faces are when that part is blurred. It shows what the networks "
    "look at, not why: light, glasses or a smile count as much as features."
)


def show(probe: Probe, match: Match, models: Models, *, why: bool = False) -> None:
    """Open the dialog. why: show at once which parts are alike."""
    if why:
        _ask(probe, match)
    else:
        st.session_state.pop(_ASKED, None)
    st.dialog(escape(match.name), width="medium")(_draw)(probe, match, models)


def _draw(probe: Probe, match: Match, models: Models) -> None:
    pictures = square(probe.portrait, _SIDE_PX), portrait(match.crop_path, _SIDE_PX)
    if asked := st.session_state.get(_ASKED) == _place(probe, match):
        with st.spinner("Comparing part by part"):
            pictures = with_heat(pictures, _answer(probe, match, models))
    yours, theirs = st.columns(2, wrap=False, gap="small")
    with yours, st.container(key="tile-pair-you"):
        st.image(inline(pictures[0]), width="stretch", alt="The face in your photo, enlarged")
    with theirs, st.container(key="tile-pair-other"):
        st.image(inline(pictures[1]), width="stretch", alt=f"Photo of {match.name}, enlarged")
    with st.container(horizontal=True, vertical_alignment="center"):
        if match.has_resemblance:
            st.markdown(f"**Resemblance {match.resemblance:.0f}, {match.phrase}**", width="content")
        if not asked:
            st.space("stretch")
            st.button("Why?", icon=":material/lightbulb:", key="why here", on_click=_ask, args=(probe, match))
        explorer, face = navigation.page("Explorer"), {"face": str(match.row)}
        st.page_link(explorer, label="Show on the map", icon=":material/explore:", query_params=face)
    if asked:
        st.caption(LEGEND)
    st.caption(escape(f"{match.source}. Licence: {match.licence}"))


def _place(probe: Probe, match: Match) -> tuple[int, str]:
    return id(probe), str(match.crop_path)


def _ask(probe: Probe, match: Match) -> None:
    st.session_state[_ASKED] = _place(probe, match)


def _answer(probe: Probe, match: Match, models: Models) -> Explanation:
    """The explanation of a match, kept until another one is asked for."""
    kept = st.session_state.get(_ANSWER)
    if kept and kept[0] is probe and kept[1] == match.crop_path:
        before: Explanation = kept[2]
        return before
    pictures = square(probe.portrait), portrait(match.crop_path)
    one, other = (explanation.face_in(picture, models.detector) for picture in pictures)
    found = explanation.explain(pictures, (one, other), models.embedder)
    st.session_state[_ANSWER] = (probe, match.crop_path, found)
    return found


def with_heat(
    pictures: tuple[NDArray[np.uint8], NDArray[np.uint8]], found: Explanation
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both pictures with blue where the faces are alike, on one scale; plain if no part makes them more alike."""
    import cv2

    most = max(float(drops.max()) for drops in found.maps)
    covered = []
    for picture, drops in zip(pictures, found.maps, strict=True):
        share = np.clip(drops / most, 0, 1) if most > 0 else np.zeros_like(drops)
        cover = _COVER * cv2.resize(share, picture.shape[1::-1])[..., None]
        covered.append(np.round(picture * (1 - cover) + cover * np.array(_BLUE)).astype(np.uint8))
    return covered[0], covered[1]
