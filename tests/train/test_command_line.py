import re

import pytest

from pipeline import storage
from pipeline.cli.app import main as pipeline
from pipeline.gallery import opening
from pipeline.gallery.layout import DEMONSTRATION
from pipeline.lookalikes import Models
from pipeline.map.files import open_code_layouts
from pipeline.similarity import files
from tests.conftest import HOME
from train.cli.app import main
from train.options import LOSSES, MINING, NETWORKS, ORIGINAL, LossOption, MiningOption, NetworkOption, losses_for
from train.runs import networks
from train.runs.files import CONFIG, run_folder
from train.runs.history import read_history

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def demonstration_home(home):
    (home / "galleries").symlink_to(HOME / "galleries")


def test_a_gallery_of_five_people_is_too_small_to_train_on(small, capsys):
    assert main(["fit", "--gallery", "small", "--run", "first"]) == 1
    assert "5 people, 5 of them with two photos or more, are too few" in capsys.readouterr().err


def test_fit_on_the_demonstration_gallery_appears_as_a_run(demonstration_home, capsys):
    arguments = ["fit", "--run", "first", "--network", "residual", "--epochs", "2", "--batch-size", "64"]
    assert main([*arguments, "--steps-per-epoch", "20"]) == 0
    history = read_history(run_folder("first"))
    assert [row["epoch"] for row in history] == [0, 1, 2]
    assert "rank-1" in capsys.readouterr().out
    assert main([*arguments, "--steps-per-epoch", "21"]) == 1
    assert "other settings" in capsys.readouterr().err
    assert main(["release", "first"]) == 1
    assert "20 people with several photos whom the run was not trained on" in capsys.readouterr().err
    assert main(["release", "second"]) == 1
    assert "no finished run second" in capsys.readouterr().err


def test_the_published_network_learns_from_real_faces(demonstration_home):
    """It starts at random, then meets most margins on the photos trained on: few people say nothing of others."""
    arguments = ["fit", "--run", "real", "--epochs", "4", "--steps-per-epoch", "60", "--batch-size", "64"]
    assert main(arguments) == 0
    first, *_, last = read_history(run_folder("real"))
    assert first["train_margins_met"] < 0.1
    assert last["train_margins_met"] > 0.8
    assert last["train_loss"] < 0.1


def test_evaluate_compares_the_network_with_cosine_on_people_not_trained_on(demonstration_home, capsys):
    assert main(["evaluate"]) == 0
    output = capsys.readouterr().out
    # Three of the celebrities are in LFW too.
    assert "980 people of demonstration; 3 were trained on and left out" in output
    (line,) = [line for line in output.splitlines() if line.startswith("one-shot: all 980 people x 1, rank-1")]
    network, cosine = (float(value) for value in re.findall(r"([01]\.\d+) ±", line))
    assert network >= 0.9 and cosine >= 0.9
    assert main(["fit", "--run", "first", "--network", "cohort", "--epochs", "1", "--steps-per-epoch", "5"]) == 0
    capsys.readouterr()
    assert main(["evaluate", "--run", "first"]) == 0
    output = capsys.readouterr().out
    left = re.search(r"([\d,]+) people of demonstration; (\d+) were trained on", output)
    assert left and int(left[2]) == 983 - int(left[1]) > 700


def test_map_adds_the_codes_of_a_run(small, home, capsys):
    (home / "galleries" / "demonstration").symlink_to(HOME / "galleries" / "demonstration")
    for network in ("symmetric", "cohort"):
        arguments = ["--run", network, "--network", network, "--epochs", "1", "--steps-per-epoch", "5"]
        assert main(["fit", *arguments]) == 0
        written, (kept, _) = files.read_network(run_folder(network)), networks.trained_network(network)
        assert files.network_digest(written) == files.network_digest(kept)
    capsys.readouterr()
    assert pipeline(["map", "--gallery", "small", "--network", str(run_folder("symmetric"))]) == 0
    assert re.search(r"^  PCA of codes: trustworthiness 0\.\d+", capsys.readouterr().out, re.MULTILINE)
    assert list(open_code_layouts(opening.open_gallery("small"))) == ["PCA of codes"]
    assert pipeline(["map", "--gallery", "small", "--network", str(run_folder("cohort"))]) == 1
    assert "has no encoder" in capsys.readouterr().err


def test_evaluate_says_what_is_missing(demonstration_home, tmp_path, capsys):
    assert main(["evaluate", "--run", "nobody"]) == 1
    assert "There is no finished run nobody.\nRun: python -m train fit --run nobody\n" in capsys.readouterr().err
    assert main(["evaluate", "--lfw", str(tmp_path)]) == 1
    assert "pairs.txt is not a list of LFW pairs" in capsys.readouterr().err


def test_tune_makes_runs_and_continues_its_study(demonstration_home, capsys):
    arguments = ["tune", "--study", "search", "--epochs", "1", "--steps-per-epoch", "2", "--trials"]
    assert main([*arguments, "2"]) == 0
    first = capsys.readouterr().out
    assert main([*arguments, "3"]) == 0
    second = capsys.readouterr().out
    assert [name for name in ("search-000", "search-001", "search-002") if name in second] == [
        name for name in sorted(path.name for path in run_folder("search-000").parent.iterdir()) if "." not in name
    ]
    assert "search-002" not in first and "search-002: 3 of 3" in second and "search-000: 1 of" not in second
    config = storage.read_json(run_folder("search-002") / CONFIG)
    assert config and config["study"] == "search"


def test_workers_in_ray_run_trials_of_a_study(demonstration_home, capsys):
    arguments = ["tune", "--study", "shared", "--epochs", "1", "--steps-per-epoch", "2", "--trials", "3"]
    assert main([*arguments, "--ray", "local"]) == 0
    shown = capsys.readouterr().out
    for name in ("shared-000", "shared-001", "shared-002"):
        assert shown.count(name) == 2
        config = storage.read_json(run_folder(name) / CONFIG)
        assert config and config["study"] == "shared" and config["gallery"] == DEMONSTRATION
    assert main([*arguments, "--ray", "local"]) == 0
    assert "1 of 3" not in capsys.readouterr().out


def test_what_a_worker_finds_wrong_is_one_sentence(small, capsys):
    assert main(["tune", "--gallery", "small", "--study", "shared", "--trials", "1", "--ray", "local"]) == 1
    error = capsys.readouterr().err
    assert "5 people, 5 of them with two photos or more, are too few" in error and "Traceback" not in error


@pytest.mark.parametrize("name", ["../up", "", "a/b"])
def test_a_run_cannot_be_called_by_a_path(name, capsys):
    assert main(["fit", "--run", name]) == 1
    assert "run name" in capsys.readouterr().err


def test_fit_records_its_variants_and_reuses_them(fifteen, models, monkeypatch, capsys):
    monkeypatch.setattr(Models, "load", lambda: models)
    arguments = ["fit", "--gallery", "small", "--augment", "1", "--epochs", "1", "--steps-per-epoch", "5"]
    written = []
    for run in ("first", "second"):
        assert main([*arguments, "--run", run]) == 0
        (path,) = (fifteen.folder / "training").iterdir()
        written.append(path.stat().st_mtime_ns)
    assert written[0] == written[1]
    config = storage.read_json(run_folder("first") / CONFIG)
    assert config and config["variants"]["count"] == 1 and config["variants"]["turn_degrees"] == 10
    assert [row["epoch"] for row in read_history(run_folder("second"))] == [0, 1]
    assert main(["fit", "--gallery", "small", "--epochs", "1", "--steps-per-epoch", "5", "--run", "first"]) == 1
    assert "other settings" in capsys.readouterr().err
    assert main(["fit", "--run", "third", "--augment", "0"]) == 2


def test_new_losses_networks_and_mining_strategies_are_offered_and_explained(monkeypatch, capsys):
    monkeypatch.setitem(LOSSES, "toy", LossOption("tests.toy:Toy", "a toy loss"))
    monkeypatch.setitem(NETWORKS, "toy", NetworkOption(ORIGINAL, "a toy network"))
    monkeypatch.setitem(MINING, "toy", MiningOption("a toy strategy"))
    assert main(["fit", "--help"]) == 0
    output = " ".join(capsys.readouterr().out.split())
    assert all(f"toy: a toy {kind}" in output for kind in ("loss", "network", "strategy"))
    assert "toy" in losses_for(ORIGINAL)


def test_a_training_that_diverges_ends_with_a_sentence(demonstration_home, capsys):
    arguments = ["fit", "--run", "wild", "--network", "residual", "--epochs", "2", "--steps-per-epoch", "5"]
    assert main([*arguments, "--learning-rate", "1e30"]) == 1
    assert "Start another run with a learning rate below 1e+30." in capsys.readouterr().err
    assert [row["epoch"] for row in read_history(run_folder("wild"))] == [0]
    assert main(["evaluate", "--run", "wild"]) == 1
    assert "There is no finished run wild." in capsys.readouterr().err
