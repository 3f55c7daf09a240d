"""Adding and removing people by hand with the real networks, also killed and concurrently."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from pipeline import photo, storage
from pipeline.errors import EmptyGalleryError, GalleryError, MapError
from pipeline.gallery import (
    building,
    checking,
    editing,
    layout,
    managing,
    opening,
    rejected,
    removing,
    writing,
)
from pipeline.lookalikes import Lookalikes
from pipeline.map import fitting
from pipeline.map.files import open_map, save_map
from pipeline.search.cache import prepared_rows
from pipeline.similarity import registry
from pipeline.sources import demonstration, folder
from pipeline.sources.base import SourcePerson, source_people
from tests.conftest import put

BLANK = np.full((200, 200, 3), 127, np.uint8)


def answers(name: str, models, paths) -> list[tuple[str, float, bytes]]:
    """The answers of a gallery: names, distances and crops."""
    opened = Lookalikes.open(name, models=models)
    found = [match for path in paths for match in opened.find(photo.read(path), top=5).matches]
    return [(match.name, match.distance, match.crop_path.read_bytes()) for match in found]


def everything(folder: Path) -> dict[str, bytes]:
    """The content of all files of a gallery except the lock."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_an_added_person_is_found_by_another_photo(small, models, dropped, strangers):
    assert editing.add_photos("small", dropped("  Zoë_Rosa ", strangers[0])) == [None]
    found = Lookalikes.open("small", models=models).find(photo.read(strangers[0]), top=1).matches[0]
    assert (found.name, found.copy, found.source) == ("Zoë Rosa", True, "Your photos")
    opened = opening.open_gallery("small")
    assert (len(opened), opened.people_count, opened.manifest["people"]) == (16, 6, 6)
    kept = Path(opened.row(15)["original"])
    assert kept.parent == small / "photos" / "Zoë Rosa"
    assert kept.read_bytes() == strangers[0].read_bytes()
    assert list(checking.problems(opened)) == []


def test_adding_and_removing_leaves_the_answers_unchanged(small, models, dropped, strangers, examples):
    probes = [examples["Madonna"][4], examples["Elton John"][4], strangers[3]]
    before, files = answers("small", models, probes), set(everything(small))
    editing.add_photos("small", [*dropped("Ann Lee", *strangers[:2]), *dropped("Madonna", examples["Madonna"][4])])
    assert answers("small", models, probes) != before
    opened = opening.open_gallery("small")
    assert len(removing.remove_person("small", "Your photos/Ann Lee")) == 2
    assert len(removing.remove_person("small", opened.row(9)["person"], storage.sha256(examples["Madonna"][4]))) == 1
    assert answers("small", models, probes) == before
    assert {name for name in everything(small) if "-" not in name} == {name for name in files if "-" not in name}


def test_nothing_of_a_removed_person_is_left(small, dropped, strangers):
    editing.add_photos("small", dropped("Ann Lee", *strangers[:2]))
    opened = opening.open_gallery("small")
    prepared_rows(opened, registry.load_scorer())
    crops = [opened.crop_path(row).read_bytes() for row in (15, 16)]
    rows = [np.ascontiguousarray(opened.embeddings[row]).tobytes() for row in (15, 16)]
    removing.remove_person("small", "Your photos/Ann Lee")
    left = everything(small)
    for trace in (*crops, *rows, b"Ann Lee", *(path.read_bytes() for path in strangers[:2])):
        assert [name for name, data in left.items() if trace in data] == []
    assert not [name for name in left if "Ann Lee" in name]


def test_removing_a_person_removes_their_rejected_photos_from_the_list(home, models, examples, tmp_path):
    place = put(
        tmp_path / "in", {"Ann/1.jpg": examples["Madonna"][1], "Ann/blank.png": BLANK, "Bob/blank.png": BLANK}
    )
    put(place, {"Bob/1.jpg": examples["Elton John"][1]})
    building.build("mine", folder.people_in_folder(place), models.detector, models.embedder)
    removing.remove_person("mine", "in/Ann")
    assert [each.name for each in rejected.read_rejected(home / "galleries" / "mine")] == ["Bob"]
    assert (place / "Ann" / "1.jpg").is_file()


def test_removing_a_photo_keeps_the_crops_of_the_others(small, models):
    opened = opening.open_gallery("small")
    crops_before = [opened.crop_path(row).read_bytes() for row in range(15)]
    person, sha256 = opened.row(4)["person"], opened.row(4)["sha256"]
    assert len(removing.remove_person("small", person, sha256)) == 1
    assert len(removing.remove_person("small", person, sha256)) == 0
    opened = opening.open_gallery("small")
    assert [opened.crop_path(row).read_bytes() for row in range(14)] == crops_before[:4] + crops_before[5:]
    assert list(checking.problems(opened)) == []


def test_screening_predicts_what_adding_does(small, models, dropped, strangers, madonna, tmp_path):
    known = Path(opening.open_gallery("small").row(9)["original"])
    place = put(tmp_path, {"blank.png": BLANK, "text.jpg": b"Dear diary"})
    photos = [
        *dropped("madonna", known, madonna, madonna),
        *dropped("Ann Lee", strangers[0], place / "blank.png", place / "text.jpg"),
    ]
    opened = opening.open_gallery("small")
    rejections = editing.screen_photos(opened, photos)
    assert [rejection and rejection.kind for rejection in rejections] == (
        ["duplicate", "duplicate", "duplicate", None, "no face found", "cannot be read"]
    )
    assert editing.add_photos("small", photos) == rejections
    assert len(opening.open_gallery("small")) == 16


def test_adding_by_hand_screens_like_a_build(home, models, dropped, tmp_path):
    """Of all photos of a celebrity, some too small and one without a face, the same are accepted."""
    person = next(person for person in demonstration.demonstration_people().people if person.name == "Ben Affleck")
    settings = building.BuildSettings(photos_per_person=25)
    building.build("built", source_people([person]), models.detector, models.embedder, settings=settings)
    managing.create_gallery("by-hand")
    editing.add_photos("by-hand", dropped("Ben Affleck", *person.photos))
    columns = ["sha256", "round", "face_side_px", "short_side_px"]
    one, other = (opening.open_gallery(name).faces.select(columns).to_pylist() for name in ("built", "by-hand"))

    def by_hash(rows):
        return sorted(rows, key=lambda row: row["sha256"])

    assert [row["sha256"] for row in by_hash(one)] == [row["sha256"] for row in by_hash(other)]
    assert [row["round"] for row in by_hash(one)] == [row["round"] for row in by_hash(other)]


def test_a_photo_with_a_known_name_is_added_to_that_person(small, models, dropped, examples):
    editing.add_photos("small", dropped("MADONNA", examples["Madonna"][4]))
    opened = opening.open_gallery("small")
    assert opened.people_count == 5
    assert opened.row(15)["name"] == "Madonna"
    assert opened.row(15)["person"] == opened.row(9)["person"]


@pytest.mark.parametrize(
    "name", ["", " ", "__", "\u200b", ".", "..", "a/b", "../x", "a\\b", ".hidden", "x" * 101, "家" * 90]
)
def test_an_invalid_name_is_refused(small, dropped, strangers, name):
    with pytest.raises(GalleryError, match=r"( is empty|not a valid name| is too long)\. (Use|Leave out) "):
        editing.add_photos("small", dropped(name, strangers[0]))
    assert len(opening.open_gallery("small")) == 15


@pytest.mark.parametrize(
    "name", ["<b>Ann", "محمد", "Ann; rm -rf", "$HOME 'x' \"y\"", "山田", "🎭", "O'Neil, Jr.", "家" * 80]
)
def test_unusual_names_can_be_added_and_removed(small, dropped, strangers, name):
    editing.add_photos("small", dropped(name, strangers[0]))
    assert opening.open_gallery("small").row(15)["name"] == name
    assert len(removing.remove_person("small", f"Your photos/{name}")) == 1
    assert not any((small / "photos").iterdir())


def test_a_name_is_the_same_in_every_spelling(small, dropped, strangers):
    editing.add_photos("small", dropped("Jos\u00e9 N\u00e1", strangers[0]))
    editing.add_photos("small", dropped(" JOSE\u0301_NA\u0301\u200b ", strangers[1]))
    opened = opening.open_gallery("small")
    assert opened.people_count == 6
    assert {opened.row(row)["name"] for row in (15, 16)} == {"Jos\u00e9 N\u00e1"}
    assert editing.find_people(opened, "jose\u0301 na\u0301") == ["Your photos/Jos\u00e9 N\u00e1"]
    assert len(removing.remove_person("small", "Your photos/Jos\u00e9 N\u00e1")) == 2
    assert not any((small / "photos").iterdir())


def test_removing_a_person_whose_name_is_a_path_deletes_nothing_outside(home, models, examples, tmp_path):
    person = SourcePerson("1", "..", tuple(examples["Madonna"][1:2]), "VGGFace2", "")
    other = SourcePerson("2", "Elton", tuple(examples["Elton John"][1:2]), "VGGFace2", "")
    building.build("mine", source_people([person, other]), models.detector, models.embedder)
    removing.remove_person("mine", "VGGFace2/1")
    assert [opening.open_gallery("mine").row(0)["name"], layout.names()] == ["Elton", ["mine"]]


def test_the_last_person_can_be_removed_and_others_added(home, dropped, strangers):
    managing.create_gallery("mine")
    with pytest.raises(EmptyGalleryError, match="has no people yet"):
        opening.open_gallery("mine")
    assert len(opening.read_gallery("mine")) == 0
    editing.add_photos("mine", dropped("Ann", strangers[0]))
    removing.remove_person("mine", "Your photos/Ann")
    assert len(opening.read_gallery("mine")) == 0
    editing.add_photos("mine", dropped("Bob", strangers[1]))
    assert opening.open_gallery("mine").row(0)["name"] == "Bob"


def test_a_copied_gallery_has_the_map_and_changes_independently(small, models, dropped, strangers, examples):
    save_map(opening.open_gallery("small"), fitting.fit_map(opening.open_gallery("small")))
    managing.copy_gallery("small", "mine")
    assert layout.names() == ["mine", "small"]
    assert answers("mine", models, [examples["Madonna"][4]]) == answers("small", models, [examples["Madonna"][4]])
    open_map(opening.open_gallery("mine"))
    before = everything(small)
    editing.add_photos("mine", dropped("Ann", strangers[0]))
    removing.remove_person("mine", opening.open_gallery("mine").row(0)["person"])
    assert {name: data for name, data in everything(small).items() if "prepared" not in name} == {
        name: data for name, data in before.items() if "prepared" not in name
    }
    with pytest.raises(MapError, match="has no map yet"):
        open_map(opening.open_gallery("mine"))


@pytest.mark.parametrize("make", [managing.create_gallery, lambda name: managing.copy_gallery("small", name)])
def test_a_taken_or_invalid_name_creates_no_gallery(small, make):
    before = everything(small)
    with pytest.raises(GalleryError, match="There is a gallery small already"):
        make("Small ")
    with pytest.raises(GalleryError, match="There is a gallery Demonstration already"):
        make("Demonstration")
    with pytest.raises(GalleryError, match="not a valid gallery name"):
        make("../mine")
    assert everything(small) == before
    assert layout.names() == ["small"]


def test_sessions_can_add_at_the_same_time(small, models, dropped, strangers):
    photos = [dropped(f"Person {number}", path) for number, path in enumerate(strangers)]
    threads = [threading.Thread(target=editing.add_photos, args=("small", each)) for each in photos]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    opened = opening.open_gallery("small")
    names = {opened.row(row)["name"] for row in range(15, len(opened))}
    assert names == {f"Person {number}" for number in range(len(strangers))}
    assert list(checking.problems(opened)) == []


def test_adding_during_a_build_is_refused(small, dropped, strangers, monkeypatch):
    monkeypatch.setattr(layout, "EDIT_WAIT_SECONDS", 0.1)
    with writing.locked("small"), pytest.raises(GalleryError, match="being built by another process"):
        editing.add_photos("small", dropped("Ann", strangers[0]))


def test_a_gallery_of_another_model_allows_removing_but_not_adding(small, dropped, strangers):
    manifest = storage.read_manifest(small)
    assert manifest
    storage.write_manifest(small, manifest | {"embedding": {"model": "another"}})
    with pytest.raises(GalleryError, match="built with another model"):
        editing.add_photos("small", dropped("Ann", strangers[0]))
    assert len(removing.remove_person("small", opening.read_gallery("small").row(0)["person"])) == 3


def test_added_people_are_part_of_a_rebuilt_gallery(small, models, dropped, strangers):
    editing.add_photos("small", [*dropped("Ann Lee", *strangers[:2]), *dropped("Bob", strangers[2])])
    before = everything(small / "photos")
    added = source_people(editing.added_people("small"))
    building.build("small", added, models.detector, models.embedder, replace=True)
    assert everything(small / "photos") == before
    opened = opening.open_gallery("small")
    assert [opened.row(row)["person"] for row in range(3)] == ["Your photos/Ann Lee"] * 2 + ["Your photos/Bob"]
    report = building.build("small", source_people(editing.added_people("small")), models.detector, models.embedder)
    assert report.faces_added == 0


def test_a_reader_retries_when_the_gallery_changes_while_it_is_opened(small, monkeypatch):
    real = opening._read
    calls: list[int] = []

    def changed_meanwhile(folder, manifest, **options):
        if not calls:
            calls.append(1)
            removing.remove_person("small", "Examples/Madonna")
        return real(folder, manifest, **options)

    monkeypatch.setattr(opening, "_read", changed_meanwhile)
    assert len(opening.open_gallery("small")) == 12


def test_a_half_copied_gallery_is_not_listed(small):
    shutil.copytree(small, small.with_name(".mine.123.part"))
    assert layout.names() == ["small"]


def test_a_selection_becomes_a_gallery_with_its_photos_and_nothing_of_others(small, dropped, strangers):
    editing.add_photos("small", dropped("Ann", *strangers[:2]))
    opened = opening.open_gallery("small")
    keys = opened.faces["person"].to_pylist()
    rows = np.array([row for row, values in enumerate(opened.faces.to_pylist()) if values["name"] == "Ann"] + [0])
    managing.copy_rows("small", "mine", rows)
    mine = opening.open_gallery("mine")
    assert mine.faces["sha256"].to_pylist() == opened.faces["sha256"].take(rows).to_pylist()
    assert np.array_equal(mine.embeddings, opened.embeddings[rows])
    assert list(checking.problems(mine)) == []
    assert {path.parent.name for path in mine.folder.glob("photos/*/*")} == {"Ann"}
    assert len(list(mine.folder.glob("crops/*/*.jpg"))) == 3
    assert opening.open_gallery("small").faces["person"].to_pylist() == keys
    with pytest.raises(GalleryError, match="There is a gallery mine already"):
        managing.copy_rows("small", "mine", rows)
    for wrong in (np.array([], np.int64), np.array([len(opened)])):
        with pytest.raises(GalleryError, match="Select them again"):
            managing.copy_rows("small", "other", wrong)
    assert "other" not in layout.names()
