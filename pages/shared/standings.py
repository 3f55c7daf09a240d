"""Which of the compared systems leads, and how far the others are behind."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from pages.shared.plots.standings import behind
from pages.shared.text import escape, plural
from train.systems.standings import COUNTS, Standing, standings

# By what systems are ranked: the column of the figures, and what the leader's share is of.
RANKED_BY = {
    "Rank-1": ("rank_1", "the right person comes first for {share} of {count:,} photos"),
    "DIR@FAR 0.01": (
        "dir_at_far_1e-2",
        "{share} of {count:,} photos are identified while one stranger in a hundred is mistaken for somebody",
    ),
    "Verified": ("accuracy", "{share} of {count:,} pairs of photos are rightly told to show one person or two"),
}
# Systems further behind are named instead of drawn: beside them, nobody could see how the others differ.
_DRAWN_BEHIND = 0.05
_PLAIN = {"60 px network": "small network from scratch", "thin VGG": "small VGG from scratch"}
_INTERVALS = "Lines: 95 % intervals of the difference, as if each system had been measured on photos of its own."


def title(row: Mapping[str, Any]) -> str:
    """What a system is called on the page: plainly, and saying what its numbers are."""
    text = str(row["system"])
    for word, plain in _PLAIN.items():
        text = text.replace(word, plain)
    return re.sub(r"\b(triplet|contrastive) ([0-9.]+)", r"\1 loss with margin \2", text)


def headline(found: Sequence[Standing], titles: Mapping[str, str], measure: str) -> str:
    """Which system leads and by how much, and whether that is more than chance."""
    column, won = RANKED_BY[measure]
    leaders = [each for each in found if each.behind == 0]
    names = " and ".join(f"**{escape(titles[each.name])}**" for each in leaders[:2])
    names += f" and {len(leaders) - 2} more" if len(leaders) > 2 else ""
    text = won.format(share=f"{leaders[0].value:.2%}", count=COUNTS[column])
    others = found[len(leaders) :]
    close = sum(not each.is_apart for each in others)
    verb = "lead" if len(leaders) > 1 else "wins" if others and not close else "leads"
    said = f"{names} {verb}: {text}"
    if others:
        by = f"{100 * others[0].behind:.2f} percentage points ahead of {escape(titles[others[0].name])}"
        said += f", {by}, which is more than chance" if not close else f", {by}"
    if close:
        said += f". That may be chance: {plural(close, 'other')} cannot be told apart from the best"
    return f"{said}."


def draw(rows: Sequence[Mapping[str, Any]], chart: Callable[[Any, str, str], None]) -> None:
    """The headline, and the systems that are near the leader. chart: draws a figure, given its name and text."""
    titles = {row["name"]: title(row) for row in rows}
    picked = st.segmented_control(
        "Ranked by", list(RANKED_BY), default="Rank-1", required=True, key="ranked by", label_visibility="collapsed"
    )
    found = standings(rows, RANKED_BY[picked][0])
    if not found:
        return
    st.markdown(headline(found, titles, picked))
    near = [each for each in found if each.behind <= _DRAWN_BEHIND]
    chart(behind(near, titles, picked), "standings", f"How far systems are behind the leader in {picked}")
    text, far = _INTERVALS, found[len(near) :]
    if far:
        text += (
            f" More than {100 * _DRAWN_BEHIND:.0f} points behind, and not drawn: {plural(len(far), 'system')}, from "
            f"{far[0].value:.2%} ({escape(titles[far[0].name])}) down to {far[-1].value:.2%}."
        )
    st.caption(text)
