"""Renaming, deleting and restoring runs, and what their owner says of them."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import pytest

from pipeline import storage
from pipeline.errors import UserError
from pipeline.similarity import files as network_files
from train.runs import catalogue, files, lineage, lock, managing, processes
from train.runs.managing import remove_run, removed_runs, rename_run, restore_run
from train.runs.notes import RunNotes, read_notes, write_notes


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path))


def run(name: str, ended: str = "finished", **settings):
    folder = files.run_folder(name)
    folder.mkdir(parents=True)
    about = {"study": settings.pop("study")} if "study" in settings else {}
    storage.write_json(folder / files.CONFIG, {"settings": settings, **about})
    arguments = ["fit", "--run", name, "--gallery", "--run"]
    storage.write_json(folder / files.PROCESS, {"arguments": arguments, "ended": ended})
    if ended == "finished":
        storage.write_json(folder / files.RESULT, {})
    return folder


def names() -> list[str]:
    return [each.name for each in catalogue.own_runs()]


def test_a_renamed_run_goes_on_under_its_new_name():
    folder = rename_run(run("old", "stopped"), "  new   name ")
    assert names() == ["new name"] and folder == files.run_folder("new name")
    assert processes.resume_arguments(folder) == ["fit", "--run", "new name", "--gallery", "--run"]
    assert processes.run_state(folder) == "stopped"
    # Its own name in another spelling is free.
    assert rename_run(folder, "New Name").name == "New Name" and names() == ["New Name"]
    assert rename_run(files.run_folder("New Name"), "New Name").is_dir()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("OTHER", "There is already a run other"), ("../up", "not a valid run name"), ("", "The run name is empty")],
)
def test_a_name_that_no_run_can_have_is_refused(name, sentence):
    folder = run("mine")
    run("other")
    with pytest.raises(UserError, match=sentence):
        rename_run(folder, name)
    assert sorted(names()) == ["mine", "other"]


def test_what_others_find_by_its_name_keeps_it():
    with pytest.raises(UserError, match="belongs to the study search, which finds it by its name"):
        rename_run(run("search-000", study="search"), "best")
    first = run("first")
    going = run("going", "stopped", start="first")
    for change in (lambda: rename_run(first, "new"), lambda: remove_run(first)):
        with pytest.raises(UserError, match="the run going starts from it"):
            change()
    storage.write_json(going / files.RESULT, {})
    assert rename_run(first, "new").is_dir()


def test_a_run_that_is_trained_is_neither_renamed_nor_deleted():
    folder = run("mine")
    with lock.run_lock(folder, ["fit"]):
        for change in (lambda: rename_run(folder, "new"), lambda: remove_run(folder)):
            with pytest.raises(UserError, match=r"is being trained\. Stop it first"):
                change()
    assert names() == ["mine"]


def test_a_deleted_run_can_be_restored_for_some_days_with_all_its_files():
    folder = run("mine")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    remove_run(folder)
    assert names() == [] and [path.name for path in removed_runs()] == ["mine"]
    restored = restore_run("mine")
    assert names() == ["mine"] and removed_runs() == []
    kept = {path.name: path.read_bytes() for path in restored.iterdir() if path.name != files.LOCK}
    assert kept == before
    remove_run(restored)
    old = time.time() - (managing.KEPT_DAYS + 1) * 24 * 60 * 60
    os.utime(removed_runs()[0], (old, old))
    remove_run(run("another"))
    assert [path.name for path in removed_runs()] == ["another"]


def test_a_run_is_not_restored_over_another_one():
    remove_run(run("mine"))
    run("mine")
    with pytest.raises(UserError, match="There is another run mine now"):
        restore_run("mine")
    with pytest.raises(UserError, match="no longer there"):
        restore_run("nobody")
    # The later one of the same name takes its place.
    remove_run(files.run_folder("mine"))
    assert [path.name for path in removed_runs()] == ["mine"]


def test_notes_are_kept_apart_from_the_settings_and_damaged_ones_are_none():
    folder = run("mine")
    write_notes(folder, " Try again. ", ["b", " A  a", "a A", ""])
    assert read_notes(folder) == RunNotes("Try again.", ("a A", "b"))
    for text in ("[]", "{", '{"note": 3, "tags": [4]}'):
        (folder / files.NOTES).write_text(text)
        assert read_notes(folder) == RunNotes()
    write_notes(folder, "", [])
    assert not (folder / files.NOTES).exists()


class Opened:
    """A gallery, as far as the lineage reads it."""

    name, people_count = "family", 12

    def __init__(self) -> None:
        self.manifest: dict[str, Any] = {storage.DIGEST: "abc", "embedding": {"model": "facenet"}}

    def __len__(self) -> int:
        return 40


def test_the_lineage_is_written_once_and_a_run_that_ships_is_known_by_its_weights():
    folder = run("mine")
    lineage.record_lineage(folder, Opened())  # type: ignore[arg-type]
    known = lineage.read_lineage(folder)
    assert (known["gallery"], known["gallery_sha256"], known["people"], known["faces"]) == ("family", "abc", 12, 40)
    earlier = Opened()
    earlier.manifest = {"embedding": {"model": "facenet"}}
    lineage.record_lineage(run("before hashes"), earlier)  # type: ignore[arg-type]
    assert len(lineage.read_lineage(files.run_folder("before hashes"))["gallery_sha256"]) == 64
    (folder / files.LINEAGE).write_text(json.dumps({**known, "version": "earlier"}))
    lineage.record_lineage(folder, Opened())  # type: ignore[arg-type]
    assert lineage.read_lineage(folder)["version"] == "earlier"
    assert lineage.released_for(folder) == []
    shipped = network_files.SHIPPED / "sface"
    (folder / storage.MANIFEST).write_bytes((shipped / storage.MANIFEST).read_bytes())
    assert lineage.released_for(folder) == ["sface"]
