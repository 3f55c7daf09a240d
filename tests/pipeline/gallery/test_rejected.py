"""The list of rejected photos on disk."""

from __future__ import annotations

from pipeline.gallery.rejected import RejectedPhoto, read_rejected, write_rejected
from pipeline.gallery.screening import DUPLICATE, Rejection, RejectionKind

FILE = """"person","name","source","original","reason"
"in/Ann","Ann ""A"", Lee","in","/in/Ann/1.jpg","photo too small: short side 351 px, below 352"
"in/Ann","Ann ""A"", Lee","in","/in/Ann/2.jpg","no face found"
"in/Bo","Bo
Li","in","/in/Bo/3.jpg","cannot be read: The file is empty. Choose another photo."
"""


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
    write_rejected(tmp_path, photos)
    assert (tmp_path / "rejected.csv").read_text(encoding="utf-8") == FILE


def test_rejected_photos_survive_writing_and_reading(tmp_path):
    assert read_rejected(tmp_path) == []
    rejections = [DUPLICATE, *(Rejection(kind, "a: b") for kind in RejectionKind), Rejection(RejectionKind.NO_FACE)]
    photos = [RejectedPhoto("in/x", "שרה, =1", "in", f"{place}.jpg", each) for place, each in enumerate(rejections)]
    write_rejected(tmp_path, photos)
    assert read_rejected(tmp_path) == photos
