"""The parts that all commands share: tables, counts, progress."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from pipeline.cli import console


def test_columns_line_up_by_their_width_on_the_screen(capsys):
    console.print_table(("name", "faces"), [("Ann", "1"), ("山田 花子", "1,000"), ("[bold]", "12")], numbers={1})
    assert capsys.readouterr().out.splitlines() == [
        "name       faces",
        "Ann            1",
        "山田 花子  1,000",
        "[bold]        12",
    ]


def test_piped_tables_never_wrap_or_end_in_spaces(capsys):
    console.print_table(("name", "crop"), [("Ann", "/a" * 500), ("Bob", "/b")])
    head, first, second = capsys.readouterr().out.splitlines()
    assert (head, first, second) == ("name  crop", "Ann   " + "/a" * 500, "Bob   /b")


@pytest.mark.parametrize(("number", "text"), [(0, "0 people"), (1, "1 person"), (2000, "2,000 people")])
def test_counts_take_the_singular_for_one(number, text):
    assert console.counted(number, "person", "people") == text


def test_short_steps_print_nothing_where_output_is_piped(capfd):
    with console.working("Loading"):
        pass
    assert capfd.readouterr() == ("", "")


def test_bars_go_to_standard_error_and_end_full(capfd):
    assert list(console.tracked("abc", "Reading", "letters")) == ["a", "b", "c"]
    output, errors = capfd.readouterr()
    assert output == ""
    assert "Reading" in errors and "100%" in errors and "3 of 3 letters" in errors


def test_a_stage_is_finished_when_the_next_one_begins(capfd):
    with console.progress() as report:
        report("First", 1, 4)
        report("Second", 1, 2)
    lines = capfd.readouterr().err.strip().splitlines()
    assert [line.split()[0] for line in lines] == ["First", "Second"]
    assert all("100%" in line for line in lines)


def test_a_terminal_shows_short_steps_while_they_last():
    code = (
        "import time; from pipeline.cli import console\nwith console.working('Loading the networks'): time.sleep(0.3)"
    )
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True, env={**os.environ, "TERM": "xterm"})
    os.close(theirs)
    shown = b""
    with open(ours, "rb", buffering=0) as terminal:  # noqa: PTH123 - a file descriptor
        try:
            while part := terminal.read(4096):
                shown += part
        except OSError:  # Linux says so at the end.
            pass
    assert b"Loading the networks" in shown
