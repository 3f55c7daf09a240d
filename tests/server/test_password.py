"""The administrator's password."""

from __future__ import annotations

import stat

import pytest
from typer.testing import CliRunner

from pages.shared import administrator
from pipeline.errors import UserError
from server.__main__ import app


def test_the_password_is_kept_as_a_hash_that_only_the_owner_reads(tmp_path, monkeypatch):
    file = tmp_path / "password"
    done = CliRunner().invoke(app, ["password", str(file)], input="correct horse battery\ncorrect horse battery\n")
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "horse" not in file.read_text(encoding="ascii")
    monkeypatch.setenv(administrator.VARIABLE, str(file))
    assert administrator._is_right("correct horse battery")
    assert not administrator._is_right("correct horse batterz")
    assert not administrator._is_right("")


def test_a_short_password_is_refused_and_the_file_stays(tmp_path):
    file = tmp_path / "password"
    file.write_text("before", encoding="ascii")
    done = CliRunner().invoke(app, ["password", str(file)], input="short\nshort\n")
    assert done.exit_code == 2
    assert "at least 12 characters" in done.output
    assert file.read_text(encoding="ascii") == "before"


@pytest.mark.parametrize("content", [None, "", "nonsense", ":", "Ünïcode", "c2FsdA=="])
def test_nobody_signs_in_with_a_missing_or_damaged_file(content, tmp_path, monkeypatch):
    file = tmp_path / "password"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    monkeypatch.setenv(administrator.VARIABLE, str(file))
    for password in ("", "correct horse battery"):
        try:
            assert not administrator._is_right(password)
        except UserError as error:
            assert "missing or damaged" in str(error)
