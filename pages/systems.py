"""The compared systems: one table, and their curves over thresholds, false accepts, neighbours and distances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shared import palette
from pages.shared.streamlit_fixes import require_router
from pages.shared.text import escape
from train.systems import results

if TYPE_CHECKING:
    import plotly.graph_objects as go

# What is drawn until somebody chooses: one of each kind.
FIRST = ("embedder-facenet", "svm", "similarity-cohort", "last-layer-triplet", "scratch-final", "thin-classification")
KINDS = ("embedder", "classifier", "similarity net", "last layer", "from scratch")
MEASURES = {"F1": "f1", "Accuracy": "accuracy", "Precision": "precision", "Recall": "recall"}
# What was published of the systems that these repeat, by the name of ours.
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
HELP = """Learned is from three photos each of the 610 people of LFW with four or more, in the same steps. **Rank-1**:
their other photos, among all 610. **DIR**: the share of those photos that are identified where one in a hundred
unknown people is taken for somebody. **Verified** and **F1**: pairs of people whom nobody has learned from, at the
threshold that was best on other pairs. **AUC** and **TAR**: all pairs of those people's photos."""


def page() -> None:
    """The page by itself."""
    st.title("Systems", anchor=False)
    show()


def show() -> None:
    """Table and plots of all systems that were compared."""
    rows = results.all_systems()
    finished = [row for row in rows if "rank_1" in row]
    if not finished:
        with st.container(border=True, width=640):
            st.subheader(":material/balance: Nothing is compared yet", anchor=False)
            st.markdown("Run every system under one protocol, on Labeled Faces in the Wild:")
            st.code("python -m train compare --lfw FOLDER", language="bash")
        return
    st.caption(f"{len(finished)} systems, the same people and photos for all", help=HELP)
    _table(finished)
    _published(finished)
    reasons = [row for row in rows if "reason" in row]
    if reasons:
        with st.expander(f"{len(reasons)} could not run where this was measured", icon=":material/info:"):
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
        "Steps": number(help="Of training, each with a batch of 96 photos"),
        "Training, s": number(format="%.0f"),
        "A face, ms": number(format="%.3g"),
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
    """What others measured of such systems, with other photos and pairs, beside what is measured here."""
    lines = [
        f"| {escape(row['system'])} | {PUBLISHED[row['name']]} | F1 {row['f1']:.4f}, accuracy "
        f"{row['accuracy']:.4f}; nearest neighbour {row['rank_1']:.4f} of 610 people |"
        for row in rows
        if row["name"] in PUBLISHED
    ]
    with st.expander("Beside what was published", icon=":material/article:"):
        st.markdown("\n".join(["| System | Published | Here |", "| --- | --- | --- |", *lines]))
        st.caption(
            "Others chose their photos, pairs and thresholds in other ways, so only the order of size compares."
        )


def _choose(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The systems to draw."""
    titles = {row["name"]: row["system"] for row in rows}
    first = [name for name in FIRST if name in titles] or list(titles)[:4]
    names = st.multiselect(
        "Drawn below",
        list(titles),
        default=first,
        format_func=titles.__getitem__,
        max_selections=len(_INKS) * len(_DASHES),
        placeholder="Choose systems",
    )
    return [row for row in rows if row["name"] in names]


def _plots(chosen: Sequence[dict[str, Any]]) -> None:
    import plotly.graph_objects as go

    curves = [(row["system"], results.read_curves(row["folder"])) for row in chosen]
    verified = [(name, curve) for name, curve in curves if "roc" in curve]
    if not verified:
        st.info("Classifiers tell people apart; two photos of strangers they cannot compare.", icon=":material/info:")
        return
    measure = "F1"
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("##### True accepts over false ones", help="Of all pairs of people whom nobody has learned from.")
        figure = _lines(((name, c["roc"]["far"], c["roc"]["tar"]) for name, c in verified), "False accepts", "True")
        figure.update_xaxes(type="log", exponentformat="power", dtick=1)
        _chart(figure, "roc", "ROC curves of the chosen systems")
    with right:
        wished = st.segmented_control(
            "Over the threshold", list(MEASURES), default=measure, label_visibility="collapsed"
        )
        measure = wished or measure
        column = MEASURES[measure]
        lines = ((name, c["threshold"]["threshold"], c["threshold"][column]) for name, c in verified)
        _chart(_lines(lines, "Threshold of the distance", measure), "threshold", f"{measure} over the threshold")
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("##### Nearest neighbours", help="Rank-1 by the votes of the k nearest of 1,830 photos.")
        lines = ((name, c["k_nearest"]["k"], c["k_nearest"]["accuracy"]) for name, c in verified)
        figure = _lines(lines, "k", "Accuracy", "lines+markers")
        figure.update_xaxes(tickvals=[1, 3, 5, 7, 9])
        _chart(figure, "neighbours", "Accuracy of k nearest neighbours over k")
    with right:
        names = [name for name, _ in verified]
        name = st.selectbox("Distances of", names)
        of = dict(verified)[name]["histogram"]
        middles = [(low + high) / 2 for low, high in zip(of["edges"], of["edges"][1:], strict=False)]
        figure = go.Figure()
        for kind, title, colour in (("same", "One person", _SAME), ("different", "Two people", _DIFFERENT)):
            figure.add_bar(
                x=middles,
                y=of[kind],
                name=title,
                marker={"color": colour, "opacity": 0.6, "line": {"width": 0}},
                hovertemplate="%{x:.3f}: %{y:.1%}<extra></extra>",
            )
        figure.update_layout(barmode="overlay", bargap=0)
        _finish(figure, "Distance", "Share of pairs")
        figure.update_yaxes(tickformat=".0%")
        _chart(figure, "distances", f"Distances of pairs of one person and of two, {name}")


def _lines(lines: Any, x: str, y: str, mode: str = "lines") -> go.Figure:
    """One line for each system: its name, where, how much."""
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
    # Room for the names below, two in a line.
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


if __name__ == "__main__":  # Streamlit ran this file without the router.
    require_router()
