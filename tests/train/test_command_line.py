import pytest

from pipeline import store
from pipeline.lookalikes import Models
from tests.conftest import HOME
from train import runs
from train.__main__ import LOSSES, main
from train.fit import LOSSES as KNOWN_LOSSES


def test_the_losses_offered_are_those_there_are():
    assert set(LOSSES) == set(KNOWN_LOSSES)


@pytest.fixture
def demonstration_home(home):
    (home / "galleries").symlink_to(HOME / "galleries")


def test_a_gallery_of_five_people_is_too_small_to_train_on(small, capsys):
    assert main(["fit", "--gallery", "small", "--run", "first"]) == 1
    assert "5 people, 5 of them with two photos or more, are too few" in capsys.readouterr().err


def test_fit_on_the_demonstration_gallery_appears_as_a_run(demonstration_home, capsys):
    arguments = ["fit", "--run", "first", "--network", "residual", "--epochs", "2", "--batch-size", "64"]
    assert main([*arguments, "--steps-per-epoch", "20"]) == 0
    history = runs.read_history(runs.folder_of("first"))
    assert [row["epoch"] for row in history] == [0, 1, 2]
    assert "rank-1" in capsys.readouterr().out
    assert main([*arguments, "--steps-per-epoch", "21"]) == 1
    assert "other settings" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../up", "", "a/b"])
def test_a_run_cannot_be_called_by_a_path(name, capsys):
    assert main(["fit", "--run", name]) == 1
    assert "cannot name a run" in capsys.readouterr().err


def test_fit_with_variants_says_so_in_its_settings_and_uses_those_that_are_there(
    fifteen, models, monkeypatch, capsys
):
    monkeypatch.setattr(Models, "load", lambda: models)
    arguments = ["fit", "--gallery", "small", "--augment", "1", "--epochs", "1", "--steps-per-epoch", "5"]
    written = []
    for run in ("first", "second"):
        assert main([*arguments, "--run", run]) == 0
        (path,) = (fifteen.folder / "training").iterdir()
        written.append(path.stat().st_mtime_ns)
    assert written[0] == written[1]
    config = store.read_json(runs.folder_of("first") / runs.CONFIG)
    assert config and config["variants"]["count"] == 1 and config["variants"]["turn_degrees"] == 10
    assert [row["epoch"] for row in runs.read_history(runs.folder_of("second"))] == [0, 1]
    assert main(["fit", "--gallery", "small", "--epochs", "1", "--steps-per-epoch", "5", "--run", "first"]) == 1
    assert "other settings" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["fit", "--run", "third", "--augment", "0"])
