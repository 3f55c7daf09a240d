"""The page of compared systems through Streamlit's own test runner: the recorded ones, one's own, and none."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages import systems
from pages.shared import loading
from pipeline.lookalikes import Models
from tests.pages.visitor import unescaped, visit
from train.runs import files
from train.systems import results


@pytest.fixture(autouse=True)
def _networks(models, monkeypatch):
    """The page takes the networks of the other tests, so that they are loaded once."""
    monkeypatch.setattr(Models, "load", lambda: models)
    yield
    # They warm up in the background, which the end of the process would interrupt.
    for each in loading._loading().values():
        each.result(timeout=120)


def opened() -> AppTest:
    return visit("systems")


def figures(page: AppTest) -> dict[str, dict[str, Any]]:
    """The plots by their key."""
    return {str(plot.key): json.loads(plot.proto.spec) for plot in page.get("plotly_chart")}


def test_the_recorded_systems_are_listed_with_the_highest_rank_1_first():
    page = opened()
    assert not page.exception
    (table,) = page.dataframe
    ranks = table.value["Rank-1"].tolist()
    assert ranks == sorted(ranks, reverse=True)
    recorded = [row for row in results.all_systems() if "rank_1" in row]
    assert table.value["System"].tolist() == [row["system"] for row in recorded]
    reasons = [row["reason"] for row in results.all_systems() if "reason" in row]
    assert len([caption for caption in page.caption if caption.value.startswith("**")]) == len(reasons)


def test_each_chosen_system_has_its_line_in_every_plot():
    page = opened()
    names = [row["name"] for row in results.all_systems() if "auc" in row][:3]
    page.multiselect[0].set_value(names).run()
    assert not page.exception
    plots = figures(page)
    assert set(plots) == {"systems roc", "systems threshold", "systems neighbours", "systems distances"}
    titles = [row["system"] for row in results.all_systems() if row["name"] in names]
    for key in ("systems roc", "systems threshold", "systems neighbours"):
        assert [line["name"] for line in plots[key]["data"]] == titles
    assert [bars["name"] for bars in plots["systems distances"]["data"]] == ["Same person", "Different people"]


def test_each_measure_is_drawn_over_the_threshold():
    page = opened()
    drawn = {}
    for measure in ("F1", "Accuracy", "Precision", "Recall"):
        page.segmented_control[0].select(measure).run()
        drawn[measure] = json.dumps(figures(page)["systems threshold"]["data"][0]["y"])
    assert len(set(drawn.values())) == 4


def test_every_system_on_offer_has_curves_and_the_page_says_why_others_have_none():
    page = opened()
    rows = [row for row in results.all_systems() if "rank_1" in row]
    assert page.multiselect[0].options == [row["system"] for row in rows if results.read_curves(row["folder"])]
    drawn = [line["name"] for line in figures(page)["systems roc"]["data"]]
    assert len(drawn) == len(page.multiselect[0].value) == len(systems.FIRST)
    (why,) = [caption.value for caption in page.caption if "Without curves" in caption.value]
    assert "Classifiers know only the people" in why
    for row in rows:
        if row["system"] not in page.multiselect[0].options:
            assert row["system"] in unescaped(why)
    page.multiselect[0].set_value([]).run()
    assert not page.exception


def test_a_chosen_system_whose_curves_are_damaged_is_named(empty_home):
    recorded = results.RECORDED_SYSTEMS / "embedder-facenet"
    place = shutil.copytree(recorded, results.systems_folder() / "embedder-facenet")
    (place / results.CURVES).write_text('{"roc": ')
    page = opened()
    assert not page.exception
    assert "Missing or damaged curves: FaceNet 128" in unescaped(page.warning[0].value)
    assert len(figures(page)["systems roc"]["data"]) == len(systems.FIRST) - 1


def test_before_anything_is_compared_the_page_says_so(empty_home, monkeypatch, tmp_path):
    monkeypatch.setattr(results, "RECORDED_SYSTEMS", tmp_path)
    page = opened()
    assert not page.exception
    assert "Nothing to compare yet" in page.subheader[0].value


def test_a_system_of_ones_own_takes_the_place_of_the_recorded_one(empty_home):
    place = results.systems_folder() / "centroid"
    place.mkdir(parents=True)
    recorded = results.RECORDED_SYSTEMS / "centroid"
    for part in (files.CONFIG, results.CURVES):
        (place / part).write_text((recorded / part).read_text())
    assert {row["name"]: row["folder"] for row in results.all_systems()}["centroid"] == recorded
    (place / files.RESULT).write_text(json.dumps(json.loads((recorded / files.RESULT).read_text()) | {"rank_1": 0.5}))
    table = opened().dataframe[0].value
    assert table[table["System"] == "FaceNet 128, nearest centroid"]["Rank-1"].tolist() == [0.5]
