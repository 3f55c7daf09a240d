"""What the finder compares faces by: the scorers of the registry, and the visitor's own runs."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import streamlit as st

from pages.shared import navigation, session
from pages.shared.text import escape
from pipeline.embedding.registry import default_identity
from pipeline.errors import GalleryError
from pipeline.gallery.gallery import Gallery
from pipeline.similarity.network_scorer import finished_runs
from pipeline.similarity.registry import DEFAULT_SCORER, SCORERS

_KEY = "scorer"
_OWN_RUN = "what a network that you trained makes of the two faces"


def chosen(opened: Gallery) -> str:
    """The name of the chosen scorer; the first that fits the gallery if the chosen one does not, or is gone."""
    offered = names(opened.manifest["embedding"])
    name = st.session_state.get(_KEY, DEFAULT_SCORER)
    if name in offered:
        return str(name)
    st.session_state.pop(_KEY, None)
    return offered[0]


def names(identity: dict[str, Any]) -> list[str]:
    """The scorers to choose from in a gallery: those made for its embedder, which has this identity."""
    fitting = [name for name, entry in SCORERS.items() if entry.fits(identity)]
    return [*fitting, *finished_runs(identity, calibrated=True)]


def distance(name: str) -> str:
    """What a scorer's distance is, to complete a sentence."""
    return SCORERS[name].distance if name in SCORERS else _OWN_RUN[0].upper() + _OWN_RUN[1:]


def draw_choice(opened: Gallery) -> None:
    """The control that chooses a scorer."""
    offered = names(opened.manifest["embedding"])
    helps = {SCORERS[name].label: SCORERS[name].help for name in offered if name in SCORERS}
    if not SCORERS.keys() >= set(offered):
        helps["Your run"] = _OWN_RUN
    st.segmented_control(
        "Compare faces by",
        offered,
        format_func=lambda name: SCORERS[name].label if name in SCORERS else f"Your run {escape(name)}",
        default=offered[0],
        required=True,
        key=_KEY,
        persist_state="session",
        help="  \n".join(f"**{label}**: {text}" for label, text in helps.items()),
    )


def draw_use_in_finder(run: str) -> None:
    """For a finished run: a button that makes the finder compare faces with it, or why it cannot."""
    gallery, identity = session.gallery_name(), default_identity()
    with suppress(GalleryError):  # There is none yet, or it is damaged.
        identity = session.read_gallery(gallery).manifest["embedding"]
    if run in names(identity):
        if st.button("Use in the finder", icon=":material/face:", key=f"use {run}"):
            st.session_state[_KEY] = run
            st.switch_page(navigation.page("Finder"))
    elif run in finished_runs(identity):
        st.caption("The finder needs a run that was measured on 20 people or more, for the resemblance.")
    elif run in finished_runs():
        text = f"This run learned from another face model than that of the gallery {gallery}."
        st.caption(f"{escape(text)} In a gallery of its own model, the finder can use it.")
