"""Output that cannot be written, or not as text: closed pipes, full disks, terminals without all letters."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import console

pytestmark = pytest.mark.tensorflow
ROOT = Path(__file__).parents[3]


def shell(script: str, **environment: object) -> tuple[int, str, str]:
    """Exit code, output and errors of a script for bash, in which ``$py`` is Python."""
    values = {name: str(value) for name, value in environment.items()}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script],
        cwd=ROOT,
        env={**os.environ, "py": sys.executable, **values},
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="surrogateescape")


@pytest.mark.parametrize(
    "command", ["galleries", "find --help", "check small", "find $photo --gallery small --scorer cosine"]
)
def test_a_closed_pipe_is_silent(small, madonna, command):
    # The reader has gone before the first line is printed.
    code, output, errors = shell(f"$py -m pipeline {command} | true", photo=madonna)
    assert (output, errors) == ("", "")
    assert code in (0, 1)


@pytest.mark.parametrize("command", ["galleries", "find --help", "check small"])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_below_the_output_is_named_as_such(small, command):
    code, _, errors = shell(f"$py -m pipeline {command} > /dev/full")
    assert (code, errors) == (1, "The output cannot be written: No space left on device.\n")


def test_commands_run_without_any_output(small):
    assert shell("$py -m pipeline galleries >&- 2>&-") == (0, "", "")


@pytest.mark.parametrize("encoding", ["ascii:strict", "latin-1:strict", "utf-8:strict"])
def test_names_are_escaped_where_the_output_cannot_show_them(small, encoding, tmp_path):
    small.rename(small.with_name("Renée 家"))
    undecodable = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg")
    code, output, errors = shell(
        '$py -m pipeline galleries; $py -m pipeline find "$photo"', photo=undecodable, PYTHONIOENCODING=encoding
    )
    assert code == 1
    shown = {"ascii": r"Ren\xe9e \u5bb6", "latin-1": "Ren\udce9e \\u5bb6", "utf-8": "Renée 家"}
    assert shown[encoding.partition(":")[0]] in output
    assert errors.splitlines() == [rf"There is no file {tmp_path}/caf\udce9.jpg."]


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_json_stays_json_in_every_encoding(small, madonna, tmp_path, encoding):
    photo = os.fsdecode(os.fsencode(tmp_path) + "/Renée 家".encode() + b"\xe9.jpg")
    shutil.copy(madonna, photo)
    code, output, errors = shell(
        '$py -m pipeline find "$photo" --gallery small --scorer cosine --json', photo=photo, PYTHONIOENCODING=encoding
    )
    assert (code, errors) == (0, "")
    assert json.loads(output)["photo"] == photo


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë 家 שלום", "Zoë 家 שלום"),
        ("👨‍👩‍👧 😀", "👨‍👩‍👧 😀"),
        ("\x1b[31mRed\x1b[0m", r"\x1b[31mRed\x1b[0m"),
        ("New\nLine\tTab", r"New\nLine\tTab"),
        ("\u202eevil\u202c", r"\u202eevil\u202c"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("caf\udce9", r"caf\udce9"),
    ],
)
def test_control_characters_are_escaped(capsys, text, shown):
    assert console.printable(text) == shown
    console.print_table(("name",), [(text,)])
    console.say(text)
    console.warn(text)
    output, errors = capsys.readouterr()
    assert output == f"name\n{shown}\n{shown}\n"
    assert errors == f"{shown}\n"
