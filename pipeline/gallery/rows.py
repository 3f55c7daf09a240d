"""The rows of a gallery on disk: an Arrow file, memory-mapped where it is large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import arrays

# person: unique key of the identity. name: for display, not unique. original: path of the photo. round: the screening
# round that accepted it, 0 is the strictest. crop: number of the crop, which stays when other rows are removed.
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
# Rows per batch in the file. Full batches keep a gallery fast that grew photo by photo: a million rows are validated
# in 90 ms, and reading one takes 0.1 ms.
_BATCH = 65_536


def write(path: Path, tables: Iterable[pa.Table]) -> None:
    """Write tables of :data:`ROW`, holding no more than one table and one batch in memory."""
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, ROW) as writer:
        for batch in _batches(tables):
            writer.write_table(batch.combine_chunks())


def _batches(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    pending = ROW.empty_table()
    for table in tables:
        start = 0
        while start < len(table):
            part = table.slice(start, _BATCH - len(pending))
            pending, start = pa.concat_tables([pending, part]), start + len(part)
            if len(pending) == _BATCH:
                yield pending
                pending = ROW.empty_table()
    if len(pending):
        yield pending


def open_table(path: Path) -> pa.Table:
    """The table in an Arrow file; a large one is memory-mapped. Raises OSError or ValueError if it is damaged.

    It is validated as a whole: a damaged string length would crash the process.
    """
    try:
        if arrays.is_mapped(path):
            with pa.memory_map(str(path)) as file:
                table = pa.ipc.open_file(file).read_all()
        else:
            table = pa.ipc.open_file(pa.py_buffer(path.read_bytes())).read_all()
        table.validate(full=True)
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error
    return table


def open_rows(path: Path) -> pa.Table:
    """The rows of a file, which may be deleted while it is in use. Raises OSError or ValueError if it is damaged."""
    table = open_table(path)
    if not table.schema.equals(ROW):
        raise ValueError(f"columns {', '.join(table.column_names)}")
    return table


def read_parquet(path: Path) -> pa.Table:
    """The rows of format 1, in memory, with the columns of :data:`ROW`."""
    return pa.concat_tables([ROW.empty_table(), *parquet_tables(path)])


def parquet_tables(path: Path) -> Iterator[pa.Table]:
    """The rows of format 1, table by table. Rows from before crops were numbered get the numbers of the rows."""
    start = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches():
            table = pa.Table.from_batches([batch])
            if "crop" not in table.column_names:
                # Before rows could be removed, a row's crop had the row's number.
                table = table.append_column("crop", pa.array(range(start, start + len(table)), pa.int32()))
            yield table.select(ROW.names).cast(ROW)
            start += len(table)
