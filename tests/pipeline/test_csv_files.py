"""CSV for spreadsheets."""

from __future__ import annotations

import csv
import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.csv_files import as_csv, original_text, safe_table, safe_text

LIVE = ["=HYPERLINK(1)", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "'=1"]


@pytest.mark.parametrize("text", LIVE)
def test_a_text_is_no_formula_in_a_spreadsheet(text):
    (_, (cell,)) = csv.reader(io.StringIO(as_csv([{"name": text}]).decode(), newline=""))
    assert cell == f"'{text}"
    assert original_text(cell) == text


@pytest.mark.parametrize("text", ["", "Ann", "O'Neil", "'Ann'", "a=b", "1-2", "שרה"])
def test_other_texts_stay_as_they_are(text):
    assert safe_text(text) == original_text(text) == text


@given(st.text(alphabet="'=+-@\t\r\nA＝"))
def test_reading_gives_back_what_was_written(text):
    assert original_text(safe_text(text)) == text


def test_numbers_stay_numbers_and_missing_values_are_empty():
    rows: list[dict[str, object]] = [{"name": "a", "cosine": -0.5}, {"name": "b", "+more": None}]
    assert as_csv(rows).decode().splitlines() == ["name,cosine,'+more", "a,-0.5,", "b,,"]


@given(st.lists(st.text(alphabet="'=+-@\t\r\nA＝")))
def test_a_table_is_as_safe_as_its_texts(texts):
    table = pa.table({"name": pa.array(texts, pa.string()), "x": [-1.0] * len(texts)})
    expected = {"name": [safe_text(text) for text in texts], "x": [-1.0] * len(texts)}
    assert safe_table(table).to_pydict() == expected
