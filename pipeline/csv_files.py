"""CSV that people open with a spreadsheet: a text never becomes a formula there."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

# Spreadsheets run a cell that begins with one of these; some treat the wide forms alike (OWASP, "CSV Injection").
# Apostrophes before it are covered too, so that reading gives back exactly what was written.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def safe_text(text: str) -> str:
    """Text for a cell: an apostrophe precedes what a spreadsheet would take for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def original_text(cell: str) -> str:
    """The text that :func:`safe_text` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def safe_table(table: pa.Table) -> pa.Table:
    """A table with :func:`safe_text` in all columns of text."""
    import pyarrow as pa
    import pyarrow.compute

    for place, (field, column) in enumerate(zip(table.schema, table.columns, strict=True)):
        if pa.types.is_string(field.type):
            safe = pa.compute.replace_substring_regex(column, f"^({_FORMULA.pattern})", r"'\1")
            table = table.set_column(place, field, safe)
    return table


def as_csv(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Rows as CSV in UTF-8, with every column that one of them has. Numbers stay as they are."""
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(map(_cell, names))
    writer.writerows([_cell(row.get(name, "")) for name in names] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    return safe_text(value) if isinstance(value, str) else value
