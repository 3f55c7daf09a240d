"""The view of the distances within quadruplets."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.shared.plots.distances import distances
from pages.shared.runs.selection import ChosenRuns
from pages.shared.runs.widgets import offer_csv, pick_run, say_missing, show_chart
from train.runs import geometry

_SIDES = {"Held-out people": "held_out", "People trained on": "train"}


def draw(chosen: ChosenRuns) -> None:
    """Histograms of one run after one epoch."""
    stored = {run.key: geometry.read_geometry(run.folder) for run, _ in chosen.runs}
    runs = [run for run, _ in chosen.current() if stored[run.key]]
    with st.container():
        say_missing(chosen, runs, "the geometry")
    if not runs:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        run = pick_run(runs, "geometry of")
        epochs = sorted(stored[run.key])
        start = int(run.best["epoch"]) if run.best and int(run.best["epoch"]) in epochs else epochs[-1]
        epoch = epochs[0]
        if len(epochs) > 1:
            epoch = st.select_slider("Epoch", epochs, start, key=f"epoch {run.key}", width=280)
        sides = [title for title, side in _SIDES.items() if side in stored[run.key][epoch]]
        side = st.segmented_control("Photos of", sides, default=sides[0], required=True, key=f"side {run.key}")
    figure = distances(stored[run.key][epoch][_SIDES[side]], run.settings)
    show_chart(figure, f"geometry-{run.name}", f"Histograms of the distances within quadruplets of {run.name}")
    st.caption(
        "Random quadruplets: an anchor, a positive of the same person, and two negatives of two other people. The "
        "loss pulls **ap** to the left and pushes **an** and **nn** beyond the dashed lines, its margins for a "
        "positive pair at the median: ap² + α below an², ap² + β below nn²."
    )
    offer_csv("Geometry as CSV", lambda: _rows(stored[run.key]), f"geometry-{run.name}.csv")


def _rows(stored: dict[int, geometry.Histograms]) -> list[dict[str, Any]]:
    return [
        {"epoch": epoch, "side": side, "distance": name, "from": bin_ / geometry.BINS, "count": count}
        for epoch, sides in sorted(stored.items())
        for side, histograms in sides.items()
        for name, counts in histograms.items()
        for bin_, count in enumerate(counts)
    ]
