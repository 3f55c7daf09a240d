"""Renaming and merging people, and moving a photo: what is shown, what is kept, and what a kill leaves."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import GalleryError
from pipeline.gallery import building, checking, editing, managing, opening, reassigning, rejected, removing
from pipeline.sources import folder
from pipeline.sources.base import source_people
from tests.conftest import put

MADONNA, ELTON = "Examples/Madonna", "Examples/Elton John"


def people(name: str = "small") -> dict[str, list[str]]:
    """The names of a gallery with the keys of their photos, in order."""
    found: dict[str, list[str]] = {}
    for row in opening.read_gallery(name).faces.to_pylist():
        found.setdefault(row["name"], []).append(row["person"])
    return found


def photos(small: Path) -> list[str]:
    """The photos that a gallery keeps, as folder and number of photos in it."""
    kept = small / "photos"
    return sorted(f"{path.name}: {len(list(path.iterdir()))}" for path in kept.iterdir()) if kept.exists() else []


def originals_are_there(name: str = "small") -> bool:
    rows = opening.read_gallery(name).faces.to_pylist()
    return all(Path(row["original"]).is_file() for row in rows)


def test_a_renamed_person_keeps_photos_and_embeddings(small):
    before = opening.open_gallery("small")
    assert reassigning.rename_person("small", MADONNA, " Louise_Ciccone ") == "Louise Ciccone"
    assert people()["Louise Ciccone"] == [MADONNA] * 3
    assert "Madonna" not in people()
    after = opening.open_gallery("small")
    np.testing.assert_array_equal(after.embeddings, before.embeddings)
    assert after.faces["sha256"] == before.faces["sha256"]
    assert list(checking.problems(after)) == []


def test_a_name_is_corrected_but_never_given_to_two_people(small):
    assert reassigning.rename_person("small", MADONNA, "MADONNA") == "MADONNA"
    with pytest.raises(GalleryError, match="There is Elton John in the gallery already"):
        reassigning.rename_person("small", MADONNA, "elton john")
    for invalid in ("", "../x", "x" * 101):
        with pytest.raises(GalleryError, match=r"( is empty|not a valid name| is too long)\. "):
            reassigning.rename_person("small", MADONNA, invalid)
    assert set(people()) == {"Ben Affleck", "Elton John", "Jerry Seinfeld", "MADONNA", "Mindy Kaling"}


def test_added_photos_follow_a_rename_and_a_rebuilt_gallery_has_the_new_name(small, models, dropped, strangers):
    editing.add_photos("small", dropped("Ann", *strangers[:2]))
    reassigning.rename_person("small", "Your photos/Ann", "Ann Lee")
    assert people()["Ann Lee"] == ["Your photos/Ann Lee"] * 2
    assert photos(small) == ["Ann Lee: 2"]
    own = editing.added_people("small")
    report = building.build("small", source_people(own), models.detector, models.embedder)
    assert (report.faces_added, report.missing) == (0, [])
    building.build("small", source_people(own), models.detector, models.embedder, replace=True)
    assert people() == {"Ann Lee": ["Your photos/Ann Lee"] * 2}


def test_rejected_photos_follow_a_rename_and_a_merge(home, models, examples, tmp_path):
    blank = np.full((200, 200, 3), 127, np.uint8)
    place = put(tmp_path / "in", {"Ann/1.jpg": examples["Madonna"][1], "Ann/blank.png": blank})
    put(place, {"Bob/1.jpg": examples["Elton John"][1]})
    building.build("mine", folder.people_in_folder(place), models.detector, models.embedder)
    reassigning.rename_person("mine", "in/Ann", "Ann Lee")
    assert [each.name for each in rejected.read_rejected(home / "galleries" / "mine")] == ["Ann Lee"]
    # Building again finds nobody new: people keep the key and the name that they have.
    report = building.build("mine", folder.people_in_folder(place), models.detector, models.embedder)
    assert report.faces_added == 0
    assert set(people("mine")) == {"Ann Lee", "Bob"}
    reassigning.merge_people("mine", "in/Ann", "in/Bob")
    assert [each.person for each in rejected.read_rejected(home / "galleries" / "mine")] == ["in/Bob"]


def test_merged_people_are_one_and_a_photo_of_both_is_kept_once(small, dropped, strangers):
    editing.add_photos("small", [*dropped("Ann", *strangers[:2]), *dropped("Bea", *strangers[1:3])])
    assert reassigning.merge_people("small", "Your photos/Ann", "Your photos/Bea") == 1
    assert people()["Bea"] == ["Your photos/Bea"] * 3
    assert photos(small) == ["Bea: 3"]
    assert originals_are_there()
    assert reassigning.merge_people("small", "Your photos/Bea", ELTON) == 3
    assert people()["Elton John"] == [ELTON] * 6
    assert opening.open_gallery("small").people_count == 5
    assert list(checking.problems(opening.open_gallery("small"))) == []
    removing.remove_person("small", ELTON)
    assert photos(small) == []


def test_nobody_is_merged_with_themselves_or_with_somebody_who_is_gone(small):
    for one, other, reason in (
        (MADONNA, MADONNA, "cannot be merged with themselves"),
        (MADONNA, "Examples/Cher", "Cher is no longer in the gallery"),
        ("Examples/Cher", MADONNA, "Cher is no longer in the gallery"),
    ):
        with pytest.raises(GalleryError, match=reason):
            reassigning.merge_people("small", one, other)
    assert len(opening.open_gallery("small")) == 15


def test_a_photo_moves_to_somebody_in_the_gallery_and_to_somebody_new(small, dropped, strangers):
    editing.add_photos("small", dropped("Ann", *strangers[:2]))
    hashes = [row["sha256"] for row in opening.open_gallery("small").faces.to_pylist()]
    assert reassigning.move_photo("small", "Your photos/Ann", hashes[15], "ELTON JOHN") == "Elton John"
    assert people()["Elton John"] == [ELTON] * 4
    assert photos(small) == ["Ann: 1", "Elton John: 1"]
    assert reassigning.move_photo("small", MADONNA, hashes[9], "Cher") == "Cher"
    assert people()["Cher"] == ["Your photos/Cher"]
    assert len(people()["Madonna"]) == 2
    # The last photo takes the person with it.
    assert reassigning.move_photo("small", "Your photos/Ann", hashes[16], "Cher") == "Cher"
    assert "Ann" not in people()
    assert photos(small) == ["Cher: 1", "Elton John: 1"]
    assert originals_are_there()
    with pytest.raises(GalleryError, match="This photo is Madonna's already"):
        reassigning.move_photo("small", MADONNA, hashes[10], "madonna")
    with pytest.raises(GalleryError, match="This photo is no longer in the gallery"):
        reassigning.move_photo("small", MADONNA, hashes[9], "Cher")
    assert list(checking.problems(opening.open_gallery("small"))) == []


def test_in_a_copied_gallery_a_rename_leaves_the_photos_of_the_other_one(small, dropped, strangers):
    editing.add_photos("small", dropped("Ann", strangers[0]))
    managing.copy_gallery("small", "mine")
    reassigning.rename_person("mine", "Your photos/Ann", "Bea")
    assert photos(small) == ["Ann: 1"]
    assert photos(small.with_name("mine")) == ["Bea: 1"]
    assert originals_are_there("small")


def test_people_can_be_renamed_at_the_same_time(small):
    new = {key: f"Person {number}" for number, (key, *_) in enumerate(people().values())}
    threads = [threading.Thread(target=reassigning.rename_person, args=("small", *each)) for each in new.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: keys[0] for name, keys in people().items()} == {name: key for key, name in new.items()}
