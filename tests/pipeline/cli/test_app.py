"""All commands: help, wrong arguments, errors, exit codes, and what starting costs."""

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

from pipeline.embedding.base import EmbedderEntry
from pipeline.embedding.registry import EMBEDDERS
from pipeline.gallery import layout
from pipeline.similarity.base import ScorerEntry
from pipeline.similarity.registry import SCORERS
from pipeline.sources.base import Source, SourcePeople
from pipeline.sources.registry import SOURCES
from tests.conftest import put
from tests.pipeline.cli.conftest import one_sentence

ROOT = Path(__file__).parents[3]
COMMANDS = ("find", "compare", "build", "remove", "rename", "merge", "map", "galleries", "check", "setup")


def process(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


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
        ["find", "a.jpg", "--unknown"],
        ["compare", "a.jpg"],
        ["build", "x", "--source", "nowhere"],
        ["check"],
    ],
)
def test_wrong_arguments_print_the_usage_and_exit_with_2(run, arguments):
    code, output, errors = run(*arguments)
    assert (code, output) == (2, "")
    assert errors.startswith("Usage: python -m pipeline")
    assert "Traceback" not in errors


def test_user_errors_are_one_sentence_and_exit_with_1(run_loaded, small, madonna, tmp_path):
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
        (("build",), "Which folder holds the photos?"),
        (("build", tmp_path / "missing"), "There is no folder"),
        (("build", tmp_path / "no photos"), "There are no photos"),
        (("build", unusable, "--gallery", "a/b"), "not a valid gallery name"),
        (("build", tmp_path, "--source", "vggface2"), "no VGGFace2 identities"),
        (("check", "other"), "There is no gallery other"),
        (("map", "--gallery", "other"), "There is no gallery other"),
    ]:
        assert words in one_sentence(*run_loaded(*arguments)), arguments
    code, _, errors = run_loaded("build", unusable)
    assert code == 1
    assert "No photo is usable: 1 photos were rejected" in errors
    assert "Traceback" not in errors


def test_a_command_stopped_by_ctrl_c_says_how_to_continue(run, monkeypatch):
    def stopped() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(layout, "names", stopped)
    code, _, errors = run("galleries")
    assert code == 130
    assert errors == "Stopped. Run the same command again to continue.\n"


def test_importing_the_pipeline_is_fast():
    def seconds() -> float:
        started = time.monotonic()
        assert process("-c", "import pipeline").returncode == 0
        return time.monotonic() - started

    # Several tries, as the machine may be busy.
    assert any(seconds() < 0.3 for _ in range(10))


@pytest.mark.parametrize("program", ["pipeline", "train"])
@pytest.mark.parametrize("arguments", [[], ["--help"], ["fit", "--help"], ["find", "--help"], ["build", "--help"]])
def test_help_loads_nothing_heavy(program, arguments):
    heavy = "{'tensorflow', 'keras', 'faiss', 'pyarrow', 'umap', 'sklearn', 'pandas', 'streamlit'}"
    code = (
        f"import sys; from {program}.cli.app import main; main({arguments}); "
        f"sys.exit(str({heavy} & set(sys.modules)) if {heavy} & set(sys.modules) else 0)"
    )
    done = process("-c", code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("command", "names", "entry"),
    [
        ("build", SOURCES, Source("toy", "Toy", "a toy of the tests", lambda path: SourcePeople((), 0))),
        (
            "build",
            EMBEDDERS,
            EmbedderEntry("toy", "Toy", "a toy of the tests", {"model": "toy-1"}, EMBEDDERS["facenet"].load),
        ),
        ("find", SCORERS, ScorerEntry("toy", "Toy", "a toy of the tests", "none", SCORERS["cosine"].load)),
    ],
)
def test_a_new_registry_entry_is_offered_and_explained(run, monkeypatch, command, names, entry):
    monkeypatch.setitem(names, "toy", entry)
    code, output, _ = run(command, "--help")
    assert code == 0
    assert "toy: a toy of the tests" in " ".join(output.split())


@pytest.mark.slow
def test_a_process_finds_and_returns_exit_codes(examples, tmp_path):
    path = tmp_path / 'שרה "Q" 🎭\'s.jpg'
    shutil.copyfile(examples["Elton John"][0], path)
    found = process("-m", "pipeline", "find", path, "--top", 1, "--json")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["matches"][0]["name"] == "Elton John"
    assert found.stderr == ""
    refused = process("-m", "pipeline", "find", tmp_path / "missing.jpg")
    assert "There is no file" in one_sentence(refused.returncode, refused.stdout, refused.stderr)
    assert process("-m", "pipeline", "find").returncode == 2
