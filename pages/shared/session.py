"""What all sessions share, the open galleries, and which gallery a visitor has chosen."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitAPIException

from pages.shared import public, streamlit_fixes, url_state, watching
from pipeline import notices, storage
from pipeline.errors import GalleryError
from pipeline.gallery import layout, opening
from pipeline.gallery.gallery import Gallery
from pipeline.lookalikes import Lookalikes, Models
from pipeline.similarity import shipped
from pipeline.similarity.network_scorer import runs_folder
from pipeline.similarity.registry import scorer_for

# The gallery that has answered the visitor, until the visitor chooses another one.
_ANSWERS = "gallery that answers"


class GalleryGoneError(GalleryError):
    """The gallery that has answered a visitor is not there any more."""


# The chosen gallery -------------------------------------------------------------------------------------------------


def draw_gallery_switch() -> None:
    """The gallery switch of all pages, shown when there is a choice. The URL keeps the choice."""
    names = public.gallery_names()
    missing = url_state.check(gallery=names)
    chosen = st.session_state.get("gallery")
    if chosen and chosen not in names:  # Somebody has deleted it.
        missing = ["gallery"]
        del st.session_state.gallery
        streamlit_fixes.set_parameter("gallery", [])
    if missing:  # What was selected is of that gallery.
        url_state.forget()
    answers = st.session_state.get(_ANSWERS)
    if answers in names and not st.session_state.get("gallery") and answers != gallery_name():
        switch_to(answers)  # It is there again.
    # While it is gone, no other one is chosen by being the first.
    if len(names) > 1 and not _gone():
        st.selectbox(
            "Gallery",
            names,
            key="gallery",
            bind="query-params",
            on_change=_leave,
            label_visibility="collapsed",
        )


def _leave() -> None:
    """Leave a gallery for another one: what was selected is of that gallery."""
    url_state.forget()
    st.session_state.pop(_ANSWERS, None)


def switch_to(name: str | None) -> None:
    """Choose a gallery, or the first one without a name. Call it before the switch is drawn."""
    _leave()
    st.session_state.gallery = name = name or next(iter(public.gallery_names()), "")
    with suppress(StreamlitAPIException):  # A switch drawn for the first time leaves the URL alone.
        st.query_params["gallery"] = name


def gallery_name() -> str:
    """The name of the chosen gallery."""
    chosen = st.session_state.get("gallery")
    return chosen if chosen in public.gallery_names() else public.default_name()


def open_chosen_gallery() -> Gallery:
    """The chosen gallery. Raises GalleryError, and EmptyGalleryError when nobody is in it."""
    _require_gallery()
    return _told(open_gallery(gallery_name()))


def read_chosen_gallery() -> Gallery:
    """The chosen gallery, possibly empty. Raises GalleryError."""
    _require_gallery()
    return _told(read_gallery(gallery_name()))


def _require_gallery() -> None:
    """Raise GalleryGoneError if the gallery that has answered this visitor is gone: another one must not do so."""
    if name := _gone():
        raise GalleryGoneError(f"The gallery {name} was deleted, or is being built anew.")


def _gone() -> str:
    """The gallery that has answered this visitor if it is not there any more, else ""."""
    name = str(st.session_state.get(_ANSWERS, ""))
    return "" if name in public.gallery_names() else name


def _told(opened: Gallery) -> Gallery:
    """Note who answers the visitor, and tell once if the gallery's face model is no longer the default."""
    st.session_state[_ANSWERS] = opened.name
    told = st.session_state.setdefault("told of a former model", set())
    if opened.name not in told and (text := opening.former_default(opened)):
        told.add(opened.name)
        notices.tell(text)
    return opened


# Galleries in memory ------------------------------------------------------------------------------------------------


def read_gallery(name: str) -> Gallery:
    """A gallery, possibly empty, shared by all sessions and read again when it has changed. Raises GalleryError."""
    folder = layout.folder_of(name)
    opened = _read_gallery(name, str(folder), _as_text(storage.read_manifest(folder)))
    opened.check_sizes()
    return opened


def open_gallery(name: str) -> Gallery:
    """A gallery with people in it, shared by all sessions. Raises GalleryError."""
    opened = read_gallery(name)
    return opened if len(opened) else opening.open_gallery(name)


@watching.dropped_with_galleries
@st.cache_resource(show_spinner=False, max_entries=4)
def _read_gallery(name: str, folder: str, manifest: str) -> Gallery:
    watching.watch(Path(folder))
    return opening.read_gallery(name)


def lookalikes(opened: Gallery, models: Models, scorer: str) -> Lookalikes:
    """A gallery with its search and the scorer that fits its embedder, shared by all sessions.

    Raises WeightsError when the scorer's network cannot be used.
    """
    identity = opened.manifest["embedding"]
    # A run may have been trained, or a network released, anew under its name.
    folders = [runs_folder() / scorer, shipped.network_folder(identity)]
    versions = [folder and storage.read_manifest(folder) for folder in folders]
    calibration = shipped.cosine_calibration(identity)
    version = _as_text([opened.manifest, versions, vars(calibration)])
    return _lookalikes(str(opened.folder), version, scorer, opened, models)


@watching.dropped_with_galleries
@st.cache_resource(show_spinner=False, max_entries=4)
def _lookalikes(folder: str, version: str, scorer: str, _opened: Gallery, _models: Models) -> Lookalikes:
    return Lookalikes(_opened, _models, scorer_for(_opened.manifest["embedding"], scorer))


def _as_text(version: object) -> str:
    """What a cache tells versions by. Streamlit takes milliseconds to tell dictionaries and lists apart."""
    return json.dumps(version, sort_keys=True)
