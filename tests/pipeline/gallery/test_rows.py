"""The file of a gallery's rows: complete, memory-mapped, and safe to read when damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import arrays
from pipeline.errors import GalleryError
from pipeline.gallery import rows
from pipeline.gallery.gallery import Gallery


def table_of(faces: int) -> pa.Table:
    """Rows of people with three faces each."""
    numbers = range(faces)
    columns = {
        "person": [f"Pictures/Émilie {number // 3}" for number in numbers],
        "name": [f"Émilie {number // 3}" for number in numbers],
        "source": ["Pictures"] * faces,
        "licence": ["not stated"] * faces,
        "original": [f"/Pictures/Émilie {number // 3}/{number}.jpg" for number in numbers],
        "sha256": [f"{number:064x}" for number in numbers],
        "confidence": np.linspace(0.9, 1, faces),
        "face_side_px": np.linspace(40, 400, faces),
        "short_side_px": np.arange(faces),
        "round": np.zeros(faces),
        "crop": list(numbers),
    }
    return pa.table({field.name: pa.array(columns[field.name]).cast(field.type) for field in rows.ROW})


WHOLE = table_of(240)


@given(st.lists(st.integers(0, 20), max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_are_stored_in_full_batches_whatever_the_sizes_of_the_tables(tmp_path, monkeypatch, pieces):
    monkeypatch.setattr(rows, "_BATCH", 7)
    starts = np.cumsum([0, *pieces]).tolist()
    rows.write(tmp_path / "rows", (WHOLE.slice(*part) for part in zip(starts[:-1], pieces, strict=True)))
    found = rows.open_rows(tmp_path / "rows")
    assert found.equals(WHOLE.slice(0, sum(pieces)))
    assert all(len(chunk) == 7 for chunk in found["person"].chunks[:-1])
    people = Gallery(tmp_path, {}, found, np.empty((len(found), 128), np.float32)).person_of_row
    assert people.tolist() == [row // 3 for row in range(len(found))]


def test_reading_a_row_loads_no_other_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "MAPPED_MIN_BYTES", 1_000_000)
    rows.write(tmp_path / "rows", [table_of(100_000)])
    before = pa.total_allocated_bytes()
    opened = Gallery(tmp_path, {}, rows.open_rows(tmp_path / "rows"), np.empty((100_000, 128), np.float32))
    assert [opened.row(row)["crop"] for row in (0, 65_536, 99_999)] == [0, 65_536, 99_999]
    assert opened.crop_path(70_001).name == "070001.jpg"
    assert pa.total_allocated_bytes() - before < 10_000
    assert opened.people_count == 33_334
    assert pa.total_allocated_bytes() - before < 10_000


def test_an_open_file_stays_readable_after_it_is_replaced_or_deleted(tmp_path):
    path = tmp_path / "rows"
    rows.write(path, [table_of(100_000)])
    opened = rows.open_rows(path)
    rows.write(tmp_path / "other", [table_of(5)])
    (tmp_path / "other").replace(path)
    path.unlink()
    assert opened["sha256"][99_999].as_py() == f"{99_999:064x}"
    assert opened.equals(table_of(100_000))


@pytest.mark.parametrize("mapped_min", [0, 1_000_000])
@given(st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_bytes_are_an_error_or_another_text_but_never_a_crash(tmp_path, monkeypatch, mapped_min, data):
    monkeypatch.setattr(arrays, "MAPPED_MIN_BYTES", mapped_min)
    path = tmp_path / "rows"
    rows.write(path, [table_of(60)])
    whole = bytearray(path.read_bytes())
    start = data.draw(st.integers(0, len(whole) - 1))
    harm = data.draw(st.sampled_from([b"\xff", b"\0", b"\x7f"])) * data.draw(st.sampled_from([1, 4, 64, 1000]))
    whole[start : start + len(harm)] = harm[: len(whole) - start]
    path.write_bytes(whole)
    try:
        opened = Gallery(tmp_path, {}, rows.open_rows(path), np.empty((60, 128), np.float32))
        assert opened.person_of_row.shape == (len(opened.faces),)
        assert all(len(opened.row(row)) == 11 for row in range(len(opened.faces)))
        assert len(opened.faces.to_pylist()) == len(opened.faces)
    except (OSError, ValueError, GalleryError) as error:
        assert str(error)


def test_unexpected_columns_are_reported(tmp_path):
    table = pa.table({"person": ["Ann"], "age": [7]})
    with pa.OSFile(str(tmp_path / "rows"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(ValueError, match="columns person, age"):
        rows.open_rows(Path(tmp_path / "rows"))
