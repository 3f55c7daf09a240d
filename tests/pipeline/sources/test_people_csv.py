"""``people.csv`` in a folder of people."""

from __future__ import annotations

import logging

import pytest

from pipeline.errors import SourceError
from pipeline.notices import LOGGER
from pipeline.sources import folder, people_csv
from tests.conftest import put


def columns(tmp_path, text: str | bytes) -> dict[str, dict[str, object]]:
    (tmp_path / "people.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return {entry.name: dict(entry.columns) for entry in people_csv.read(tmp_path).values()}


def test_columns_are_numbers_or_texts_of_which_there_may_be_several(tmp_path):
    assert columns(tmp_path, "name,born,job\nAnn Lee,1980,actor; singer\nBob,1990,\n") == {
        "Ann Lee": {"born": 1980.0, "job": ("actor", "singer")},
        "Bob": {"born": 1990.0},
    }
    assert columns(tmp_path, "name,born\nAnn,1980\nBob,about 1990\n")["Ann"] == {"born": ("1980",)}


@pytest.mark.parametrize(
    "text",
    [
        "Name;Born\r\nAnn Lee;1980\r\n",
        "\ufeffname\tBorn\nann_lee\t1980",
        'born,x,name\n1980,,"  Ann   Lee "\n\n,,\n',
    ],
)
def test_tables_of_spreadsheets_are_read(tmp_path, text):
    (found,) = columns(tmp_path, text).items()
    assert found[0].lower() == "ann lee"
    assert [value for _, value in found[1].items()] == [1980.0]


def test_an_apostrophe_before_a_formula_is_dropped_and_later_rows_fill_in(tmp_path):
    text = "name,club,town\n'=Ann,'+Red,\nAnn,,\n'=Ann,,Rome\n"
    assert columns(tmp_path, text)["=Ann"] == {"club": ("+Red",), "town": ("Rome",)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "has no column name. Write the names of the people in one called name."),
        (b"person,born\nAnn,1980\n", "has no column name. Write the names of the people in one called name."),
        (b"name,source\nAnn,x\n", "has a column source, which galleries have of their own. Call it something else."),
        (b"name\nZo\xeb\n", "cannot be read. Save it as CSV in UTF-8."),
    ],
)
def test_a_table_that_cannot_be_used_is_explained(tmp_path, text, said):
    with pytest.raises(SourceError) as raised:
        columns(tmp_path, text)
    assert str(raised.value) == f"{tmp_path / 'people.csv'} {said}"


def test_a_folder_gives_its_people_the_columns_and_tells_who_has_no_photos(tmp_path, caplog):
    put(tmp_path, {"Ann Lee/1.jpg": b"", "bob_2.jpg": b"", "Cid/1.jpg": b""})
    (tmp_path / "people.csv").write_text("name,born\nann lee,1980\nBOB,1990\nEve,2000\n")
    with caplog.at_level(logging.WARNING, LOGGER.name):
        found = {person.name: dict(person.columns) for person in folder.people_in_folder(tmp_path).people}
    assert found == {"Ann Lee": {"born": 1980.0}, "bob": {"born": 1990.0}, "Cid": {}}
    assert caplog.messages == [f"{tmp_path / 'people.csv'} has people without photos here: Eve."]
