"""The table of training runs: filter and choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shared.run_settings import word, words
from pages.shared.runs import selection
from pages.shared.runs.selection import RunList
from pages.shared.runs.widgets import display_name
from train.evaluation.protocols import PROBES_ENOUGH
from train.runs.catalogue import Run

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

_ROWS_MAX = 8
# One value is enough to filter by, as not all runs have one.
_SINGLE = ("study", "tag")


def filters(listed: RunList) -> dict[str, tuple[str, str]]:
    """The settings and values that runs can be filtered by, with what the visitor reads."""
    facets: dict[str, tuple[str, str]] = {}
    for run in listed.runs:
        for name, values in _facets(listed, run).items():
            facets |= {f"{words(name)}: {value}": (name, value) for value in values}
    names = [name for name, _ in facets.values()]
    return {text: facet for text, facet in sorted(facets.items()) if names.count(facet[0]) > 1 or facet[0] in _SINGLE}


def filtered(listed: RunList) -> list[Run]:
    """The runs that match the filter, which is drawn here."""
    facets = filters(listed)
    picked = st.multiselect(
        "Filter by setting",
        list(facets),
        key="filter",
        bind="query-params",
        placeholder="All runs",
        help="Values of one setting widen the choice, different settings narrow it.",
    )
    wanted: dict[str, set[str]] = {}
    for name, value in (facets[text] for text in picked if text in facets):
        wanted.setdefault(name, set()).add(value)
    matching = []
    for run in listed.runs:
        own = _facets(listed, run)
        if all(own.get(name, {word(None)}) & values for name, values in wanted.items()):
            matching.append(run)
    return matching


def _facets(listed: RunList, run: Run) -> dict[str, set[str]]:
    """The values of a run for each thing to filter by."""
    single = {**run.settings, "state": listed.states[run.key]}
    tags = {"tag": set(run.notes.tags)} if run.notes.tags else {}
    return {name: {word(value)} for name, value in single.items()} | tags


def draw(listed: RunList, shown: list[Run], wanted: list[str]) -> None:
    """The table of the ``shown`` runs, in which those with the keys ``wanted`` are chosen."""
    if "running" in listed.states.values():
        st.fragment(_draw_live, run_every=selection.LIVE_SECONDS)(listed, shown, wanted)
    else:
        _draw(listed, shown, wanted)


def _draw_live(listed: RunList, shown: list[Run], wanted: list[str]) -> None:
    """The table with what running runs have reached; a choice in it is for the whole page."""
    if st.session_state.pop("table chosen", False):
        st.rerun()
    _draw(listed, [listed.current(run) for run in shown], wanted)


def _draw(listed: RunList, shown: list[Run], wanted: list[str]) -> None:
    keys = [run.key for run in shown]
    name = _table_key(keys, wanted)

    def select() -> None:
        # The browser may send the choice of a table that is gone once more, which Streamlit takes as new.
        if name != _current_key():
            return
        rows = st.session_state[name].selection.rows
        now = [keys[row] for row in rows] + [key for key in wanted if key not in keys]
        # In the order of all runs, as after the next read of the URL.
        selection.choose([key for key in listed.keys if key in now])
        st.session_state["table chose"] = selection.chosen_keys(listed.keys)
        st.session_state["table chosen"] = True

    picked = [row for row, key in enumerate(keys) if key in wanted]
    st.dataframe(
        _styled(listed, shown),
        hide_index=True,
        height=38 + 35 * min(max(len(shown), 1), _ROWS_MAX),
        column_config=_columns(),
        key=name,
        on_select=select,
        selection_mode="multi-row",
        selection_default={"selection": {"rows": picked, "columns": [], "cells": []}},
        placeholder="–",
        alt="Runs with their state, settings and results",
    )


def _table_key(keys: list[str], wanted: list[str]) -> str:
    """The widget key of the table: a new one when the choice in the table is not the current choice."""
    if st.session_state.get("table of") != keys or st.session_state.get("table chose") != wanted:
        st.session_state["table number"] = st.session_state.get("table number", 0) + 1
        st.session_state["table of"], st.session_state["table chose"] = keys, wanted
    return _current_key()


def _current_key() -> str:
    return f"table {st.session_state['table number']}"


def _styled(listed: RunList, shown: list[Run]) -> Styler:
    import pandas as pd

    table = pd.DataFrame([_row(listed, run) for run in shown], columns=list(_columns()))
    inks = [listed.looks[run.key].colour for run in shown]
    return table.style.apply(lambda _: [f"color: {ink}; font-weight: bold" for ink in inks], subset=[""])


def _row(listed: RunList, run: Run) -> dict[str, Any]:
    best = run.best or {}
    rank_1, cosine = best.get("held_out_rank_1"), best.get("held_out_cosine_rank_1")
    return {
        "": listed.looks[run.key].sign,
        "Run": display_name(run),
        "Rank-1": rank_1,
        "vs cosine": None if rank_1 is None or cosine is None else rank_1 - cosine,
        "State": listed.states[run.key],
        "Tags": list(run.notes.tags) or None,
        "Network": run.settings.get("network"),
        "Loss": words(run.settings.get("loss")) if run.settings else None,
        "Gallery": run.settings.get("gallery"),
        "Best epoch": best.get("epoch"),
        "Cosine": cosine,
        "Measured on": run.probes,
        "Seconds": run.seconds if run.history else None,
    }


def csv_row(listed: RunList, run: Run) -> dict[str, Any]:
    """A row of the table with all settings of the run."""
    row = {name: value for name, value in _row(listed, run).items() if name}
    return row | {"Tags": ", ".join(run.notes.tags), "Note": run.notes.note} | run.settings


def _columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "": st.column_config.TextColumn(width=36, help="How it is drawn in every plot"),
        "Run": st.column_config.TextColumn(width=170),
        "Rank-1": number(format="%.4f", help="Of the best epoch, on people held out from training"),
        "vs cosine": number(format="%+.4f", help="Rank-1 minus that of plain cosine"),
        "State": st.column_config.TextColumn(help="running, finished, stopped or crashed"),
        "Tags": st.column_config.ListColumn(),
        "Network": st.column_config.TextColumn(),
        "Loss": st.column_config.TextColumn(),
        "Gallery": st.column_config.TextColumn(),
        "Best epoch": number(format="%d", help="By rank-1 on held-out people; 0 is before training"),
        "Cosine": number(format="%.4f", help="Rank-1 of plain cosine on the same photos"),
        "Measured on": number(
            format="%d",
            help="Held-out people with several photos, on whom rank-1 is measured. "
            f"With fewer than {PROBES_ENOUGH}, it says little.",
        ),
        "Seconds": number(format="%.1f", help="Training time, without evaluation"),
    }
