"""The compared systems: a table, and curves over thresholds, false accept rates, neighbours and distances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shared import palette
from pages.shared.text import escape
from train.systems import results

if TYPE_CHECKING:
    import plotly.graph_objects as go

# Drawn on the first visit: one of each kind that has curves.
FIRST = ("embedder-facenet", "similarity-cohort", "last-layer-triplet", "scratch-final", "thin-classification")
KINDS = ("embedder", "classifier", "similarity net", "last layer", "from scratch")
MEASURES = {"F1": "f1", "Accuracy": "accuracy", "Precision": "precision", "Recall": "recall"}
# Published figures of the systems that these reimplement.
PUBLISHED = {
    "embedder-facenet": "F1 0.9953 of another FaceNet on LFW",
    "last-layer-contrastive": "F1 0.6277, accuracy 0.53",
    "last-layer-triplet": "F1 0.7592, accuracy 0.83",
    "scratch-final": "accuracy 0.6132 on LFW; k nearest neighbours 0.8333 on a small part of it",
}
# Yellow is hardly seen on white.
_INKS = palette.LINE_COLOURS
_DASHES = ("solid", "dash", "dot", "dashdot")
_SAME, _DIFFERENT = palette.GREEN, palette.RED
_HEIGHT_PX = 340
HELP = """All systems learn from the same three photos of each of the 610 LFW people with four or more, in the same
number of steps. **Rank-1**: the other photos of these people, among all 610. **DIR**: the share of those photos that
are identified when one in a hundred unknown people is mistaken for somebody. **Verified** and **F1**: pairs of people
that no system was trained on, at the best threshold of other pairs. **AUC** and **TAR**: all pairs of these."""


def page() -> None:
    """The page from top to bottom."""
    st.title("Systems", anchor=False)
    rows = results.all_systems()
    finished = [row for row in rows if "rank_1" in row]
    if not finished:
        with st.container(border=True, width=640):
            st.subheader(":material/balance: Nothing to compare yet", anchor=False)
            st.markdown("Systems appear here once they have been measured on Labeled Faces in the Wild.")
        return
    st.caption(f"{len(finished)} systems, the same people and photos for all", help=HELP)
    _table(finished)
    _published(finished)
    reasons = [row for row in rows if "reason" in row]
    if reasons:
        with st.expander(f"{len(reasons)} could not run on the machine that measured", icon=":material/info:"):
            for row in reasons:
                st.caption(f"**{escape(row['system'])}** {escape(row['reason'])}")
    chosen = _choose(finished)
    if chosen:
        _plots(chosen)


def _table(rows: Sequence[dict[str, Any]]) -> None:
    share, number = st.column_config.NumberColumn(format="%.4f"), st.column_config.NumberColumn
    columns = {
        "Rank-1": st.column_config.ProgressColumn(min_value=0, max_value=1, format="%.4f"),
        **dict.fromkeys(("DIR@FAR 0.01", "Verified", "F1", "AUC", "TAR@FAR 1e-3"), share),
        "Parameters": number(format="localized"),
        "Steps": number(help="Training steps, each with a batch of 96 photos"),
        "Training, s": number(format="%.0f"),
        "ms per face": number(format="%.3g"),
    }
    shares = ("rank_1", "dir_at_far_1e-2", "accuracy", "f1", "auc", "tar_at_far_1e-3")
    names = (*shares, "parameters", "steps", "train_seconds", "face_ms")
    table = [
        {"System": row["system"], "Kind": row["kind"]}
        | {title: row.get(name) or None for title, name in zip(columns, names, strict=True)}
        for row in rows
    ]
    pinned = {"System": st.column_config.Column(pinned=True)}
    st.dataframe(table, hide_index=True, placeholder="–", column_config={**columns, **pinned})


def _published(rows: Sequence[dict[str, Any]]) -> None:
    """Published figures of such systems, on other photos and pairs, next to those measured here."""
    lines = [
        f"| {escape(row['system'])} | {PUBLISHED[row['name']]} | F1 {row['f1']:.4f}, accuracy "
        f"{row['accuracy']:.4f}; nearest neighbour {row['rank_1']:.4f} of 610 people |"
        for row in rows
        if row["name"] in PUBLISHED
    ]
    with st.expander("vs published figures", icon=":material/article:"):
        st.markdown("\n".join(["| System | Published | Here |", "| --- | --- | --- |", *lines]))
        st.caption("They used other photos, pairs and thresholds, so only the order of magnitude compares.")


def _choose(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The systems to draw, and which have no curves."""
    titles = {row["name"]: row["system"] for row in rows if "auc" in row}
    first = [name for name in FIRST if name in titles] or list(titles)[:4]
    names = st.multiselect(
        "Show curves of",
        list(titles),
        default=first,
        format_func=titles.__getitem__,
        max_selections=len(_INKS) * len(_DASHES),
        placeholder="Choose systems",
    )
    without = [escape(row["system"]) for row in rows if "auc" not in row]
    if without:
        st.caption(
            f"Without curves: {' · '.join(without)}. Classifiers know only the people they were trained on: they "
            "cannot compare two strangers."
        )
    return [row for row in rows if row["name"] in names]


def _plots(chosen: Sequence[dict[str, Any]]) -> None:
    curves = {row["system"]: results.read_curves(row["folder"]) for row in chosen}
    verified = {name: curve for name, curve in curves.items() if "roc" in curve}
    if missing := [escape(name) for name in curves if name not in verified]:
        st.warning(
            f"Missing or damaged curves: {' · '.join(missing)}. Measure them again.", icon=":material/warning:"
        )
    if not verified:
        return
    left, right = st.columns(2, gap="medium")
    with left:
        _draw_roc(verified)
    with right:
        _draw_thresholds(verified)
    left, right = st.columns(2, gap="medium")
    with left:
        _draw_neighbours(verified)
    with right:
        _draw_distances(verified)


def _draw_roc(curves: dict[str, Any]) -> None:
    st.markdown("##### ROC", help="All pairs of people that no system was trained on.")
    lines = ((name, curve["roc"]["far"], curve["roc"]["tar"]) for name, curve in curves.items())
    figure = _lines(lines, "False accept rate", "True accept rate")
    figure.update_xaxes(type="log", exponentformat="power", dtick=1)
    _chart(figure, "roc", "ROC curves of the chosen systems")


def _draw_thresholds(curves: dict[str, Any]) -> None:
    picked = st.segmented_control("Measure", list(MEASURES), default="F1", label_visibility="collapsed")
    measure = picked or "F1"
    parts = [(name, curve["threshold"]) for name, curve in curves.items()]
    lines = ((name, part["threshold"], part[MEASURES[measure]]) for name, part in parts)
    _chart(_lines(lines, "Distance threshold", measure), "threshold", f"{measure} over the threshold")


def _draw_neighbours(curves: dict[str, Any]) -> None:
    st.markdown("##### Nearest neighbours", help="Rank-1 by a vote of the k nearest of 1,830 photos.")
    parts = [(name, curve["k_nearest"]) for name, curve in curves.items()]
    figure = _lines(((name, part["k"], part["accuracy"]) for name, part in parts), "k", "Accuracy", "lines+markers")
    figure.update_xaxes(tickvals=[1, 3, 5, 7, 9])
    _chart(figure, "neighbours", "Accuracy of k nearest neighbours over k")


def _draw_distances(curves: dict[str, Any]) -> None:
    import plotly.graph_objects as go

    name = st.selectbox("Distances of", list(curves))
    histogram = curves[name]["histogram"]
    edges = histogram["edges"]
    figure = go.Figure()
    for kind, title, colour in (("same", "Same person", _SAME), ("different", "Different people", _DIFFERENT)):
        figure.add_bar(
            x=[(low + high) / 2 for low, high in pairwise(edges)],
            y=histogram[kind],
            name=title,
            marker={"color": colour, "opacity": 0.6, "line": {"width": 0}},
            hovertemplate="%{x:.3f}: %{y:.1%}<extra></extra>",
        )
    figure.update_layout(barmode="overlay", bargap=0)
    _finish(figure, "Distance", "Share of pairs")
    figure.update_yaxes(tickformat=".0%")
    _chart(figure, "distances", f"Distances of pairs of the same and of different people, {name}")


def _lines(lines: Any, x: str, y: str, mode: str = "lines") -> go.Figure:
    """One line for each system, given as name, x and y."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for place, (name, across, up) in enumerate(lines):
        figure.add_scatter(
            x=across,
            y=up,
            mode=mode,
            name=name,
            line={"color": _INKS[place % len(_INKS)], "width": 2.5, "dash": _DASHES[place // len(_INKS)]},
            hovertemplate="%{y:.4f} at %{x:.3g}<extra>" + name + "</extra>",
        )
    _finish(figure, x, y)
    return figure


def _finish(figure: go.Figure, x: str, y: str) -> None:
    # Room for the names below, two in a row.
    names = math.ceil(len(figure.data) / 2)
    figure.update_layout(
        height=_HEIGHT_PX + 20 * names,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        xaxis_title=x,
        yaxis_title=y,
        showlegend=True,
        legend={"orientation": "h", "yanchor": "top", "y": -0.25, "x": 0},
    )


def _chart(figure: go.Figure, name: str, alt: str) -> None:
    picture = {"filename": f"lookslikewho-systems-{name}", "scale": 2}
    config = {"displaylogo": False, "toImageButtonOptions": picture}
    st.plotly_chart(figure, theme="streamlit", key=f"systems {name}", alt=alt, config=config)
