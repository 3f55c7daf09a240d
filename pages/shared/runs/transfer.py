"""Runs for other tools, and from them: CSV, TensorBoard, a report, and Keras' CSVLogger."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.shared import public
from pages.shared.runs import grouping, report, selection, table
from pages.shared.runs.selection import ChosenRuns
from pages.shared.runs.widgets import offer_csv
from pages.shared.text import escape
from pipeline import names
from pipeline.errors import StorageError, UserError
from train.runs import tensorboard
from train.runs.importing import BYTES_MAX, import_csv

_IMPORTED = "imported files"


def draw(chosen: ChosenRuns) -> None:
    """What can be taken away, then what can be brought."""
    listed, groups = chosen.listed, grouping.grouped(chosen)
    with st.popover("Import and export", icon=":material/swap_vert:"):
        offer_csv("Runs as CSV", lambda: [table.csv_row(listed, run) for run in listed.runs], "runs.csv")
        if chosen.runs:
            st.download_button(
                "Report of the chosen runs",
                lambda: report.report(chosen, groups),
                "training.html",
                "text/html",
                icon=":material/description:",
                on_click="ignore",
                help="One HTML file with settings, figures and curves, to send to somebody.",
            )
            st.download_button(
                "Chosen runs for TensorBoard",
                lambda: tensorboard.zipped_events([run for run, _ in chosen.runs]),
                "tensorboard.zip",
                "application/zip",
                icon=":material/download:",
                on_click="ignore",
                help="Unpack it, and start TensorBoard with its folder as the log directory.",
            )
        _draw_import()


def _draw_import() -> None:
    """A file of Keras' CSVLogger becomes a run to look at."""
    # A new widget after each import, so that the same file is not offered again.
    number = st.session_state.setdefault(_IMPORTED, 0)
    file = st.file_uploader(
        "Import a file of Keras' CSVLogger",
        type=["csv", "log", "tsv"],
        key=f"csv {number}",
        max_upload_size=BYTES_MAX >> 20,
    )
    if file is None:
        return
    name = st.text_input("Name of the run", names.clean(Path(file.name).stem)[:60], key=f"csv name {number}")
    if st.button("Import", icon=":material/upload:", key=f"csv import {number}"):
        try:
            public.refuse_visitors()
            made = import_csv(name or "", file.getvalue(), names.clean(file.name))
        except StorageError:
            st.error("This cannot be saved: the disk is full or read-only.", icon=":material/error:")
        except UserError as error:
            st.error(escape(str(error)), icon=":material/error:")
        else:
            st.session_state[_IMPORTED] = number + 1
            selection.choose([made.key])
            st.rerun()
