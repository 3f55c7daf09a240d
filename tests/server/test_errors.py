"""Faults of the program: a number for the visitor, and the place in the code for the log."""

from __future__ import annotations

import json
import logging

from streamlit.testing.v1 import AppTest

from server import logs


def test_a_fault_shows_a_number_and_the_log_has_its_place_without_its_text(caplog):
    def script():
        from server import errors

        try:
            int("secret.jpg")
        except ValueError as error:
            errors.report(error)

    with caplog.at_level(logging.INFO, "server"):
        page = AppTest.from_function(script).run()
    (record,) = (record for record in caplog.records if record.name == "server")
    number = record.details["number"]
    assert page.error[0].value.endswith(f"under the number {number}.")
    assert "secret" not in page.error[0].value
    line = logs._Lines().format(record)
    assert "ValueError" in line
    assert "secret" not in line


def test_lines_of_the_log_are_json_on_request(monkeypatch):
    record = logging.makeLogRecord({"msg": "begin", "levelname": "INFO", "details": {"public": True}})
    assert logs._Lines().format(record).endswith(" begin public=True")
    monkeypatch.setenv(logs.VARIABLE, "json")
    line = json.loads(logs._Lines().format(record))
    assert (line["event"], line["public"], line["level"]) == ("begin", True, "info")
