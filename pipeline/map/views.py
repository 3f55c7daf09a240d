"""Views of a map that were saved under a name: what the address of the page says, kept in the gallery's folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline import storage
from pipeline.errors import GalleryError

FILE = "views.json"
VIEWS_MAX = 100


@dataclass(frozen=True)
class SavedView:
    """A view by its name.

    address: the values of each parameter of the address. digest: of the gallery's embeddings, which have other rows
    once somebody is added or removed.
    """

    name: str
    note: str
    address: dict[str, list[str]]
    digest: str


def read(folder: Path) -> list[SavedView]:
    """The saved views of the gallery in ``folder``, in the order of saving; none where the file is damaged."""
    known = (storage.read_json(folder / FILE) or {}).get("views")
    found = []
    for each in known if isinstance(known, list) else ():
        try:
            address = {str(name): [str(value) for value in values] for name, values in each["address"].items()}
            found.append(SavedView(str(each["name"]), str(each["note"]), address, str(each["digest"])))
        except (AttributeError, KeyError, TypeError):
            continue
    return found


def save(folder: Path, view: SavedView) -> None:
    """Save a view, in place of one of the same name.

    Raises GalleryError if it has no name or there are too many, StorageError.
    """
    if not view.name:
        raise GalleryError("Give the view a name.")
    others = [each for each in read(folder) if each.name != view.name]
    if len(others) >= VIEWS_MAX:
        raise GalleryError(f"There are {VIEWS_MAX} saved views. Delete one first.")
    _write(folder, [*others, view])


def delete(folder: Path, name: str) -> None:
    """Delete the view of this name, if there is one. Raises StorageError."""
    _write(folder, [each for each in read(folder) if each.name != name])


def _write(folder: Path, views: list[SavedView]) -> None:
    storage.write_json(folder / FILE, {"views": [asdict(view) for view in views]})
