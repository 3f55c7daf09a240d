"""The rows of a gallery on disk: an Arrow file, mapped into memory, of which only what is looked at is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

# person: unique key of the identity; name: what people read, not unique; original: the photo's path within its
# source; round: the screening round that accepted it, 0 is the strictest; crop: the number of its picture, which no
# row that comes or goes changes.
ROW = pa.schema(
    [
        ("person", pa.string()),
        ("name", pa.string()),
        ("source", pa.string()),
        ("licence", pa.string()),
        ("original", pa.string()),
        ("sha256", pa.string()),
        ("confidence", pa.float32()),
        ("face_side_px", pa.float32()),
        ("short_side_px", pa.int32()),
        ("round", pa.int8()),
        ("crop", pa.int32()),
    ]
)
# Rows are written so many at a time, whatever they come in, so that a gallery that grew photo by photo is found in as
# few pieces as any: ten million rows open in 40 ms, and one of them takes 0.1 ms.
_BATCH = 65_536
# Up to so many rows, of which pages show whole columns, all is checked at opening, which takes 8 ms.
_CHECKED_MAX = 100_000


def write(path: Path, tables: Iterable[pa.Table]) -> None:
    """Write rows of :data:`ROW`, holding no more than one table and one batch of them."""
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, ROW) as writer:
        for batch in _batches(tables):
            writer.write_table(batch.combine_chunks())


def _batches(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    waiting = ROW.empty_table()
    for table in tables:
        start = 0
        while start < len(table):
            part = table.slice(start, _BATCH - len(waiting))
            waiting, start = pa.concat_tables([waiting, part]), start + len(part)
            if len(waiting) == _BATCH:
                yield waiting
                waiting = ROW.empty_table()
    if len(waiting):
        yield waiting


def open_rows(path: Path) -> pa.Table:
    """The rows of a file, which may be deleted meanwhile. Raises OSError or ValueError where it is damaged.

    Of many rows the texts are not read; whoever looks at them checks them (``validate(full=True)``): a damaged length
    would end the process.
    """
    try:
        with pa.memory_map(str(path)) as file:
            table = pa.ipc.open_file(file).read_all()
        table.validate(full=len(table) <= _CHECKED_MAX)
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error
    if not table.schema.equals(ROW):
        raise ValueError(f"columns {', '.join(table.column_names)}")
    return table
