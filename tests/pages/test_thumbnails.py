"""The addresses of small pictures: they hold as long as their gallery is as it was."""

from __future__ import annotations

import gc
import re

from pages.shared import thumbnails, watching
from pipeline.gallery import managing, opening, removing
from pipeline.map import sample
from tests.pages.visitor import visit


def pictures(address: str, rows: range) -> list[bytes | None]:
    found = re.fullmatch("/thumbnails/(.+)/([0-9]+)", address)
    assert found
    return [thumbnails.picture(found[1], int(found[2]), row) for row in rows]


def test_an_address_holds_when_its_gallery_is_dropped_from_memory_and_ends_when_that_changes(small):
    page = visit("people", gallery="small")
    shown = next(body.value for body in page.html if "<img" in body.value)
    (address,) = re.findall('src="(/thumbnails/.+)/[0-9]+.jpg"', shown)
    before = pictures(address, range(15))
    assert None not in before
    watching.forget()  # As when another gallery has changed.
    gc.collect()
    assert pictures(address, range(15)) == before
    removing.remove_person("small", opening.open_gallery("small").row(0)["person"])
    assert pictures(address, range(15)) == [None] * 15
    changed = thumbnails.address(opening.open_gallery("small"))
    assert None not in pictures(changed, range(12))
    managing.delete_gallery("small")
    assert pictures(changed, range(12)) == [None] * 12


def test_rows_of_a_sample_have_pictures_of_their_own(small, monkeypatch):
    opened = opening.open_gallery("small")
    every = pictures(thumbnails.address(opened), range(15))
    monkeypatch.setattr(sample, "FACES_MAX", 10)
    part = thumbnails.address(sample.part_on_map(opened))
    assert pictures(part, range(10)) == [every[row] for row in sample.rows_on_map(15)]
    assert pictures(part, range(10, 11)) == [None]
    assert pictures(thumbnails.address(opened), range(15)) == every
