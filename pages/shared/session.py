"""What all sessions share: the models, the open galleries, and which gallery a visitor has chosen."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from pages.shared import faces, url_state
from pages.shared.text import escape
from pipeline import storage
from pipeline.errors import GalleryError
from pipeline.gallery import layout, opening
from pipeline.gallery.gallery import Gallery
from pipeline.lookalikes import Lookalikes, Models
from pipeline.similarity.registry import is_default_embedding, load_scorer

# The chosen gallery -------------------------------------------------------------------------------------------------


def draw_gallery_switch() -> None:
    """The gallery switch of all pages, shown when there is a choice. The URL keeps the choice."""
    names = layout.names()
    wanted = st.session_state.get("gallery") or st.query_params.get("gallery")
    if wanted and wanted not in names:
        st.toast(f"There is no gallery {escape(wanted)} here.", icon=":material/photo_library:")
        st.session_state.pop("gallery", None)
        with suppress(StreamlitAPIException):  # Once the switch is drawn, it updates the URL itself.
            st.query_params.pop("gallery", None)
    if len(names) > 1:
        with st.sidebar:
            st.selectbox(
                "Gallery",
                names,
                key="gallery",
                bind="query-params",
                on_change=url_state.forget,
                help="The people to compare faces with, and to show on the map",
            )


def switch_to(name: str | None) -> None:
    """Choose a gallery, or the first one without a name. Call it before the switch is drawn."""
    url_state.forget()
    st.session_state.gallery = name = name or next(iter(layout.names()), "")
    with suppress(StreamlitAPIException):  # A switch drawn for the first time leaves the URL alone.
        st.query_params["gallery"] = name


def gallery_name() -> str:
    """The name of the chosen gallery."""
    names = layout.names() or [layout.DEMONSTRATION]
    chosen = st.session_state.get("gallery")
    return chosen if chosen in names else names[0]


def open_chosen_gallery() -> Gallery:
    """The chosen gallery. Raises GalleryError, and EmptyGalleryError when nobody is in it."""
    return open_gallery(gallery_name())


# Models and galleries in memory -------------------------------------------------------------------------------------


@st.cache_resource(show_spinner=False)
def loading_models() -> Future[Models]:
    """The models, shared by all sessions. They load and warm up in the background from the first visit on."""
    loading: Future[Models] = Future()

    def load() -> None:
        try:
            models = Models.load()
            models.warm()
        except BaseException as error:
            loading.set_exception(error)  # Raised again where the models are used.
        else:
            loading.set_result(models)

    threading.Thread(target=load, name="models", daemon=True).start()
    return loading


def retry_loading() -> None:
    """Load the models again if that failed."""
    loading = loading_models()
    if loading.done() and loading.exception():
        loading_models.clear()


def read_gallery(name: str) -> Gallery:
    """A gallery, possibly empty, shared by all sessions and read again when it has changed. Raises GalleryError."""
    folder = layout.folder_of(name)
    return _read_gallery(name, str(folder), storage.read_manifest(folder))


def open_gallery(name: str) -> Gallery:
    """A gallery with people in it, shared by all sessions. Raises GalleryError."""
    opened = read_gallery(name)
    return opened if len(opened) else opening.open_gallery(name)


@st.cache_resource(show_spinner=False, max_entries=4)
def _read_gallery(name: str, folder: str, manifest: dict[str, Any] | None) -> Gallery:
    return opening.read_gallery(name)


def lookalikes(opened: Gallery, models: Models, scorer: str) -> Lookalikes:
    """A gallery with its search, shared by all sessions.

    Raises GalleryError when the gallery was made with another embedder, WeightsError when the scorer's network cannot
    be used.
    """
    return _lookalikes(str(opened.folder), opened.manifest, scorer, opened, models)


@st.cache_resource(show_spinner=False, max_entries=4)
def _lookalikes(folder: str, manifest: dict[str, Any], scorer: str, _opened: Gallery, _models: Models) -> Lookalikes:
    if not is_default_embedding(_opened.manifest.get("embedding")):
        raise GalleryError(f"The gallery {_opened.name} was made with another face model. Choose another gallery.")
    return Lookalikes(_opened, _models, load_scorer(scorer))


def forget_galleries() -> None:
    """Drop galleries and their pictures from memory, so that nothing is left of people who were removed."""
    _read_gallery.clear()
    _lookalikes.clear()
    faces.forget_portraits()
