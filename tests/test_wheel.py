"""The wheel: built, installed and used outside the checkout, and the lists of packages it depends on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def run(*command: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The programs of an environment with the wheel, which finds its dependencies in this one."""
    folder = tmp_path_factory.mktemp("wheel")
    built = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "dist", cwd=ROOT)
    assert built.returncode == 0, built.stderr
    (wheel,) = (folder / "dist").glob("lookslikewho-*.whl")
    venv.create(folder / "environment", with_pip=False)
    programs = folder / "environment" / "bin"
    pip = (sys.executable, "-m", "pip", "--python", programs / "python", "--disable-pip-version-check")
    done = run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    assert done.returncode == 0, done.stderr
    (packages,) = (folder / "environment" / "lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    return programs


@pytest.mark.slow
def test_the_installed_program_lists_the_commands_of_pipeline_and_training(installed, tmp_path):
    done = run(installed / "lookslikewho", "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: lookslikewho ")
    assert all(f"  {name} " in done.stdout for name in ("find", "compare", "build", "setup", "train"))
    done = run(installed / "lookslikewho", "train", "fit", "--help", cwd=tmp_path)
    assert done.stdout.startswith("Usage: lookslikewho train fit ")


@pytest.mark.slow
def test_the_installed_program_finds_look_alikes_outside_the_checkout(installed, small, home, examples, tmp_path):
    place = run(installed / "python", "-c", "from pipeline import storage; print(storage.ASSETS)", cwd=tmp_path)
    assert Path(place.stdout.strip()).is_relative_to(installed.parent)
    command = (installed / "lookslikewho", "find", examples["Elton John"][4], "--gallery", "small", "--json")
    done = run(*command, cwd=tmp_path, LOOKSLIKEWHO_HOME=str(home))
    assert done.returncode == 0, done.stderr
    first, *_ = json.loads(done.stdout)["matches"]
    assert first["name"] == "Elton John"
    assert first["resemblance"] > 50


@pytest.mark.parametrize(
    ("file", "listed"),
    [
        ("requirements.txt", PROJECT["dependencies"]),
        ("requirements-api.txt", PROJECT["optional-dependencies"]["api"]),
        ("requirements-dev.txt", PROJECT["optional-dependencies"]["dev"]),
    ],
)
def test_the_project_depends_on_what_the_requirements_list(file, listed):
    lines = [line.partition("#")[0].strip() for line in (ROOT / file).read_text(encoding="utf-8").splitlines()]
    assert sorted(listed) == sorted(line for line in lines if line and not line.startswith("-"))
