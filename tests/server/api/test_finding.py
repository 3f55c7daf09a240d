"""Finding, comparing and embedding by HTTP: the answers of the command line, and its refusals."""

from __future__ import annotations

import base64
import json
import math
import re

import numpy as np
import pytest

from pipeline import photo
from pipeline.answers import NOTE
from pipeline.cli.app import main
from pipeline.lookalikes import Lookalikes, Models
from pipeline.together import combined
from tests.cases import bombs
from tests.conftest import beside, cut_off, encoded
from tests.server.api.conftest import files, problem

pytestmark = pytest.mark.slow


@pytest.fixture
def printed(models, monkeypatch, capsys):
    """What a command prints as JSON, with the networks that are loaded already."""
    monkeypatch.setattr(Models, "load", lambda: models)

    def run(*arguments: object):
        capsys.readouterr()
        assert main([*map(str, arguments), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def nearly(value):
    """The same value up to rounding: another process may run a network with other threads."""
    if isinstance(value, float):
        return pytest.approx(value, abs=1e-4, rel=1e-4)
    if isinstance(value, dict):
        return {key: nearly(each) for key, each in value.items()}
    return [nearly(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("wanted", [{}, {"top": 3, "method": "average"}, {"where": "source=Five celebrities"}])
def test_find_gives_what_the_command_line_prints(wanted, served, printed, madonna):
    options = [text for name, value in wanted.items() for text in (f"--{name}", value)]
    expected = printed("find", madonna, *options)
    answer = served.find(madonna, **wanted)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert {found.pop("gallery"), found.pop("note")} == {"demonstration", NOTE}
    (about,) = found.pop("photos")
    assert about == {"face": 1, "faces": 1, "incomplete": False, "seems_somebody_else": False}
    del expected["photo"]
    for match in expected["matches"]:
        number = int(match.pop("crop_path").rpartition("/")[2].partition(".")[0])
        match["crop"] = f"/v1/crops/demonstration/{number}.jpg"
    assert found == nearly(expected)


def test_people_are_left_out_by_key_and_by_name(served, madonna):
    first, second, third, *_ = served.find(madonna).json()["matches"]
    left = served.find(madonna, exclude=[first["person"], second["name"]]).json()["matches"]
    assert left[0]["person"] == third["person"]
    assert "There is no Nobody" in problem(served.find(madonna, exclude="Nobody"), 422, "wrong-value")


def test_several_photos_of_a_face_are_looked_up_as_one(served, models, examples):
    one, other = examples["Madonna"][:2]
    found = served.find(one, other, examples["Elton John"][0]).json()
    assert [about["seems_somebody_else"] for about in found["photos"]] == [False, False, True]
    alone = served.find(one, other).json()["matches"]
    lookalikes = Lookalikes.open(models=models)
    probe = combined([lookalikes.look(path)[1] for path in (one, other)])
    expected = lookalikes.rank([probe])[0]
    assert [match["person"] for match in alone] == [match.person for match in expected]
    assert alone[0]["resemblance"] == pytest.approx(expected[0].resemblance, abs=0.01)


def test_another_face_of_a_group_photo_is_looked_up(served, examples):
    group = beside(*(photo.read(examples[name][1]) for name in ("Madonna", "Elton John")))
    data = encoded(group, "JPEG", quality=95)
    best = {served.find(data, face=face, top=1).json()["matches"][0]["name"] for face in (1, 2)}
    assert best == {"Madonna", "Elton John"}
    said = problem(served.find(data, face=3), 422, "wrong-value")
    assert said == "There is no face 3: the photo shows 2 faces."


def test_part_of_a_photo_may_be_missing_and_that_is_said(served, madonna):
    (about,) = served.find(cut_off(madonna)).json()["photos"]
    assert about["incomplete"]


def test_compare_gives_what_the_command_line_prints(served, printed, examples):
    one, other = examples["Madonna"][0], examples["Elton John"][1]
    answer = served.client.post("/v1/compare", files=files(photo=one, other=other)).json()
    assert answer.pop("note") == NOTE
    assert answer == nearly(printed("compare", one, other))


def test_an_embedding_is_the_unit_row_of_the_face(served, embed, madonna):
    answer = served.client.post("/v1/embed", files=files(photo=madonna)).json()
    row = np.array(answer["embedding"], np.float32)
    assert (answer["model"], len(answer["faces"])) == ("facenet+sface", 1)
    assert float(row @ row) == pytest.approx(1, abs=1e-5)
    assert float(row @ embed(photo.read(madonna))) > 0.9999


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "unreadable-photo"),
        (b"%PDF-1.7 nothing to see", "unreadable-photo"),
        (bombs.webp_bomb(), "unreadable-photo"),
        (bombs.png_bomb(), "unreadable-photo"),
        (encoded(np.full((200, 200, 3), 128, np.uint8)), "no-face"),
    ],
    ids=["empty", "no photo", "WebP bomb", "PNG bomb", "grey"],
)
def test_what_is_no_photo_of_a_face_is_refused_and_its_place_is_named(data, kind, served, madonna):
    answer = served.find(madonna, data)
    problem(answer, 422, kind)
    assert answer.json()["photo"] == 2
    assert problem(served.find(data), 422, kind).endswith((".", "!"))


@pytest.mark.parametrize(
    ("wanted", "word"),
    [
        ({"top": 0}, "top"),
        ({"top": "many"}, "top"),
        ({"face": -1}, "face"),
        ({"method": "best"}, "method"),
        ({"where": "occupation"}, "occupation"),
        ({"where": "colour=red"}, "colour"),
        ({"where": "source=Nowhere"}, "Nowhere"),
    ],
)
def test_values_that_make_no_sense_are_named(wanted, word, served, madonna):
    assert word in problem(served.find(madonna, **wanted), 422, "wrong-value")


def test_a_missing_photo_too_many_photos_and_unknown_galleries_are_refused(served, madonna):
    assert "photo" in problem(served.client.post("/v1/find", files=files(other=madonna)), 422, "wrong-value")
    assert "photo" in problem(served.find(*[madonna] * 7), 422, "wrong-value")
    for name in ("nobody", "../models", "a" * 100):
        said = problem(served.find(madonna, gallery=name), 404, "unknown-gallery")
        assert said == f"There is no gallery {name}."


def test_deepface_clients_get_answers_in_its_words(served, examples, embed):
    one, other = examples["Madonna"][0], examples["Elton John"][1]
    encodings = (base64.b64encode(path.read_bytes()).decode() for path in (one, other))
    urls = {f"img{number}": f"data:image/jpeg;base64,{text}" for number, text in enumerate(encodings, start=1)}
    by_json = served.client.post("/v1/deepface/verify", json={**urls, "model_name": "Facenet"}).json()
    by_form = served.client.post("/v1/deepface/verify", files=files(img1=one, img2=other)).json()
    assert (by_json["verified"], by_json["distance"]) == (False, by_form["distance"])
    assert by_json["distance"] > by_json["threshold"]
    assert set(by_json["facial_areas"]["img1"]) == {"x", "y", "w", "h", "left_eye", "right_eye"}
    (found,) = served.client.post("/v1/deepface/represent", files=files(img=one)).json()["results"]
    assert float(np.array(found["embedding"]) @ embed(photo.read(one))) > 0.9999
    # A person's left eye is on the viewer's right.
    assert found["facial_area"]["left_eye"][0] > found["facial_area"]["right_eye"][0]
    for given in ("http://example.org/a.jpg", str(one), "", None):
        answer = served.client.post("/v1/deepface/represent", json={"img": given})
        assert "Send the photo itself" in problem(answer, 422, "wrong-value")


def test_no_answer_has_a_number_that_json_does_not_know(served, madonna):
    text = served.find(madonna).text
    assert not re.search(r"NaN|Infinity", text)
    assert all(math.isfinite(match["distance"]) for match in json.loads(text)["matches"])
