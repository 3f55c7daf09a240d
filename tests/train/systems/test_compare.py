"""How systems are run, written and read."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import storage
from tests.train.systems.synthetic import SMALL, Synthetic
from tests.trust.damage import harms
from train.cli.app import main
from train.runs import files
from train.runs.history import read_history
from train.systems import classifiers, registry, results, scratch, similarity_nets, system, thin
from train.systems.compare import compare_systems
from train.systems.embedders import embedder_system
from train.systems.system import Budget, System, SystemInputs, TrainedSystem, enrolled

pytestmark = pytest.mark.tensorflow
CHEAP = ("embedder-facenet", "embedder-vgg16", "knn", "svm", "centroid", "last-layer-triplet")


def silent(_: str) -> None:
    """Announce nothing."""


def test_systems_run_once_and_are_ranked_and_written_as_runs(empty_home):
    known = registry.systems()
    announced: list[str] = []
    rows = compare_systems([known[name] for name in CHEAP], Synthetic(), announce=announced.append)
    assert len(announced) == len(CHEAP)
    assert [row["name"] for row in rows][-1] == "embedder-vgg16"
    assert rows[-1]["reason"] == "There are no weights."
    figures = {row["name"]: row for row in rows[:-1]}
    assert all(figures[name]["rank_1"] > 0.9 for name in figures)
    assert all(figures[name]["dir_at_far_1e-2"] > 0.5 for name in figures)
    assert figures["embedder-facenet"]["accuracy"] > 0.9
    assert "accuracy" not in figures["svm"]
    assert results.cells(figures["svm"])[2] == "–"
    assert figures["last-layer-triplet"]["steps"] == 18
    folder = results.systems_folder() / "last-layer-triplet"
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "curves.json",
        "history.csv",
        "result.json",
    ]
    curves = json.loads((folder / "curves.json").read_text())
    assert set(curves) == {"threshold", "roc", "histogram", "k_nearest"}
    assert set(curves["threshold"]) == {"threshold", "accuracy", "precision", "recall", "f1"}
    # The second time, only the system that could not run is tried again.
    announced.clear()
    assert compare_systems([known[name] for name in CHEAP], Synthetic(), announce=announced.append) == rows
    assert announced == [f"2 of {len(CHEAP)}: VGG16 (ImageNet), cosine"]


def test_another_budget_is_another_run_and_another_title_is_not(empty_home):
    centroid = registry.systems()["centroid"]
    compare_systems([centroid], Synthetic(), announce=silent)
    announced: list[str] = []
    compare_systems([replace(centroid, title="renamed")], Synthetic(), announce=announced.append)
    assert announced == []
    compare_systems([centroid], Synthetic(replace(SMALL, epochs=2)), announce=announced.append)
    assert announced == ["1 of 1: FaceNet 128, nearest centroid"]


def test_a_killed_system_runs_again(empty_home):
    centroid = registry.systems()["centroid"]
    compare_systems([centroid], Synthetic(), announce=silent)
    folder = results.systems_folder() / "centroid"
    (folder / results.CURVES).unlink()
    compare_systems([centroid], Synthetic(), announce=silent)
    assert (folder / results.CURVES).is_file()


def test_a_classifier_knows_people_and_not_pairs(tmp_path):
    inputs = Synthetic()
    svm = {system.name: system for system in classifiers.SYSTEMS}["svm"]
    trained = svm.make(inputs, tmp_path)
    photos, people = enrolled(inputs)
    assert trained.to_people is not None
    values = trained.to_people(trained.rows[photos])
    assert values.shape == (72, 24)
    assert (values.argmin(axis=1) == people).all()


@pytest.mark.parametrize(
    "system", [*scratch.SYSTEMS[:1], *thin.SYSTEMS[:2], *similarity_nets.SYSTEMS[-1:]], ids=lambda one: one.name
)
def test_a_network_learns_people_from_their_pictures(system, empty_home):
    budget = Budget(steps=20, epochs=2, people=12, photos=3)
    (row,) = compare_systems([system], Synthetic(budget), announce=silent)
    assert row["rank_1"] > 0.5
    assert row["train_seconds"] > 0
    assert row["steps"] == 40
    assert read_history(results.systems_folder() / system.name)


def test_last_layers_of_the_thin_network_share_one_classification(empty_home):
    budget = Budget(steps=3, epochs=1, people=6, photos=3)
    one, other = thin.SYSTEMS[1:3]
    compare_systems([one], Synthetic(budget), announce=silent)
    weights = results.systems_folder() / "thin-classification" / "network.weights.h5"
    before = storage.sha256(weights)
    compare_systems([other, thin.CLASSIFICATION], Synthetic(budget), announce=silent)
    assert storage.sha256(weights) == before


def test_the_command_lists_the_systems_and_rejects_unknown_ones(capsys, tmp_path):
    assert main(["compare", "--list"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in registry.systems())
    assert main(["compare", "nothing"]) == 1
    error = capsys.readouterr().err
    assert "There is no system nothing." in error
    assert "python -m train compare --list" in error
    assert main(["compare", "centroid", "--lfw", str(tmp_path)]) == 1
    assert "LFW is not in" in capsys.readouterr().err


def test_a_new_family_of_systems_is_one_module_and_one_line(capsys, monkeypatch):
    def make(inputs: SystemInputs, folder: Path) -> TrainedSystem:
        raise NotImplementedError

    toy = System("toy", "a toy system", "embedder", make)
    monkeypatch.setattr(system, "SYSTEMS", (toy,), raising=False)
    monkeypatch.setattr(registry, "FAMILIES", (*registry.FAMILIES, system.__name__))
    assert registry.systems()["toy"] is toy
    assert main(["compare", "--list"]) == 0
    assert "a toy system" in capsys.readouterr().out


def test_systems_have_unique_names_and_titles():
    known = registry.systems(["mine/Model.onnx"])
    assert "embedder-model" in known
    assert len({system.title for system in known.values()}) == len(known)


def test_recorded_systems_are_known_small_and_complete():
    recorded = {path.parent.name for path in results.RECORDED_SYSTEMS.glob(f"*/{files.CONFIG}")}
    assert recorded <= set(registry.systems())
    rows = {row["name"]: row for row in results.all_systems()}
    finished = [name for name, row in rows.items() if "rank_1" in row]
    assert len(finished) >= 15
    assert all("reason" in row for name, row in rows.items() if name not in finished)
    assert sum(path.stat().st_size for path in results.RECORDED_SYSTEMS.rglob("*") if path.is_file()) < 1_000_000
    assert rows["scratch-final"]["parameters"] == 842_624


def test_a_folder_with_damaged_files_is_a_system_without_figures(tmp_path: Path):
    (tmp_path / "config.json").write_text("{")
    assert results.read_system(tmp_path)["reason"] == "Its training has not finished."


@pytest.mark.parametrize("name", ["svm", "scratch-final", "embedder-vgg16"])
def test_a_damaged_record_of_a_system_is_a_sentence(tmp_path, name):
    folder = shutil.copytree(results.RECORDED_SYSTEMS / name, tmp_path / name)
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        for harm in harms(data, 40):
            path.unlink(missing_ok=True)
            if harm.harmed is not None:
                path.write_bytes(harm.harmed)
            row = results.read_system(folder)
            assert row.get("reason") or results.cells(row), harm.kind
            results.read_curves(folder)
        path.write_bytes(data)


def test_an_onnx_model_or_settings_that_changed_are_another_system(tmp_path):
    path = tmp_path / "mine.onnx"
    path.write_bytes(b"a model")
    path.with_suffix(".json").write_text("{}")
    first = embedder_system(str(path)).settings
    assert embedder_system(str(path)).settings == first
    path.with_suffix(".json").write_text('{"mirrored": false}')
    assert embedder_system(str(path)).settings != first
    assert embedder_system("facenet").settings == {"embedder": "facenet"}
