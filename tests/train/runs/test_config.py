import json
from dataclasses import asdict, replace

import pytest

from pipeline.errors import UserError
from train.runs.config import store_config
from train.runs.files import CONFIG
from train.settings import FitSettings, NetworkSettings

SETTINGS = FitSettings()


def stored(folder, settings, **about):
    store_config(folder, {"settings": asdict(settings), "gallery": "mine", **about})


def test_the_same_settings_are_accepted_again(tmp_path):
    stored(tmp_path, SETTINGS)
    written = (tmp_path / CONFIG).read_bytes()
    stored(tmp_path, SETTINGS)
    assert (tmp_path / CONFIG).read_bytes() == written


@pytest.mark.parametrize(
    ("settings", "about", "sentence"),
    [
        (replace(SETTINGS, alpha=0.5), {}, "other settings: alpha was 0.25 and is 0.5 now. Use the same"),
        (replace(SETTINGS, loss="triplet"), {}, "loss was quadruplet and is triplet now"),
        (replace(SETTINGS, network=NetworkSettings(dropout=0)), {}, "network.dropout was 0.3 and is 0 now"),
        (replace(SETTINGS, alpha=0.5, beta=0.1), {}, "alpha was 0.25 and is 0.5 now, beta was 0.03 and is 0.1 now"),
        (SETTINGS, {"variants": {"count": 2}}, "variants.count was not set and is 2 now"),
        (
            SETTINGS,
            {"trained_on": [f"Person {n}" for n in range(99)]},
            "trained_on was not set and is a list of 99 now",
        ),
        (
            replace(SETTINGS, alpha=1, beta=1, margin=1, epochs=1, seed=1),
            {},
            "margin was 0.5 and is 1 now, and 2 more.",
        ),
    ],
)
def test_a_refusal_names_the_settings_that_differ_with_both_values(tmp_path, settings, about, sentence):
    stored(tmp_path, SETTINGS)
    with pytest.raises(UserError, match="Use the same settings, or choose another name") as refused:
        stored(tmp_path, settings, **about)
    assert sentence in str(refused.value)


def test_a_run_of_an_earlier_version_has_the_defaults_of_settings_that_are_new(tmp_path):
    stored(tmp_path, SETTINGS)
    config = json.loads((tmp_path / CONFIG).read_text())
    del config["settings"]["network"]["wccn"]
    (tmp_path / CONFIG).write_text(json.dumps(config))
    given = {"settings": asdict(SETTINGS), "gallery": "mine"}
    store_config(tmp_path, given, asdict(FitSettings()))
    given = {**given, "settings": asdict(replace(SETTINGS, network=NetworkSettings(wccn=1.0)))}
    with pytest.raises(UserError, match=r"network\.wccn was 0\.0 and is 1\.0 now"):
        store_config(tmp_path, given, asdict(FitSettings()))


def test_damaged_settings_are_set_aside(tmp_path, caplog):
    (tmp_path / CONFIG).write_text('{"settings": {"alp')
    stored(tmp_path, SETTINGS)
    assert "config.json cannot be read" in caplog.text
    assert (tmp_path / "config-unreadable-1.json").is_file() and (tmp_path / CONFIG).is_file()
