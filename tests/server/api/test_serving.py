"""The API as a server: keys, limits, ids, headers, its description, and what it leaves behind."""

from __future__ import annotations

import http.client
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.formparsers import MultiPartParser

from pipeline import photo
from server.api import api_settings
from server.api.application import application
from server.api.guard import BODY_BYTES_MAX
from server.api.problems import KINDS
from tests.browser import serving
from tests.browser.conftest import contents
from tests.conftest import encoded, enlarged
from tests.server.api.conftest import Served, files, problem, server

pytestmark = pytest.mark.slow
DOCUMENT = (serving.ROOT / "docs" / "api.md").read_text(encoding="utf-8")


def test_the_client_in_the_document_works_as_it_stands(served, madonna, tmp_path):
    example = re.search(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    assert example is not None
    (tmp_path / "client.py").write_text(example[1], encoding="utf-8")
    variables = {**os.environ, "LOOKSLIKEWHO_SERVER": str(served.client.base_url).rstrip("/")}

    def run(path) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "client.py", path)
        return subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=120)

    done = run(madonna)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "1. Madonna: 100 of 100, striking"
    assert len(done.stdout.splitlines()) == 3
    done = run(__file__)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


def test_the_kinds_of_problems_in_the_document_are_those_that_there_are():
    rows = re.findall(r"^\| (\d{3}[\d, ]*) \| (.+) \|$", DOCUMENT, re.MULTILINE)
    said = {kind: row[0].split(", ") for row in rows for kind in re.findall(r"`([a-z-]+)`", row[1])}
    for kind, (status, _) in KINDS.items():
        assert str(status) in said[kind], kind


# Requests that are refused before they are read ---------------------------------------------------------------------


def test_requests_say_their_length_and_type_and_are_not_too_large(served):
    def ask(headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection(served.client.base_url.netloc.decode(), timeout=30)
        connection.putrequest("POST", "/v1/find")
        for name, value in ({"Content-Type": "multipart/form-data; boundary=x"} | headers).items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    for status, kind, headers in (
        (411, "length-needed", {"Transfer-Encoding": "chunked"}),
        (411, "length-needed", {"Transfer-Encoding": "chunked", "Content-Length": "4"}),
        (413, "too-large", {"Content-Length": str(BODY_BYTES_MAX + 1)}),
        (415, "wrong-content", {"Content-Length": "4", "Content-Type": "text/plain"}),
    ):
        found, said = ask(headers)
        assert (found, said["type"]) == (status, f"urn:lookslikewho:{kind}")


def test_pages_of_other_sites_are_refused_and_told_nothing(served, madonna):
    for site in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": site, "Origin": "http://harm.example"}
        answer = served.client.post("/v1/find", files=files(photo=madonna), headers=headers)
        problem(answer, 403, "other-site")
    asked = {"Origin": "http://harm.example", "Access-Control-Request-Method": "POST"}
    assert served.client.options("/v1/find", headers=asked).status_code == 405
    answer = served.client.get("/v1/galleries", headers={"Origin": "http://harm.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_every_answer_has_an_id_and_keeps_a_sensible_one(served):
    answer = served.client.get("/v1/galleries", headers={"X-Request-ID": "order-66"})
    assert answer.headers["x-request-id"] == "order-66"
    assert answer.headers["cache-control"] == "no-store"
    odd = served.client.get("/v1/nothing", headers={"X-Request-ID": "no such / id"})
    assert re.fullmatch("[0-9a-f]{32}", odd.headers["x-request-id"])
    problem(odd, 404, "not-found")
    answer = served.client.delete("/v1/galleries")
    problem(answer, 405, "wrong-method")
    assert answer.headers["allow"] == "GET"
    line = next(line for line in served.log.read_text(encoding="utf-8").splitlines() if "order-66" in line)
    assert {"event": "api", "route": "/galleries", "status": 200}.items() <= json.loads(line).items()


def part(name: str, content: bytes, file: bool = False) -> bytes:
    """A part of a form."""
    more = b'; filename="me.jpg"' if file else b""
    return b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (name.encode(), more, content)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (part("photo", b"no end", file=True)[:-10], "multipart/form-data; boundary=x"),
        (b"nothing of a form", "multipart/form-data; boundary=x"),
        (part("photo", b"") + b"--x--\r\n", "multipart/form-data"),
        (part("top", b"1" * 2**21) + b"--x--\r\n", "multipart/form-data; boundary=x"),
        (part("photo", b"", file=True) * 1001 + b"--x--\r\n", "multipart/form-data; boundary=x"),
        (part("where", b"a=b") * 1001 + b"--x--\r\n", "multipart/form-data; boundary=x"),
        (
            part("photo", b"\xff\xd8 no photo", file=True) + part("top", b"\xff\xfe") + b"--x--\r\n",
            "multipart/form-data; boundary=x",
        ),
        (b"{" * 100_000, "application/json"),
        (b"\x1f\x8b" + b"0" * 100, "multipart/form-data; boundary=x"),
    ],
)
def test_damaged_forms_are_refused_in_a_sentence(body, kind, served):
    for path in ("/v1/find", "/v1/compare", "/v1/deepface/verify"):
        answer = served.client.post(path, content=body, headers={"Content-Type": kind})
        assert answer.status_code in (400, 422), answer.text
        problem(answer, answer.status_code, answer.json()["type"].rpartition(":")[2])
    assert served.client.get("/v1/health").status_code == 200


def test_a_program_that_leaves_while_it_sends_is_no_fault(served):
    host, port = served.client.base_url.netloc.decode().split(":")
    head = (
        "POST /v1/find HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: left-{}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n\r\n"
    )
    for number in range(5):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(head.format(number).encode() + part("photo", bytes(5000), file=True))
    end = time.monotonic() + 30
    while (log := served.log.read_text(encoding="utf-8")).count('"left-') < 5:
        assert time.monotonic() < end
        time.sleep(0.05)
    lines = [json.loads(line) for line in log.splitlines() if '"left-' in line]
    assert {(line["event"], line["status"]) for line in lines} == {("api", 400)}
    assert "Traceback" not in log


# Galleries ----------------------------------------------------------------------------------------------------------


def test_all_people_are_listed_page_by_page_and_their_faces_are_pictures(served):
    ((gallery,),) = served.client.get("/v1/galleries").json().values()
    assert (gallery["name"], gallery["is_default"], gallery["model"]) == ("demonstration", True, "facenet+sface")
    seen: list[dict[str, Any]] = []
    following = "/v1/people?limit=200"
    while following:
        answer = served.client.get(following).json()
        seen += answer["people"]
        following = answer["next"]
    assert len({person["person"] for person in seen}) == len(seen) == answer["total"] == gallery["people"]
    assert sum(person["photos"] for person in seen) == gallery["faces"]
    picture = served.client.get(seen[-1]["crop"])
    assert picture.headers["content-type"] == "image/jpeg"
    assert photo.read(picture.content).shape[2] == 3


def test_people_are_searched_by_name_and_by_columns(served):
    def names(**parameters) -> list[str]:
        answer = served.client.get("/v1/people", params=parameters)
        return [person["name"] for person in answer.json()["people"]]

    assert names(name="MADONNA") == ["Madonna"]
    assert names(name="no such name") == []
    celebrities = names(where="source=Five celebrities")
    assert len(celebrities) == 5
    assert names(where="source=Five celebrities", offset=3) == celebrities[3:]
    problem(served.client.get("/v1/people?where=colour=red"), 422, "wrong-value")
    problem(served.client.get("/v1/people?limit=0"), 422, "wrong-value")


def test_a_gallery_names_the_columns_by_which_its_people_are_chosen(served):
    answer = served.client.get("/v1/galleries/demonstration").json()
    (source,) = answer["columns"]
    assert (source["name"], source["is_number"], len(source["values"])) == ("source", False, 3)
    named = served.client.get("/v1/people", params={"where": f"source={source['values'][0]}", "limit": 1}).json()
    assert named["total"] > 300
    problem(served.client.get("/v1/galleries/nobody"), 404, "unknown-gallery")


def test_only_faces_of_galleries_have_an_address(served):
    for path in ("demonstration/999999.jpg", "nobody/1.jpg", "..%2F..%2Fmodels/1.jpg", "demonstration/-1.jpg"):
        assert served.client.get(f"/v1/crops/{path}").status_code in (400, 404, 422), path


# Its state and its description --------------------------------------------------------------------------------------


def test_health_and_readiness_are_told(served, madonna):
    assert served.find(madonna).status_code == 200
    assert served.client.get("/v1/health").json() == {"status": "ok"}
    assert served.client.get("/v1/ready").json() == served.client.get("/ready").json()
    assert served.client.get("/v1/ready").json()["ready"]


def test_figures_count_requests_by_route_and_name_nobody(served, madonna):
    served.find(madonna)
    text = served.client.get("/v1/metrics").text
    found = {sample.name: sample for family in text_string_to_metric_families(text) for sample in family.samples}
    assert found["lookslikewho_api_photos_total"].value >= 1
    assert "process_resident_memory_bytes" in found
    assert 'route="/find"' in text
    assert not re.search("Madonna|demonstration|127.0.0.1", text)


def test_its_description_is_complete_and_needs_nothing_from_elsewhere(served):
    described = served.client.get("/v1/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    text = json.dumps(described)
    schemas = described["components"]["schemas"]
    assert {name.rpartition("/")[2] for name in re.findall(r'"\$ref": "([^"]+)"', text)} <= schemas.keys()
    for path, methods in described["paths"].items():
        assert f"/v1{path.replace('{gallery}', 'GALLERY').replace('{number}', 'NUMBER')}" in DOCUMENT or (
            path.startswith("/deepface/") and path.removeprefix("/deepface") in DOCUMENT
        )
        for operation in methods.values():
            assert operation["responses"]["default"]["content"].keys() == {"application/problem+json"}
            assert operation["description"]
    page = served.client.get("/v1/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(r"<script|https?://|//cdn", page.text)
    assert "POST /v1/find" in page.text


# A public server ----------------------------------------------------------------------------------------------------


def test_a_program_needs_a_key_of_the_server(public_served, madonna):
    client = public_served.client
    for headers in ({}, {"Authorization": "Bearer nothing"}, {"Authorization": "Basic " + "x" * 20}):
        answer = client.post("/v1/find", files=files(photo=madonna), headers=headers)
        problem(answer, 401, "key-needed")
        assert answer.headers["www-authenticate"] == "Bearer"
    for path in ("/v1/galleries", "/v1/people", "/v1/crops/demonstration/0.jpg", "/v1/metrics", "/v1/nothing"):
        problem(client.get(path), 401, "key-needed")
    for path in ("/v1/health", "/v1/openapi.json", "/v1/docs"):
        assert client.get(path).status_code == 200, path
    assert public_served.find(madonna).status_code == 200


def test_figures_are_for_a_key_that_reads_them(public_served):
    problem(public_served.client.get("/v1/metrics", headers=public_served.headers("phone")), 404, "not-found")
    answer = public_served.client.get("/v1/metrics", headers=public_served.headers("watch"))
    assert answer.status_code == 200
    assert "lookslikewho_api_requests_total" in answer.text


def test_photos_of_a_key_are_limited_and_those_of_another_are_not(public_served, madonna):
    def ask(key: str) -> httpx.Response:
        headers = public_served.headers(key)
        return public_served.client.post("/v1/find", files=files(photo=madonna), headers=headers)

    answers = [ask("busy") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]
    assert "Try again in" in problem(answers[-1], 429, "too-many")
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert ask("watch").status_code == 200


def test_embeddings_are_not_told_unless_that_is_switched_on(public_served, madonna):
    for path in ("/v1/embed", "/v1/deepface/represent"):
        headers = public_served.headers("phone")
        problem(public_served.client.post(path, files=files(photo=madonna), headers=headers), 404, "not-found")
    described = public_served.client.get("/v1/openapi.json").json()
    assert not {"/embed", "/deepface/represent"} & described["paths"].keys()
    assert described["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


def test_a_server_whose_api_is_off_says_so(tmp_path):
    with server(tmp_path, **{api_settings.VARIABLE: "off"}) as started:
        for path in ("/v1/find", "/v1/health", "/v1/docs"):
            problem(started.client.get(path), 404, "not-found")


# What is left ------------------------------------------------------------------------------------------------------


def test_many_programs_at_once_all_get_their_answers(served, examples):
    photos = [path for paths in examples.values() for path in paths[:3]]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda path: served.find(path, top=1), photos))
    best = [answer.json()["matches"][0]["name"] for answer in answers]
    assert best == [name for name in examples for _ in range(3)]


def test_a_photo_of_any_size_is_kept_in_memory_before_a_page_was_opened(monkeypatch):
    monkeypatch.setattr(MultiPartParser, "spool_max_size", 1)
    application()
    assert MultiPartParser.spool_max_size > BODY_BYTES_MAX


def test_a_photo_is_written_nowhere_and_the_log_names_nobody(served: Served, madonna):
    before = contents(served.home)
    mark = secrets.token_bytes(24)
    large = encoded(enlarged(photo.read(madonna), 6), "JPEG", quality=100) + mark * 50_000
    assert len(large) > 2 * 10**6
    assert served.find(large).status_code == 200
    assert contents(served.home) == before
    places = [served.log, *(path for path in served.log.parent.joinpath("temporary").rglob("*") if path.is_file())]
    assert not [path for path in places if mark in path.read_bytes()]
    lines = [line for line in served.log.read_text(encoding="utf-8").splitlines() if '"begin"' not in line]
    assert not [line for line in lines if re.search("Madonna|me.jpg|127.0.0.1|Traceback", line)]
