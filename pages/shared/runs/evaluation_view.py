"""The view of the evaluation: CMC, ROC, reliability and mistakes, vs cosine."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import streamlit as st

from pages.shared import session
from pages.shared.faces import portrait
from pages.shared.plots import evaluation as plots
from pages.shared.plots.evaluation import Evaluated
from pages.shared.runs.selection import ChosenRuns
from pages.shared.runs.widgets import offer_csv, pick_run, say_missing, show_chart
from pages.shared.text import escape, name_html
from pipeline.errors import UserError
from pipeline.gallery import layout
from pipeline.gallery.gallery import Gallery
from train.runs.catalogue import Run
from train.runs.evaluations import read_evaluation

_RELIABILITY_HELP = (
    "Calibrated on half of the held-out people and checked on the other half. On the thin line, 70 in 100 pairs with "
    "a probability of 70 show the same person, where half of all pairs do. Error: expected calibration error."
)


def draw(chosen: ChosenRuns) -> None:
    """Plots of all chosen runs, and the mistakes of one."""
    evaluated = [(run, its, stored) for run, its in chosen.runs if (stored := read_evaluation(run.folder))]
    with st.container():
        say_missing(chosen, [run for run, _, _ in evaluated], "the evaluation")
    if not evaluated:
        return
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("##### CMC", help="Share of probes whose own person is among the k most similar people.")
        show_chart(plots.cmc(evaluated), "cmc", "CMC curve, vs cosine")
    with right:
        st.markdown("##### ROC", help="Share of same-person pairs accepted, over the share of strangers accepted.")
        show_chart(plots.roc(evaluated), "roc", "ROC curve, vs cosine")
    left, right = st.columns(2, gap="medium")
    with left:
        _draw_reliability(evaluated)
    with right:
        _draw_mistakes(evaluated)
    _draw_mistaken_people(evaluated)
    offer_csv(
        "Evaluation as CSV",
        lambda: [row for run, _, stored in evaluated for row in _rows(run.key, stored)],
        "evaluation.csv",
    )


def _draw_reliability(evaluated: Evaluated) -> None:
    st.markdown("##### Reliability of the probability", help=_RELIABILITY_HELP)
    figure = plots.reliability(evaluated)
    if figure is None:
        st.caption("This needs 40 held-out people with two or more photos.")
    else:
        show_chart(figure, "reliability", "Reliability of the probability of one person, vs cosine")


def _draw_mistakes(evaluated: Evaluated) -> None:
    st.markdown("##### Mistakes")
    for run, its, stored in evaluated:
        mistakes = {way: values["mistakes"] for way, values in stored["ways"].items()}
        st.markdown(
            f"<span style='color: {its.colour}'>{its.sign}</span> **{escape(run.name)}**: "
            f"{mistakes['network']:.3g} of {stored['probes']:,}, cosine {mistakes['cosine']:.3g}",
            unsafe_allow_html=True,
        )
    draws = sorted({(stored["draws"], stored["people"]) for _, _, stored in evaluated})
    text = " and ".join(f"{count} draws of {people:,} held-out people" for count, people in draws)
    st.caption(f"Probes mistaken for somebody else, mean of {text}.")


def _draw_mistaken_people(evaluated: Evaluated) -> None:
    st.markdown(
        "##### The most mistaken people",
        help="Who is mistaken most often comes first, beside who was taken for them; then the widest margins.",
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        run = pick_run([run for run, _, _ in evaluated], "mistakes of")
        way = st.segmented_control("By", ["network", "cosine"], default="network", required=True, key="by")
    stored = next(stored for each, _, stored in evaluated if each.key == run.key)
    mistaken = stored["ways"][way]["mistaken"]
    if not mistaken:
        st.caption("Nobody was mistaken.")
        return
    opened = _gallery_of(run)
    if opened is None:
        st.caption(escape(f"Without photos: the gallery {run.settings.get('gallery')} is not on this machine."))
    grid = st.grid("auto", min_column_width=272)
    for mistake in by_person(mistaken):
        with grid.cell(), st.container(border=True, gap="xsmall", height="stretch"):
            _draw_mistake(mistake, opened)


def by_person(mistaken: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mistakes with those of a person side by side, the most mistaken person first."""
    times: dict[str, int] = {}
    for mistake in mistaken:
        times[mistake["person"]] = times.get(mistake["person"], 0) + mistake["times"]
    order = list(times)
    return sorted(mistaken, key=lambda each: (-times[each["person"]], order.index(each["person"])))


def _draw_mistake(mistake: dict[str, Any], opened: Gallery | None) -> None:
    """A person next to the one they were mistaken for."""
    person, other = mistake["person"], mistake["taken_for"]
    probe, own, taken = mistake["photos"]
    photos = ((probe, person, "probe"), (taken, other, "mistaken for"), (own, person, "right match"))
    if opened and all(_has_person(opened, row, name) for row, name, _ in photos):
        with st.container(horizontal=True, wrap=False, gap="xsmall"):
            for row, name, role in photos:
                picture = portrait(opened.crop_path(row), 128)
                st.image(picture, caption=role, width=76, alt=f"Photo of {name}, {role}")
    st.html(f"{name_html(person)} <span style='opacity: 0.7'>mistaken for</span> {name_html(other)}")
    to_own, to_taken = mistake["distances"]
    times = f" ({mistake['times']} times)" if mistake["times"] > 1 else ""
    st.caption(f"Distance {to_taken:.3f}; right match {to_own:.3f}, rank {mistake['place']:,}{times}")


def _has_person(opened: Gallery, row: int, name: str) -> bool:
    """Whether a gallery, which may have changed since, has this person in this row."""
    return row < len(opened) and opened.faces["name"][row].as_py().replace("_", " ") == name


def _gallery_of(run: Run) -> Gallery | None:
    name = run.settings.get("gallery")
    with suppress(UserError):
        return session.open_gallery(str(name)) if name in layout.names() else None
    return None


def _rows(key: str, stored: dict[str, Any]) -> list[dict[str, Any]]:
    axes = {"rank_k": ("k", "share"), "roc": ("false", "true"), "reliability": ("said", "same")}
    return [
        {"run": key, "by": way, "curve": part, "x": x, "y": y}
        for way, values in stored["ways"].items()
        for part, (first, second) in axes.items()
        if values[part]
        for x, y in zip(values[part][first], values[part][second], strict=True)
    ]
