"""Refitting a gallery's map after a change: in a process of its own, while the pages go on."""

from __future__ import annotations

import shlex

import streamlit as st

from pages.shared import public, repairs
from pipeline import storage
from pipeline.gallery import layout


def begin(gallery_name: str) -> None:
    """Fit the map of a gallery that has changed. A fit of its former people is given up."""
    stop(gallery_name)
    manifest = storage.read_manifest(layout.folder_of(gallery_name)) or {}
    if manifest.get("faces"):
        repairs.begin(_command(gallery_name))


def stop(gallery_name: str) -> None:
    """Give up a fit that is running."""
    repairs.stop(_command(gallery_name))


def _command(gallery_name: str) -> str:
    return f"python -m pipeline map --gallery {shlex.quote(gallery_name)}"


def draw(gallery_name: str) -> None:
    """The progress of a fit, or why it failed. Nothing on the page moves when it is done."""
    command = _command(gallery_name)
    # Nothing to poll for while no fit is running.
    st.fragment(_draw, run_every=1 if repairs.is_running(command) else None)(command)


def _draw(command: str) -> None:
    # Always there: what comes and goes would move what is below.
    with st.container(key="map-refit"):
        state = repairs.state_of(command)
        if state is None:
            return
        if state.running:
            st.caption(f":material/progress_activity: Fitting the map to the change · {state.seconds:.0f} s")
        elif state.failed:
            st.caption(f":material/warning: {repairs.words_of(command).failed}.")
            again = (repairs.begin, command)
            st.button("Try again", key="refit", type="tertiary", on_click=public.unless_visitor, args=again)
        else:
            st.caption(":material/check: The map is up to date.")
