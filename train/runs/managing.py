"""Renaming and deleting runs. A deleted run is set aside for some days, so that it can be restored."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pipeline import names, storage
from pipeline.errors import UserError
from pipeline.similarity.network_scorer import runs_folder
from train.runs import catalogue, processes
from train.runs.files import CONFIG, LOCK, PROCESS, run_folder

# A folder that starts with a dot is no run.
_REMOVED = ".removed"
KEPT_DAYS = 7
_DAY_SECONDS = 24 * 60 * 60


def rename_run(folder: Path, name: str) -> Path:
    """Give one of the user's runs another name; returns its new folder.

    Raises UserError if no run can have the name, another one has it, the run is being trained, or something finds it
    by its name: its study, or an unfinished run that starts from it.
    """
    target = run_folder(names.clean(name))
    if target.exists() and target != folder:
        raise UserError(f"There is already a run {target.name}. Choose another name.")
    target = target.with_name(names.clean(name))
    if target == folder:
        return folder
    _refuse_if_needed(folder, "renamed")
    with _at_rest(folder):
        record = storage.read_json(folder / PROCESS) or {}
        if arguments := processes.resume_arguments(folder):
            storage.write_json(folder / PROCESS, {**record, "arguments": _renamed(arguments, target.name)})
        folder.rename(target)
    return target


def remove_run(folder: Path) -> None:
    """Set one of the user's runs aside, and delete those that were set aside more than ``KEPT_DAYS`` days ago.

    Raises UserError if it is being trained, or an unfinished run starts from it.
    """
    _refuse_if_needed(folder, "deleted", study=False)
    aside = runs_folder() / _REMOVED
    with storage.writing(folder), _at_rest(folder):
        aside.mkdir(exist_ok=True)
        for old in removed_runs():
            if old.name == folder.name or time.time() - old.stat().st_mtime > KEPT_DAYS * _DAY_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
        folder.rename(aside / folder.name)
    # The days count from now on.
    (aside / folder.name).touch()


def removed_runs() -> list[Path]:
    """The folders of the runs that can be restored, by name."""
    aside = runs_folder() / _REMOVED
    return sorted(path for path in aside.iterdir() if path.is_dir()) if aside.is_dir() else []


def restore_run(name: str) -> Path:
    """Take a run back that was set aside. Raises UserError if it is gone, or another run has its name by now."""
    folder, target = runs_folder() / _REMOVED / name, run_folder(name)
    if not folder.is_dir():
        raise UserError(f"The run {name} is no longer there.")
    if target.exists():
        raise UserError(f"There is another run {name} now. Rename that one first.")
    folder.rename(target)
    return target


def _refuse_if_needed(folder: Path, what: str, *, study: bool = True) -> None:
    """Raises UserError if something finds the run by its name."""
    config: dict[str, Any] = storage.read_json(folder / CONFIG) or {}
    if study and "study" in config:
        raise UserError(f"The run {folder.name} belongs to the study {config['study']}, which finds it by its name.")
    for other in catalogue.own_runs():
        if other.settings.get("start") == folder.name and processes.run_state(other.folder) != "finished":
            raise UserError(f"The run {folder.name} cannot be {what}: the run {other.name} starts from it.")


@contextmanager
def _at_rest(folder: Path) -> Iterator[None]:
    """Hold the lock of a run. Raises UserError if it is being trained, or is gone."""
    if not folder.is_dir():
        raise UserError(f"The run {folder.name} is no longer there.")
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"The run {folder.name} is being trained. Stop it first.") from None
    try:
        yield
    finally:
        lock.release()


def _renamed(arguments: list[str], name: str) -> list[str]:
    """The arguments of a training with another name of the run, which follows ``--run`` or an equals sign."""
    found = list(arguments)
    for place, argument in enumerate(found):
        if argument.startswith("--run="):
            found[place] = f"--run={name}"
        elif argument == "--run" and place + 1 < len(found):
            found[place + 1] = name
    return found
