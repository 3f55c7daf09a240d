from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pipeline.cli.python_version import NEWEST, OLDEST, version_problem

PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13), sys.version_info[:2]])
def test_supported_versions_pass(version):
    assert version_problem(version) is None


@pytest.mark.parametrize("version", [(2, 7), (3, 9), (3, 10), (3, 14), (4, 0)])
def test_other_versions_are_refused_in_one_sentence(version):
    problem = version_problem(version) or ""
    assert problem.startswith("LooksLikeWho needs Python 3.11, 3.12 or 3.13")
    assert f"this is Python {version[0]}.{version[1]}." in problem


def test_the_project_asks_for_the_same_versions():
    assert PROJECT["requires-python"] == f">=3.{OLDEST[1]},<3.{NEWEST[1] + 1}"
    minors = [int(found[1]) for name in PROJECT["classifiers"] if (found := re.search(r":: 3\.(\d+)$", name))]
    assert minors == list(range(OLDEST[1], NEWEST[1] + 1))


def test_make_checks_the_version_before_it_installs_anything():
    makefile = (Path(__file__).parents[3] / "Makefile").read_text(encoding="utf-8")
    recipe = makefile.partition(".venv/installed: requirements.lock\n")[2].partition("\n\n")[0]
    assert recipe.splitlines()[0] == "\t@$(PYTHON) -m pipeline.cli.python_version"


@pytest.mark.parametrize("module", ["pipeline", "train", "pipeline.cli.python_version"])
def test_every_command_refuses_before_it_imports_any_package(module):
    # Without site-packages, importing a package would be an error of its own.
    newer = "import runpy, sys; sys.version_info = (3, 14, 0, 'final', 0)"
    code = f"{newer}; runpy.run_module('{module}', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{version_problem((3, 14))}\n"
