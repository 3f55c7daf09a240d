"""Groups of people to compare with, to show or to colour by: what the columns of a gallery say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import streamlit as st

from pages.shared import streamlit_fixes, url_state
from pages.shared.text import escape, plural
from pipeline.gallery.columns import Condition
from pipeline.gallery.gallery import Gallery
from pipeline.sources.base import SOURCE

EVERYONE = "Everyone"
_KEY = "group"
# How groups are called where their values are no names for people.
_PLURALS = {("sex", "female"): "Women", ("sex", "male"): "Men"}
_YEARS, _YEAR_MIN, _YEAR_MAX = 20, 1000, 2100
_OFFERED_MAX, _PER_COLUMN, _LISTED_PER_COLUMN = 9, 3, 40


@dataclass(frozen=True)
class Group:
    """People of whom a column says the same. column: its name. count: how many people they are."""

    label: str
    column: str
    condition: Condition
    count: int


def groups_of(opened: Gallery, *, per_column: int = _LISTED_PER_COLUMN) -> list[Group]:
    """The groups of a gallery, column by column, the largest first; those of everybody or of nobody are left out."""
    columns = opened.columns
    found: list[Group] = []
    for name in columns.names:
        each = _ranges(opened, name) if columns.is_number(name) else _texts(opened, name)
        some = sorted((group for group in each if group.count < opened.people_count), key=lambda group: -group.count)
        found += some[:per_column]
    return found


def _texts(opened: Gallery, name: str) -> Iterator[Group]:
    if opened.columns.has_groups(name):
        for value, count in opened.columns.counts(name):
            label = _PLURALS.get((name, value)) or value[:1].upper() + value[1:]
            yield Group(label, name, Condition(name, (value,)), count)


def _ranges(opened: Gallery, name: str) -> Iterator[Group]:
    """Twenty years each, of a column of years."""
    years = opened.columns.numbers(name)
    years = years[~np.isnan(years)]
    if len(years) and years.min() >= _YEAR_MIN and years.max() <= _YEAR_MAX:
        starts, counts = np.unique(years // _YEARS * _YEARS, return_counts=True)
        for start, count in zip(starts.astype(int).tolist(), counts.tolist(), strict=True):
            end = start + _YEARS - 1
            label = f"{name[:1].upper()}{name[1:]} {start} to {end}"
            yield Group(label, name, Condition(name, (f"{start}..{end}",)), count)


# Compare with -------------------------------------------------------------------------------------------------------


def offered(opened: Gallery) -> list[Group]:
    """The groups to choose from with one click: a few of each column."""
    found = groups_of(opened, per_column=_PER_COLUMN)
    return found[:_OFFERED_MAX]


def check(opened: Gallery) -> None:
    """Drop a group that the gallery does not have: of a link, or of another gallery."""
    labels = [EVERYONE, *(group.label for group in offered(opened))]
    url_state.check(group=[escape(label) for label in labels])
    if st.session_state.get(_KEY, EVERYONE) not in labels:
        del st.session_state[_KEY]
        streamlit_fixes.set_parameter(_KEY, [])


def ask(opened: Gallery) -> None:
    """Ask whom to compare with, if the gallery knows of groups. The address keeps the choice."""
    # Always there: what comes and goes would move what is below.
    place = st.empty()
    if found := offered(opened):
        place.pills(
            "Compare with",
            [EVERYONE, *(group.label for group in found)],
            format_func=lambda label: escape(label),
            default=EVERYONE,
            required=True,
            key=_KEY,
            bind="query-params",
            help="What the gallery's sources state of people. Nothing is inferred about you.",
        )


def chosen(opened: Gallery) -> tuple[Condition, ...]:
    """What is asked of the people to compare with; nothing for everyone."""
    # Before they are asked for the first time, the address says it.
    label = escape(st.session_state[_KEY]) if _KEY in st.session_state else st.query_params.get(_KEY)
    return next(((group.condition,) for group in offered(opened) if escape(group.label) == label), ())


def who(opened: Gallery) -> str:
    """Whom one is compared with, in one sentence."""
    sources = opened.columns.counts(SOURCE)
    people = plural(opened.people_count, "person", "people")
    if len(sources) == 1:
        return f"You are compared with {people}, from {escape(sources[0][0])}."
    shown = ", ".join(f"{escape(name)} {count:,}" for name, count in sources[:4])
    more = f" and {len(sources) - 4} more" if len(sources) > 4 else ""
    return f"You are compared with {people}: {shown}{more}."
