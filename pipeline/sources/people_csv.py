"""``people.csv`` in a folder of people: columns about them, by name."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline import names, notices
from pipeline.csv_files import original_text
from pipeline.errors import SourceError
from pipeline.sources.base import SOURCE, Value

FILE = "people.csv"
_NAME = "name"
# Columns that galleries have of their own.
_TAKEN = (SOURCE, "person")
_SHOWN_MAX = 5
_NUMBER = re.compile(r"-?\d{1,15}(\.\d+)?")


@dataclass(frozen=True)
class TableEntry:
    """A person in the table: the name as it is spelt there, and the columns."""

    name: str
    columns: Mapping[str, Value]


def read(folder: Path) -> dict[str, TableEntry]:
    """The people in the table of a folder, by what the spellings of their names have in common.

    A column is of numbers if all its values are. In other columns, a semicolon or a bar separates several texts.
    Empty if there is no table. Raises SourceError if it cannot be read, or has no column ``name``.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    try:
        # Spreadsheets mark UTF-8 with a byte order mark.
        lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
        rows = list(csv.reader(lines, delimiter=_delimiter(lines[0] if lines else "")))
    except (OSError, ValueError, csv.Error) as error:
        raise SourceError(f"{path} cannot be read. Save it as CSV in UTF-8.") from error
    return _columns(path, rows)


def _delimiter(head: str) -> str:
    """What separates the columns: whichever the first line has most."""
    return max(",;\t", key=head.count)


def _columns(path: Path, rows: list[list[str]]) -> dict[str, TableEntry]:
    head = [names.clean(text) for text in rows[0]] if rows else []
    if _NAME not in map(str.casefold, head):
        raise SourceError(f"{path} has no column {_NAME}. Write the names of the people in one called {_NAME}.")
    if taken := [name for name in head if name.casefold() in _TAKEN]:
        raise SourceError(
            f"{path} has a column {taken[0]}, which galleries have of their own. Call it something else."
        )
    place = list(map(str.casefold, head)).index(_NAME)
    people: dict[str, dict[str, str]] = {}
    shown: dict[str, str] = {}
    for row in rows[1:]:
        if len(row) > place and (key := names.person_key(original_text(row[place]))):
            shown.setdefault(key, names.person(original_text(row[place])))
            cells = {name: original_text(cell).strip() for name, cell in zip(head, row, strict=False)}
            own = {name: text for name, text in cells.items() if name and text and name != head[place]}
            people.setdefault(key, {}).update(own)
    return {key: TableEntry(shown[key], columns) for key, columns in typed(people).items()}


def typed(people: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Value]]:
    """Texts by person and column as values: a column is of numbers if all its texts are."""
    columns = dict.fromkeys(name for own in people.values() for name in own)
    numeric = {name: all(_NUMBER.fullmatch(own[name]) for own in people.values() if name in own) for name in columns}
    return {
        person: {name: float(text) if numeric[name] else _several(text) for name, text in own.items()}
        for person, own in people.items()
    }


def _several(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in re.split("[;|]", text) if part.strip())) or (text,)


def tell_unknown(folder: Path, unknown: list[TableEntry]) -> None:
    """Tell the user which people of the table have no photos here."""
    if unknown:
        shown = ", ".join(entry.name for entry in unknown[:_SHOWN_MAX])
        more = f" and {len(unknown) - _SHOWN_MAX} more" if len(unknown) > _SHOWN_MAX else ""
        notices.tell(f"{folder / FILE} has people without photos here: {shown}{more}.")
