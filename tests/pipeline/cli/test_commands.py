"""The command line: output, exit codes, and the few things that need a process of their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pipeline.cli.app import main
from pipeline.cli.find import NOTE
from pipeline.gallery import editing, inspection, layout, managing, opening
from pipeline.lookalikes import Models
from pipeline.similarity import files, registry
from tests.conftest import put

ROOT = Path(__file__).parents[3]
COMMANDS = ("find", "compare", "build", "remove", "map", "galleries", "check", "setup")


@pytest.fixture
def run(models, monkeypatch, capsys):
    """Run a command in this process, with the networks that are loaded already: exit code, output, errors."""
    monkeypatch.setattr(Models, "load", lambda: models)

    def run_(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        return code, *capsys.readouterr()

    return run_


def process(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def one_sentence(code: int, output: str, errors: str) -> str:
    """The sentence that explains a user error, with the command that fixes it, if there is one."""
    assert code == 1
    assert output == ""
    line, *commands = errors.strip().splitlines()
    assert "Traceback" not in line
    assert all(command.startswith("Run: python -m ") for command in commands)
    assert len(commands) < 2
    return "\n".join((line, *commands))


def test_the_25_examples_are_all_found_at_rank_1(run, examples):
    found = {
        path.name: json.loads(run("find", path, "--top", 1, "--json")[1])["matches"][0]["name"] == name
        for name, paths in examples.items()
        for path in paths
    }
    assert len(found) == 25
    assert [name for name, right in found.items() if not right] == []


def test_find_prints_a_table(run, madonna):
    code, output, _ = run("find", madonna, "--top", 3)
    assert code == 0
    head, *lines, note = output.splitlines()
    assert head.split() == ["rank", "name", "resemblance", "distance", "source", "crop"]
    assert len(lines) == 3
    assert re.match(r" +1  Madonna +\d+ +0\.\d{4}  Five celebrities +/.*\.jpg$", lines[0])
    assert note == NOTE
    starts = {line.index(" 0.") for line in lines}
    assert len(starts) == 1


def test_find_prints_json(run, madonna):
    code, output, _ = run("find", madonna, "--top", 2, "--json", "--method", "average")
    found = json.loads(output)
    assert code == 0
    assert [match["rank"] for match in found["matches"]] == [1, 2]
    assert Path(found["matches"][0]["crop_path"]).is_file()


def test_find_looks_several_photos_up_and_goes_on_after_one_that_cannot_be(run, small, examples, tmp_path):
    photos = [paths[0] for paths in examples.values()]
    given = [*photos[:2], tmp_path / "missing.jpg", *photos[2:]]
    code, output, errors = run("find", *given, "--gallery", "small", "--top", 1)
    assert code == 1
    assert [f"\n{path}\n" in output for path in given] == [True, True, False, True, True, True]
    assert output.count("(the same photo)") == 5
    assert "missing.jpg: There is no file" in errors
    assert errors.endswith("1 of 6 photos could not be looked up.\n")
    code, output, _ = run("find", *photos, "--gallery", "small", "--top", 2, "--json")
    many = json.loads(output)
    alone = [json.loads(run("find", path, "--gallery", "small", "--top", 2, "--json")[1]) for path in photos]
    assert code == 0
    assert [found["photo"] for found in many] == [str(path) for path in photos]
    for together, single in zip(many, alone, strict=True):
        for match, other in zip(together["matches"], single["matches"], strict=True):
            assert match["name"] == other["name"]
            assert match["distance"] == pytest.approx(other["distance"], abs=1e-5)


def test_find_ranks_by_the_trained_network_or_by_cosine(run, madonna):
    found = {}
    for options in ((), ("--scorer", "network"), ("--scorer", "cosine"), ("--exact",)):
        code, output, _ = run("find", madonna, "--top", 5, "--json", *options)
        assert code == 0
        found[options] = json.loads(output)["matches"]
    assert found[()] == found["--scorer", "network"]
    assert {matches[0]["name"] for matches in found.values()} == {"Madonna"}
    distances = {options: [match["distance"] for match in matches] for options, matches in found.items()}
    assert distances["--scorer", "cosine"] != distances[()]
    # Every photo is compared, so that nobody who was found before is replaced by somebody farther.
    assert all(near <= far for near, far in zip(distances["--exact",], distances[()], strict=True))


def test_find_says_that_a_photo_is_in_the_gallery(run, small, examples):
    _, output, _ = run("find", examples["Madonna"][0], "--gallery", "small", "--top", 1)
    assert "Madonna (the same photo)" in output


def test_compare_says_in_words_how_alike_two_photos_are(run, examples):
    one, two = examples["Madonna"][1:3]
    code, output, _ = run("compare", one, two)
    assert code == 0
    assert re.match(r"As alike as two photos of the same person: resemblance \d+, distance 0\.\d{4}\.", output)
    code, output, _ = run("compare", one, examples["Elton John"][2], "--json")
    assert code == 0
    assert json.loads(output)["same"] is False


def test_compare_takes_its_threshold_from_the_calibration_of_the_scorer(run, examples):
    pair = examples["Madonna"][1:3]
    found = {name: json.loads(run("compare", *pair, "--scorer", name, "--json")[1]) for name in registry.SCORERS}
    for name, result in found.items():
        assert result["scorer"] == name
        assert result["threshold"] == registry.load_scorer(name).calibration.middle
        assert result["same"] is (result["resemblance"] >= 50)
    assert found["network"]["cosine"] == found["cosine"]["cosine"]
    assert found["cosine"]["distance"] == pytest.approx((1 - found["cosine"]["cosine"]) / 2, abs=1e-6)


def test_a_damaged_network_is_one_sentence_and_cosine_still_works(run, madonna, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED_NETWORK", tmp_path)
    for command in (("find", madonna), ("compare", madonna, madonna)):
        assert "similarity network" in one_sentence(*run(*command))
        assert run(*command, "--scorer", "cosine")[0] == 0


def test_build_reports_then_adds_then_starts_afresh(run, home, examples, tmp_path):
    place = put(tmp_path / "my family", {"Ann/1.jpg": examples["Madonna"][1], "Ann/2.jpg": b"", "Bob/no.txt": b""})
    code, output, _ = run("build", place)
    assert code == 0
    assert output.splitlines() == [
        "Gallery my family: 1 person, 1 face (1 new).",
        f"Left out 1 photo; {home}/galleries/my family/rejected.csv says why:",
        "       1  cannot be read",
        "Without a usable photo: Bob.",
        "Try it: python -m pipeline find PHOTO --gallery 'my family'",
    ]
    put(place, {"Bob/1.jpg": examples["Jerry Seinfeld"][0]})
    assert "2 people, 2 faces (1 new)." in run("build", place, "--photos-per-person", 2)[1]
    (place / "Ann" / "1.jpg").unlink()
    assert "2 people, 2 faces (0 new)." in run("build", place)[1]
    assert "1 person, 1 face (1 new)." in run("build", place, "--fresh")[1]


def test_a_person_is_removed_by_name_and_of_two_of_one_name_by_key(run, home, examples, tmp_path):
    flat = {"Ann_Lee_1.jpg": examples["Madonna"][1], "Ann Lee/1.jpg": examples["Mindy Kaling"][0]}
    place = put(tmp_path / "in", flat | {"Bob/1.jpg": examples["Elton John"][1]})
    run("build", place)
    assert "There is no Cid in the gallery in." in one_sentence(*run("remove", "Cid", "--gallery", "in"))
    assert "Use one of: in/Ann Lee, in/Ann_Lee" in one_sentence(*run("remove", "Ann Lee", "--gallery", "in"))
    assert run("remove", "in/Ann_Lee", "--gallery", "in")[:2] == (0, "Removed in/Ann_Lee from in: 1 photo.\n")
    assert run("remove", "Bob", "--gallery", "in")[:2] == (0, "Removed Bob from in: 1 photo.\n")
    assert opening.open_gallery("in").faces["person"].to_pylist() == ["in/Ann Lee"]
    assert "no gallery other" in one_sentence(*run("remove", "Bob", "--gallery", "other"))


def test_photos_that_were_added_by_hand_are_built_anew_with_and_without_others(run, home, models, examples, tmp_path):
    managing.create_gallery("mine")
    data = examples["Madonna"][1].read_bytes()
    (looked,) = inspection.inspect_photos([data], models.detector, models.embedder)
    editing.add_photos("mine", [editing.NewPhoto("Ann Lee", "1.jpg", data, looked)])
    place = put(tmp_path / "in", {"Bob/1.jpg": examples["Elton John"][1]})
    assert "2 people, 2 faces (1 new)." in run("build", place, "--gallery", "mine")[1]
    assert "2 people, 2 faces (2 new)." in run("build", place, "--gallery", "mine", "--fresh")[1]
    assert "1 person, 1 face (1 new)." in run("build", "--gallery", "mine", "--fresh")[1]
    next((home / "galleries" / "mine").glob("faces-*")).unlink()
    command = "python -m pipeline build --gallery mine --fresh"
    assert command in one_sentence(*run("check", "mine"))
    assert run(*command.split()[3:])[0] == 0


@pytest.mark.parametrize("given", [["FOLDER"], ["--path", "FOLDER"]])
@pytest.mark.parametrize("source", ["folder", "lfw", "vggface2"])
def test_build_takes_each_source_by_path(run, home, madonna, tmp_path, source, given):
    place = put(tmp_path / "faces", {"n000001/0001_01.jpg": madonna})
    given = [str(place) if part == "FOLDER" else part for part in given]
    code, output, _ = run("build", *given, "--source", source)
    assert code == 0
    assert output.startswith(f"Gallery {'faces' if source == 'folder' else source}: 1 person, 1 face (1 new).")


def test_map_lays_a_gallery_out_and_says_how_true_that_is(run, small):
    code, output, _ = run("map", "--gallery", "small")
    assert code == 0
    head, *_, layout = output.splitlines()
    assert re.match(r"Map of small: 15 faces, \d clusters\.$", head)
    assert re.match(r"  PCA: trustworthiness 0\.\d{3}, \d+% of the nearest neighbours are near on the map$", layout)
    assert (small / "map.npz").is_file()


def test_galleries_are_listed(run, small):
    code, output, _ = run("galleries")
    assert code == 0
    assert re.search(rf"^small +5 +15  20\d\d-\d\d-\d\d  {re.escape(str(small))}$", output, re.MULTILINE)


def test_check_passes_a_whole_gallery_and_lists_what_is_wrong(run, small):
    assert run("check", "small")[:2] == (
        0,
        "Gallery small: 5 people, 15 faces, embedder facenet-20170512-110547.\n"
        "All hashes, embeddings and crops are in order.\n",
    )
    (small / "crops" / "000" / "000001.jpg").write_bytes(b"")
    code, output, errors = run("check", "small")
    assert code == 1
    assert "row 1 (Ben Affleck): its crop cannot be read" in output
    assert "--fresh" in errors


def test_setup_that_was_done_returns_at_once(run):
    started = time.monotonic()
    code, output, _ = run("setup")
    assert code == 0
    assert "Everything is set up." in output
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_the_help_of_each_command_explains_every_option(run, command):
    code, output, _ = run(*([command] if command else []), "--help")
    assert code == 0
    assert "Resemblance is entertainment" in " ".join(output.split())
    if not command:
        assert all(re.search(rf"^  {name}\s+\w", output, re.MULTILINE) for name in COMMANDS)
        return
    listed = output.split("Options:")[-1]
    options = re.findall(r"^  (--[a-z-]+)", listed, re.MULTILINE)
    assert options[-1] == "--help"
    for option in options:
        assert re.search(rf"{option}\b[^\n]*?(  +\w|\n {{16,}}\w)", listed), option


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unknown"],
        ["find"],
        ["find", "a.jpg", "--top", "0"],
        ["find", "a.jpg", "--top", "many"],
        ["find", "a.jpg", "--top", "1.5"],
        ["find", "a.jpg", "--face", "-1"],
        ["find", "a.jpg", "--method", "max"],
        ["find", "a.jpg", "--scorer", "euclid"],
        ["find", "a.jpg", "--unknown"],
        ["compare", "a.jpg"],
        ["build", "x", "--source", "nowhere"],
        ["check"],
    ],
)
def test_wrong_arguments_exit_with_2_and_the_usage(run, arguments):
    code, output, errors = run(*arguments)
    assert (code, output) == (2, "")
    assert errors.startswith("Usage: python -m pipeline")
    assert "Traceback" not in errors


def test_errors_of_the_user_are_one_sentence_and_exit_with_1(run, small, madonna, tmp_path):
    blank = np.full((99, 99, 3), 127, np.uint8)
    put(tmp_path, {"empty.jpg": b"", "cut.jpg": madonna.read_bytes()[:5000], "blank.png": blank})
    (tmp_path / "no photos").mkdir()
    unusable = put(tmp_path / "unusable", {"Ann/blank.png": blank})
    ours = ("--gallery", "small")
    for arguments, words in [
        (("find", tmp_path / "missing.jpg", *ours), "There is no file"),
        (("find", tmp_path, *ours), "is a folder"),
        (("find", tmp_path / "empty.jpg", *ours), "empty"),
        (("find", tmp_path / "cut.jpg", *ours), "damaged"),
        (("find", tmp_path / "blank.png", *ours), "No face"),
        (("find", madonna, *ours, "--face", 9), "no face 9"),
        (("find", madonna, "--gallery", "other"), "There is no gallery other (existing galleries: small)"),
        (("find", madonna, "--gallery", "../up"), "not a valid gallery name"),
        (("find", madonna), "Run: python -m pipeline setup"),
        (("compare", madonna, tmp_path / "blank.png"), "No face"),
        (("build",), "Say where the photos are"),
        (("build", tmp_path / "missing"), "There is no folder"),
        (("build", tmp_path / "no photos"), "There are no photos"),
        (("build", unusable, "--gallery", "a/b"), "not a valid gallery name"),
        (("build", tmp_path, "--source", "vggface2"), "no VGGFace2 identities"),
        (("check", "other"), "There is no gallery other"),
        (("map", "--gallery", "other"), "There is no gallery other"),
    ]:
        assert words in one_sentence(*run(*arguments)), arguments
    code, _, errors = run("build", unusable)
    assert code == 1
    assert "No photo is usable: 1 photos were rejected" in errors
    assert "Traceback" not in errors


def test_without_any_gallery_the_list_names_the_command(run, empty_home):
    assert "python -m pipeline setup" in one_sentence(*run("galleries"))


@pytest.mark.tensorflow
def test_without_cache_and_network_find_and_setup_say_what_to_run(empty_home, madonna, capfd, monkeypatch):
    from keras_facenet.metadata import MODEL_METADATA

    monkeypatch.setitem(MODEL_METADATA["20170512-110547"], "keras_weights_url", "http://127.0.0.1:9/weights.h5")
    assert main(["find", str(madonna)]) == 1
    assert one_sentence(1, *capfd.readouterr()).endswith("Run: python -m pipeline setup")
    assert main(["setup"]) == 1
    assert "python -m pipeline setup" in capfd.readouterr().err.splitlines()[-1]


@pytest.mark.tensorflow
def test_without_weights_compare_says_what_to_run(empty_home, madonna, capsys):
    assert main(["compare", str(madonna), str(madonna)]) == 1
    assert capsys.readouterr().err.endswith(
        "The weights of facenet-20170512-110547 are missing.\nRun: python -m pipeline setup\n"
    )


def test_a_command_stopped_by_ctrl_c_says_how_to_continue(run, monkeypatch):
    def stopped() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(layout, "names", stopped)
    code, _, errors = run("galleries")
    assert code == 130
    assert errors == "Stopped. Run the same command again to continue.\n"


def test_importing_the_pipeline_is_quick():
    def seconds() -> float:
        started = time.monotonic()
        assert process("-c", "import pipeline").returncode == 0
        return time.monotonic() - started

    # Several tries, as the machine may be busy.
    assert any(seconds() < 0.3 for _ in range(10))
    heavy = "{'tensorflow', 'keras', 'faiss', 'pyarrow', 'umap', 'streamlit'}"
    code = f"import sys, pipeline, pipeline.__main__; print({heavy} & set(sys.modules))"
    assert process("-c", code).stdout == "set()\n"


@pytest.mark.slow
def test_a_process_finds_and_gives_exit_codes(examples, tmp_path):
    path = tmp_path / 'שרה "Q" 🎭\'s.jpg'
    shutil.copyfile(examples["Elton John"][0], path)
    found = process("-m", "pipeline", "find", path, "--top", 1, "--json")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["matches"][0]["name"] == "Elton John"
    assert found.stderr == ""
    refused = process("-m", "pipeline", "find", tmp_path / "missing.jpg")
    assert "There is no file" in one_sentence(refused.returncode, refused.stdout, refused.stderr)
    assert process("-m", "pipeline", "find").returncode == 2


def test_a_data_folder_that_cannot_be_written_says_so(run, madonna, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path / "file"))
    place = put(tmp_path / "in", {"Ann/1.jpg": madonna})
    code, _, errors = run("build", place)
    assert code == 1
    assert "Traceback" not in errors
    assert errors.splitlines()[-1].startswith(
        f"The data folder {tmp_path / 'file'} cannot be written: Not a directory."
    )
