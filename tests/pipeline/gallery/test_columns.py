"""Columns about people: conditions, masks, and tables that are merged and aligned."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pipeline.errors import GalleryError
from pipeline.gallery import columns
from pipeline.gallery.columns import Condition, PeopleColumns
from pipeline.sources.base import Value

PEOPLE: dict[str, dict[str, Value]] = {
    "ann": {"occupation": ("actor", "singer"), "born": 1980.0, "country": ("France",)},
    "bob": {"occupation": ("Singer",), "born": 1999.0},
    "cid": {"born": 1950.0, "country": ("São Tomé",)},
    "dan": {},
}
SOURCES = pa.chunked_array([["A", "B"], ["A", "A"]])


@pytest.fixture
def known():
    return PeopleColumns(columns.table_of(PEOPLE), lambda: SOURCES, "mine")


def who(known: PeopleColumns, *conditions: str) -> list[str]:
    mask = known.mask([Condition.parse(text) for text in conditions])
    return [name for name, fits in zip(PEOPLE, mask, strict=True) if fits]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (["occupation=actor"], ["ann"]),
        (["occupation=SINGER"], ["ann", "bob"]),
        (["occupation=actor|singer"], ["ann", "bob"]),
        (["Occupation = singer", "country=france"], ["ann"]),
        (["country=Sa\u0303o Tome\u0301"], ["cid"]),
        (["born=1980..1999"], ["ann", "bob"]),
        (["born=..1979"], ["cid"]),
        (["born=1981.."], ["bob"]),
        (["born=1980|1950"], ["ann", "cid"]),
        (["source=b"], ["bob"]),
        (["source=b|nowhere"], ["bob"]),
        (["source=A", "born=1900..2000"], ["ann", "cid"]),
    ],
)
def test_people_fit_conditions_and_whoever_has_no_value_fits_none(known, conditions, expected):
    assert who(known, *conditions) == expected


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("actor", "'actor' is not a condition. Write a column and a value, as in occupation=actor."),
        ("=actor", "'=actor' is not a condition. Write a column and a value, as in occupation=actor."),
        ("occupation=|", "'occupation=|' is not a condition. Write a column and a value, as in occupation=actor."),
        ("size=3", "The gallery mine has no column size. It has occupation, born, country, source."),
        ("occupation=actr", "Nobody in the gallery mine has occupation=actr. Did you mean actor?"),
        ("country=Peru", "Nobody in the gallery mine has country=Peru. Choose one of France, São Tomé."),
        ("born=young", "born is a number, and young is not one. Write a number or a range, as in 1980..1999."),
        ("born=..", "born is a number, and .. is not one. Write a number or a range, as in 1980..1999."),
        ("born=1800..1801", "Nobody in the gallery mine fits born=1800..1801."),
    ],
)
def test_a_condition_that_says_nothing_is_explained(known, condition, said):
    with pytest.raises(GalleryError) as raised:
        who(known, condition)
    assert str(raised.value) == said


def test_a_gallery_without_columns_has_its_sources(known):
    bare = PeopleColumns(None, lambda: SOURCES, "mine")
    assert bare.names == ["source"]
    assert bare.counts("source") == [("A", 3), ("B", 1)]
    assert bare.mask([Condition.parse("source=B")]).tolist() == [False, True, False, False]
    assert bare.of(0) == {}


def test_what_is_known_of_a_person_has_no_empty_values(known):
    assert known.of(0) == PEOPLE["ann"]
    assert known.of(2) == PEOPLE["cid"]
    assert known.of(3) == {}
    assert known.counts("occupation") == [("Singer", 1), ("actor", 1), ("singer", 1)]


def test_tables_are_merged_by_person_and_aligned_with_the_people_of_a_gallery():
    old = columns.table_of({"ann": {"born": 1980.0, "club": ("Red",)}, "bob": {"born": 1990.0}})
    new = columns.table_of({"ann": {"born": 1981.0}, "cid": {"town": ("Rome",)}})
    merged = columns.merged(new, old, key="person")
    aligned = columns.aligned(merged, pa.array(["dan", "bob", "ann"]))
    assert aligned is not None
    assert aligned.to_pylist() == [
        {"person": "dan", "born": None},
        {"person": "bob", "born": 1990.0},
        {"person": "ann", "born": 1981.0},
    ]
    assert columns.aligned(merged, pa.array(["dan"])) is None
    assert columns.aligned(None, pa.array(["dan"])) is None


def test_a_column_of_numbers_becomes_texts_where_it_meets_texts():
    old = columns.table_of({"ann": {"born": 1980.0}})
    merged = columns.merged(columns.table_of({"bob": {"born": ("about 1980",)}}), old, key="person")
    assert merged is not None
    assert merged.to_pylist() == [{"person": "bob", "born": ["about 1980"]}, {"person": "ann", "born": ["1980"]}]


def test_masks_of_a_million_people_take_no_scan_of_texts():
    count = 1_000_000
    occupations = pa.array([["actor"], ["singer", "actor"], None, ["writer"]] * (count // 4))
    born = pa.array(np.tile(np.arange(1900.0, 2000.0), count // 100))
    table = pa.table({"person": pa.array(np.arange(count).astype(str)), "occupation": occupations, "born": born})
    known = PeopleColumns(table, lambda: SOURCES, "large")
    mask = known.mask([Condition.parse("occupation=actor"), Condition.parse("born=1980..1999")])
    expected = (np.arange(count) % 4 < 2) & (np.arange(count) % 100 >= 80)
    assert (mask == expected).all()
    # Asked again, it is there.
    assert known.mask([Condition.parse("occupation=actor"), Condition.parse("born=1980..1999")]) is mask
