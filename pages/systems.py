"""The compared systems: which leads and by how much, a table, and curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shared import palette, standings
from pages.shared.standings import title
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
# A close-up reaches from this share of the best value up.
_NEAR = 0.9
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
    standings.draw(finished, _chart)
    _table(finished)
    _published(finished)
    _could_not_run([row for row in rows if "reason" in row])
    chosen = _choose(finished)
    if chosen:
        _plots(chosen)


def _could_not_run(rows: Sequence[dict[str, Any]]) -> None:
    """One line for all that could not run, with the reasons behind its question mark."""
    if rows:
        reasons = "\n".join(f"- **{escape(title(row))}**: {escape(row['reason'])}" for row in rows)
        names = ", ".join(escape(title(row)) for row in rows)
        st.caption(f"Could not run on the machine that measured: {names}.", help=reasons)


def _table(rows: Sequence[dict[str, Any]]) -> None:
    share, number = st.column_config.NumberColumn(format="%.4f"), st.column_config.NumberColumn
    columns = {
        **dict.fromkeys(("Rank-1", "DIR@FAR 0.01", "Verified", "F1", "AUC", "TAR@FAR 1e-3"), share),
        "Parameters": number(format="localized"),
        "Steps": number(help="Training steps, each with a batch of 96 photos"),
        "Training, s": number(format="%.0f"),
        "ms per face": number(format="%.3g"),
    }
    shares = ("rank_1", "dir_at_far_1e-2", "accuracy", "f1", "auc", "tar_at_far_1e-3")
    names = (*shares, "parameters", "steps", "train_seconds", "face_ms")
    table = [
        {"System": title(row), "Kind": row["kind"]}
        | {title: row.get(name) or None for title, name in zip(columns, names, strict=True)}
        for row in rows
    ]
    pinned = {"System": st.column_config.Column(pinned=True)}
    st.dataframe(table, hide_index=True, placeholder="–", column_config={**columns, **pinned})


def _published(rows: Sequence[dict[str, Any]]) -> None:
    """Published figures of such systems, on other photos and pairs, next to those measured here."""
    lines = [
        f"| {escape(title(row))} | {PUBLISHED[row['name']]} | F1 {row['f1']:.4f}, accuracy "
        f"{row['accuracy']:.4f}; nearest neighbour {row['rank_1']:.4f} of 610 people |"
        for row in rows
        if row["name"] in PUBLISHED
    ]
    with st.expander("vs published figures", icon=":material/article:"):
        st.markdown("\n".join(["| System | Published | Here |", "| --- | --- | --- |", *lines]))
        st.caption("They used other photos, pairs and thresholds, so only the order of magnitude compares.")


def _choose(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The systems to draw, and which have no curves."""
    titles = {row["name"]: title(row) for row in rows if "auc" in row}
    first = [name for name in FIRST if name in titles] or list(titles)[:4]
    names = st.multiselect(
        "Show curves of",
        list(titles),
        default=first,
        format_func=titles.__getitem__,
        max_selections=len(_INKS) * len(_DASHES),
        placeholder="Choose systems",
    )
    without = [escape(title(row)) for row in rows if "auc" not in row]
    if without:
        st.caption(
            f"Without curves: {' · '.join(without)}. Classifiers know only the people they were trained on: they "
            "cannot compare two strangers."
        )
    return [row for row in rows if row["name"] in names]


def _plots(chosen: Sequence[dict[str, Any]]) -> None:
    curves = {title(row): results.read_curves(row["folder"]) for row in chosen}
    verified = {name: curve for name, curve in curves.items() if "roc" in curve}
    if missing := [escape(name) for name in curves if name not in verified]:
        st.warning(
            f"Missing or damaged curves: {' · '.join(missing)}. Measure them again.", icon=":material/warning:"
        )
    if not verified:
        return
    close = st.toggle(
        "Close-up of the leaders",
        value=True,
        key="close-up",
        help="The axes show what tells the best systems apart. Lines of others may lie below.",
    )
    left, right = st.columns(2, gap="medium")
    with left:
        _draw_roc(verified, close)
    with right:
        _draw_thresholds(verified, close)
    left, right = st.columns(2, gap="medium")
    with left:
        _draw_neighbours(verified, close)
    with right:
        _draw_distances(verified)


def _zoom(figure: go.Figure) -> None:
    """Show only the range of the lines that come near the best one, and say which lie below."""
    ends = {line.name: max(line.y) for line in figure.data}
    near = [line for line in figure.data if ends[line.name] >= _NEAR * max(ends.values())]
    top = max(ends.values())
    # The lower end of curves that begin at nothing says little.
    low = max(min(min(line.y) for line in near), _NEAR * top)
    room = 0.05 * (top - low) or 0.01
    figure.update_yaxes(range=[low - room, top + room])
    if below := [name for name, end in ends.items() if end < low]:
        st.caption(f"Below this close-up: {escape(', '.join(below))}.")


def _draw_roc(curves: dict[str, Any], close: bool) -> None:
    st.markdown("##### ROC", help="All pairs of people that no system was trained on.")
    lines = ((name, curve["roc"]["far"], curve["roc"]["tar"]) for name, curve in curves.items())
    figure = _lines(lines, "False accept rate", "True accept rate")
    figure.update_xaxes(type="log", exponentformat="power", dtick=1)
    if close:
        _zoom(figure)
    _chart(figure, "roc", "ROC curves of the chosen systems")


def _draw_thresholds(curves: dict[str, Any], close: bool) -> None:
    picked = st.segmented_control("Measure", list(MEASURES), default="F1", label_visibility="collapsed")
    measure = picked or "F1"
    parts = [(name, curve["threshold"]) for name, curve in curves.items()]
    lines = ((name, part["threshold"], part[MEASURES[measure]]) for name, part in parts)
    figure = _lines(lines, "Distance threshold", measure)
    if close:
        _zoom(figure)
    _chart(figure, "threshold", f"{measure} over the threshold")


def _draw_neighbours(curves: dict[str, Any], close: bool) -> None:
    st.markdown("##### Nearest neighbours", help="Rank-1 by a vote of the k nearest of 1,830 photos.")
    parts = [(name, curve["k_nearest"]) for name, curve in curves.items()]
    figure = _lines(((name, part["k"], part["accuracy"]) for name, part in parts), "k", "Accuracy", "lines+markers")
    figure.update_xaxes(tickvals=[1, 3, 5, 7, 9])
    if close:
        _zoom(figure)
    _chart(figure, "neighbours", "Accuracy of k nearest neighbours over k")


def _draw_distances(curves: dict[str, Any]) -> None:
    import plotly.graph_objects as go

    name = st.selectbox("Distances of", list(curves))
    histogram = curves[name]["histogram"]
    edges = histogram["edges"]
    figure = go.Figure()
    for kind, name_shown, colour in (("same", "Same person", _SAME), ("different", "Different people", _DIFFERENT)):
        figure.add_bar(
            x=[(low + high) / 2 for low, high in pairwise(edges)],
            y=histogram[kind],
            name=name_shown,
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
