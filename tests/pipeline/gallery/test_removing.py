"""Restoring what was removed: from memory alone, as it was."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import photo, storage
from pipeline.errors import GalleryError, MapError
from pipeline.gallery import building, checking, editing, layout, opening, reassigning, rejected, removing
from pipeline.lookalikes import Lookalikes
from pipeline.map import fitting
from pipeline.map.files import save_map
from pipeline.sources.base import SourcePerson, source_people


def test_a_removed_person_is_restored_with_crops_embeddings_and_photos(small, models, dropped, strangers):
    editing.add_photos("small", dropped("Ann Lee", *strangers[:2]))
    before = opening.open_gallery("small")
    kept = [before.crop_path(row).read_bytes() for row in (15, 16)]
    rows = np.array(before.embeddings[15:])
    removed = removing.remove_person("small", "Your photos/Ann Lee")
    assert len(removed) == 2
    assert not (small / "photos" / "Ann Lee").exists()
    assert removing.restore("small", removed) == 2
    after = opening.open_gallery("small")
    np.testing.assert_array_equal(after.embeddings[15:], rows)
    assert [after.crop_path(row).read_bytes() for row in (15, 16)] == kept
    files = {path.read_bytes() for path in (small / "photos" / "Ann Lee").iterdir()}
    assert files == {path.read_bytes() for path in strangers[:2]}
    assert list(checking.problems(after)) == []
    found = Lookalikes.open("small", models=models).find(photo.read(strangers[0]), top=1).matches[0]
    assert (found.name, found.copy) == ("Ann Lee", True)
    assert removing.restore("small", removed) == 0
    assert len(opening.open_gallery("small")) == 17


def test_a_photo_of_somebody_who_was_renamed_meanwhile_comes_back_under_the_new_name(small, dropped, strangers):
    opened = opening.open_gallery("small")
    row = opened.row(9)
    removed = removing.remove_person("small", row["person"], row["sha256"])
    reassigning.rename_person("small", row["person"], "Louise")
    editing.add_photos("small", dropped("Ann", strangers[0]))
    removing.restore("small", removed)
    opened = opening.open_gallery("small")
    assert [each["name"] for each in opened.faces.to_pylist()].count("Louise") == 3
    assert len({opened.crop_path(row) for row in range(len(opened))}) == 16


def test_a_removed_photo_stays_out_of_the_gallery_until_it_is_restored_or_all_is_built_anew(small, models, examples):
    def build(*, replace=False):
        listed = [SourcePerson(name, name, tuple(paths[:3]), "Examples", "") for name, paths in examples.items()]
        people = source_people(listed)
        return building.build("small", people, models.detector, models.embedder, replace=replace)

    row = opening.open_gallery("small").row(9)
    removed = removing.remove_person("small", row["person"], row["sha256"])
    assert build().faces == 14
    noted = [each for each in rejected.read_rejected(small) if each.original == row["original"]]
    assert [(each.person, str(each.rejection)) for each in noted] == [(row["person"], "removed")]
    assert removing.restore("small", removed) == 1
    assert not [each for each in rejected.read_rejected(small) if each.original == row["original"]]
    removing.remove_person("small", row["person"], row["sha256"])
    assert build(replace=True).faces == 15


def test_the_last_photo_of_somebody_is_removed_with_what_was_rejected(small):
    opened = opening.open_gallery("small")
    rows = [row for row in opened.faces.to_pylist() if row["person"] == opened.row(9)["person"]]
    for row in rows:
        removing.remove_person("small", row["person"], row["sha256"])
    assert not [each for each in rejected.read_rejected(small) if each.person == rows[0]["person"]]


def test_removing_keeps_nothing_on_the_disk_for_the_undo(small, dropped, strangers):
    editing.add_photos("small", dropped("Ann Lee", strangers[0]))
    removed = removing.remove_person("small", "Your photos/Ann Lee")
    left = [path for path in small.parent.rglob("*") if path.is_file()]
    assert removed.files == [strangers[0].read_bytes()]
    for trace in (strangers[0].read_bytes(), removed.crops[0], b"Ann Lee"):
        assert trace
        assert not [path for path in left if trace in path.read_bytes()]


def test_neither_the_map_nor_a_list_that_was_set_aside_shows_whoever_was_removed(small, dropped, strangers):
    editing.add_photos("small", dropped("Ann Lee", strangers[0]))
    opened = opening.open_gallery("small")
    fitted = fitting.fit_map(opened)
    save_map(opened, fitted)
    (small / layout.REJECTED).write_text("Ann Lee without columns\n", encoding="utf-8")
    assert rejected.read_rejected(small) == []
    removing.remove_person("small", "Your photos/Ann Lee")
    assert not (small / layout.MAP).exists()
    assert not [path for path in small.glob("*") if path.is_file() and b"Ann Lee" in path.read_bytes()]
    with pytest.raises(MapError, match="has changed while its map was drawn"):
        save_map(opened, fitted)


def test_a_change_of_names_keeps_the_files_of_the_map(small):
    save_map(opening.open_gallery("small"), fitting.fit_map(opening.open_gallery("small")))
    reassigning.rename_person("small", "Examples/Madonna", "Louise")
    assert (small / layout.MAP).exists()


def test_nothing_is_restored_into_a_gallery_of_another_model(small):
    removed = removing.remove_person("small", "Examples/Madonna")
    manifest = storage.read_manifest(small)
    assert manifest
    storage.write_manifest(small, manifest | {"embedding": {"model": "another"}})
    with pytest.raises(GalleryError, match="built with another model"):
        removing.restore("small", removed)
    assert len(opening.read_gallery("small")) == 12
