"""Managing the user's runs: name, note and tags, deleting and restoring."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.shared import public
from pages.shared.runs import new_run, selection
from pages.shared.runs.selection import ChosenRuns
from pages.shared.text import escape
from pipeline.errors import StorageError, UserError
from train.runs import managing
from train.runs.catalogue import Run, own_runs
from train.runs.notes import NOTE_LETTERS_MAX, write_notes

_ASKED, _REMOVED, _SAID = "managing", "run removed", "runs said"


def draw(chosen: ChosenRuns) -> None:
    """The button that opens the dialog, and undo for a run that was just deleted."""
    if said := st.session_state.pop(_SAID, None):
        st.toast(said, icon=":material/info:")
    own = [run for run in chosen.listed.runs if not run.recorded]
    if own or managing.removed_runs():
        first = next((run.key for run, _ in chosen.runs if not run.recorded), own[0].key if own else "")
        st.button("Manage runs", icon=":material/edit:", on_click=_ask, args=(first,))
    if len(chosen.runs) == 1 and new_run.can_duplicate(chosen.runs[0][0]):
        st.button(
            "Duplicate with changes",
            icon=":material/content_copy:",
            on_click=new_run.ask,
            args=(chosen.runs[0][0],),
            help="A new training that begins with the settings of this one.",
        )
    removed = st.session_state.get(_REMOVED)
    if removed in [path.name for path in managing.removed_runs()]:
        label = f"Undo deleting {escape(removed)}"
        st.button(label, icon=":material/undo:", on_click=_attempt, args=(_restoring(removed),))


def draw_when_asked() -> None:
    """Draw the dialog if it was asked for."""
    if (key := st.session_state.pop(_ASKED, None)) is not None:
        _draw(key)


def _ask(key: str) -> None:
    st.session_state[_ASKED] = key


@st.dialog("Manage runs", icon=":material/edit:")
def _draw(first: str) -> None:
    runs = {run.key: run for run in own_runs()}
    if runs:
        keys = list(runs)[::-1]
        picked = st.selectbox("Run", keys, keys.index(first) if first in keys else 0, key="managed run")
        _draw_run(runs[picked])
    _draw_removed()
    st.caption("The recorded runs stay as they are.")


def _draw_run(run: Run) -> None:
    """What can be changed of one run."""
    known = sorted({tag for each in own_runs() for tag in each.notes.tags})
    name = st.text_input("Name", run.name, key=f"name of {run.key}", max_chars=60)
    tags = st.multiselect(
        "Tags", known, list(run.notes.tags), key=f"tags of {run.key}", accept_new_options=True, placeholder="Add tags"
    )
    note = st.text_area("Note", run.notes.note, key=f"note of {run.key}", max_chars=NOTE_LETTERS_MAX)

    def save() -> str:
        folder = managing.rename_run(run.folder, name or "")
        write_notes(folder, note or "", tags)
        if folder.name != run.name:
            _choose_instead(run.key, folder.name)
        return f"Saved {escape(folder.name)}."

    def remove() -> str:
        managing.remove_run(run.folder)
        st.session_state[_REMOVED] = run.name
        _choose_instead(run.key, None)
        return f"Deleted {escape(run.name)}."

    with st.container(horizontal=True):
        if st.button("Save", type="primary", icon=":material/check:", key=f"save {run.key}"):
            _attempt(save, in_dialog=True)
        if st.button(
            "Delete",
            icon=":material/delete:",
            key=f"delete {run.key}",
            help=f"It can be restored for {managing.KEPT_DAYS} days.",
        ):
            _attempt(remove, in_dialog=True)


def _draw_removed() -> None:
    """The deleted runs, each with a button that brings it back."""
    removed = managing.removed_runs()
    if not removed:
        return
    with st.expander(f"Deleted runs ({len(removed)})", icon=":material/delete:"):
        st.caption(
            f"They go for good {managing.KEPT_DAYS} days after they were deleted, when another one is deleted."
        )
        for path in removed:
            label = f"Restore {escape(path.name)}"
            if st.button(label, icon=":material/undo:", key=f"restore {path.name}"):
                _attempt(_restoring(path.name), in_dialog=True)


def _restoring(name: str) -> Callable[[], str]:
    def restore() -> str:
        managing.restore_run(name)
        return f"Restored {escape(name)}."

    return restore


def _attempt(change: Callable[[], str], *, in_dialog: bool = False) -> None:
    """Change a run, and say what was done or why it failed: in the dialog, which stays open then, or on the page."""
    try:
        public.refuse_visitors()
        said = change()
    except UserError as error:
        full = isinstance(error, StorageError)
        failed = "This cannot be saved: the disk is full or read-only." if full else escape(str(error))
        if in_dialog:
            st.error(failed, icon=":material/error:")
        else:
            st.session_state[_SAID] = failed
        return
    st.session_state[_SAID] = said
    if in_dialog:
        st.rerun()


def _choose_instead(key: str, new: str | None) -> None:
    """Keep the choice of runs when one of them has another name or is gone."""
    stored = st.session_state.get("runs chosen")
    if stored is None:
        return
    keys = [new if each == key else each for each in stored.split(",")]
    selection.choose([each for each in keys if each])
