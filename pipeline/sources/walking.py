"""Walking over folders of photos: what is a photo, what is skipped, and why.

All sources list folders here. Hidden files and the folders of operating systems and network drives are passed over
without a word. Whatever else is neither a folder nor a regular file is skipped, and so is what cannot be read.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import SourceError
from pipeline.photo import SUFFIXES

# Thumbnails, recycle bins, snapshots and leftovers, in small letters. Their names begin with a dot otherwise.
_SYSTEM_FOLDERS = frozenset(
    {
        "@eadir",
        "@recycle",
        "#recycle",
        "#snapshot",
        "~snapshot",
        "$recycle.bin",
        "recycler",
        "__macosx",
        "lost+found",
        "system volume information",
        "network trash folder",
        "temporary items",
    }
)
_SPECIAL = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True)
class Skipped:
    """A file or folder that a walk skipped, and why: "a pipe, not a photo"."""

    path: Path
    reason: str


@dataclass
class Listing:
    """What a walk met, each sorted by name. Folders that are links come last."""

    photos: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def open_folder(folder: Path) -> Listing:
    """What is directly in a folder that the user gave. Raises SourceError if it is missing or cannot be read."""
    try:
        if not folder.is_dir():
            raise SourceError(f"There is no folder {folder}.")
        return _listing(folder)
    except OSError as error:
        raise SourceError(f"The folder {folder} cannot be read: {error.strerror}.") from error


def list_folder(folder: Path) -> Listing:
    """What is directly in a folder. One that cannot be read is skipped."""
    try:
        return _listing(folder)
    except OSError as error:
        return Listing(skipped=[Skipped(folder, f"a folder that cannot be read ({error.strerror})")])


def list_below(folder: Path) -> Listing:
    """The photos in a folder at any depth, those nearer to the top first, and what was skipped.

    Links are followed, but no folder is read twice, nor one that ``folder`` is in.
    """
    whole = Listing()
    parent = folder.absolute().parent.resolve()
    above = {parent, *parent.parents, *folder.resolve().parents}
    seen: set[Path] = set()
    waiting = [folder]
    while waiting:
        place = waiting.pop(0)
        real = place.resolve()
        if real in above or real in seen:
            whole.skipped.append(Skipped(place, "a link to a folder that is read already"))
            continue
        seen.add(real)
        found = list_folder(place)
        whole.photos += found.photos
        whole.skipped += found.skipped
        waiting = found.folders + waiting
    return whole


def _listing(folder: Path) -> Listing:
    found = Listing()
    linked: list[Path] = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith(".") or entry.name.lower() in _SYSTEM_FOLDERS:
                continue
            path = folder / entry.name
            is_photo = path.suffix.lower() in SUFFIXES
            if reason := _reason_to_skip(entry, is_photo):
                found.skipped.append(Skipped(path, reason))
            elif entry.is_dir():
                (linked if entry.is_symlink() else found.folders).append(path)
            elif is_photo:
                found.photos.append(path)
    found.folders += linked
    return found


def _reason_to_skip(entry: os.DirEntry[str], is_photo: bool) -> str:
    """Why an entry is skipped; "" for a folder and a regular file, whatever is in it."""
    try:
        # Without a call to the system in most cases, for folders of millions of photos.
        mode = stat.S_IFREG if entry.is_file(follow_symlinks=False) else entry.stat().st_mode
    except OSError as error:
        what = "a broken link" if entry.is_symlink() else "a file that cannot be read"
        return f"{what} ({error.strerror})"
    if special := _SPECIAL.get(stat.S_IFMT(mode)):
        return f"{special}, not a photo"
    if stat.S_ISDIR(mode):
        return "a folder with the name of a photo" if is_photo else ""
    if is_photo and not os.access(entry.path, os.R_OK):
        return "a photo that cannot be read (Permission denied)"
    return ""
