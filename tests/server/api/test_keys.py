"""Keys of programs: made, kept as hashes, removed, damaged."""

from __future__ import annotations

import stat

import pytest
from typer.testing import CliRunner

from pipeline.errors import UserError
from server.__main__ import app
from server.api import keys
from server.api.keys import KeyFile


def test_a_key_is_printed_once_and_kept_as_a_hash_that_only_the_owner_reads(tmp_path):
    file = tmp_path / "keys"
    done = CliRunner().invoke(app, ["key", "phone", str(file)])
    assert done.exit_code == 0, done.output
    key = done.stdout.strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert key not in file.read_text(encoding="ascii")
    known = KeyFile(file)
    found = known.find(key)
    assert found is not None
    assert (found.name, found.reads_metrics) == ("phone", False)
    for wrong in ("", key[:-1], key + "x", found.digest):
        assert known.find(wrong) is None


def test_a_running_server_learns_of_new_and_removed_keys(tmp_path):
    file = tmp_path / "keys"
    first = keys.add(file, "first")
    known = KeyFile(file)
    second = keys.add(file, "second", reads_metrics=True)
    found = known.find(second)
    assert found is not None
    assert found.reads_metrics
    assert known.find(first)
    assert CliRunner().invoke(app, ["remove-key", "first", str(file)]).exit_code == 0
    assert known.find(first) is None
    assert known.find(second)


@pytest.mark.parametrize("name", ["", "two words", "Ünïcode", "a" * 65, "line\nbreak"])
def test_a_name_that_cannot_be_one_is_refused(name, tmp_path):
    with pytest.raises(UserError, match="letters, digits"):
        keys.add(tmp_path / "keys", name)
    assert not (tmp_path / "keys").exists()


def test_a_name_is_given_once_and_only_a_known_one_is_removed(tmp_path):
    keys.add(tmp_path / "keys", "phone")
    with pytest.raises(UserError, match="There is a key phone already"):
        keys.add(tmp_path / "keys", "phone")
    with pytest.raises(UserError, match="There is no key tablet"):
        keys.remove(tmp_path / "keys", "tablet")


@pytest.mark.parametrize("content", [None, "phone", "phone 1234", "phone " + "0" * 64 + " everything", "Ünïcode"])
def test_a_missing_or_damaged_file_lets_nobody_in(content, tmp_path):
    file = tmp_path / "keys"
    key = keys.add(file, "phone")
    known = KeyFile(file)
    if content is None:
        file.unlink()
    else:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match="missing or damaged"):
        known.find(key)
    with pytest.raises(UserError, match="missing or damaged"):
        KeyFile(file)
