"""Trainings as processes, by real processes that are stopped, killed and mistaken for others."""

import fcntl
import json
import os
import subprocess
import sys
import time

import pytest

from pipeline.errors import UserError
from train.runs import files, lock, processes

ANNOUNCE = """
import sys, time
from pathlib import Path
from train.runs.lock import run_lock
with run_lock(Path(sys.argv[1]), ["fit", "--run", "one"]):
    Path(sys.argv[1], "config.json").write_text("{}")
    exec(sys.argv[2])
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "one"


@pytest.fixture
def training(folder):
    """Begins a process that trains the run in the folder, by doing what it is told."""
    begun = []

    def train(does: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", ANNOUNCE, str(folder), does]
        begun.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        return begun[-1]

    yield train
    for process in begun:
        process.kill()
        process.wait()


def until(folder, state, seconds=20.0):
    end = time.monotonic() + seconds
    while (found := processes.run_state(folder)) != state or not (folder / files.CONFIG).is_file():
        assert time.monotonic() < end, found
        time.sleep(0.02)


def test_a_process_is_seen_while_it_trains_and_asked_to_stop_it_stops(folder, training):
    process = training("time.sleep(60)")
    until(folder, "running")
    assert not processes.stop_requested(folder)
    processes.stop_training(folder)
    assert processes.stop_requested(folder)
    assert process.wait(20) != 0
    assert processes.run_state(folder) == "stopped"
    assert processes.resume_arguments(folder) == ["fit", "--run", "one"]


def test_one_that_is_deaf_to_the_request_is_ended_by_the_second(folder, training):
    process = training("\nwhile True:\n  try: time.sleep(60)\n  except KeyboardInterrupt: pass")
    until(folder, "running")
    processes.stop_training(folder)
    time.sleep(0.3)
    assert process.poll() is None and processes.run_state(folder) == "running"
    processes.stop_training(folder)
    process.wait(20)
    assert processes.run_state(folder) == "stopped"


def test_one_that_is_killed_has_crashed_and_left_no_word(folder, training):
    process = training("time.sleep(60)")
    until(folder, "running")
    process.kill()
    process.wait()
    assert processes.run_state(folder) == "crashed"
    assert processes.last_output(folder) == ""


def test_one_that_fails_leaves_its_error(folder, training):
    training("1 / 0").wait(20)
    assert processes.run_state(folder) == "crashed"
    assert processes.last_output(folder).endswith("ZeroDivisionError: division by zero")


def test_one_that_ends_well_is_finished_by_its_result_alone(folder, training):
    training("Path(sys.argv[1], 'result.json').write_text('{}')").wait(20)
    assert processes.run_state(folder) == "finished"
    (folder / files.RESULT).unlink()
    assert processes.run_state(folder) == "crashed"


def test_another_process_of_the_same_number_is_neither_taken_for_the_training_nor_stopped(folder, training):
    process = training("time.sleep(60)")
    until(folder, "running")
    process.kill()
    process.wait()
    record = json.loads((folder / files.PROCESS).read_text())
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        (folder / files.PROCESS).write_text(json.dumps({**record, "pid": stranger.pid}))
        assert processes.run_state(folder) == "crashed"
        processes.stop_training(folder)
        with pytest.raises(subprocess.TimeoutExpired):
            stranger.wait(0.5)
    finally:
        stranger.kill()
        stranger.wait()


def test_whoever_looks_is_not_taken_for_a_training(folder):
    with lock.run_lock(folder, ["fit"]):
        (folder / files.CONFIG).write_text("{}")
    with (folder / ".lock").open("rb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        assert not lock.is_running(folder)


def test_a_run_is_trained_by_one_process_at_a_time(folder, training, monkeypatch):
    training("time.sleep(60)")
    until(folder, "running")
    monkeypatch.setattr(lock, "_WAIT_SECONDS", 0.1)
    with pytest.raises(UserError, match="Another process is training"), lock.run_lock(folder, ["fit"]):
        pass
    with pytest.raises(UserError, match="already being trained"):
        processes.start_training(folder, ["fit"])
    assert processes.run_state(folder) == "running"


def test_a_run_that_could_not_begin_leaves_nothing_and_one_that_could_is_gone_on_with_as_before(folder):
    with pytest.raises(UserError), lock.run_lock(folder, ["fit", "--gallery", "nobody"]):
        raise UserError("There is no gallery nobody.")
    assert not folder.exists()
    with pytest.raises(KeyboardInterrupt), lock.run_lock(folder, ["fit", "--epochs", "5"]):
        (folder / files.CONFIG).write_text("{}")
        raise KeyboardInterrupt
    with pytest.raises(UserError), lock.run_lock(folder, ["fit", "--epochs", "6"]):
        raise UserError("It was begun with other settings.")
    assert processes.run_state(folder) == "crashed"
    assert processes.resume_arguments(folder) == ["fit", "--epochs", "5"]
    assert "other settings" in processes.last_output(folder)


def test_a_training_that_is_started_has_a_session_of_its_own_and_says_why_it_failed(empty_home):
    folder = files.run_folder("one")
    processes.start_training(folder, ["fit", "--run", "one"])
    until_ended(folder)
    assert processes.run_state(folder) == "crashed"
    assert "demonstration gallery is not there yet" in processes.last_output(folder)
    assert processes.started_at(folder) is not None


def until_ended(folder):
    end = time.monotonic() + 30
    while lock.is_running(folder) or "ended" not in json.loads((folder / files.PROCESS).read_text()):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_damaged_records_and_none_at_all_break_nothing(tmp_path):
    assert processes.run_state(tmp_path / "none") == "stopped"
    for text in ("", "[]", '{"pid": "x", "begun": 3, "arguments": "fit"}', '{"begun": "yesterday"}'):
        (tmp_path / files.PROCESS).write_text(text)
        assert processes.run_state(tmp_path) in ("stopped", "crashed")
        assert processes.resume_arguments(tmp_path) is None and processes.started_at(tmp_path) is None
        processes.stop_training(tmp_path)


def test_the_last_words_are_without_what_only_terminals_understand(tmp_path):
    lines = "\n".join(f"line {number}" for number in range(30))
    (tmp_path / files.LOG).write_bytes(f"{lines}\n 1/2 \r\x1b[1m 2/2\x1b[0m done\xff\n".encode("latin-1"))
    words = processes.last_output(tmp_path).splitlines()
    assert len(words) == 12 and words[0] == "line 19" and words[-1].startswith(" 2/2 done")


def test_the_session_of_a_started_training_is_not_that_of_the_starter(empty_home, monkeypatch):
    seen = {}

    class Recorded(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, command, **options):
            super().__init__((sys.executable, "-c", "import os, sys; print(os.getsid(0))"), **options)
            seen["id"] = self.pid

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    processes.start_training(files.run_folder("one"), ["fit"])
    assert processes.last_output(files.run_folder("one")) == str(seen["id"]) != str(os.getsid(0))
