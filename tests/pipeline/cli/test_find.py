"""``find`` and ``compare``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from pipeline import photo, storage
from pipeline.answers import NOTE
from pipeline.cli.app import main
from pipeline.embedding.registry import DEFAULT_EMBEDDER, EMBEDDERS
from pipeline.gallery import opening
from pipeline.photo import INCOMPLETE
from pipeline.similarity import files, registry
from tests.conftest import beside, cut_off, put
from tests.pipeline.cli.conftest import one_sentence
from tests.pipeline.similarity.test_scorers import network


def test_all_25_examples_are_found_at_rank_1(run_loaded, examples):
    found = {
        path.name: json.loads(run_loaded("find", path, "--top", 1, "--json")[1])["matches"][0]["name"] == name
        for name, paths in examples.items()
        for path in paths
    }
    assert len(found) == 25
    assert [name for name, right in found.items() if not right] == []


def test_find_prints_a_table(run_loaded, madonna):
    code, output, _ = run_loaded("find", madonna, "--top", 3)
    assert code == 0
    head, *lines, note = output.splitlines()
    assert head.split() == ["rank", "name", "resemblance", "closer", "than", "distance", "source", "crop"]
    assert len(lines) == 3
    assert re.match(r" +1  Madonna +\d+ striking +99\.\d+% +0\.\d{4}  Five celebrities +/.*\.jpg$", lines[0])
    assert note == NOTE
    starts = {line.index(" 0.") for line in lines}
    assert len(starts) == 1


def test_find_prints_json(run_loaded, madonna):
    code, output, _ = run_loaded("find", madonna, "--top", 2, "--json", "--method", "average")
    found = json.loads(output)
    assert code == 0
    assert [match["rank"] for match in found["matches"]] == [1, 2]
    assert Path(found["matches"][0]["crop_path"]).is_file()


def test_find_continues_after_a_photo_that_cannot_be_looked_up(run_loaded, small, examples, tmp_path):
    photos = [paths[0] for paths in examples.values()]
    given = [*photos[:2], tmp_path / "missing.jpg", *photos[2:]]
    code, output, errors = run_loaded("find", *given, "--gallery", "small", "--top", 1)
    assert code == 1
    assert [f"\n{path}\n" in output for path in given] == [True, True, False, True, True, True]
    assert output.count("(the same photo)") == 5
    assert "missing.jpg: There is no file" in errors
    assert errors.endswith("1 of 6 photos could not be looked up.\n")
    code, output, _ = run_loaded("find", *photos, "--gallery", "small", "--top", 2, "--json")
    many = json.loads(output)
    alone = [json.loads(run_loaded("find", path, "--gallery", "small", "--top", 2, "--json")[1]) for path in photos]
    assert code == 0
    assert [found["photo"] for found in many] == [str(path) for path in photos]
    for together, single in zip(many, alone, strict=True):
        for match, other in zip(together["matches"], single["matches"], strict=True):
            assert match["name"] == other["name"]
            assert match["distance"] == pytest.approx(other["distance"], abs=1e-5)


def test_find_and_compare_say_that_part_of_a_photo_is_missing(run_loaded, madonna, tmp_path):
    put(tmp_path, {"cut.jpg": cut_off(madonna), "half.jpg": madonna.read_bytes()[:9000]})
    cut, half = tmp_path / "cut.jpg", tmp_path / "half.jpg"
    for command in (("find", cut, "--top", 1), ("find", cut, madonna), ("compare", cut, madonna)):
        code, output, errors = run_loaded(*command)
        assert (code, errors) == (0, f"{cut}: {INCOMPLETE}\n")
        assert "Madonna" in output or "same person" in output
    assert one_sentence(*run_loaded("find", half)) == "The photo is damaged or incomplete. Save or send it again."


def test_find_ranks_by_the_trained_network_or_by_cosine(run_loaded, madonna):
    found = {}
    for options in ((), ("--scorer", "network"), ("--scorer", "cosine"), ("--exact",)):
        code, output, _ = run_loaded("find", madonna, "--top", 5, "--json", *options)
        assert code == 0
        found[options] = json.loads(output)["matches"]
    assert found[()] == found["--scorer", "network"]
    assert {matches[0]["name"] for matches in found.values()} == {"Madonna"}
    distances = {options: [match["distance"] for match in matches] for options, matches in found.items()}
    assert distances["--scorer", "cosine"] != distances[()]
    # Every photo is compared, so that nobody who was found before is replaced by somebody farther.
    assert all(near <= far for near, far in zip(distances["--exact",], distances[()], strict=True))


def test_find_leaves_people_out(run_loaded, madonna):
    whole = json.loads(run_loaded("find", madonna, "--top", 4, "--json")[1])["matches"]
    left_out = ("--exclude", "madonna", "--exclude", whole[2]["person"])
    code, output, _ = run_loaded("find", madonna, "--top", 2, "--json", *left_out)
    assert code == 0
    assert [match["name"] for match in json.loads(output)["matches"]] == [whole[1]["name"], whole[3]["name"]]
    said = one_sentence(*run_loaded("find", madonna, "--exclude", "Madona"))
    assert said == "There is no Madona in the gallery demonstration."


def test_several_photos_of_one_face_are_looked_up_as_one(run_loaded, small, examples, models):
    photos = examples["Madonna"][:3]
    ours = ("--together", "--gallery", "small", "--scorer", "cosine", "--top", 1, "--json")
    code, output, _ = run_loaded("find", *photos, *ours)
    assert code == 0
    pictures = [photo.read(path) for path in photos]
    mean = np.mean([models.probe(picture, models.faces(picture)[0]).embedding for picture in pictures], axis=0)
    cosines = opening.open_gallery("small").embeddings @ (mean / np.linalg.norm(mean))
    (match,) = json.loads(output)["matches"]
    assert match["name"] == "Madonna"
    assert match["distance"] == pytest.approx((1 - cosines.max()) / 2, abs=1e-5)


def test_together_the_same_face_is_looked_for_in_the_other_photos(run_loaded, small, examples, tmp_path):
    people = ("Elton John", "Madonna")
    group = beside(*(photo.read(examples[name][2])[:200, :200] for name in people))
    place = put(tmp_path, {"group.png": group}) / "group.png"
    for name in people:
        code, output, errors = run_loaded(
            "find", examples[name][1], place, "--together", "--gallery", "small", "--top", 1, "--json"
        )
        assert code == 0
        (match,) = json.loads(output)["matches"]
        assert match["name"] == name
        assert "somebody else" not in errors


def test_together_says_where_a_photo_seems_to_show_somebody_else(run_loaded, small, examples):
    madonna, other = examples["Madonna"][1], examples["Elton John"][1]
    code, _, errors = run_loaded("find", madonna, other, "--together", "--gallery", "small")
    assert code == 0
    assert f"{other}: this seems to be somebody else. It counts all the same." in " ".join(errors.split())


def test_find_marks_a_photo_that_is_in_the_gallery(run_loaded, small, examples):
    _, output, _ = run_loaded("find", examples["Madonna"][0], "--gallery", "small", "--top", 1)
    assert "Madonna (the same photo)" in output


def test_compare_describes_the_resemblance_in_words(run_loaded, examples):
    one, two = examples["Madonna"][1:3]
    code, output, _ = run_loaded("compare", one, two)
    assert code == 0
    assert re.match(r"As alike as two photos of the same person: distance 0\.\d{4}\.\n", output)
    assert re.search(r"^Resemblance \d+: striking, closer than 99\.\d+% of strangers\.$", output, re.MULTILINE)
    code, output, _ = run_loaded("compare", one, examples["Elton John"][2], "--json")
    assert code == 0
    assert json.loads(output)["same"] is False


def test_compare_uses_the_threshold_of_the_scorer(run_loaded, examples):
    pair = examples["Madonna"][1:3]
    found = {
        name: json.loads(run_loaded("compare", *pair, "--scorer", name, "--json")[1]) for name in registry.SCORERS
    }
    for name, result in found.items():
        assert result["scorer"] == name
        assert result["threshold"] == registry.load_scorer(name).calibration.middle
        assert result["same"] is (result["distance"] <= result["threshold"]) is True
        assert result["phrase"] in ("striking", "strong")
    assert found["network"]["cosine"] == found["cosine"]["cosine"]
    assert found["cosine"]["distance"] == pytest.approx((1 - found["cosine"]["cosine"]) / 2, abs=1e-6)


def test_a_run_of_ones_own_is_a_scorer(run_loaded, small, madonna):
    # Without a calibration, as where few people were held out.
    default = EMBEDDERS[DEFAULT_EMBEDDER]
    made = network(length=default.dimensions or 0)
    files.write_network(storage.home() / "runs" / "mine", made, None, {"embedding": default.identity})
    ours = ("find", madonna, "--gallery", "small", "--top", 2)
    code, output, _ = run_loaded(*ours, "--scorer", "mine")
    assert code == 0
    assert "The run held out too few people to fit a resemblance." in output
    own, shipped = (json.loads(run_loaded(*ours, "--scorer", name, "--json")[1]) for name in ("mine", "network"))
    assert own["matches"][0]["resemblance"] is None
    assert own["matches"][0]["distance"] != shipped["matches"][0]["distance"]
    refused = one_sentence(*run_loaded(*ours, "--scorer", "other"))
    assert refused == "There is no scorer and no finished run other. Choose one of network, cosine, mine."


def test_a_damaged_network_is_reported_and_cosine_still_works(run_loaded, madonna, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED", tmp_path)
    for command in (("find", madonna), ("compare", madonna, madonna)):
        assert "similarity network" in one_sentence(*run_loaded(*command))
        assert run_loaded(*command, "--scorer", "cosine")[0] == 0


@pytest.mark.tensorflow
def test_compare_names_the_command_that_fetches_the_weights(empty_home, madonna, capsys):
    assert main(["compare", str(madonna), str(madonna)]) == 1
    assert capsys.readouterr().err.endswith(
        "The weights of facenet-20170512-110547 are missing.\nRun: python -m pipeline setup\n"
    )
