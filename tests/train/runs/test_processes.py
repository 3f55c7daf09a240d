"""Trainings as background processes, with real processes that are stopped, killed and mistaken for others."""

import fcntl
import json
import os
import subprocess
import sys
import time

import pytest

from pipeline.errors import UserError
from train.runs import files, lock, processes

HOLD_LOCK = """
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
    """Starts a process that holds the run's lock and executes the given code."""
    started = []

    def train(code: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", HOLD_LOCK, str(folder), code]
        started.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        return started[-1]

    yield train
    for process in started:
        process.kill()
        process.wait()


def until(folder, state, seconds=20.0):
    end = time.monotonic() + seconds
    while (found := processes.run_state(folder)) != state or not (folder / files.CONFIG).is_file():
        assert time.monotonic() < end, found
        time.sleep(0.02)


def test_running_process_stops_when_asked(folder, training):
    process = training("time.sleep(60)")
    until(folder, "running")
    assert not processes.stop_requested(folder)
    processes.stop_training(folder)
    assert processes.stop_requested(folder)
    assert process.wait(20) != 0
    assert processes.run_state(folder) == "stopped"
    assert processes.resume_arguments(folder) == ["fit", "--run", "one"]


def test_second_request_kills_a_process_that_ignores_the_first(folder, training):
    process = training("\nwhile True:\n  try: time.sleep(60)\n  except KeyboardInterrupt: pass")
    until(folder, "running")
    processes.stop_training(folder)
    time.sleep(0.3)
    assert process.poll() is None and processes.run_state(folder) == "running"
    processes.stop_training(folder)
    process.wait(20)
    assert processes.run_state(folder) == "stopped"


def test_killed_process_has_crashed_without_output(folder, training):
    process = training("time.sleep(60)")
    until(folder, "running")
    process.kill()
    process.wait()
    assert processes.run_state(folder) == "crashed"
    assert processes.last_output(folder) == ""


def test_failed_process_leaves_its_error(folder, training):
    training("1 / 0").wait(20)
    assert processes.run_state(folder) == "crashed"
    assert processes.last_output(folder).endswith("ZeroDivisionError: division by zero")


def test_run_is_finished_once_it_has_a_result(folder, training):
    training("Path(sys.argv[1], 'result.json').write_text('{}')").wait(20)
    assert processes.run_state(folder) == "finished"
    (folder / files.RESULT).unlink()
    assert processes.run_state(folder) == "crashed"


def test_recycled_process_id_is_not_taken_for_the_training_nor_stopped(folder, training):
    process = training("time.sleep(60)")
    until(folder, "running")
    process.kill()
    process.wait()
    record = json.loads((folder / files.PROCESS).read_text())
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        (folder / files.PROCESS).write_text(json.dumps({**record, "pid": other.pid}))
        assert processes.run_state(folder) == "crashed"
        processes.stop_training(folder)
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.5)
    finally:
        other.kill()
        other.wait()


def test_checking_for_a_training_is_not_taken_for_one(folder):
    with lock.run_lock(folder, ["fit"]):
        (folder / files.CONFIG).write_text("{}")
    with (folder / ".lock").open("rb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        assert not lock.is_running(folder)


def test_only_one_process_trains_a_run(folder, training, monkeypatch):
    training("time.sleep(60)")
    until(folder, "running")
    monkeypatch.setattr(lock, "_WAIT_SECONDS", 0.1)
    with pytest.raises(UserError, match="Another process is training"), lock.run_lock(folder, ["fit"]):
        pass
    with pytest.raises(UserError, match="already being trained"):
        processes.start_training(folder, ["fit"])
    assert processes.run_state(folder) == "running"


def test_run_that_fails_to_start_leaves_nothing_and_keeps_earlier_arguments(folder):
    with pytest.raises(UserError), lock.run_lock(folder, ["fit", "--gallery", "nobody"]):
        raise UserError("There is no gallery nobody.")
    assert not folder.exists()
    with pytest.raises(KeyboardInterrupt), lock.run_lock(folder, ["fit", "--epochs", "5"]):
        (folder / files.CONFIG).write_text("{}")
        raise KeyboardInterrupt
    with pytest.raises(UserError), lock.run_lock(folder, ["fit", "--epochs", "6"]):
        raise UserError("The run already exists with other settings.")
    assert processes.run_state(folder) == "crashed"
    assert processes.resume_arguments(folder) == ["fit", "--epochs", "5"]
    assert "other settings" in processes.last_output(folder)


def test_started_training_logs_why_it_failed(empty_home):
    folder = files.run_folder("one")
    processes.start_training(folder, ["fit", "--run", "one"])
    until_ended(folder)
    assert processes.run_state(folder) == "crashed"
    assert "demonstration gallery has not been set up yet" in processes.last_output(folder)
    assert "python -m" not in processes.last_output(folder)
    assert processes.started_at(folder) is not None


def until_ended(folder):
    end = time.monotonic() + 30
    while lock.is_running(folder) or "ended" not in json.loads((folder / files.PROCESS).read_text()):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_missing_and_damaged_records_are_tolerated(tmp_path):
    assert processes.run_state(tmp_path / "none") == "stopped"
    for text in ("", "[]", '{"pid": "x", "begun": 3, "arguments": "fit"}', '{"begun": "yesterday"}'):
        (tmp_path / files.PROCESS).write_text(text)
        assert processes.run_state(tmp_path) in ("stopped", "crashed")
        assert processes.resume_arguments(tmp_path) is None and processes.started_at(tmp_path) is None
        processes.stop_training(tmp_path)


def test_last_output_has_no_terminal_codes(tmp_path):
    lines = "\n".join(f"line {number}" for number in range(30))
    (tmp_path / files.LOG).write_bytes(f"{lines}\n 1/2 \r\x1b[1m 2/2\x1b[0m done\xff\n".encode("latin-1"))
    words = processes.last_output(tmp_path).splitlines()
    assert len(words) == 12 and words[0] == "line 19" and words[-1].startswith(" 2/2 done")


def test_started_training_has_its_own_session(empty_home, monkeypatch):
    seen = {}

    class Recorded(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, command, **options):
            super().__init__((sys.executable, "-c", "import os, sys; print(os.getsid(0))"), **options)
            seen["id"] = self.pid

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    processes.start_training(files.run_folder("one"), ["fit"])
    assert processes.last_output(files.run_folder("one")) == str(seen["id"]) != str(os.getsid(0))
