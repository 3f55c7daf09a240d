"""What its owner says of a run: a note and tags, ``notes.json``. Not part of its settings, so it may change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import names, storage
from train.runs.files import NOTES

NOTE_LETTERS_MAX, TAGS_MAX = 2000, 20


@dataclass(frozen=True)
class RunNotes:
    """A note and tags."""

    note: str = ""
    tags: tuple[str, ...] = ()


def read_notes(folder: Path) -> RunNotes:
    """The notes of a run; empty if there are none, or they are damaged."""
    found = storage.read_json(folder / NOTES)
    if not isinstance(found, dict):
        return RunNotes()
    note, tags = found.get("note"), found.get("tags")
    return _clean(note if isinstance(note, str) else "", tags if isinstance(tags, list) else [])


def write_notes(folder: Path, note: str, tags: Sequence[str]) -> None:
    """Store the notes of a run; without any, the file goes."""
    kept = _clean(note, tags)
    if kept == RunNotes():
        (folder / NOTES).unlink(missing_ok=True)
    else:
        storage.write_json(folder / NOTES, {"note": kept.note, "tags": list(kept.tags)})


def _clean(note: str, tags: Sequence[object]) -> RunNotes:
    """Tags are compared as names are, and sorted."""
    known = {names.key(tag): names.clean(tag)[: names.LENGTH_MAX] for tag in tags if isinstance(tag, str)}
    kept = sorted(tag for tag in known.values() if tag)[:TAGS_MAX]
    return RunNotes(note.strip()[:NOTE_LETTERS_MAX], tuple(kept))
