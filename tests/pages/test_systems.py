"""The page of compared systems through Streamlit's own test runner: the recorded ones, one's own, and none."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages import systems
from pages.shared import loading
from pages.shared.standings import headline, title
from pipeline.lookalikes import Models
from tests.pages.visitor import unescaped, visit
from train.runs import files
from train.systems import results
from train.systems import standings as ranking


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
    assert table.value["System"].tolist() == [title(row) for row in recorded]


def test_what_could_not_run_is_one_line_with_the_reasons_behind_it():
    failed = [row for row in results.all_systems() if "reason" in row]
    (line,) = [caption for caption in opened().caption if caption.value.startswith("Could not run")]
    assert all(title(row) in unescaped(line.value) for row in failed)
    assert all(unescaped(line.help).count(row["reason"]) == 1 for row in failed)


def test_a_headline_says_which_system_leads_by_how_much_and_whether_it_may_be_chance():
    page = opened()
    first = unescaped(next(text.value for text in page.markdown if " lead" in text.value))
    assert first.startswith("both FaceNets, cosine and FaceNet 128, nearest centroid lead: the right person comes")
    assert "first for 99.50% of 1,817 photos, 0.06 percentage points ahead of FaceNet 128 (MS-Celeb-1M)" in first
    assert first.endswith("That may be chance: 10 others cannot be told apart from the best.")
    dots = figures(page)["systems standings"]["data"]
    assert [len(group["y"]) for group in dots] == [12, 2]
    (text,) = [caption.value for caption in page.caption if "not drawn" in caption.value]
    assert "12 systems, from 67.20% (FaceNet 128, similarity net as published" in unescaped(text)
    page.segmented_control(key="ranked by").set_value("Verified").run()
    second = unescaped(next(text.value for text in page.markdown if " lead" in text.value))
    assert second.startswith("FaceNet 128, cosine with hubness correction (the network that ships) leads: 99.40%")


def test_a_winner_by_more_than_chance_wins():
    rows = [{"name": str(place), "rank_1": share} for place, share in enumerate((0.9, 0.95, 0.99))]
    found = ranking.standings(rows, "rank_1")
    assert [each.name for each in found] == ["2", "1", "0"]
    assert [each.is_apart for each in found] == [False, True, True]
    said = headline(found, {"0": "a", "1": "b", "2": "c"}, "Rank-1")
    assert said == (
        "**c** wins: the right person comes first for 99.00% of 1,817 photos, 4.02 percentage points ahead of b, "
        "which is more than chance."
    )
    alone = headline(found[:1], {"2": "c"}, "Rank-1")
    assert alone == "**c** leads: the right person comes first for 99.00% of 1,817 photos."
    assert ranking.standings([{"name": "x"}], "rank_1") == []


def test_the_close_up_shows_what_tells_the_best_apart_and_names_what_lies_below():
    page = opened()
    low, high = figures(page)["systems neighbours"]["layout"]["yaxis"]["range"]
    assert 0.98 < low < high < 1
    below = [unescaped(caption.value) for caption in page.caption if caption.value.startswith("Below this")]
    assert all("small VGG from scratch, classification" in text for text in below) and below
    page.toggle(key="close-up").set_value(False).run()
    assert "range" not in figures(page)["systems neighbours"]["layout"]["yaxis"]


def test_lines_are_named_plainly():
    assert title({"system": "60 px network, triplet 0.6, max pooling"}) == (
        "small network from scratch, triplet loss with margin 0.6, max pooling"
    )


def test_each_chosen_system_has_its_line_in_every_plot():
    page = opened()
    names = [row["name"] for row in results.all_systems() if "auc" in row][:3]
    page.multiselect[0].set_value(names).run()
    assert not page.exception
    plots = figures(page)
    keys = {"systems standings", "systems roc", "systems threshold", "systems neighbours", "systems distances"}
    assert set(plots) == keys
    titles = [title(row) for row in results.all_systems() if row["name"] in names]
    for key in ("systems roc", "systems threshold", "systems neighbours"):
        assert [line["name"] for line in plots[key]["data"]] == titles
    assert [bars["name"] for bars in plots["systems distances"]["data"]] == ["Same person", "Different people"]


def test_each_measure_is_drawn_over_the_threshold():
    page = opened()
    drawn = {}
    for measure in ("F1", "Accuracy", "Precision", "Recall"):
        page.segmented_control[1].select(measure).run()
        drawn[measure] = json.dumps(figures(page)["systems threshold"]["data"][0]["y"])
    assert len(set(drawn.values())) == 4


def test_every_system_on_offer_has_curves_and_the_page_says_why_others_have_none():
    page = opened()
    rows = [row for row in results.all_systems() if "rank_1" in row]
    assert page.multiselect[0].options == [title(row) for row in rows if results.read_curves(row["folder"])]
    drawn = [line["name"] for line in figures(page)["systems roc"]["data"]]
    assert len(drawn) == len(page.multiselect[0].value) == len(systems.FIRST)
    (why,) = [caption.value for caption in page.caption if "Without curves" in caption.value]
    assert "Classifiers know only the people" in why
    for row in rows:
        if title(row) not in page.multiselect[0].options:
            assert title(row) in unescaped(why)
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
