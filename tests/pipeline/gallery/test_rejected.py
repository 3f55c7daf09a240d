"""The list of rejected photos on disk."""

from __future__ import annotations

import pytest

from pipeline.gallery.rejected import RejectedPhoto, read_rejected, write_rejected
from pipeline.gallery.screening import DUPLICATE, Rejection, RejectionKind

FILE = """"person","name","source","original","reason"
"in/Ann","Ann ""A"", Lee","in","/in/Ann/1.jpg","photo too small: short side 351 px, below 352"
"in/Ann","Ann ""A"", Lee","in","/in/Ann/2.jpg","no face found"
"in/Bo","Bo
Li","in","/in/Bo/3.jpg","cannot be read: The file is empty. Choose another photo."
"""


def write(folder, photos):
    """As a change does, which gives the file its name at the end."""
    write_rejected(folder, photos, generation=3)
    (folder / "rejected-3.csv").replace(folder / "rejected.csv")


def test_the_columns_and_texts_of_existing_files_are_read(tmp_path):
    (tmp_path / "rejected.csv").write_text(FILE, encoding="utf-8")
    photos = read_rejected(tmp_path)
    assert [photo.rejection.kind for photo in photos] == ["photo too small", "no face found", "cannot be read"]
    assert [photo.rejection.detail for photo in photos] == [
        "short side 351 px, below 352",
        "",
        "The file is empty. Choose another photo.",
    ]
    assert (photos[0].name, photos[2].name, photos[2].original) == ('Ann "A", Lee', "Bo\nLi", "/in/Bo/3.jpg")
    write(tmp_path, photos)
    assert (tmp_path / "rejected.csv").read_text(encoding="utf-8") == FILE


def test_rejected_photos_survive_writing_and_reading(tmp_path):
    assert read_rejected(tmp_path) == []
    rejections = [DUPLICATE, *(Rejection(kind, "a: b") for kind in RejectionKind), Rejection(RejectionKind.NO_FACE)]
    photos = [RejectedPhoto("in/x", "שרה, =1", "in", f"{place}.jpg", each) for place, each in enumerate(rejections)]
    write(tmp_path, photos)
    assert read_rejected(tmp_path) == photos


@pytest.mark.parametrize(
    "content",
    [
        FILE.replace('","', '";"').encode(),
        FILE.replace("Ann", "Zoë").encode("cp1252"),
        FILE.encode("utf-16"),
        FILE.replace('"reason"', '"why"').encode(),
        FILE.replace(',"no face found"', "").encode(),
        FILE.replace('"no face found"', '"no face found","more"').encode(),
        FILE[:-20].encode(),
        b"\0\1\2" * 99,
        b"name\n" + b"x" * 200_000,
    ],
    ids=["semicolons", "cp1252", "utf-16", "other column", "short row", "long row", "cut", "binary", "long value"],
)
def test_a_file_that_a_spreadsheet_mangled_is_renamed_and_reported(tmp_path, caplog, content):
    for number in (1, 2):
        (tmp_path / "rejected.csv").write_bytes(content)
        assert read_rejected(tmp_path) == []
        assert (tmp_path / f"rejected-unreadable-{number}.csv").read_bytes() == content
        (record,) = caplog.records
        assert record.message.startswith("rejected.csv cannot be read")
        assert record.message.endswith(f"renamed to rejected-unreadable-{number}.csv and is made anew.")
        caplog.clear()
    assert not (tmp_path / "rejected.csv").exists()


@pytest.mark.parametrize(
    "content", [b"", FILE.splitlines()[0].encode(), b"\xef\xbb\xbf" + FILE.splitlines()[0].encode() + b"\r\n"]
)
def test_an_emptied_file_has_no_photos(tmp_path, caplog, content):
    (tmp_path / "rejected.csv").write_bytes(content)
    assert read_rejected(tmp_path) == []
    assert not caplog.records


def test_a_large_file_with_line_breaks_in_values_is_read(tmp_path):
    photos = [
        RejectedPhoto("in/x", "first\nsecond", "in", f"{'p' * 200}\n{place}.jpg", DUPLICATE)
        for place in range(10_000)
    ]
    write(tmp_path, photos)
    assert (tmp_path / "rejected.csv").stat().st_size > 2_000_000
    assert read_rejected(tmp_path) == photos
