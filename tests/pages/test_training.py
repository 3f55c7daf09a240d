"""The training viewer through Streamlit's own test runner: every state of runs, and what is said of them."""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from benchmarks.synthetic import synthetic
from pages.shared.runs import report as report_of_runs
from pages.shared.runs import selection
from pipeline import storage
from pipeline.embedding.registry import default_identity
from pipeline.gallery.opening import open_gallery
from pipeline.similarity import files as network_files
from tests.conftest import default_dimensions
from tests.pages.visitor import visit
from tests.pipeline.similarity.test_scorers import CURVE, network
from train.evaluation import report
from train.evaluation.distances import cosine_distances
from train.runs import catalogue, files, geometry, history, lock, processes
from train.runs.groups import group_runs
from train.runs.notes import write_notes

OF_DEFAULT = {"embedding": default_identity()}

SHIPPED = files.RECORDED_RUNS


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path))


@pytest.fixture
def nothing_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "RECORDED_RUNS", tmp_path / "nowhere")


def viewer(**address: Any) -> AppTest:
    """The page, opened at an address."""
    return visit("training", **address)


def run(name: str, epochs: int = 3, **about: Any) -> Path:
    """A run of the user's as ``fit`` writes it, with so many epochs after the untrained one."""
    folder = files.run_folder(name)
    folder.mkdir(parents=True)
    recorded = json.loads((SHIPPED / "published" / files.CONFIG).read_text())
    settings = {**recorded["settings"], **about.pop("settings", {})}
    storage.write_json(folder / files.CONFIG, {"settings": settings, "gallery": "demonstration", **about})
    for row in history.read_history(SHIPPED / "published")[: epochs + 1]:
        history.append_row(folder, row)
    return folder


def finished(name: str, **about: Any) -> Path:
    folder = run(name, **about)
    storage.write_json(folder / files.RESULT, {"epoch": 3})
    return folder


def table(page: AppTest) -> list[dict[str, Any]]:
    """The rows of the table of runs."""
    assert not page.exception
    return page.dataframe[0].value.to_dict("records")


def html_table(page: AppTest, label: str) -> list[list[str]]:
    """The rows of a table of the view that compares; its heads first, without the signs of runs."""
    (text,) = [body.value for body in page.html if f"aria-label='{label}'" in body.value]
    rows = [re.findall("<t[hd].*?>(.*?)</t[hd]>", row) for row in re.findall("<tr>(.*?)</tr>", text)]
    return [[html.unescape(re.sub("<span.*?</span> ", "", cell)) for cell in row] for row in rows]


def differing(page: AppTest) -> dict[str, list[str]]:
    """What the table of differences says of each chosen run, and the names of the settings."""
    heads, *rows = html_table(page, "Different settings")
    columns = [list(column) for column in zip(*rows, strict=True)]
    return dict(zip(["", *heads[1:]], columns, strict=True))


def charts(page: AppTest) -> list[Any]:
    assert not page.exception
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


def chart_titles(page: AppTest) -> list[str]:
    """The titles of the charts of curves, from the top down."""
    (figure,) = charts(page)
    notes = [note["text"] for note in figure["layout"]["annotations"]]
    return [note[3:-4] for note in notes if note.startswith("<b>")]


def notes(page: AppTest) -> list[str]:
    """What else stands in the charts of curves."""
    (figure,) = charts(page)
    return [note["text"] for note in figure["layout"]["annotations"] if not note["text"].startswith("<b>")]


def lines(page: AppTest, title: str) -> list[dict[str, Any]]:
    """The lines in the chart of curves with this title."""
    (figure,) = charts(page)
    place = chart_titles(page).index(title) + 1
    return [line for line in figure["data"] if line["yaxis"] == (f"y{place}" if place > 1 else "y")]


def titles(page: AppTest) -> list[str]:
    return [text.value.removeprefix("##### ") for text in page.markdown if text.value.startswith("##### ")]


def words(page: AppTest) -> str:
    """All that is said, as it shows."""
    assert not page.exception
    kinds = (page.markdown, page.caption, page.info, page.warning, page.error, page.code)
    return re.sub(r"\\(.)|\u2060", r"\1", "\n".join(element.value for kind in kinds for element in kind))


def test_without_runs_the_page_offers_to_train_one(nothing_recorded):
    page = viewer()
    assert "No runs yet" in page.caption[0].value
    assert [button.label for button in page.button] == ["Train one now"]


def test_the_recorded_runs_are_there_and_the_first_choice_leads_from_published_to_shipped():
    page = viewer()
    rows = table(page)
    assert len(rows) == len(list(SHIPPED.iterdir()))
    published = next(row for row in rows if row["Run"] == "published (recorded)")
    result = json.loads((SHIPPED / "published" / files.RESULT).read_text())
    assert published["Rank-1"] == result["held_out_rank_1"] and published["Best epoch"] == result["epoch"]
    assert published["Cosine"] == result["held_out_cosine_rank_1"] and published["State"] == "finished"
    assert chart_titles(page) == ["Loss", "One-shot accuracy", "Learning rate", "Margins met"]
    compared = viewer(view="Compare")
    assert list(differing(compared))[1:] == ["published", "symmetric", "residual", "cohort"]


def test_what_differs_says_only_what_has_an_effect():
    page = viewer(runs="recorded/symmetric,recorded/mining-random", view="Compare")
    assert differing(page) == {"": ["mining"], "symmetric": ["neighbours"], "mining-random": ["random"]}
    assert "neighbours **10**" in words(page)
    finished("one")
    finished("other")
    page = viewer(runs="one,other", view="Compare")
    assert "All settings are the same" in words(page)
    assert not [body for body in page.html if "aria-label='Different settings'" in body.value]


def test_a_url_of_unknown_runs_shows_the_first_choice_and_one_of_no_runs_none():
    page = viewer(runs="nobody", view="Compare")
    assert list(differing(page))[1:] == ["published", "symmetric", "residual", "cohort"]
    page = viewer(runs="")
    assert "Choose runs in the table" in words(page) and not page.get("plotly_chart")


def test_a_choice_outlasts_an_outdated_url():
    page = viewer(runs="recorded/cohort")
    page.query_params["runs"] = "recorded/published"
    assert chart_titles(page.run())[0] == "Loss"
    assert page.query_params["runs"] in (
        "recorded/cohort",
        ["recorded/cohort"],
    )


def test_a_run_keeps_its_colour_whatever_is_chosen_beside_it():
    finished("mine")

    def colour(keys: str, name: str) -> set[str]:
        (figure,) = charts(viewer(runs=keys))
        return {line["line"]["color"] for line in figure["data"] if line.get("name") == name and "line" in line}

    alone = colour("recorded/cohort", "cohort")
    assert len(alone) == 1
    assert colour("recorded/cohort,recorded/published,mine", "cohort") == alone
    before = colour("mine", "mine")
    finished("newer")
    assert colour("mine,newer", "mine") == before


def test_a_filter_narrows_by_settings_and_widens_by_values():
    finished("mine", settings={"loss": "triplet"})
    one = viewer(filter="loss: triplet")
    assert {row["Run"] for row in table(one)} == {"mine", "loss-triplet (recorded)"}
    page = viewer(filter="gallery: demonstration,loss: triplet,loss: binary")
    picked = page.multiselect(key="filter")
    picked.set_value(["gallery: demonstration", "loss: triplet", "loss: binary"]).run()
    assert {row["Run"] for row in table(page)} == {"mine"}
    page.multiselect(key="filter").set_value(["loss: triplet", "loss: binary"]).run()
    assert {row["Run"] for row in table(page)} == {"mine", "loss-triplet (recorded)", "loss-binary (recorded)"}


def test_cosine_is_there_to_beat_and_the_published_accuracy_beside_the_published_network():
    page = viewer(runs="recorded/published")
    assert notes(page) == ["cosine", "published: 40 to 50 %"]
    line, band = charts(page)[0]["layout"]["shapes"]
    assert line["yref"] == band["yref"] == "y2" and (band["y0"], band["y1"]) == (0.4, 0.5)
    assert notes(viewer(runs="recorded/cohort")) == ["cosine"]


def test_all_charts_share_the_axis_the_legend_and_the_line_under_the_pointer():
    page = viewer()
    (figure,) = charts(page)
    layout = figure["layout"]
    assert (layout["hovermode"], layout["hoversubplots"], layout["xaxis"]["showspikes"]) == (
        "x unified",
        "axis",
        True,
    )
    assert {line.get("xaxis", "x") for line in figure["data"]} == {"x"}
    assert [line["name"] for line in figure["data"] if line.get("showlegend")] == [
        "published",
        "symmetric",
        "residual",
        "cohort",
    ]
    best = history.best_epoch(SHIPPED / "symmetric")
    for title, name in (("Loss", "loss"), ("One-shot accuracy", "rank_1"), ("Margins met", "margins_met")):
        read = [line for line in lines(page, title) if line.get("hovertemplate")]
        assert [line["hovertemplate"].partition(",")[0] for line in read] == [
            "published",
            "symmetric",
            "residual",
            "cohort",
        ]
        text = read[1]["text"][int(best["epoch"])]
        assert (
            text
            == f"{best[f'held_out_{name}']:.4g}, trained on {best[f'train_{name}']:.4g} · last epoch, 8 · best epoch"
        )
    page.segmented_control(key="along").set_value("Time").run()
    assert lines(page, "Learning rate")[0]["text"][3] == "0.001 · epoch 3"


def test_a_logarithmic_scale_is_for_losses_only_and_time_runs_along():
    page = viewer(runs="recorded/published", measures=["One-shot loss", "Seconds per epoch"])
    page.segmented_control(key="along").set_value("Time").run()
    assert charts(page)[0]["layout"]["xaxis"]["title"]["text"] == "Seconds of training"
    for switched in (False, True):
        page.toggle(key="logarithmic").set_value(switched).run()
        layout = charts(page)[0]["layout"]
        names = ["yaxis", "yaxis2", "yaxis3", "yaxis4", "yaxis5"]
        scales = dict(zip(chart_titles(page), [layout[name].get("type", "linear") for name in names], strict=True))
        changing = {title: scales.pop(title) for title in ("Loss", "One-shot loss")}
        assert set(changing.values()) == {"log" if switched else "linear"}
        assert scales == {"One-shot accuracy": "linear", "Learning rate": "log", "Seconds per epoch": "linear"}


def test_what_was_measured_is_marked_and_ringed_whatever_the_smoothing():
    best = history.best_epoch(SHIPPED / "symmetric")
    rows = history.read_history(SHIPPED / "symmetric")
    page = viewer(runs="recorded/symmetric")
    for weight in (0.0, 0.6, 0.95):
        page.slider(key="smoothing").set_value(weight).run()
        for title, name in (("Loss", "loss"), ("One-shot accuracy", "rank_1")):
            drawn = lines(page, title)
            (ring,) = [line for line in drawn if line.get("marker", {}).get("symbol") == "circle-open"]
            assert numbers(ring["x"]) == [best["epoch"]]
            assert numbers(ring["y"]) == [best[f"held_out_{name}"]]
            (marked,) = [line for line in drawn if line["mode"] == "lines+markers"]
            assert numbers(marked["y"]) == [row[f"held_out_{name}"] for row in rows]
            smooth = [line for line in drawn if line.get("meta") == "smoothed"]
            assert len(smooth) == (2 if weight else 0)
            assert all(line["mode"] == "lines" and line["hoverinfo"] == "skip" for line in smooth)
            assert ("smoothed" in marked["text"][-1]) == bool(weight)


def numbers(values: Any) -> list[float]:
    """The numbers of a figure's list, which Plotly may have packed."""
    if isinstance(values, list):
        return values
    return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).tolist()


def test_a_run_that_is_measured_on_few_people_says_so_beside_its_figures():
    few = run("few", epochs=0)
    (few / files.HISTORY).unlink()
    for row in history.read_history(SHIPPED / "published")[:3]:
        history.append_row(few, row | {"held_out_probes": 1})
    storage.write_json(few / files.RESULT, {"epoch": 2})
    page = viewer(runs="few,recorded/published")
    assert "**few**: Accuracy is measured on only 1 person with several photos" in words(page)
    assert "where 100 people or more have several photos" in words(page)
    measured = {row["Run"]: row["Measured on"] for row in table(page)}
    assert (measured["few"], measured["published (recorded)"]) == (1, 496)
    assert "Accuracy is measured" not in words(viewer(runs="recorded/published"))


def test_what_the_curves_say_is_said_in_words_with_the_runs_that_it_is_true_of():
    diverged = run("diverged", epochs=2)
    record = {"arguments": ["fit"], "ended": "crashed", "error": "…", "error_type": processes.DIVERGED}
    storage.write_json(diverged / files.PROCESS, record)
    page = viewer(runs="diverged,recorded/residual,recorded/cohort")
    assert "**diverged**: The loss or the weights grew without limit in epoch 3" in words(page)
    assert "**residual**: It overfits since epoch 2" in words(page)
    assert "**cohort**" not in words(page)


def test_a_finished_run_can_be_used_in_the_finder_if_it_gives_a_resemblance():
    network_files.write_network(finished("mine"), network(length=default_dimensions()), CURVE, OF_DEFAULT)
    network_files.write_network(finished("small"), network(length=default_dimensions()), None, OF_DEFAULT)
    network_files.write_network(finished("other"), network(), CURVE, {"embedding": {"model": "another"}})
    page = viewer(runs="mine,small,other")
    assert [button.key for button in page.button if button.label == "Use in the finder"] == ["use mine"]
    assert "measured on 20 people or more" in words(page)
    page.button(key="use mine").click().run()
    assert not page.exception
    assert page.session_state.scorer == "mine"


def test_a_run_with_damaged_settings_and_one_with_damaged_rows_break_nothing():
    folder = finished("mine")
    (folder / files.CONFIG).write_text('{"settings": {"loss"')
    other = finished("other")
    with (other / files.HISTORY).open("ab") as file:
        file.write(b"4,\xff\x00,,\n5,zero\n6.0,0.00")
    page = viewer(runs="mine,other")
    assert "settings of mine are missing or damaged" in words(page)
    assert {row["Run"]: row["Best epoch"] for row in table(page) if "recorded" not in row["Run"]}["other"] == 3
    assert len(charts(page)[0]["data"][0]["x"]["bdata"]) > 0
    for view in ("Geometry", "Evaluation", "Tuning"):
        assert not viewer(runs="mine,other", view=view).exception


def test_settings_that_are_no_settings_break_nothing(nothing_recorded):
    configs: tuple[Any, ...] = ({"settings": []}, {"settings": {"network": 3, "epochs": "x"}}, {"gallery": {}})
    for number, config in enumerate(configs):
        folder = finished(f"odd-{number}")
        storage.write_json(folder / files.CONFIG, config)
    (files.run_folder("empty")).mkdir()
    for view in ("Curves", "Geometry", "Evaluation", "Tuning"):
        page = viewer(runs="odd-0,odd-1,odd-2,empty", view=view)
        assert len(table(page)) == 4


def test_a_run_without_an_epoch_says_so():
    folder = run("mine")
    (folder / files.HISTORY).unlink()
    page = viewer(runs="mine")
    assert "mine has no complete epoch yet" in words(page) and "None of these runs has completed an epoch" in words(
        page
    )


def test_a_run_in_progress_shows_how_far_it_is_and_can_be_stopped(nothing_recorded):
    folder = run("mine", epochs=3)
    with lock.run_lock(folder, ["fit", "--run", "mine"]):
        page = viewer(runs="mine")
        assert table(page)[0]["State"] == "running"
        (bar,) = page.get("progress")
        assert bar.proto.value == 27 and bar.proto.text.startswith("Epoch 3 of at most 11")
        assert "Stop" in [button.label for button in page.button]
        assert "rank-1 **0.2043** · cosine's **0.9624**" in words(page)
    with lock.run_lock(folder, ["fit"]):
        (folder / files.HISTORY).unlink()
        assert "Loading TensorFlow" in viewer(runs="mine").get("progress")[0].proto.text


def test_whoever_has_signed_out_stops_no_run(nothing_recorded, monkeypatch):
    folder = run("mine", epochs=3)
    program = [sys.executable, "-c", "import time; time.sleep(60)"]
    with lock.run_lock(folder, ["fit", "--run", "mine"]), subprocess.Popen(program) as training:
        storage.write_json(folder / files.PROCESS, {"pid": training.pid})
        page = viewer(runs="mine")
        page.button(key="stop mine").click()
        monkeypatch.setenv("LOOKSLIKEWHO_PUBLIC", "demonstration")
        page.run()
        assert not processes.stop_requested(folder)
        monkeypatch.delenv("LOOKSLIKEWHO_PUBLIC")
        viewer(runs="mine").button(key="stop mine").click().run()
        assert training.wait(10) == -signal.SIGTERM


def test_a_stopped_run_can_be_continued_and_a_crashed_one_shows_its_last_words(nothing_recorded):
    stopped, crashed = run("stopped"), run("crashed")
    with pytest.raises(KeyboardInterrupt), lock.run_lock(stopped, ["fit", "--run", "stopped"]):
        raise KeyboardInterrupt
    storage.write_json(crashed / files.PROCESS, {"pid": 1, "arguments": ["fit"], "begun": "2026-01-01"})
    (crashed / files.LOG).write_text("Epoch 2/8\nMemoryError\n")
    page = viewer(runs="stopped,crashed")
    assert {row["Run"]: row["State"] for row in table(page)} == {"stopped": "stopped", "crashed": "crashed"}
    assert "stopped** was stopped after epoch 3" in words(page)
    assert "crashed** ended unexpectedly after epoch 3" in words(page) and "MemoryError" in words(page)
    assert [button.label for button in page.button].count("Continue") == 2
    (crashed / files.LOG).unlink()
    assert "It left no message" in words(viewer(runs="crashed"))


def test_runs_that_kept_no_geometry_or_evaluation_say_what_to_do():
    folder = finished("mine")
    storage.write_json(folder / files.PROCESS, {"arguments": ["fit", "--run", "mine"], "ended": "finished"})
    for view, what in (("Geometry", "the geometry"), ("Evaluation", "the evaluation")):
        page = viewer(runs="mine", view=view)
        assert f"mine: {what} was not stored during training" in words(page)


def test_chosen_runs_without_an_evaluation_are_named_beside_those_with_one():
    evaluated(finished("mine"))
    finished("other")
    going = run("going")
    with lock.run_lock(going, ["fit", "--run", "going"]):
        page = viewer(runs="mine,other,going", view="Evaluation")
        assert "other: the evaluation was not stored during training" in words(page)
        assert "going: the evaluation is not there yet" in words(page)
        assert [line["name"] for line in charts(page)[0]["data"]] == ["mine", "cosine"]


def test_the_geometry_of_an_epoch_stands_beside_the_margins_of_its_loss():
    folder = finished("mine")
    apart = np.repeat([[0.2, 0.9, 0.7]], 100, axis=0)
    for epoch in range(4):
        geometry.append_geometry(folder, epoch, {"held_out": apart, "train": apart / 2})
    page = viewer(runs="mine", view="Geometry")
    (chart,) = charts(page)
    texts = [note["text"] for note in chart["layout"]["annotations"]]
    assert texts == ["median ap 0.21", "an beyond 0.54 (α 0.25)", "nn beyond 0.27 (β 0.03)"]
    assert [bar["name"] for bar in chart["data"]] == [
        "Anchor and positive (ap)",
        "Anchor and negative (an)",
        "Two negatives (nn)",
    ]
    page.segmented_control(key="side mine").set_value("People trained on").run()
    assert charts(page)[0]["layout"]["annotations"][0]["text"] == "median ap 0.11"
    assert page.select_slider[0].value == 3


def test_a_run_that_is_looked_at_and_then_no_longer_chosen_breaks_nothing():
    for name in ("one", "other"):
        folder = finished(name)
        for side in ("held_out", "train") if name == "one" else ("held_out",):
            geometry.append_geometry(folder, 3, {side: np.full((10, 3), 0.5)})
    page = viewer(runs="one,other", view="Geometry")
    page.selectbox(key="geometry of").set_value("one").run()
    page.segmented_control(key="side one").set_value("People trained on").run()
    assert len(charts(page)) == 1
    page.session_state["runs chosen"] = "other"
    assert len(charts(page.run())) == 1


def evaluated(folder: Path, people: int = 60) -> None:
    """Give a run the evaluation of random faces."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(people), 2)
    rows = random.normal(size=(people, 8))[labels] + random.normal(size=(2 * people, 8))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    names = [f"<b>Ann</b> {label}" for label in labels]
    ways = {
        "network": lambda a, b: cosine_distances(a[:, :4], b[:, :4]),
        "cosine": cosine_distances,
    }
    kept = report.evaluation(rows, labels, names, photos=np.arange(len(rows)), ways=ways, draws=range(3))
    storage.write_json(folder / files.EVALUATION, kept)


def test_an_evaluation_is_drawn_vs_cosine_with_its_mistakes():
    evaluated(finished("mine"))
    page = viewer(runs="mine", view="Evaluation")
    cmc, roc, reliability = charts(page)
    for chart in (cmc, roc):
        assert [line["name"] for line in chart["data"]] == ["mine", "cosine"]
    assert [line["name"].partition(" (")[0] for line in reliability["data"]] == ["ideal", "mine", "cosine"]
    assert "Probes mistaken for somebody else" in words(page)
    assert "Without photos: the gallery demonstration is not on this machine." in words(page)
    pairs = [body.value for body in page.html if "mistaken for" in body.value]
    assert len(pairs) == 12 and all("&lt;b&gt;Ann&lt;/b&gt;" in pair for pair in pairs)


def test_the_most_mistaken_people_are_shown_as_faces_beside_who_was_taken_for_them():
    synthetic("demonstration", faces=300)
    opened = open_gallery("demonstration")
    names = [name.replace("_", " ") for name in opened.faces["name"].to_pylist()]
    rows, labels = np.asarray(opened.embeddings), opened.person_of_row.astype(np.int64)
    blurred = {"network": lambda a, b: cosine_distances(a[:, :3], b[:, :3]), "cosine": cosine_distances}
    kept = report.evaluation(rows, labels, names, photos=np.arange(len(rows)), ways=blurred, draws=range(3))
    storage.write_json(finished("mine") / files.EVALUATION, kept)
    page = viewer(runs="mine", view="Evaluation")
    assert not page.exception
    assert len(page.image) == 3 * 12
    roles = [caption for each in page.image for caption in each.captions]
    assert roles == ["probe", "mistaken for", "right match"] * 12
    people = [body.value.partition(" <span")[0] for body in page.html if "mistaken for" in body.value]
    # Those of one person stand together.
    assert len([place for place in range(1, 12) if people[place] != people[place - 1]]) == len(set(people)) - 1


def test_too_few_people_have_no_reliability_and_the_photos_of_another_gallery_are_not_shown():
    evaluated(finished("mine"), people=20)
    synthetic("demonstration", faces=40)
    page = viewer(runs="mine", view="Evaluation")
    assert "This needs 40 held-out people" in words(page)
    assert len(charts(page)) == 2 and not page.image


def test_runs_that_differ_in_the_seed_are_drawn_as_their_mean_with_a_band():
    for seed in range(3):
        run(f"seed-{seed}", settings={"seed": seed})
    (files.run_folder("seed-1") / files.HISTORY).unlink()
    for row in history.read_history(SHIPPED / "symmetric")[:4]:
        history.append_row(files.run_folder("seed-1"), row)
    page = viewer(runs="seed-0,seed-1,seed-2,recorded/cohort")
    drawn = lines(page, "One-shot accuracy")
    named = [line["name"] for line in charts(page)[0]["data"] if line.get("showlegend")]
    assert named == ["seed-2 and 2 more seeds", "cohort"]
    assert [line.get("meta") for line in drawn].count("band") == 1
    of_seeds = [history.read_history(files.run_folder(f"seed-{seed}"))[3]["held_out_rank_1"] for seed in range(3)]
    mean, spread = np.mean(of_seeds), np.std(of_seeds, ddof=1)
    assert drawn[0]["text"][3].startswith(f"{mean:.4g} ± {spread:.2g}, trained on ")
    page.selectbox(key="grouped").set_value("Nothing").run()
    assert len([line for line in charts(page)[0]["data"] if line.get("showlegend")]) == 4
    page.selectbox(key="grouped").set_value("network").run()
    named = [line["name"] for line in charts(page)[0]["data"] if line.get("showlegend")]
    assert named == ["network original (3 runs)", "cohort"]
    assert len(charts(viewer(runs="seed-0,seed-2", grouped="Nothing"))[0]["data"]) > 0


def test_the_best_and_the_last_value_of_each_measure_stand_side_by_side_with_the_difference_of_two_runs():
    page = viewer(runs="recorded/symmetric,recorded/cohort", view="Compare")
    heads, *rows = html_table(page, "Best and last value")
    assert heads[1:5] == ["symmetric, best", "symmetric, last", "cohort, best", "cohort, last"]
    assert heads[5:] == ["difference"]
    found = {row[0]: row[1:] for row in rows}
    assert found["One-shot accuracy"] == ["0.6485 (epoch 8)", "0.6485", "0.9677 (epoch 2)", "0.9671", "+0.3192"]
    # Of a loss, the lowest is the best.
    assert found["Loss"][2] == "0.0006404 (epoch 1)"
    three = viewer(runs="recorded/symmetric,recorded/cohort,recorded/residual", view="Compare")
    assert len(html_table(three, "Best and last value")[0]) == 7


def test_what_mattered_in_a_study_is_weighed_where_there_are_enough_runs():
    for number in range(8):
        drawn = {"learning_rate": 0.001 * 2**number, "alpha": number % 2}
        folder = finished(f"search-{number}", study="search", settings=drawn)
        (folder / files.HISTORY).unlink()
        for row in history.read_history(SHIPPED / "published")[:3]:
            history.append_row(folder, row | {"held_out_mrr": 0.1 * number})
    coordinates, bars = charts(viewer(view="Tuning"))
    assert bars["data"][0]["y"][-1] == "learning rate"
    assert sum(numbers(bars["data"][0]["x"])) == pytest.approx(1)
    ticks = next(axis for axis in coordinates["data"][0]["dimensions"] if axis["label"] == "MRR")["ticktext"]
    assert ticks == ["0", "0.2", "0.4", "0.6"]


def test_the_runs_of_a_study_are_drawn_as_parallel_coordinates():
    for number, rate in enumerate((0.001, 0.01, 0.1)):
        finished(f"search-{number}", study="search", settings={"learning_rate": rate, "loss": f"loss {number % 2}"})
    (chart,) = charts(viewer(view="Tuning"))
    labels = [axis["label"] for axis in chart["data"][0]["dimensions"]]
    assert labels == ["loss", "learning rate", "rank-1", "MRR"]
    assert "This needs 8 runs or more" in words(viewer(view="Tuning"))


def test_without_a_study_the_chosen_runs_are_drawn():
    page = viewer(view="Tuning")
    assert "There is none yet" in words(page) and len(charts(page)) == 1
    assert "Choose at least two runs" in words(viewer(view="Tuning", runs="recorded/cohort"))


def managing(page: AppTest) -> AppTest:
    """The page with its dialog for managing runs open."""
    next(button for button in page.button if button.label == "Manage runs").click()
    return page.run()


def test_a_run_gets_a_name_tags_and_a_note_that_show_in_table_filter_and_page():
    finished("mine")
    page = managing(viewer(runs="mine,recorded/cohort"))
    page.text_input(key="name of mine").set_value("best so far")
    page.multiselect(key="tags of mine").set_value(["good"])
    page.text_area(key="note of mine").set_value("Try a *lower* rate.")
    page.button(key="save mine").click()
    page.session_state["managing"] = "mine"
    page.run()
    assert not page.exception
    page.run()
    row = next(row for row in table(page) if row["Run"] == "best so far")
    assert list(row["Tags"]) == ["good"]
    assert "best so far: Try a *lower* rate." in words(page).replace("**", "")
    assert page.query_params["runs"] in ("best so far,recorded/cohort", ["best so far,recorded/cohort"])
    assert [row["Run"] for row in table(viewer(filter="tag: good"))] == ["best so far"]


def test_a_deleted_run_is_gone_from_the_page_and_can_be_restored():
    finished("mine")
    page = managing(viewer(runs="mine,recorded/cohort"))
    page.button(key="delete mine").click()
    page.session_state["managing"] = "mine"
    page.run()
    assert "mine" not in [row["Run"] for row in table(page)]
    next(button for button in page.button if button.label == "Undo deleting mine").click()
    page.run()
    assert "mine" in [row["Run"] for row in table(page)]
    assert not [button for button in page.button if button.label.startswith("Undo")]


def test_a_visitor_of_a_public_server_has_no_such_page_and_what_is_left_on_a_screen_changes_nothing(monkeypatch):
    finished("mine")
    monkeypatch.setenv("LOOKSLIKEWHO_PUBLIC", "demonstration")
    page = viewer(runs="mine")
    assert not [title.value for title in page.title if title.value == "Training"]
    assert not [button for button in page.button if button.label in ("Manage runs", "Train one now")]
    monkeypatch.delenv("LOOKSLIKEWHO_PUBLIC")
    page = managing(viewer(runs="mine"))
    page.button(key="delete mine").click()
    page.session_state["managing"] = "mine"
    page.run()
    undo = next(button for button in page.button if button.label == "Undo deleting mine").click()
    monkeypatch.setenv("LOOKSLIKEWHO_PUBLIC", "demonstration")
    page.run()
    assert undo and not files.run_folder("mine").exists()


def test_the_recorded_runs_alone_offer_nothing_to_manage():
    assert "Manage runs" not in [button.label for button in viewer().button]


def test_a_name_that_is_taken_is_refused_in_the_dialog():
    finished("mine")
    finished("other")
    page = managing(viewer(runs="mine"))
    page.text_input(key="name of mine").set_value("Other")
    page.button(key="save mine").click()
    page.session_state["managing"] = "mine"
    page.run()
    assert "There is already a run other" in words(page)


def test_a_file_of_keras_is_imported_and_drawn_with_all_its_columns():
    page = viewer()
    uploader = page.file_uploader[0]
    log = b"epoch,loss,val_loss,accuracy\n0,1.5,1.6,0.1\n1,0.5,0.7,0.4\n"
    uploader.upload("Their log.csv", log, "text/csv").run()
    assert page.text_input(key="csv name 0").value == "Their log"
    page.button(key="csv import 0").click().run()
    assert chart_titles(page) == ["Loss", "Accuracy"]
    assert lines(page, "Loss")[0]["text"] == ["1.6, trained on 1.5", "0.7, trained on 0.5 · last epoch, 2"]
    assert page.query_params["runs"] in ("Their log", ["Their log"])
    assert not viewer(runs="Their log", view="Compare").exception


def test_a_report_says_all_of_the_chosen_runs_and_fetches_nothing():
    folder = finished("mine")
    write_notes(folder, "A <i>note</i>", ["good"])
    evaluated(folder)
    listed = selection.list_runs(catalogue.all_runs(), {run.key: "finished" for run in catalogue.all_runs()})
    runs = [run for run in listed.runs if run.key in ("mine", "recorded/residual")]
    chosen = selection.ChosenRuns([(run, listed.looks[run.key]) for run in runs], listed)
    groups = [(group, listed.looks[group.mean.key]) for group in group_runs(runs, None)]
    text = report_of_runs.report(chosen, groups).decode()
    for heading in ("What stands out", "Settings", "Best and last value", "Curves", "CMC", "ROC", "Lineage"):
        assert f"<h2>{heading}</h2>" in text
    assert "A &lt;i&gt;note&lt;/i&gt;" in text and "<i>note" not in text
    assert "It overfits since epoch 2" in text
    outside_scripts = re.sub("(?s)(<script[^>]*>).*?</script>", r"\1", text)
    assert not re.search("(src|href)=", outside_scripts)
    assert text.count("plotly.js v") == 1


def test_a_run_is_duplicated_with_its_settings():
    synthetic("people", faces=300)
    settings = {"learning_rate": 0.005, "epochs": 7, "seed": 3, "loss": "triplet", "mining": "neighbours"}
    finished("mine", settings=settings, gallery="people")
    page = viewer(runs="mine")
    next(button for button in page.button if button.label == "Duplicate with changes").click()
    page.run()
    boxes = {box.label: box.value for box in (*page.selectbox, *page.number_input)}
    assert (boxes["Network"], boxes["Loss"], boxes["Negatives"]) == ("original", "triplet", "neighbours")
    assert (boxes["Learning rate"], boxes["Epochs at most"], boxes["Seed"]) == (0.005, 7, 3)
    assert "On the gallery people" in words(page)
    assert page.text_input[0].value == "mine-1"
    several = viewer(runs="mine,recorded/cohort")
    assert "Duplicate with changes" not in [button.label for button in several.button]


def test_a_duplicate_keeps_what_cannot_be_chosen_and_its_command_is_one_that_trains(monkeypatch):
    synthetic("people", faces=300)
    started: list[list[str]] = []
    monkeypatch.setattr(processes, "start_training", lambda folder, arguments: started.append(list(arguments)))
    finished("mine", settings={"alpha": 0.4, "patience_epochs": 6}, gallery="people")
    page = viewer(runs="mine")
    next(button for button in page.button if button.label == "Duplicate with changes").click()
    page.run()
    next(button for button in page.button if button.label == "Start").click()
    page.session_state["training dialog"] = next(run for run in catalogue.own_runs() if run.name == "mine")
    page.run()
    assert not page.exception
    (arguments,) = started
    given = dict(zip(arguments[1::2], arguments[2::2], strict=True))
    assert (given["--run"], given["--gallery"], given["--alpha"]) == ("mine-1", "people", "0.4")
    assert given["--patience-epochs"] == "6" and "--start" not in given


def test_the_lineage_leads_from_the_gallery_to_what_ships():
    folder = finished("mine")
    known = {"gallery": "family", "gallery_sha256": "0123456789abcdef", "people": 12, "faces": 1040}
    storage.write_json(folder / files.LINEAGE, {**known, "version": "0.1.0", "begun": "2026-01-02T03:04:05+00:00"})
    shutil.copy(network_files.SHIPPED / "sface" / storage.MANIFEST, folder)
    heads, *rows = html_table(viewer(runs="mine,recorded/cohort", view="Compare"), "Lineage")
    assert heads == ["Step", "mine", "cohort"]
    assert rows[0] == ["Gallery", "family, 0123456789ab", "LFW"]
    assert rows[1][1] == "1,040 faces, 12 people"
    assert rows[2][1:] == ["0.1.0", "recorded by make similarity"]
    assert rows[3][1] == "finished, begun 2026-01-02 03:04 UTC"
    assert rows[4][1:] == ["ranks galleries of sface", "–"]


def opened_dialog() -> AppTest:
    page = viewer()
    next(button for button in page.button if button.label == "Train one now").click()
    return page.run()


@pytest.mark.parametrize(
    ("faces", "sentence"),
    [
        (10, "Training needs at least three people; this gallery has 1."),
        (50, "5 people, 5 of them with two photos or more"),
    ],
)
def test_a_gallery_of_too_few_people_cannot_be_trained_on(faces, sentence):
    synthetic("few", faces=faces)
    assert sentence in words(opened_dialog())


def test_without_a_gallery_there_is_nothing_to_train_on():
    assert "has not been set up yet" in words(opened_dialog())


@pytest.mark.parametrize(("people", "warned"), [(30, True), (100, False)])
def test_before_a_training_the_page_says_on_how_many_people_it_is_measured(people, warned):
    synthetic("people", faces=10 * people)
    page = opened_dialog()
    learned, measured = people - people // 5, people // 5
    sentence = f"learns from {learned} people and is measured on {measured} others, {measured} of them with several"
    assert sentence in words(page)
    assert bool(page.warning) == warned
    if warned:
        assert "measured on only 6 people with several photos, so it says little" in words(page)


def test_a_training_is_offered_with_a_free_name_and_losses_that_fit_the_network():
    synthetic("people", faces=300)
    finished("original-quadruplet-1")
    page = opened_dialog()
    assert page.text_input[0].value == "original-quadruplet-2"
    losses = next(box for box in page.selectbox if box.label == "Loss")
    assert "softmax" not in losses.options and "quadruplet adaptive" in losses.options


def test_a_taken_or_invalid_name_is_refused():
    synthetic("people", faces=300)
    finished("mine")
    page = opened_dialog()
    for name, sentence in (
        ("Mine ", "There is already a run of this name"),
        ("../up", "'../up' is not a valid run name. Use letters"),
    ):
        page.text_input[0].set_value(name)
        next(button for button in page.button if button.label == "Start").click()
        # In a browser the dialog is drawn by itself; here the whole page is.
        page.session_state["training dialog"] = True
        page.run()
        assert sentence in words(page)
    assert {path.name for path in catalogue.own_folders()} == {"mine"}
    shutil.rmtree(files.run_folder("mine"))
