"""Sources of people: folders, LFW, VGGFace2 and the packages of the demonstration."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pipeline.errors import SourceError
from pipeline.photo import SUFFIXES
from pipeline.sources import demonstration, folder, lfw, vggface2
from pipeline.sources.base import SourcePeople
from pipeline.sources.registry import SOURCES
from tests.conftest import LFW, put


def photos_of(people: SourcePeople) -> dict[str, list[str]]:
    found = list(people.people)
    assert len(found) == people.count
    assert len({person.key for person in found}) == len(found)
    return {person.name: [path.name for path in person.photos] for person in found}


def empty(*names: str) -> dict[str, bytes]:
    return dict.fromkeys(names, b"")


def test_a_folder_per_person_is_read_at_any_depth_without_hidden_files(tmp_path):
    put(tmp_path, empty("Ann_Lee/b.jpg", "Ann_Lee/a.PNG", "Ann_Lee/2019/c.webp", "Ann_Lee/notes.txt"))
    put(tmp_path, empty("Ann_Lee/.hidden.jpg", "Ann_Lee/.thumbs/d.jpg", "Ann_Lee/.thumbs/large/e.jpg", ".git/f.jpg"))
    put(tmp_path, empty("Bob/readme.md"))
    assert photos_of(folder.people_in_folder(tmp_path)) == {"Ann Lee": ["a.PNG", "b.jpg", "c.webp"], "Bob": []}


def test_flat_files_are_named_after_their_person(tmp_path):
    put(tmp_path, empty("Ann Lee_0001.jpg", "Ann Lee-2.png", "Ann Lee (3).jpg", "Ann Lee.jpg", "José_Pérez_1.heic"))
    put(tmp_path, empty("007.jpg", "notes.txt", ".hidden.jpg"))
    assert photos_of(folder.people_in_folder(tmp_path)) == {
        "007": ["007.jpg"],
        "Ann Lee": ["Ann Lee (3).jpg", "Ann Lee-2.png", "Ann Lee.jpg", "Ann Lee_0001.jpg"],
        "José Pérez": ["José_Pérez_1.heic"],
    }


def test_every_photo_suffix_is_listed(tmp_path):
    put(tmp_path, empty(*(f"Ann/{index}{suffix}" for index, suffix in enumerate(SUFFIXES))))
    assert len(photos_of(folder.people_in_folder(tmp_path))["Ann"]) == len(SUFFIXES)


@pytest.mark.parametrize("name", ['"Q" O\'Neil', "Comma, Jr.", "Émilie 🎭", "שרה כהן", "A\\B"])
def test_unusual_names_are_kept(tmp_path, name):
    put(tmp_path, empty(f"{name}/a.jpg"))
    assert photos_of(folder.people_in_folder(tmp_path)) == {name: ["a.jpg"]}


def test_decomposed_letters_are_composed(tmp_path):
    put(tmp_path, empty("Jose\u0301/a.jpg"))
    assert list(photos_of(folder.people_in_folder(tmp_path))) == ["Jos\u00e9"]


def test_spellings_of_a_name_are_one_person_shown_as_most_often_spelt(tmp_path):
    put(tmp_path, empty("Ann Lee/1.jpg", "ann lee/2.jpg", "Ann_Lee/3.jpg", "Ann  Lee/4.jpg", "Ann Lee_1.jpg"))
    put(tmp_path, empty("Jos\u00e9/1.jpg", "Jose\u0301/2.jpg", "BOB/1.jpg", "bob_2.jpg"))
    people = folder.people_in_folder(tmp_path)
    assert photos_of(people) == {
        "Ann Lee": ["4.jpg", "1.jpg", "3.jpg", "2.jpg", "Ann Lee_1.jpg"],
        "BOB": ["1.jpg", "bob_2.jpg"],
        "Jos\u00e9": ["2.jpg", "1.jpg"],
    }
    assert [person.key for person in people.people] == ["Ann Lee", "BOB", "Jos\u00e9"]


def test_controls_and_invisible_characters_are_no_part_of_a_name(tmp_path):
    names = ["\u202eevil\u202c gnp", "\x1b[31mRed\x1b[0m", "New\nLine\tTab", "Zoë\u200b", "😀👨‍👩‍👧", "家" * 80]
    put(tmp_path, empty(*(f"{name}/a.jpg" for name in names)))
    expected = {"evil gnp", "Red", "New Line Tab", "Zoë", "😀👨‍👩‍👧", "家" * 80}
    assert set(photos_of(folder.people_in_folder(tmp_path))) == expected


def test_folders_and_files_without_a_name_are_skipped(tmp_path):
    put(tmp_path, empty("___/a.jpg", " /b.jpg", "\u200b/c.jpg", "_ _.jpg", "Ann/d.jpg"))
    people = folder.people_in_folder(tmp_path)
    assert list(photos_of(people)) == ["Ann"]
    assert {(each.path.name, each.reason, each.name) for each in people.skipped} == {
        (name, "no name that can be seen", "") for name in ("___", " ", "\u200b", "_ _.jpg")
    }


def test_names_that_cameras_give_are_told(tmp_path):
    put(tmp_path, empty("IMG_2001.jpg", "IMG_2002.jpg", "photo (3).jpg", "50.jpg", "Ann.jpg", "50 Cent/a.jpg"))
    assert folder.people_in_folder(tmp_path).camera_names == {"50": 1, "IMG": 2, "photo": 1}


def test_a_folder_of_which_everything_is_skipped_says_what(tmp_path):
    put(tmp_path, empty("___/a.jpg", "Ann/a.txt"))
    (tmp_path / "Bob").symlink_to("nothing")
    with pytest.raises(SourceError, match=r"no photos in .* Skipped: Bob, a broken link \(.*\), and 1 more\.$"):
        folder.people_in_folder(tmp_path)


def test_the_source_is_the_folder_and_its_licence_is_not_stated(tmp_path):
    (person,) = folder.people_in_folder(put(tmp_path / "family", empty("Ann/a.jpg"))).people
    assert (person.source, person.licence) == ("family", "not stated")


def test_a_folder_without_photos_explains_what_to_put_in_it(tmp_path):
    put(tmp_path, empty("Ann/readme.md"))
    with pytest.raises(SourceError, match=r"no photos in .* one folder for each person"):
        folder.people_in_folder(tmp_path)


PLACES = [source for source in SOURCES.values() if not source.choose]


@pytest.mark.parametrize("source", PLACES, ids=lambda source: source.name)
def test_a_missing_folder_is_reported(tmp_path, source):
    with pytest.raises(SourceError, match="There is no folder"):
        source.open(tmp_path / "missing")


@pytest.mark.parametrize("source", [source for source in SOURCES.values() if source.needs_path])
def test_a_source_that_needs_a_path_asks_for_it(source):
    with pytest.raises(SourceError, match="Which folder"):
        source.open()


def test_a_source_in_the_registry_is_a_choice_of_the_command_line():
    """One entry is all that a new source needs; the command line reads the registry when it is imported."""
    code = (
        "import sys\n"
        "from pipeline.sources.base import Source, source_people\n"
        "from pipeline.sources.registry import SOURCES\n"
        "SOURCES['toy'] = Source('toy', 'Toy', 'a box of toys', lambda path: source_people([]))\n"
        "from pipeline.cli.app import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, "build", "--help"], capture_output=True, text=True, check=True)
    words = " ".join(done.stdout.replace("│", " ").split())
    assert "toy: a box of toys" in words
    done = subprocess.run([sys.executable, "-c", code, "build", "--source", "toy"], capture_output=True, text=True)
    assert "Which folder holds the photos?" in done.stderr


META = '''Class_ID, Name, Sample_Num, Flag, Gender
n000001, "14th_Dalai_Lama", 424, 0, m
n000002, "Martin_Luther_King,_Jr.", 10, 1, m
n000003, Sammy_Davis,_Jr., 10, 1, m
n000004, "Élodie_Frégé", 10, 1, f
n000005, "A/B_""C""", 10, 1, f
'''
NAMES = ["14th Dalai Lama", "Martin Luther King, Jr.", "Sammy Davis, Jr.", "Élodie Frégé", 'A/B "C"', "n000009"]


@pytest.mark.parametrize("part", ["", "train", "test"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_vggface2_names_come_from_the_table(tmp_path, part, ends, mark):
    (tmp_path / "identity_meta.csv").write_bytes((mark + META.replace("\n", ends)).encode())
    numbers = (1, 2, 3, 4, 5, 9)
    put(tmp_path / part, empty(*(f"n{number:06d}/{photo:04d}_01.jpg" for number in numbers for photo in (2, 1))))
    put(tmp_path, empty("notes/0001_01.jpg"))
    expected = {name: ["0001_01.jpg", "0002_01.jpg"] for name in NAMES}
    assert photos_of(vggface2.vggface2_people(tmp_path)) == expected
    if part:
        assert photos_of(vggface2.vggface2_people(tmp_path / part)) == expected


def test_a_vggface2_table_that_is_not_unicode_is_read(tmp_path):
    (tmp_path / "identity_meta.csv").write_bytes(META.encode("latin-1"))
    put(tmp_path, empty("n000001/0001_01.jpg"))
    assert list(photos_of(vggface2.vggface2_people(tmp_path))) == ["14th Dalai Lama"]


def test_without_the_table_vggface2_people_are_named_by_number(tmp_path):
    put(tmp_path, empty("n000001/0001_01.jpg"))
    assert list(photos_of(vggface2.vggface2_people(tmp_path))) == ["n000001"]


@pytest.mark.parametrize("table", [b"", b'n000001,"' + b"x" * 200_000])
def test_a_vggface2_table_that_is_none_is_reported_or_gives_no_names(tmp_path, table):
    (tmp_path / "identity_meta.csv").write_bytes(table)
    put(tmp_path, empty("n000001/0001_01.jpg"))
    if table:
        with pytest.raises(SourceError, match=r"identity_meta\.csv is not a table of names"):
            vggface2.vggface2_people(tmp_path)
    else:
        assert list(photos_of(vggface2.vggface2_people(tmp_path))) == ["n000001"]


def test_vggface2_tells_what_it_skipped_once_all_people_are_listed(tmp_path):
    put(tmp_path, empty("train/n000001/0001_01.jpg", "train/@eaDir/n000002/0001_01.jpg"))
    (tmp_path / "gone").symlink_to("nothing")
    (tmp_path / "train" / "n000001" / "0002_01.jpg").symlink_to("nothing")
    people = vggface2.vggface2_people(tmp_path)
    assert list(photos_of(people)) == ["n000001"]
    assert [(each.path.name, each.key) for each in people.skipped] == [("gone", ""), ("0002_01.jpg", "n000001")]


def test_a_folder_without_vggface2_identities_is_reported(tmp_path):
    put(tmp_path, empty("Ann/a.jpg"))
    with pytest.raises(SourceError, match="no VGGFace2 identities"):
        vggface2.vggface2_people(tmp_path)


@pytest.mark.skipif(not LFW.is_dir(), reason="LFW is not here; LOOKSLIKEWHO_LFW names the folder that holds lfw/")
def test_lfw_has_all_its_people_and_photos():
    found = list(lfw.lfw_people(LFW).people)
    assert len(found) == 5749
    assert sum(len(person.photos) for person in found) == 13233
    assert found[0].name == "AJ Cook"
    assert {person.source for person in found} == {"LFW"}


def test_lfw_is_found_in_the_folder_above(tmp_path):
    photos = ("Ann_Lee/Ann_Lee_0001.jpg", "Bo_Li/Bo_Li_0001.jpg", "Bo_Li/Bo_Li_0002.jpg")
    put(tmp_path / "lfw_funneled", empty(*photos))
    (tmp_path / "pairs.txt").write_text("10 300\n")
    beside, within = (list(lfw.lfw_people(path).people) for path in (tmp_path, tmp_path / "lfw_funneled"))
    assert [(person.name, len(person.photos)) for person in beside] == [("Ann Lee", 1), ("Bo Li", 2)]
    assert beside == within


def test_lfw_without_network_and_path_asks_for_a_folder(empty_home, monkeypatch):
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("sklearn.datasets.fetch_lfw_people", unreachable)
    with pytest.raises(SourceError, match="folder of your own copy"):
        lfw.lfw_people()


def test_the_demonstration_has_984_people_of_three_sources():
    people = demonstration.demonstration_people()
    found = list(people.people)
    count = {source: sum(person.source == source for person in found) for source in {p.source for p in found}}
    assert count == {"Five celebrities": 5, "Brazilian politicians": 608, "Basketball players": 371}
    assert people.count == 984
    assert sum(len(person.photos) for person in found[:5]) == 93
    assert all("for the photos themselves none is stated" in person.licence for person in found)
    assert "Elon Musk" not in {person.name for person in found}


def test_no_photo_of_the_demonstration_occurs_under_two_names(examples):
    import hashlib

    owners: dict[str, set[str]] = {}
    for person in demonstration.demonstration_people().people:
        for path in person.photos:
            owners.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), set()).add(person.name)
    assert all(len(names) == 1 for names in owners.values())
    probes = {hashlib.sha256(path.read_bytes()).hexdigest() for paths in examples.values() for path in paths}
    assert len(probes) == 25
    assert not probes & set(owners)


def test_photos_are_unpacked_once(empty_home, monkeypatch):
    """The archive is already there, so no network is needed."""
    from tests.conftest import HOME

    (empty_home / "downloads").parent.mkdir()
    (empty_home / "downloads").symlink_to(HOME / "downloads")
    unpacked = demonstration.example_photos()
    assert {name: [path.name for path in paths] for name, paths in unpacked.items()} == {
        name: [f"{name.replace(' ', '_')}_{number}.jpg" for number in range(1, 6)] for name in unpacked
    }
    assert all(path.is_relative_to(empty_home) for paths in unpacked.values() for path in paths)
    (empty_home / "downloads").unlink()
    assert demonstration.example_photos() == unpacked
