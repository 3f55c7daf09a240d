"""Adding something takes one file and one line in a registry: a toy of each kind shows up everywhere."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.synthetic import synthetic
from pipeline.embedding.registry import load_embedder
from pipeline.faces.detector import load_detector
from pipeline.gallery import building
from pipeline.lookalikes import Lookalikes, Models
from pipeline.sources.registry import SOURCES
from tests import toys
from tests.pages.visitor import visit

HELP = "import sys; from tests import toys; toys.register(); from {0}.cli.app import main; sys.exit(main({1!r}))"


def help_of(package: str, command: str) -> str:
    script = HELP.format(package, [command, "--help"])
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    # Lines break at spaces and after hyphens.
    return " ".join(result.stdout.split()).replace("- ", "-")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "command", "names"),
    [
        ("pipeline", "find", {"toy-scorer"}),
        ("pipeline", "build", {"toy-source", "toy-embedder"}),
        ("train", "fit", {"toy_loss", "toy-network", "toy-mining"}),
    ],
)
def test_toys_show_up_in_the_help_of_the_commands(package, command, names):
    shown = help_of(package, command)
    assert {name for name in names if name in shown} == names


def test_a_gallery_of_toys_is_built_and_searched_through_the_one_door(home, examples, tmp_path, monkeypatch):
    toys.register(monkeypatch)
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, path in enumerate(examples["Madonna"]):
        (folder / f"{number}.jpg").write_bytes(path.read_bytes())
    models = Models(load_detector("toy-detector"), load_embedder("toy-embedder"))
    people = SOURCES["toy-source"].open(folder)
    building.build("toys", people, detector=models.detector, embedder=models.embedder)
    found = Lookalikes.open("toys", scorer="toy-scorer", models=models).find(folder / "0.jpg")
    assert [match.name for match in found.matches] == ["Toy"]
    assert found.matches[0].distance == pytest.approx(0, abs=1e-5)


def test_toys_show_up_in_the_menus_of_the_app(models, monkeypatch, madonna):
    toys.register(monkeypatch)
    monkeypatch.setattr(Models, "load", lambda: models)
    page = visit()
    page.file_uploader[0].upload("madonna.jpg", madonna.read_bytes(), "image/jpeg").run()
    assert "Toy" in page.segmented_control(key="scorer").options


def test_toys_show_up_in_the_menus_of_a_training(home, models, monkeypatch):
    toys.register(monkeypatch)
    synthetic("people", faces=300)
    monkeypatch.setattr(Models, "load", lambda: models)
    page = visit("training", gallery="people")
    next(button for button in page.button if button.label == "Train one now").click()
    page.run()
    options = {box.label: box.options for box in page.selectbox}
    assert "toy loss" in options["Loss"]
    assert "toy-network" in options["Network"]
    assert "toy-mining" in options["Negatives"]
