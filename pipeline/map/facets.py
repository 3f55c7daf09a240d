"""What the faces of a map can be filtered by: their source, how good they are, and columns of their people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import GalleryError
from pipeline.gallery.columns import Condition, Texts
from pipeline.gallery.gallery import Gallery
from pipeline.map.layouts import FaceMap
from pipeline.sources.base import SOURCE

_BINS = 24


@dataclass(frozen=True)
class Numbers:
    """A number of each face, float32 (n,), NaN where nothing is known."""

    name: str
    values: NDArray[np.float32]

    @cached_property
    def ends(self) -> tuple[float, float]:
        """The least and the largest number."""
        return float(np.nanmin(self.values)), float(np.nanmax(self.values))

    def mask(self, condition: Condition) -> NDArray[np.bool_]:
        """The faces within one of the condition's ranges, bool (n,). Raises GalleryError if it has no numbers."""
        ranges = condition.ranges()
        return np.logical_or.reduce([(self.values >= low) & (self.values <= high) for low, high in ranges])

    def histogram(self, shown: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """How many faces are in each of some equal bins, of all and of those that are shown."""
        low, high = self.ends
        bins = np.linspace(low, high if high > low else low + 1, _BINS + 1)
        values = np.nan_to_num(self.values, nan=low - 1)
        every, _ = np.histogram(values, bins)
        some, _ = np.histogram(values[shown], bins)
        return every, some


@dataclass(frozen=True)
class Categories:
    """Texts about the faces, which may be several for one: pairs of a row and the number of a text, int (pairs,)."""

    name: str
    texts: list[str]
    rows: NDArray[np.int64]
    numbers: NDArray[np.int64]
    count: int

    def mask(self, condition: Condition) -> NDArray[np.bool_]:
        """The faces with one of the condition's texts, bool (n,). Raises GalleryError if a text is not there."""
        places = {text: number for number, text in enumerate(self.texts)}
        if missing := [value for value in condition.values if value not in places]:
            raise GalleryError(f"No face has {self.name} {missing[0]}.")
        wanted = np.isin(self.numbers, [places[value] for value in condition.values])
        found = np.zeros(self.count, bool)
        found[self.rows[wanted]] = True
        return found

    def counts(self, shown: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many of the shown faces have each text, int64 (texts,)."""
        return np.bincount(self.numbers[shown[self.rows]], minlength=len(self.texts))


Facet = Numbers | Categories


def facets_of(opened: Gallery, fitted: FaceMap) -> dict[str, Facet]:
    """What the faces can be filtered by, by name. What all faces share is left out."""
    people, columns = opened.person_of_row, opened.columns
    numbers = {
        "quality": fitted.quality,
        "face size": opened.faces["face_side_px"].to_numpy(),
        "photos a person": np.bincount(people)[people],
    }
    found: dict[str, Facet] = {}
    for name in (SOURCE, *(name for name in columns.names if name != SOURCE)):
        if columns.is_number(name):
            numbers.setdefault(name, columns.numbers(name)[people])
        elif name not in numbers and columns.has_groups(name):
            found[name] = _of_people(name, columns.texts(name), people)
    found |= {name: Numbers(name, np.asarray(values, np.float32)) for name, values in numbers.items()}
    return {name: facet for name, facet in found.items() if _tells_apart(facet)}


def _of_people(name: str, texts: Texts, people: NDArray[np.int32]) -> Categories:
    """A column of the people as one of their faces."""
    distinct, of_text, numbers = texts
    # All texts of a person are next to each other.
    order = np.argsort(of_text, kind="stable")
    starts = np.searchsorted(of_text[order], np.arange(int(people.max()) + 2))
    counts = np.diff(starts)[people]
    rows = np.repeat(np.arange(len(people)), counts)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    pairs = numbers[order[np.repeat(starts[people], counts) + within]]
    return Categories(name, distinct, rows, pairs, len(people))


def _tells_apart(facet: Facet) -> bool:
    if isinstance(facet, Categories):
        return len(facet.texts) > 1
    known = facet.values[~np.isnan(facet.values)]
    return len(known) > 0 and bool(known.min() < known.max())


def mask_of(facets: dict[str, Facet], conditions: Sequence[Condition], count: int) -> NDArray[np.bool_]:
    """The faces that fit all conditions, bool (count,). Raises GalleryError if a condition does not fit the map."""
    fits = np.ones(count, bool)
    for condition in conditions:
        if condition.column not in facets:
            raise GalleryError(f"The faces cannot be filtered by {condition.column}.")
        fits &= facets[condition.column].mask(condition)
    return fits
