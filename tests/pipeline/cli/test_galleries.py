"""``build``, ``remove``, ``galleries`` and ``check``."""

from __future__ import annotations

import re

import numpy as np
import pytest

from pipeline import photo, storage
from pipeline.embedding.registry import DEFAULT_EMBEDDER, EMBEDDERS
from pipeline.gallery import editing, inspection, managing, opening
from pipeline.map import fitting
from pipeline.map.files import open_map, save_map
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
    assert "--repair" in errors


def test_check_repairs_what_the_photos_and_the_gallery_can_give_again(run_loaded, small):
    before = opening.open_gallery("small")
    rows, crops = np.array(before.embeddings), [before.crop_path(row).read_bytes() for row in range(15)]
    assert run_loaded("find", before.row(0)["original"], "--gallery", "small")[0] == 0
    save_map(before, fitting.fit_map(before))
    prepared = next(small.glob("prepared-*.npy"))
    harmed = np.load(prepared)
    harmed[3] = harmed[9]
    with prepared.open("r+b") as file:
        file.seek(128)
        file.write(harmed.tobytes())
    damaged = np.array(before.embeddings)
    damaged[4] = damaged[5]
    del before
    with (small / "embeddings-1.npy").open("r+b") as file:
        file.seek(128)
        file.write(damaged.tobytes())
    (small / "crops" / "000" / "000001.jpg").write_bytes(crops[2])
    (small / "crops" / "000" / "000002.jpg").unlink()
    (small / "map.npz").write_bytes((small / "map.npz").read_bytes()[:-900])
    with (small / "rejected.csv").open("a") as file:
        file.write("?")
    output = run_loaded("check", "small")[1]
    for problem in (
        *("embeddings-1.npy has changed", "rejected.csv has changed", "prepared-", "map.npz has changed"),
        *("row 4 (Elton John): its embedding has changed", "row 1 (Ben Affleck): its crop has changed"),
        "row 2 (Ben Affleck): its crop cannot be read",
    ):
        assert problem in output
    code, output, _ = run_loaded("check", "small", "--repair")
    assert (code, "Made anew from photos: 2 crops, 1 embedding." in output) == (0, True)
    after = opening.open_gallery("small")
    np.testing.assert_allclose(after.embeddings, rows, atol=2e-3)
    again = [after.crop_path(row).read_bytes() for row in range(15)]
    assert again[0:1] + again[3:] == crops[0:1] + crops[3:]
    # A detector that sees one photo at a time may find a face a pixel beside.
    for row in (1, 2):
        assert np.abs(np.subtract(photo.read(again[row]).shape, photo.read(crops[row]).shape)).max() <= 2
    assert run_loaded("check", "small")[0] == 0
    assert list(small.glob("prepared-*.npy")) and open_map(after)


@pytest.mark.parametrize("manifest", ['{"format": 2}', '{"embedding": 3}', "{"])
def test_a_damaged_manifest_is_one_sentence_for_every_command(run_loaded, small, madonna, manifest):
    (small / storage.MANIFEST).write_text(manifest)
    place = put(small.parent.parent / "in", {"Ann/1.jpg": madonna})
    for arguments in (("check", "small"), ("build", place, "--gallery", "small"), ("find", madonna)):
        given = (*arguments, "--gallery", "small") if arguments[0] == "find" else arguments
        code, _, errors = run_loaded(*given)
        assert (code, "Traceback" in errors, "small" in errors) == (1, False, True), errors


def test_check_names_what_nothing_can_give_again(run_loaded, small, examples, tmp_path):
    editing_place = put(tmp_path / "in", {"Ann/1.jpg": examples["Madonna"][4]})
    run_loaded("build", editing_place, "--gallery", "small")
    (editing_place / "Ann" / "1.jpg").unlink()
    opened = opening.open_gallery("small")
    opened.crop_path(15).unlink()
    opened.crop_path(0).unlink()
    code, output, errors = run_loaded("check", "small", "--repair")
    assert (code, "1 crop, 0 embeddings" in output) == (1, True)
    assert "row 15 (Ann): its crop cannot be read" in errors
    assert opening.open_gallery("small").crop_path(0).is_file()
    next(small.glob("embeddings-*.npy")).unlink()
    code, _, errors = run_loaded("check", "small", "--repair")
    assert (code, "the photos of Ann are no longer there. Rebuild it" in errors) == (1, True)
    next(small.glob("faces-*")).write_bytes(b"")
    assert "damaged" in one_sentence(*run_loaded("check", "small", "--repair"))


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
