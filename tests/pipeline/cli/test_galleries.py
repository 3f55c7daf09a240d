"""``build``, ``remove``, ``galleries`` and ``check``."""

from __future__ import annotations

import re

import pytest

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


def test_remove_takes_a_name_or_the_key_of_one_of_two_namesakes(run_loaded, home, examples, tmp_path):
    flat = {"Ann_Lee_1.jpg": examples["Madonna"][1], "Ann Lee/1.jpg": examples["Mindy Kaling"][0]}
    place = put(tmp_path / "in", flat | {"Bob/1.jpg": examples["Elton John"][1]})
    run_loaded("build", place)
    assert "There is no Cid in the gallery in." in one_sentence(*run_loaded("remove", "Cid", "--gallery", "in"))
    assert "Use one of: in/Ann Lee, in/Ann_Lee" in one_sentence(*run_loaded("remove", "Ann Lee", "--gallery", "in"))
    assert run_loaded("remove", "in/Ann_Lee", "--gallery", "in")[:2] == (0, "Removed in/Ann_Lee from in: 1 photo.\n")
    assert run_loaded("remove", "Bob", "--gallery", "in")[:2] == (0, "Removed Bob from in: 1 photo.\n")
    assert opening.open_gallery("in").faces["person"].to_pylist() == ["in/Ann Lee"]
    assert "no gallery other" in one_sentence(*run_loaded("remove", "Bob", "--gallery", "other"))


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
        "Gallery small: 5 people, 15 faces, embedder facenet-20170512-110547.\n"
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
    code, _, errors = run_loaded("build", place)
    assert code == 1
    assert "Traceback" not in errors
    assert errors.splitlines()[-1].startswith(
        f"The data folder {tmp_path / 'file'} cannot be written: Not a directory."
    )
