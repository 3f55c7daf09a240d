"""The training viewer: the runs there are, how they went, what they are worth, and a training of one's own."""

from __future__ import annotations

import csv
import html
import io
import re
import shlex
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import streamlit as st

from pages.shared import faces, plots, run_settings, session
from pages.shared.plots import Look, Measure
from pages.shared.streamlit_fixes import require_router
from pages.shared.text import escape, name_html
from pipeline.errors import UserError
from pipeline.gallery import layout
from pipeline.gallery.gallery import Gallery
from train import sampling
from train.options import MINING, NETWORKS, describe, losses_for
from train.runs import catalogue, evaluations, files, geometry, lock, processes
from train.runs.catalogue import RECORDED_PREFIX, Run

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from pandas.io.formats.style import Styler

# Until somebody chooses: from the published network to the one that ships.
FIRST = tuple(RECORDED_PREFIX + name for name in ("published", "symmetric", "residual", "cohort"))
STATES = {
    "running": ":green[:material/play_circle:]",
    "finished": ":material/check_circle:",
    "stopped": ":material/pause_circle:",
    "crashed": ":red[:material/error:]",
}
LIVE_SECONDS = 1.5
ROWS_MAX = 8
SIDES = {"People held out": "held_out", "People trained on": "train"}
PUBLISHED_NOTE = (
    "The original project published 40 to 50 % for 9,131 people with ten photos each. Here everybody has one photo; "
    "dashed is what plain cosine reaches on the same photos."
)
STYLE = """<style>
.differs, .st-key-wide { overflow-x: auto; }
.differs table { border-collapse: collapse; font-size: 0.875rem; }
.differs th, .differs td { padding: 0.25rem 1rem 0.25rem 0; text-align: left; white-space: nowrap; }
.differs thead th { font-weight: 400; opacity: 0.7; }
</style>"""


def page() -> None:
    """The page from top to bottom."""
    everything = catalogue.all_runs()
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        with st.container(width="content", gap=None):
            st.title("Training", anchor=False)
            own = sum(not run.recorded for run in everything)
            st.caption(f"{len(everything) - own} recorded runs, {own} of your own" if everything else "No run yet")
        st.button("Train one now", icon=":material/model_training:", type="primary", on_click=_open_dialog)
    if st.session_state.pop("training dialog", False):
        train_one()
    states = {run.key: _state(run) for run in everything}
    live = st.fragment(running_now, run_every=LIVE_SECONDS)
    live(_going([run for run in everything if states[run.key] == "running"]))
    if not everything:
        with st.container(border=True, width=640):
            st.subheader(":material/timeline: No run yet", anchor=False)
            st.markdown("Train a small network on the open gallery now, or a large one from a terminal:")
            st.code("python -m train fit --run mine", language="bash")
        return
    Viewer(everything, states).draw()


def _open_dialog() -> None:
    st.session_state["training dialog"] = True


def _state(run: Run) -> processes.RunState:
    return "finished" if run.recorded else processes.run_state(run.folder)


# Which runs are chosen: it is in the address, so that a view can be shared ------------------------------------------


def chosen(known: Sequence[str]) -> list[str]:
    """The chosen runs' keys, in the order of ``known``."""
    # A fragment that runs by the clock may come with the address of a moment ago, so it is read but once.
    told = st.session_state.setdefault("runs chosen", st.query_params.get("runs"))
    if told is not None and st.query_params.get("runs") != told:
        st.query_params["runs"] = told
    wanted = FIRST if told is None else tuple(told.split(","))
    found = [key for key in known if key in wanted]
    return found or (list(known[:3]) if told is None else [])


def choose(keys: Sequence[str]) -> None:
    """Choose runs."""
    st.session_state["runs chosen"] = st.query_params["runs"] = ",".join(keys)


# What is going on ---------------------------------------------------------------------------------------------------


def _going(going: list[Run]) -> list[tuple[str, bool]]:
    """Which runs are in progress, and whether their settings are known yet."""
    return sorted((run.key, bool(run.config)) for run in going)


def running_now(known: list[tuple[str, bool]]) -> None:
    """A card for each run in progress; the whole page is drawn anew when one begins, has its settings, or ends."""
    going = [catalogue.read_run(path.name, path) for path in catalogue.own_folders() if lock.is_running(path)]
    if _going(going) != known:
        st.rerun()
    for run in going:
        with st.container(border=True):
            _progress(run)


def _progress(run: Run) -> None:
    epochs = run.settings.get("epochs")
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{STATES['running']} {escape(run.name)}**")
        asked = processes.stop_requested(run.folder)
        st.button(
            "End at once" if asked else "Stop",
            icon=":material/stop_circle:",
            key=f"stop {run.key}",
            on_click=processes.stop_training,
            args=(run.folder,),
            help="It can be continued later, from its last whole epoch.",
        )
    if not run.history or not isinstance(epochs, int):
        st.progress(0.0, text="Loading TensorFlow and measuring the untrained network")
        return
    last = run.history[-1]
    done = int(last["epoch"])
    words = f"Epoch {done} of at most {epochs}"
    if asked:
        words = f"Stopping after epoch {done}"
    elif done >= epochs:
        words = "Measuring the best network"
    begun = processes.started_at(run.folder)
    if begun:
        words += f" · {str(datetime.now(UTC) - begun).partition('.')[0]}"
    st.progress(min(done / epochs, 1.0), text=words)
    shown = {"Loss": "train_loss", "rank-1": "held_out_rank_1", "cosine's": "held_out_cosine_rank_1"}
    st.caption(" · ".join(f"{title} **{_number(last[name])}**" for title, name in shown.items() if name in last))


# A training of one's own --------------------------------------------------------------------------------------------


@st.dialog("Train one now", icon=":material/model_training:")
def train_one() -> None:
    """Settings of a small run on the open gallery, and its start."""
    name = session.gallery_name()
    try:
        labels = session.open_gallery(name).person_of_row
        sampling.PhotosByPerson(labels)
        sampling.split_people(labels, 0.2, 0)
    except UserError as error:
        st.info(escape(str(error)), icon=":material/group_add:")
        return
    st.caption(escape(f"On the gallery {name}, as a process of its own: it goes on when this page is closed."))
    network = st.selectbox(
        "Network",
        list(NETWORKS),
        help=describe(NETWORKS),
    )
    losses = losses_for(NETWORKS[network].settings)
    left, right = st.columns(2)
    loss = left.selectbox("Loss", losses, format_func=run_settings.words)
    mining = right.selectbox(
        "Negatives", list(MINING), format_func=run_settings.words, help="Which photos of other people are taken."
    )
    epochs = left.number_input("Epochs at most", 1, 200, 10)
    steps = right.number_input("Steps an epoch", 1, 2000, 60)
    batch = left.number_input("Quadruplets a step", 4, 4096, 64)
    rate = right.selectbox("Learning rate", ("0.01", "0.001", "0.0001"), index=1)
    known = {path.name for path in catalogue.own_folders()}
    run = st.text_input("Name", _free(f"{network}-{loss}", known), key=f"name {network} {loss}", max_chars=60)
    arguments = ["fit", "--run", run.strip(), "--gallery", name, "--network", network, "--loss", loss]
    arguments += ["--mining", mining, "--epochs", str(epochs), "--steps-per-epoch", str(steps)]
    arguments += ["--batch-size", str(batch), "--learning-rate", rate]
    with st.expander("The same from a terminal"):
        st.code(f"python -m train {shlex.join(arguments)}", language="bash", wrap_lines=True)
    if st.button("Start", icon=":material/play_arrow:", type="primary", width="stretch"):
        if not files.RUN_NAME.fullmatch(run.strip()):
            st.error("Name the run with letters, digits, dots and hyphens.", icon=":material/edit:")
        elif run.strip() in known:
            st.error("There is a run of this name. Choose another one.", icon=":material/edit:")
        else:
            begin(run.strip(), arguments)


def begin(name: str, arguments: Sequence[str]) -> None:
    """Start a training, or go on with one, and choose it."""
    try:
        with st.spinner("Starting"):
            processes.start_training(files.run_folder(name), arguments)
    except UserError as error:
        st.error(escape(str(error)), icon=":material/error:")
        return
    keys = chosen([run.key for run in catalogue.all_runs()])
    choose([*[key for key in keys if key != name], name])
    st.rerun()


def _free(wanted: str, known: set[str]) -> str:
    return next(name for number in range(1, 10_000) if (name := f"{wanted}-{number}") not in known)


class Viewer:
    """One drawing of the page below its head."""

    def __init__(self, everything: list[Run], states: dict[str, processes.RunState]) -> None:
        self.everything, self.states = everything, states
        # The story first, so that its runs have colours of their own, then the user's: a new one changes none.
        ordered = sorted(everything, key=lambda run: FIRST.index(run.key) if run.key in FIRST else len(FIRST))
        recorded = [run for run in ordered if run.recorded]
        drawn = [*recorded[: len(FIRST)], *(run for run in ordered if not run.recorded)]
        self.looks = {run.key: plots.look(place) for place, run in enumerate(drawn)}
        self.looks |= {run.key: plots.look(-1 - place) for place, run in enumerate(recorded[len(FIRST) :])}
        # What is going on comes first, then the newest of the user's, then what is recorded.
        own = [run for run in everything if not run.recorded][::-1]
        own.sort(key=lambda run: self.states[run.key] != "running")
        self.listed = [*own, *recorded]

    def draw(self) -> None:
        """Filter and table, what differs between the chosen runs, and what they did."""
        shown = self._filtered()
        wanted = chosen([run.key for run in self.everything])
        if "running" in self.states.values():
            st.fragment(self._live_table, run_every=LIVE_SECONDS)(shown, wanted)
        else:
            self._table(shown, wanted)
        self.runs = [(run, self.looks[run.key]) for run in shown if run.key in wanted]
        if not self.runs:
            st.info("Choose runs in the table to see them.", icon=":material/checklist:")
            return
        st.html(STYLE)
        for run, _ in self.runs:
            self._notice(run)
        self._differences()
        views: dict[str, Callable[[], None]] = {
            "Curves": self._curves,
            "Geometry": self._geometry,
            "Evaluation": self._evaluation,
            "Tuning": self._tuning,
        }
        view = st.segmented_control(
            "View", list(views), default="Curves", required=True, key="view", bind="query-params",
            label_visibility="collapsed",
        )  # fmt: skip
        live = any(self.states[run.key] == "running" for run, _ in self.runs)
        st.fragment(views[view], run_every=LIVE_SECONDS if live else None)()

    # The table ------------------------------------------------------------------------------------------------------

    def _filtered(self) -> list[Run]:
        facets: dict[str, tuple[str, str]] = {}
        for run in self.listed:
            for name, value in {**run.settings, "state": self.states[run.key]}.items():
                facets[f"{run_settings.words(name)}: {run_settings.word(value)}"] = name, run_settings.word(value)
        told = {name for name, _ in facets.values()}
        several = {name for name in told if len([1 for of, _ in facets.values() if of == name]) > 1} | {"study"}
        options = sorted(text for text, (name, _) in facets.items() if name in several)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            picked = st.multiselect(
                "Filter by setting",
                options,
                key="filter",
                bind="query-params",
                placeholder="All runs",
                help="Values of one setting widen the choice, different settings narrow it.",
            )
            _download("Runs as CSV", self._runs_csv, "runs.csv")
        wanted: dict[str, set[str]] = {}
        for name, value in (facets[text] for text in picked if text in facets):
            wanted.setdefault(name, set()).add(value)

        def fits(run: Run) -> bool:
            own = {**run.settings, "state": self.states[run.key]}
            return all(run_settings.word(own.get(name)) in values for name, values in wanted.items())

        return [run for run in self.listed if fits(run)]

    def _live_table(self, shown: list[Run], wanted: list[str]) -> None:
        """The table with what runs in progress have reached; what is chosen in it is for the whole page."""
        if st.session_state.pop("table chosen", False):
            st.rerun()
        self._table([self._now(run) for run in shown], wanted)

    def _table(self, shown: list[Run], wanted: list[str]) -> None:
        """The table of runs, in which those of the keys ``wanted`` are chosen."""
        keys = [run.key for run in shown]
        picked = [place for place, key in enumerate(keys) if key in wanted]
        name = self._key(keys, wanted)

        def select() -> None:
            # The browser may send once more what was chosen in a table that is gone, which Streamlit takes as new.
            if name != _table_name():
                return
            rows = st.session_state[name].selection.rows
            now = [keys[row] for row in rows] + [key for key in wanted if key not in keys]
            choose([run.key for run in self.everything if run.key in now])
            st.session_state["table chose"] = chosen([run.key for run in self.everything])
            st.session_state["table chosen"] = True

        st.dataframe(
            self._styled(shown),
            hide_index=True,
            height=38 + 35 * min(max(len(shown), 1), ROWS_MAX),
            column_config=_columns(),
            key=name,
            on_select=select,
            selection_mode="multi-row",
            selection_default={"selection": {"rows": picked, "columns": [], "cells": []}},
            placeholder="–",
            alt="The runs there are, with state, settings and what they reached",
        )

    def _key(self, keys: list[str], wanted: list[str]) -> str:
        """The table's name: a new one where what it has chosen is not what is chosen."""
        if st.session_state.get("table of") != keys or st.session_state.get("table chose") != wanted:
            st.session_state["table number"] = st.session_state.get("table number", 0) + 1
            st.session_state["table of"], st.session_state["table chose"] = keys, wanted
        return _table_name()

    def _styled(self, shown: list[Run]) -> Styler:
        import pandas as pd

        table = pd.DataFrame([self._row(run) for run in shown], columns=list(_columns()))
        inks = [self.looks[run.key].colour for run in shown]
        return table.style.apply(lambda _: [f"color: {ink}; font-weight: bold" for ink in inks], subset=[""])

    def _row(self, run: Run) -> dict[str, Any]:
        best = run.best or {}
        rank_1, cosine = best.get("held_out_rank_1"), best.get("held_out_cosine_rank_1")
        return {
            "": self.looks[run.key].sign,
            "Run": run.name + (" (recorded)" if run.recorded else ""),
            "State": self.states[run.key],
            "Network": run.settings.get("network"),
            "Loss": run_settings.words(run.settings.get("loss")) if run.settings else None,
            "Gallery": run.settings.get("gallery"),
            "Best epoch": best.get("epoch"),
            "Rank-1": rank_1,
            "Cosine": cosine,
            "Beside cosine": None if rank_1 is None or cosine is None else rank_1 - cosine,
            "Seconds": run.seconds if run.history else None,
        }

    def _runs_csv(self) -> bytes:
        rows = [{**self._row(run), **run.settings} for run in self.listed]
        return _csv([{name: value for name, value in row.items() if name} for row in rows])

    # What is said of the chosen runs --------------------------------------------------------------------------------

    def _notice(self, run: Run) -> None:
        """What is wrong or unfinished about a run, and how to go on."""
        state = self.states[run.key]
        if not run.config and state != "running":
            words = f"The settings of {run.name} are missing or damaged ({files.CONFIG})."
            st.warning(escape(f"{words} Remove its folder and train it anew: {run.folder}"))
        elif not run.history and state in ("finished", "stopped"):
            st.info(escape(f"{run.name} has no whole epoch yet."), icon=":material/hourglass_empty:")
        if state not in ("crashed", "stopped") or run.recorded:
            return
        last = f" after epoch {run.history[-1]['epoch']:.0f}" if run.history else ""
        with st.container(border=True, key=f"notice {run.key}"):
            with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                verb = "was stopped" if state == "stopped" else "ended before it was done"
                st.markdown(f"{STATES[state]} **{escape(run.name)}** {verb}{last}.")
                arguments = processes.resume_arguments(run.folder)
                if arguments and st.button("Continue", icon=":material/resume:", key=f"continue {run.key}"):
                    begin(run.name, arguments)
            if state == "crashed":
                words = processes.last_output(run.folder)
                if words:
                    st.code(words, language=None, wrap_lines=True)
                else:
                    st.caption("It left no word: it was killed, or the machine ran out of memory.")

    def _differences(self) -> None:
        """What differs between the settings of the chosen runs, first of all."""
        table = [(run, its, run_settings.effective(run.settings)) for run, its in self.runs]
        values = run_settings.values([its_settings for _, _, its_settings in table])
        differing = [name for name, of in values.items() if len(of) > 1]
        if len(self.runs) > 1:
            st.markdown("##### What differs" if differing else "##### Nothing differs in their settings")
            st.html(_html_table(table, differing))
        same = {name: next(iter(of)) for name, of in values.items() if len(of) == 1}
        if same:
            title = "What is the same" if len(self.runs) > 1 else f"Settings of {self.runs[0][0].name}"
            with st.expander(escape(title)):
                st.markdown(
                    " · ".join(f"{run_settings.words(name)} **{escape(text)}**" for name, text in same.items())
                )

    # The views ------------------------------------------------------------------------------------------------------

    def _fresh(self) -> list[tuple[Run, Look]]:
        """The chosen runs as they are now."""
        return [(self._now(run), its) for run, its in self.runs]

    def _now(self, run: Run) -> Run:
        """A run as it is now."""
        return catalogue.read_run(run.key, run.folder) if self.states[run.key] == "running" else run

    def _curves(self) -> None:
        of = self._fresh()
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            axis = st.segmented_control(
                "Along", ["Epoch", "Step", "Time"], default="Epoch", required=True, key="along", bind="query-params",
                help="Time is that of training alone, without measuring.",
            )  # fmt: skip
            smoothing = st.slider(
                "Smoothing", 0.0, 0.95, 0.0, 0.05, key="smoothing", bind="query-params", width=200,
                help="A running mean, as in TensorBoard; what was measured stays behind it, faintly.",
            )  # fmt: skip
            logarithmic = st.toggle("Logarithmic losses", key="logarithmic", bind="query-params")
            train = st.toggle("People trained on, too", value=True, key="trained", bind="query-params")
        more = st.pills(
            "More measures",
            [measure.title for measure in plots.MEASURES],
            selection_mode="multi",
            default=["Margins met"],
            key="measures",
            bind="query-params",
        )
        measures = [*plots.SEED_PLOTS, *(measure for measure in plots.MEASURES if measure.title in more)]
        drawn = [
            (figure, measure)
            for measure in measures
            if (figure := plots.history(measure, of, cast(plots.Axis, axis), smoothing, logarithmic, train))
        ]
        for first in range(0, len(drawn), 2):
            for column, (figure, measure) in zip(st.columns(2, gap="medium"), drawn[first : first + 2], strict=False):
                with column:
                    self._plot(figure, measure)
        if not drawn:
            st.info("None of these runs has measured an epoch yet.", icon=":material/hourglass_empty:")
        st.caption("Lines: people held out, ring: the best epoch. Dotted: people trained on.")
        _download(
            "Curves as CSV",
            lambda: _csv([{"run": run.key, **row} for run, _ in of for row in run.history]),
            "curves.csv",
        )

    def _plot(self, figure: go.Figure, measure: Measure) -> None:
        st.markdown(f"##### {measure.title}", help=measure.text)
        _chart(figure, measure.title, f"{measure.title} of {', '.join(run.name for run, _ in self.runs)}")
        if measure.column == "rank_1":
            st.caption(PUBLISHED_NOTE)

    def _geometry(self) -> None:
        known = {run.key: geometry.read_geometry(run.folder) for run, _ in self.runs}
        of = [run for run, _ in self._fresh() if known[run.key]]
        if not of:
            self._nothing_kept("the distances of quadruplets")
            return
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            run = self._one_of(of, "geometry of")
            epochs = sorted(known[run.key])
            start = int(run.best["epoch"]) if run.best and int(run.best["epoch"]) in epochs else epochs[-1]
            epoch = epochs[0]
            if len(epochs) > 1:
                epoch = st.select_slider("Epoch", epochs, start, key=f"epoch {run.key}", width=280)
            sides = [title for title, side in SIDES.items() if side in known[run.key][epoch]]
            side = st.segmented_control("Photos of", sides, default=sides[0], required=True, key=f"side {run.key}")
        counts = known[run.key][epoch][SIDES[side]]
        figure = plots.distances(counts, run.settings)
        _chart(figure, f"geometry-{run.name}", f"Histograms of the distances of quadruplets of {run.name}")
        st.caption(
            "Of random quadruplets: an anchor, a positive of the same person, and two negatives of two other people. "
            "The loss pulls **ap** to the left and pushes **an** and **nn** beyond the dashed lines, which are its "
            "margins for a pair at the median: ap² + α below an², ap² + β below nn²."
        )
        _download("Geometry as CSV", lambda: _csv(_geometry_rows(known[run.key])), f"geometry-{run.name}.csv")

    def _one_of(self, of: list[Run], key: str) -> Run:
        """The run to look at where a plot shows one."""
        names = {run.key: run.name + (" (recorded)" if run.recorded else "") for run in of}
        picked = st.selectbox("Run", list(names), format_func=names.__getitem__, key=key, width=260)
        return next((run for run in of if run.key == picked), of[0])

    def _evaluation(self) -> None:
        of = [(run, its, kept) for run, its in self.runs if (kept := evaluations.read_evaluation(run.folder))]
        if not of:
            self._nothing_kept("an evaluation")
            return
        left, right = st.columns(2, gap="medium")
        with left:
            st.markdown("##### Rank-k", help="Share of probes whose own person is among the k most alike people.")
            _chart(plots.rank_k(of), "rank-k", "Share of probes found among the first k, beside cosine")
        with right:
            st.markdown(
                "##### Verification",
                help="Pairs of one person accepted, by how many pairs of strangers are accepted.",
            )
            _chart(plots.roc(of), "roc", "ROC curve beside cosine")
        left, right = st.columns(2, gap="medium")
        with left:
            st.markdown(
                "##### Reliability of the resemblance",
                help="Calibrated on one half of the held-out people and checked on the other. On the thin line, of "
                "pairs with resemblance 70 exactly 70 in 100 show one person. Error: expected calibration error.",
            )
            figure = plots.reliability(of)
            if figure is None:
                st.caption("This takes 40 held-out people with two photos or more.")
            else:
                _chart(figure, "reliability", "Reliability of the resemblance, beside cosine")
        with right:
            st.markdown("##### Mistakes")
            for run, its, kept in of:
                mistakes = {way: values["mistakes"] for way, values in kept["ways"].items()}
                st.markdown(
                    f"<span style='color: {its.colour}'>{its.sign}</span> **{escape(run.name)}**: "
                    f"{mistakes['network']:.3g} of {kept['probes']:,}, by cosine {mistakes['cosine']:.3g}",
                    unsafe_allow_html=True,
                )
            of_whom = sorted({(kept["draws"], kept["people"]) for _, _, kept in of})
            draws = " and ".join(f"{draws} draws among {people:,} people" for draws, people in of_whom)
            st.caption(f"Probes taken for somebody else, mean of {draws} held out from training.")
        self._mistaken([(run, kept) for run, _, kept in of])
        _download(
            "Evaluation as CSV",
            lambda: _csv([row for run, _, kept in of for row in _evaluation_rows(run.key, kept)]),
            "evaluation.csv",
        )

    def _mistaken(self, of: list[tuple[Run, dict[str, Any]]]) -> None:
        st.markdown("##### The most mistaken people", help="Most often, and then by the widest margin.")
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            run = self._one_of([run for run, _ in of], "mistakes of")
            way = st.segmented_control("By", ["network", "cosine"], default="network", required=True, key="by")
        kept = next(kept for each, kept in of if each.key == run.key)
        mistaken = kept["ways"][way]["mistaken"]
        if not mistaken:
            st.caption("Nobody was mistaken.")
            return
        opened = _gallery_of(run)
        if opened is None:
            st.caption(escape(f"The gallery {run.settings.get('gallery')} is not here, so there are names only."))
        grid = st.grid("auto", min_column_width=272)
        for each in mistaken:
            with grid.cell(), st.container(border=True, gap="xsmall", height="stretch"):
                _pair(each, opened)

    def _tuning(self) -> None:
        studies = sorted({str(run.settings["study"]) for run in self.listed if "study" in run.settings})
        options = [*studies, "The chosen runs"]
        picked = st.selectbox("Study", options, key="study", width=260) if studies else options[0]
        of = [run for run, _ in self.runs]
        if picked in studies:
            of = [run for run in self.listed if run.settings.get("study") == picked]
        table = [(run, run_settings.effective(run.settings)) for run in of if run.best]
        values = run_settings.values([of for _, of in table])
        # What the kind of network says already would only crowd the plot.
        names = [name for name, of in values.items() if len(of) > 1 and name not in run_settings.SAID_BY_NETWORK]
        if not studies:
            st.caption("A study searches settings by many small runs. Until there is one, here are the chosen runs.")
            st.code("python -m train tune --study search --trials 20", language="bash")
        if len(table) < 2 or not names:
            st.info("This takes two runs with different settings.", icon=":material/checklist:")
            return
        with st.container(key="wide"):
            _chart(plots.parallel(table, names), "tuning", f"Parallel coordinates of {len(table)} runs")
        st.html(f"<style>.st-key-wide > * {{ min-width: {80 * (len(names) + 2)}px; }}</style>")
        st.caption("Each line is a run. Drag along an axis to pick out some, drag its name to move it.")
        _download(
            "Study as CSV",
            lambda: _csv(
                [{**self._row(run), **run.settings, "MRR": (run.best or {}).get("held_out_mrr")} for run, _ in table]
            ),
            "study.csv",
        )

    def _nothing_kept(self, what: str) -> None:
        names = ", ".join(run.name for run, _ in self.runs)
        recorded = all(run.recorded for run, _ in self.runs)
        commands = (
            [] if recorded else [processes.resume_arguments(run.folder) for run, _ in self.runs if not run.recorded]
        )
        known = next((arguments for arguments in commands if arguments), ["fit", "--run", "NAME"])
        st.info(
            escape(f"{names}: {what} was not kept when this was trained. The same command keeps it now."),
            icon=":material/history:",
        )
        st.code("make similarity" if recorded else f"python -m train {shlex.join(known)}", language="bash")


def _table_name() -> str:
    return f"table {st.session_state['table number']}"


def _chart(figure: go.Figure, name: str, alt: str) -> None:
    """A plot, whose toolbar saves it as a picture of this name."""
    picture = {"filename": f"lookslikewho-{re.sub('[^a-z0-9.-]+', '-', name.lower())}", "scale": 2}
    st.plotly_chart(
        figure,
        theme="streamlit",
        key=f"plot {name}",
        alt=alt,
        config={
            "displaylogo": False,
            "toImageButtonOptions": picture,
            "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
        },
    )


def _download(label: str, data: Callable[[], bytes], name: str) -> None:
    st.download_button(label, data, name, "text/csv", icon=":material/download:", on_click="ignore")


def _pair(each: dict[str, Any], opened: Gallery | None) -> None:
    """A person beside the one they were taken for."""
    person, other = each["person"], each["taken_for"]
    probe, own, taken = each["photos"]
    photos = ((probe, person, "looked up"), (taken, other, "taken for"), (own, person, "right one"))
    if opened and all(_is(opened, row, name) for row, name, _ in photos):
        with st.container(horizontal=True, wrap=False, gap="xsmall"):
            for row, name, role in photos:
                picture = faces.portrait(opened.crop_path(row), 128)
                st.image(picture, caption=role, width=72, alt=f"Photo of {name}, {role}")
    st.html(f"{name_html(person)} <span style='opacity: 0.7'>taken for</span> {name_html(other)}")
    to_own, to_taken = each["distances"]
    times = f", {each['times']} times" if each["times"] > 1 else ""
    st.caption(f"{to_taken:.3f} apart; {to_own:.3f} from the right one, in place {each['place']:,}{times}")


def _is(opened: Gallery, row: int, name: str) -> bool:
    """Whether a gallery, which may have changed since, has this person in this row."""
    return row < len(opened) and opened.faces["name"][row].as_py().replace("_", " ") == name


def _gallery_of(run: Run) -> Gallery | None:
    name = run.settings.get("gallery")
    with suppress(UserError):
        return session.open_gallery(str(name)) if name in layout.names() else None
    return None


def _columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "": st.column_config.TextColumn(width=36, help="How it is drawn in every plot"),
        "Run": st.column_config.TextColumn(),
        "State": st.column_config.TextColumn(help="running, finished, stopped, or crashed"),
        "Network": st.column_config.TextColumn(),
        "Loss": st.column_config.TextColumn(),
        "Gallery": st.column_config.TextColumn(),
        "Best epoch": number(format="%d", help="By rank-1 on people held out; 0 is before training"),
        "Rank-1": number(format="%.4f", help="Of the best epoch, on people held out from training"),
        "Cosine": number(format="%.4f", help="Rank-1 of plain cosine on the same photos"),
        "Beside cosine": number(format="%+.4f"),
        "Seconds": number(format="%.1f", help="Of training, without measuring"),
    }


def _html_table(table: Sequence[tuple[Run, Look, dict[str, Any]]], names: Sequence[str]) -> str:
    head = "".join(f"<th scope='col'>{html.escape(run_settings.words(name))}</th>" for name in names)
    body = "".join(
        f"<tr><th scope='row'><span style='color: {its.colour}'>{its.sign}</span> {html.escape(run.name)}</th>"
        + "".join(f"<td>{html.escape(run_settings.word(its_settings.get(name)))}</td>" for name in names)
        + "</tr>"
        for run, its, its_settings in table
    )
    return f"<div class='differs'><table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _geometry_rows(known: dict[int, geometry.Histograms]) -> list[dict[str, Any]]:
    return [
        {"epoch": epoch, "side": side, "distance": name, "from": bin_ / geometry.BINS, "count": count}
        for epoch, sides in sorted(known.items())
        for side, histograms in sides.items()
        for name, counts in histograms.items()
        for bin_, count in enumerate(counts)
    ]


def _evaluation_rows(key: str, kept: dict[str, Any]) -> list[dict[str, Any]]:
    axes = {"rank_k": ("k", "share"), "roc": ("false", "true"), "reliability": ("said", "same")}
    return [
        {"run": key, "by": way, "curve": part, "x": x, "y": y}
        for way, values in kept["ways"].items()
        for part, (first, second) in axes.items()
        if values[part]
        for x, y in zip(values[part][first], values[part][second], strict=True)
    ]


def _csv(rows: list[dict[str, Any]]) -> bytes:
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.4f}"


if __name__ == "__main__":  # Streamlit ran this file without the router.
    require_router()
