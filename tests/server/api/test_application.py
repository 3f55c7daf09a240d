"""What the API answers where something is wrong on the server itself, asked in this process."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

import httpx
import pyarrow as pa
import pytest

from pages.shared.turns import Turns
from pipeline.gallery.columns import PeopleColumns, table_of
from server.api import api_settings, guard, looks, open_galleries
from server.api.application import application
from server.api.endpoints import people
from server.api.looks import PhotoLook
from tests.server.api.conftest import files, problem


@pytest.fixture
def ask(monkeypatch):
    """Asks an API that is switched on, in a thread: Playwright's event loop may run in this one."""
    monkeypatch.setenv(api_settings.VARIABLE, "on")
    monkeypatch.delenv(api_settings.KEYS_VARIABLE, raising=False)

    async def answer(method: str, path: str, **given) -> httpx.Response:
        transport = httpx.ASGITransport(app=application(), raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **given)

    def ask_(*request, **given) -> httpx.Response:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, answer(*request, **given)).result()

    return ask_


def test_a_fault_of_the_program_is_a_number_and_the_log_has_its_place_without_its_text(ask, monkeypatch, caplog):
    def names() -> list[str]:
        raise RuntimeError("secret.jpg")

    monkeypatch.setattr(open_galleries, "names", names)
    with caplog.at_level(logging.INFO, "server"):
        answer = ask("GET", "/galleries", headers={"X-Request-ID": "order-66"})
    assert "secret" not in problem(answer, 500, "fault") + answer.text
    (fault,) = (record.details for record in caplog.records if record.msg == "fault")
    assert (fault["number"], fault["kind"]) == ("order-66", "RuntimeError")
    assert any("server/api/endpoints/people.py" in place for place in fault["at"])
    assert next(record.details for record in caplog.records if record.msg == "api")["status"] == 500


def test_a_fault_before_the_framework_is_answered_too(ask, monkeypatch):
    def of(*_: object) -> int:
        raise RuntimeError("secret")

    monkeypatch.setattr(guard, "_size", of)
    problem(ask("POST", "/find"), 500, "fault")


def test_programs_come_back_later_where_too_many_photos_wait(ask, monkeypatch, madonna):
    monkeypatch.setattr(looks, "_WAITING_MAX", 0)
    answer = ask("POST", "/find", files=files(photo=madonna))
    assert "Try again" in problem(answer, 503, "busy")
    assert answer.headers["retry-after"] == "1"


def test_without_galleries_there_is_nothing_to_find(ask, empty_home, madonna):
    assert ask("GET", "/galleries").json() == {"galleries": []}
    problem(ask("POST", "/find", files=files(photo=madonna)), 404, "unknown-gallery")


def test_a_column_of_numbers_is_told_by_its_range_and_one_of_texts_by_the_most_common():
    table = table_of({"a": {"born": 1980.0, "work": ("actor", "singer")}, "b": {"born": 1992.0, "work": ("singer",)}})
    columns = PeopleColumns(table, lambda: pa.chunked_array([["x", "y"]]), "family")
    assert people._column(columns, "born") == {"name": "born", "is_number": True, "least": 1980, "most": 1992}
    assert people._column(columns, "work")["values"] == ["singer", "actor"]


def test_a_program_that_has_left_gives_its_place_to_the_next(monkeypatch):
    turns = Turns(1)
    monkeypatch.setattr(looks, "turns", lambda: turns)
    mine = PhotoLook()
    mine.has_left.set()
    with turns.turn(lambda before: None), pytest.raises(looks._LeftError), mine.turn():
        pass
    assert turns.is_idle()
