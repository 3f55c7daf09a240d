"""The view that compares the chosen runs: the settings and the figures in which they differ."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from pages.shared import run_settings
from pages.shared.plots.figure import Look
from pages.shared.plots.measures import MAIN_MEASURES, MORE_MEASURES, Measure
from pages.shared.run_settings import NONE, word, words
from pages.shared.runs import grouping
from pages.shared.runs.selection import ChosenRuns
from pages.shared.text import escape
from train.runs.catalogue import Run
from train.runs.figures import best_and_last
from train.runs.groups import RunGroup
from train.runs.lineage import read_lineage, released_for

STYLE = """<style>
.differs { overflow-x: auto; }
.differs table { border-collapse: collapse; font-size: 0.875rem; }
.differs th, .differs td { padding: 0.25rem 1rem 0.25rem 0; text-align: left; white-space: nowrap; }
.differs thead th { font-weight: 400; opacity: 0.8; }
</style>"""
_FIGURES_HELP = (
    "Held-out people. Best: the highest value of any epoch, or the lowest of a loss. Last: after the last epoch. "
    "Difference: of the best values. ± is the standard deviation over the runs that are drawn as one."
)
Groups = Sequence[tuple[RunGroup, Look]]


def draw(chosen: ChosenRuns) -> None:
    """The settings that differ, the figures, then the settings that don't differ."""
    st.html(STYLE)
    settings = [run_settings.effective(run.settings) for run, _ in chosen.runs]
    values = run_settings.values_by_name(settings)
    differing = [name for name, found in values.items() if len(found) > 1]
    several = len(chosen.runs) > 1
    if several:
        st.markdown("##### Different settings" if differing else "##### All settings are the same")
    if differing:
        st.html(settings_table(chosen, differing))
    st.markdown("##### Best and last value", help=_FIGURES_HELP)
    st.html(figures_table(grouping.grouped(chosen)))
    st.markdown("##### Lineage", help="Where each run comes from, and what became of it.")
    st.html(lineage_table(chosen))
    same = {name: next(iter(found)) for name, found in values.items() if len(found) == 1}
    if same:
        with st.expander("Same settings" if several else escape(f"Settings of {chosen.names}")):
            st.markdown(" · ".join(f"{words(name)} **{escape(text)}**" for name, text in same.items()))


def settings_table(chosen: ChosenRuns, names: Sequence[str]) -> str:
    """The values of some settings, as HTML: a row for each setting, a column for each run."""
    settings = [run_settings.effective(run.settings) for run, _ in chosen.runs]
    rows = [[words(name), *(word(each.get(name)) for each in settings)] for name in names]
    return _table("Setting", _heads(chosen), rows, label="Different settings")


def figures_table(groups: Groups) -> str:
    """The best and the last value of each measure on held-out people, as HTML."""
    heads = [f"{_head(its, group.mean.name)}, {part}" for group, its in groups for part in ("best", "last")]
    pair = len(groups) == 2
    rows = []
    for measure in (*MAIN_MEASURES, *MORE_MEASURES):
        if not measure.sides:
            continue
        cells, best = [], []
        for group, _ in groups:
            found, texts = _figures(group, measure)
            best.append(found)
            cells += texts
        if pair:
            cells.append(NONE if math.isnan(best[1] - best[0]) else f"{best[1] - best[0]:+.4g}")
        rows.append([measure.title, *cells])
    return _table("Measure", [*heads, *(["difference"] if pair else [])], rows, label="Best and last value")


def _figures(group: RunGroup, measure: Measure) -> tuple[float, list[str]]:
    """The best value, and the texts of the best and of the last one."""
    name, smaller = f"held_out_{measure.column}", measure.scale == "loss"
    found = [best_and_last(run.history, name, smaller_is_better=smaller) for run in group.runs]
    best, last = (np.array([getattr(each, part) for each in found]) for part in ("best", "last"))
    epochs = [each.epoch for each in found if each.epoch is not None]
    where = f" (epoch {epochs[0]})" if len(found) == 1 and epochs else ""
    return float(best.mean()), [_mean(best) + where, _mean(last)]


def _mean(values: np.ndarray) -> str:
    if not np.isfinite(values).all():
        return NONE
    return f"{values.mean():.4g}" + (f" ± {values.std(ddof=1):.2g}" if len(values) > 1 else "")


def lineage_table(chosen: ChosenRuns) -> str:
    """From the gallery to what was released, as HTML: a column for each run."""
    columns = [_lineage(run, chosen.listed.states[run.key]) for run, _ in chosen.runs]
    rows = [[name, *(column[name] for column in columns)] for name in columns[0]]
    return _table("Step", _heads(chosen), rows, label="Lineage")


def _lineage(run: Run, state: str) -> dict[str, str]:
    known = read_lineage(run.folder)
    digest, faces = known.get("gallery_sha256"), known.get("faces")
    gallery = str(known.get("gallery") or run.settings.get("gallery") or NONE)
    people = known.get("people") or run.settings.get("people")
    data = [f"{faces:,} faces"] if isinstance(faces, int) else []
    data += [f"{people:,} people"] if isinstance(people, int) else []
    data += [str(known["embedding"])] if known.get("embedding") else []
    code = [str(known[name]) for name in ("version", "commit") if known.get(name)]
    made = run.config.get("command") if run.recorded else None
    begun = [f"begun {str(known['begun'])[:16].replace('T', ' ')} UTC"] if known.get("begun") else []
    released = released_for(run.folder)
    ships = f"ranks galleries of {', '.join(released)}" if released else NONE
    return {
        "Gallery": gallery + (f", {str(digest)[:12]}" if digest else ""),
        "Data": ", ".join(data) or NONE,
        "Code": ", ".join(code) or (f"recorded by {made}" if made else NONE),
        "Run": ", ".join([state, *begun]),
        "Released": ships,
    }


def _heads(chosen: ChosenRuns) -> list[str]:
    return [_head(its, run.name) for run, its in chosen.runs]


def _head(its: Look, name: str) -> str:
    return f"<span style='color: {its.colour}'>{its.sign}</span> {html.escape(name)}"


def _table(corner: str, heads: Sequence[str], rows: Sequence[Sequence[str]], *, label: str) -> str:
    """A table as HTML: heads are HTML, cells text. Wider than the page, it can be scrolled by the keyboard, too."""
    head = "".join(f"<th scope='col'>{text}</th>" for text in (corner, *heads))
    body = "".join(
        f"<tr><th scope='row'>{html.escape(row[0])}</th>"
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    scrolled = f"<div class='differs' tabindex='0' role='region' aria-label='{label}'>"
    return f"{scrolled}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
