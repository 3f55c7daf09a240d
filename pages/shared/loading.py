"""The face models, which load in the background and are shared by all sessions."""

from __future__ import annotations

import json
import threading
from concurrent.futures import Future

import streamlit as st

from pipeline.gallery import opening
from pipeline.gallery.gallery import Gallery
from pipeline.lookalikes import Models

# Models kept in memory: those of two embedders, such as the demonstration's and a gallery's own.
MODELS_MAX = 2
_LOCK = threading.Lock()


@st.cache_resource(show_spinner=False)
def _loading() -> dict[str, Future[Models]]:
    """By the identity of the embedder, the last used last."""
    return {}


def models_of(opened: Gallery) -> Future[Models]:
    """The models of a gallery's own embedder. They load and warm up in the background from the first call on.

    Raises GalleryError if no embedder here is that of the gallery.
    """
    identity = json.dumps(opening.entry_of_gallery(opened).identity, sort_keys=True)
    with _LOCK:
        known = _loading()
        known[identity] = known.pop(identity) if identity in known else _begin(opened)
        while len(known) > MODELS_MAX:
            del known[next(iter(known))]
        return known[identity]


def _begin(opened: Gallery) -> Future[Models]:
    loading: Future[Models] = Future()

    def load() -> None:
        try:
            models = Models.load_for(opened)
            models.warm()
        except BaseException as error:
            loading.set_exception(error)  # Raised again where the models are used.
        else:
            loading.set_result(models)

    threading.Thread(target=load, name="models", daemon=True).start()
    return loading


def retry() -> None:
    """Load again what failed to load."""
    with _LOCK:
        known = _loading()
        for identity, loading in list(known.items()):
            if loading.done() and loading.exception():
                del known[identity]


def forget() -> None:
    """Load all models anew when they are needed next."""
    with _LOCK:
        _loading().clear()
