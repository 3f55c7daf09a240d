"""A page with one scatter plot, drawn by the library that the address names: ``?library=plotly&faces=1060``.

A click chooses a face; the page runs again and marks it. Each library gets the same places, colours, names and mark.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from pages.shared import scatter
from pages.shared.faces import inline

GROUPS = 7


@st.cache_data
def points(faces: int) -> tuple[NDArray[np.float32], NDArray[np.int64], list[str]]:
    """Places (faces, 2) within -1..1, the group of each face, and its name."""
    random = np.random.default_rng(0)
    groups = random.integers(GROUPS, size=faces)
    centres = random.uniform(-0.5, 0.5, (GROUPS, 2))
    places = (centres[groups] + random.normal(scale=0.15, size=(faces, 2))).clip(-1, 1)
    return places.astype(np.float32), groups, [f"Person {face}" for face in range(faces)]


def own(faces: int) -> None:
    """The explorer's own component."""
    places, groups, names = points(faces)

    @st.cache_data
    def packed(faces: int) -> scatter.Points:
        return scatter.Points.packed({"map": places}, np.arange(faces), names)

    def choose() -> None:
        picked = st.session_state["plot"].picked
        if picked and picked["row"] is not None:
            st.session_state["chosen"] = picked["row"]

    row = st.session_state.get("chosen")
    portrait = inline(np.full((64, 64, 3), 128, np.uint8))
    marks = [] if row is None else [scatter.Mark(row, places[row], names[row], "chosen", portrait)]
    colouring = scatter.by_category(groups, [f"Group {group}" for group in range(GROUPS)])
    nothing = lambda: None  # noqa: E731
    callbacks = {"on_picked_change": choose}
    callbacks |= dict.fromkeys(("on_found_change", "on_area_change", "on_hidden_change"), nothing)
    scatter.draw(
        "plot",
        packed(faces),
        "map",
        colouring,
        [],
        np.full(faces, scatter.LIT, np.uint8),
        [],
        marks,
        [],
        None,
        "",
        "Faces",
        "",
        chart=0,
        **callbacks,
    )


def plotly(faces: int) -> None:
    """``st.plotly_chart`` with one WebGL trace for all faces and one for the mark."""
    places, groups, names = points(faces)
    rows = np.arange(faces)
    face = go.Scattergl(x=places[:, 0], y=places[:, 1], mode="markers", marker={"color": groups}, customdata=rows)
    face.update(hovertext=names, hoverinfo="text")
    figure = go.Figure(face, {"showlegend": False, "height": 700, "dragmode": "pan"})
    row = st.session_state.get("chosen")
    if row is not None:
        figure.add_scattergl(x=[places[row, 0]], y=[places[row, 1]], mode="markers", marker={"size": 20})

    def choose() -> None:
        picked = st.session_state["plot"].selection.points
        if picked:
            st.session_state["chosen"] = picked[0]["customdata"]

    st.plotly_chart(figure, key="plot", on_select=choose, selection_mode="points")


def regl(faces: int) -> None:
    """regl-scatterplot in a Streamlit component: points are sent once as bytes, the mark as JSON."""
    places, groups, names = points(faces)

    def choose() -> None:
        if (row := st.session_state["plot"].picked) is not None:
            st.session_state["chosen"] = row

    component = _component(os.environ["PLOTS_BUNDLE"])
    component(key="plot", data={"chosen": st.session_state.get("chosen")}, on_picked_change=choose)
    content = np.hstack([places, groups[:, None]]).astype("<f4").tobytes()
    header = json.dumps({"faces": faces, "names": names}).encode()
    component(key="points", data=len(header).to_bytes(4, "little") + header + b" " * (-len(header) % 4) + content)


@st.cache_resource
def _component(bundle: str) -> Any:
    return st.components.v2.component("regl", js=Path(bundle).read_text(encoding="utf-8"))


st.set_page_config(layout="wide")
{"own": own, "plotly": plotly, "regl": regl}[st.query_params["library"]](int(st.query_params["faces"]))
st.text(f"chosen {st.session_state.get('chosen')}")
