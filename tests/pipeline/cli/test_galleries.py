"""``build``, ``remove``, ``galleries`` and ``check``."""

from __future__ import annotations

import re

import pytest

from pipeline.embedding.registry import DEFAULT_EMBEDDER, EMBEDDERS
from pipeline.gallery import editing, inspection, managing, opening
from tests.conftest import put
from tests.pipeline.cli.conftest import one_sentence


def test_build_reports_then_adds_then_rebuilds(run_loaded, home, examples, tmp_path):
    place = put(tmp_path / "my family", {"Ann/1.jpg": examples["Madonna"][1], "Ann/2.jpg": b"", "Bob/no.txt": b""})
    code, output, _ = run_loaded("build", place)
    assert code == 0
    assert output.splitlines() == [
        "Gallery my family: 1 person, 1 face (1 new).",
        f"Left out 1 photo; {home}/galleries/my family/rejected.csv says why:",
        "       1  cannot be read",
        "Without a usable photo: Bob.",
        "Try it: python -m pipeline find PHOTO --gallery 'my family'",
    ]
    put(place, {"Bob/1.jpg": examples["Jerry Seinfeld"][0]})
    assert "2 people, 2 faces (1 new)." in run_loaded("build", place, "--photos-per-person", 2)[1]
    (place / "Ann" / "1.jpg").unlink()
    assert "2 people, 2 faces (0 new)." in run_loaded("build", place)[1]
    assert "1 person, 1 face (1 new)." in run_loaded("build", place, "--fresh")[1]


def test_remove_takes_any_spelling_of_a_name_or_the_key_of_one_of_two_namesakes(run_loaded, home, examples, tmp_path):
    place = put(
        tmp_path / "in", {"Ann Lee/1.jpg": examples["Mindy Kaling"][0], "Bob/1.jpg": examples["Elton John"][1]}
    )
    run_loaded("build", place)
    run_loaded("build", put(tmp_path / "more", {"ann_lee_1.jpg": examples["Madonna"][1]}), "--gallery", "IN")
    assert "There is no Cid in the gallery in." in one_sentence(*run_loaded("remove", "Cid", "--gallery", "in"))
    assert "Use one of: in/Ann Lee, more/ann lee" in one_sentence(*run_loaded("remove", "ANN_LEE", "--gallery", "in"))
    assert run_loaded("remove", "more/ann lee", "--gallery", "in")[:2] == (
        0,
        "Removed more/ann lee from in: 1 photo.\n",
    )
    assert run_loaded("remove", "bob", "--gallery", "In")[:2] == (0, "Removed bob from in: 1 photo.\n")
    assert opening.open_gallery("in").faces["person"].to_pylist() == ["in/Ann Lee"]
    assert "no gallery other" in one_sentence(*run_loaded("remove", "Bob", "--gallery", "other"))


def test_people_are_renamed_and_merged(run_loaded, small):
    assert run_loaded("rename", "madonna", "Louise", "--gallery", "small")[:2] == (
        0,
        "Renamed madonna in small to Louise.\n",
    )
    assert "Merge the two" in one_sentence(*run_loaded("rename", "Louise", "Elton John", "--gallery", "small"))
    assert run_loaded("merge", "Louise", "Elton John", "--gallery", "small")[:2] == (
        0,
        "Merged Louise into Elton John in small: 3 photos.\n",
    )
    assert opening.open_gallery("small").people_count == 4


def test_a_folder_that_cannot_name_a_gallery_asks_for_a_name(run_loaded, home, madonna, tmp_path):
    place = put(tmp_path / "Jose\u0301", {"Ann/1.jpg": madonna})
    assert run_loaded("build", place)[1].startswith("Gallery Jos\u00e9: 1 person, 1 face (1 new).")
    place = place.rename(tmp_path / ("家" * 84))
    said = one_sentence(*run_loaded("build", place))
    assert said == (
        f"The gallery name '{'家' * 40}…' is too long. Use a shorter one.\n"
        "Run: python -m pipeline build FOLDER --gallery NAME"
    )
    assert "too long" in one_sentence(*run_loaded("build", place, "--gallery", "家" * 90))
    assert run_loaded("build", place, "--gallery", "家" * 80)[0] == 0


def test_build_warns_of_the_names_of_cameras_and_of_shared_photos(run_loaded, home, examples, tmp_path):
    files = {f"IMG_{2001 + number}.jpg": paths[0] for number, paths in enumerate(examples.values())}
    code, output, errors = run_loaded("build", put(tmp_path / "in", {**files, "Ann/1.jpg": examples["Madonna"][0]}))
    assert code == 0
    assert output.splitlines()[:2] == [
        "Gallery in: 2 people, 6 faces (6 new).",
        "The same photo is under several people: Ann and IMG.",
    ]
    assert errors.startswith(
        "These names are a camera's rather than people's: IMG (5 photos). Rename the photos after the people on "
        "them, or put them into one folder for each person.\n"
    )


def test_build_keeps_photos_added_by_hand(run_loaded, home, models, examples, tmp_path):
    managing.create_gallery("mine")
    data = examples["Madonna"][1].read_bytes()
    (looked,) = inspection.inspect_photos([data], models.detector, models.embedder)
    editing.add_photos("mine", [editing.NewPhoto("Ann Lee", "1.jpg", data, looked)])
    place = put(tmp_path / "in", {"Bob/1.jpg": examples["Elton John"][1]})
    assert "2 people, 2 faces (1 new)." in run_loaded("build", place, "--gallery", "mine")[1]
    assert "2 people, 2 faces (2 new)." in run_loaded("build", place, "--gallery", "mine", "--fresh")[1]
    assert "1 person, 1 face (1 new)." in run_loaded("build", "--gallery", "mine", "--fresh")[1]
    next((home / "galleries" / "mine").glob("faces-*")).unlink()
    command = "python -m pipeline build --gallery mine --fresh"
    assert command in one_sentence(*run_loaded("check", "mine"))
    assert run_loaded(*command.split()[3:])[0] == 0


@pytest.mark.parametrize("given", [["FOLDER"], ["--path", "FOLDER"]])
@pytest.mark.parametrize("source", ["folder", "lfw", "vggface2"])
def test_build_takes_each_source_by_path(run_loaded, home, madonna, tmp_path, source, given):
    place = put(tmp_path / "faces", {"n000001/0001_01.jpg": madonna})
    given = [str(place) if part == "FOLDER" else part for part in given]
    code, output, _ = run_loaded("build", *given, "--source", source)
    assert code == 0
    assert output.startswith(f"Gallery {'faces' if source == 'folder' else source}: 1 person, 1 face (1 new).")


def test_galleries_are_listed(run_loaded, small):
    code, output, _ = run_loaded("galleries")
    assert code == 0
    assert re.search(rf"^small +5 +15  20\d\d-\d\d-\d\d  {re.escape(str(small))}$", output, re.MULTILINE)


def test_check_lists_the_problems_of_a_gallery(run_loaded, small):
    assert run_loaded("check", "small")[:2] == (
        0,
        f"Gallery small: 5 people, 15 faces, embedder {EMBEDDERS[DEFAULT_EMBEDDER].model}.\n"
        "All hashes, embeddings and crops are in order.\n",
    )
    (small / "crops" / "000" / "000001.jpg").write_bytes(b"")
    code, output, errors = run_loaded("check", "small")
    assert code == 1
    assert "row 1 (Ben Affleck): its crop cannot be read" in output
    assert "--fresh" in errors


def test_galleries_names_the_command_if_there_is_none(run_loaded, empty_home):
    assert "python -m pipeline setup" in one_sentence(*run_loaded("galleries"))


def test_a_data_folder_that_cannot_be_written_is_explained(run_loaded, madonna, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path / "file"))
    place = put(tmp_path / "in", {"Ann/1.jpg": madonna})
    sentence = one_sentence(*run_loaded("build", place))
    assert sentence.startswith(f"{tmp_path / 'file'}")
    assert sentence.endswith(
        "cannot be written: Not a directory. Free some space, or set LOOKSLIKEWHO_HOME to another folder."
    )
