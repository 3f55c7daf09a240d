"""The columns that a gallery has about its people, and which people fit a condition on them.

A column holds what the source states or ``people.csv`` says. Texts may be several for a person, as occupations are;
a person without a value fits no condition on the column. ``source`` is a column of every gallery.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline import names
from pipeline.errors import GalleryError
from pipeline.sources.base import SOURCE, Value

if TYPE_CHECKING:
    import pyarrow as pa

_RANGE = re.compile(r"\s*(-?\d+(?:\.\d+)?)?\s*(\.\.)?\s*(-?\d+(?:\.\d+)?)?\s*")
_GUESSES_MAX, _SHOWN_MAX = 3, 12
_MASKS_MAX = 16


@dataclass(frozen=True)
class Condition:
    """What a column must say: one of some texts, or a number or a range of numbers, as it is typed."""

    column: str
    values: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Condition:
        """From ``occupation=actor``, ``sex=female|trans woman`` or ``born=1980..1999``. Raises GalleryError."""
        column, equals, values = text.partition("=")
        parts = tuple(part.strip() for part in values.split("|"))
        if not (equals and column.strip() and all(parts)):
            raise GalleryError(f"'{text}' is not a condition. Write a column and a value, as in occupation=actor.")
        return cls(column.strip(), parts)

    def __str__(self) -> str:
        return f"{self.column}={'|'.join(self.values)}"

    def ranges(self) -> list[tuple[float, float]]:
        """The values as ranges of numbers, both ends included. Raises GalleryError if one is no number or range."""
        return [self._range(value) for value in self.values]

    def _range(self, value: str) -> tuple[float, float]:
        found = _RANGE.fullmatch(value)
        low, dots, high = found.groups() if found else (None, None, None)
        if (low is None and high is None) or (not dots and (low is None or high is not None)):
            raise GalleryError(
                f"{self.column} is a number, and {value} is not one. Write a number or a range, as in 1980..1999."
            )
        if not dots:
            high = low
        return float(low) if low else -np.inf, float(high) if high else np.inf


class Texts(NamedTuple):
    """A column of texts: the distinct ones, and pairs of a person and a text, each by number, int (n,)."""

    distinct: list[str]
    people: NDArray[np.int64]
    texts: NDArray[np.int64]


class PeopleColumns:
    """The columns of a gallery's people, who are numbered as the gallery numbers them.

    table: a row per person, or None where nothing is known; columns of numbers (float64) and of lists of texts.
    sources: the source of each person, texts (people,).
    """

    def __init__(self, table: pa.Table | None, sources: Callable[[], pa.ChunkedArray], gallery: str) -> None:
        self._table, self._sources, self._gallery = table, sources, gallery
        self._texts: dict[str, Texts] = {}
        self._masks: dict[tuple[Condition, ...], NDArray[np.bool_]] = {}

    @cached_property
    def names(self) -> list[str]:
        """The columns, in the order of the gallery, ``source`` last."""
        known = [name for name in self._table.column_names if name != "person"] if self._table is not None else []
        return [*(name for name in known if name != SOURCE), SOURCE]

    def is_number(self, name: str) -> bool:
        """Whether a column holds numbers. Raises GalleryError if there is no such column."""
        import pyarrow as pa

        name = self.find(name)
        return name != SOURCE and self._table is not None and pa.types.is_floating(self._table[name].type)

    def find(self, name: str) -> str:
        """A column's name in any spelling. Raises GalleryError if there is none."""
        for known in self.names:
            if names.key(known) == names.key(name):
                return known
        raise GalleryError(f"The gallery {self._gallery} has no column {name}. It has {', '.join(self.names)}.")

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A column of numbers, (people,), NaN where nothing is known."""
        assert self._table is not None
        found: NDArray[np.float64] = self._table[self.find(name)].to_numpy()
        return found

    def texts(self, name: str) -> Texts:
        """A column of texts."""
        name = self.find(name)
        if name not in self._texts:
            self._texts[name] = _encoded(self._sources() if name == SOURCE else self._lists(name))
        return self._texts[name]

    def _lists(self, name: str) -> pa.ChunkedArray:
        assert self._table is not None
        return self._table[name]

    def counts(self, name: str) -> list[tuple[str, int]]:
        """The texts of a column with the number of people who have each, the most common first."""
        found = self.texts(name)
        counts = np.bincount(found.texts, minlength=len(found.distinct))
        order = sorted(range(len(counts)), key=lambda number: (-counts[number], found.distinct[number]))
        return [(found.distinct[number], int(counts[number])) for number in order]

    def has_groups(self, name: str) -> bool:
        """Whether a column says the same of several people, unlike an id; of numbers, it does."""
        return self.is_number(name) or any(count > 1 for _, count in self.counts(name)[:1])

    def mask(self, conditions: Sequence[Condition]) -> NDArray[np.bool_]:
        """Who fits all conditions: bool (people,). Raises GalleryError if nobody does, or there is no such column."""
        key = tuple(conditions)
        if key not in self._masks:
            found = np.logical_and.reduce([self._fits(condition) for condition in conditions])
            if not found.any():
                raise GalleryError(f"Nobody in the gallery {self._gallery} fits {', '.join(map(str, conditions))}.")
            while len(self._masks) >= _MASKS_MAX:
                self._masks.pop(next(iter(self._masks)))
            self._masks[key] = found
        return self._masks[key]

    def _fits(self, condition: Condition) -> NDArray[np.bool_]:
        if self.is_number(condition.column):
            numbers = self.numbers(condition.column)
            within = [(low <= numbers) & (numbers <= high) for low, high in condition.ranges()]
            return np.asarray(np.logical_or.reduce(within))
        found = self.texts(condition.column)
        wanted = self._numbers_of(condition, found.distinct)
        fits = np.zeros(self._people, bool)
        fits[found.people[np.isin(found.texts, wanted)]] = True
        return fits

    @property
    def _people(self) -> int:
        return len(self._table) if self._table is not None else len(self._sources())

    def _numbers_of(self, condition: Condition, distinct: list[str]) -> list[int]:
        """The numbers of the texts that a condition names, in any spelling. Raises GalleryError if it names none."""
        wanted = {names.key(value): value for value in condition.values}
        found = [number for number, text in enumerate(distinct) if names.key(text) in wanted]
        if not found:
            raise GalleryError(self._unknown(condition.column, condition.values[0], distinct))
        return found

    def _unknown(self, column: str, value: str, distinct: list[str]) -> str:
        close = difflib.get_close_matches(value, distinct, _GUESSES_MAX)
        said = f"Nobody in the gallery {self._gallery} has {column}={value}."
        if close:
            return f"{said} Did you mean {' or '.join(close)}?"
        return said if len(distinct) > _SHOWN_MAX else f"{said} Choose one of {', '.join(distinct)}."

    def of(self, person: int) -> dict[str, Value]:
        """What the columns say of a person, without ``source`` and without what is not known."""
        if self._table is None:
            return {}
        (row,) = self._table.slice(person, 1).to_pylist()
        known = {name: row[name] for name in self.names if name != SOURCE and row[name] not in (None, [])}
        return {name: tuple(value) if isinstance(value, list) else value for name, value in known.items()}


def _encoded(column: pa.ChunkedArray) -> Texts:
    """Texts, or lists of texts, (people,), as numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if pa.types.is_list(array.type):
        people, texts = pc.list_parent_indices(array).to_numpy(), pc.list_flatten(array)
    else:
        people, texts = np.arange(len(array)), array
    encoded = texts.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy()
    known = codes >= 0
    return Texts(encoded.dictionary.to_pylist(), people[known], codes[known].astype(np.int64))


# Tables -------------------------------------------------------------------------------------------------------------


def table_of(people: Mapping[str, Mapping[str, Value]]) -> pa.Table:
    """A table with a row per person, given by key, and the columns that one of them has."""
    import pyarrow as pa

    columns = list(dict.fromkeys(name for own in people.values() for name in own))
    arrays = {"person": pa.array(list(people), pa.string())}
    for name in columns:
        values = [own.get(name) for own in people.values()]
        are_texts = any(isinstance(value, tuple) for value in values)
        arrays[name] = (
            pa.array([_as_texts(value) for value in values], pa.list_(pa.string()))
            if are_texts
            else pa.array(values, pa.float64())
        )
    return pa.table(arrays)


def _as_texts(value: Value | None) -> list[str] | None:
    return [f"{value:g}"] if isinstance(value, float | int) else list(value) if value else None


def merged(new: pa.Table | None, old: pa.Table | None, *, key: str) -> pa.Table | None:
    """The rows of two tables, where those of ``new`` take the place of those with the same ``key`` in ``old``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if new is None or old is None:
        return new if old is None else old
    kept = old.filter(pc.invert(pc.is_in(old[key], value_set=new[key].combine_chunks())))
    tables = [new, kept]
    for name in set(new.column_names) & set(kept.column_names):
        if new[name].type != kept[name].type:
            tables = [_with_texts(table, name) for table in tables]
    return pa.concat_tables(tables, promote_options="default")


def _with_texts(table: pa.Table, name: str) -> pa.Table:
    """The table with a column of numbers as texts."""
    import pyarrow as pa

    if not pa.types.is_floating(table[name].type):
        return table
    texts = pa.array([_as_texts(value) for value in table[name].to_pylist()], pa.list_(pa.string()))
    return table.set_column(table.column_names.index(name), name, texts)


def aligned(table: pa.Table | None, people: pa.Array) -> pa.Table | None:
    """The rows of these people, given by key, in their order; empty ones where nothing is known.

    None if nothing is known of anybody. Columns in which nobody has a value are left out.
    """
    import pyarrow.compute as pc

    if table is None:
        return None
    places = pc.index_in(people, value_set=table["person"].combine_chunks())
    found = table.take(places).set_column(0, "person", people)
    empty = [name for name in found.column_names if found[name].null_count == len(found)]
    found = found.drop_columns(empty)
    return found if len(found.column_names) > 1 else None
