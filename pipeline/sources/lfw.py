"""Labeled Faces in the Wild (Huang et al. 2007): 13,233 photos of 5,749 people, for research."""

from __future__ import annotations

from pathlib import Path

from pipeline import storage
from pipeline.errors import SourceError
from pipeline.sources import folder, walking
from pipeline.sources.base import Source, SourcePeople

LICENCE = "research benchmark, University of Massachusetts Amherst; photos from news agencies"
# The folders in LFW's archives.
_UNPACKED = ("lfw", "lfw_funneled", "lfw-deepfunneled")


def lfw_people(path: Path | None = None) -> SourcePeople:
    """The people of an unpacked LFW (``Name/Name_0001.jpg``); without ``path``, scikit-learn downloads it.

    ``path`` may also be the folder above, which holds the official lists as well.

    Raises SourceError if there are no photos or the download fails.
    """
    path = path or _download()
    below = {place.name: place for place in walking.open_folder(path).folders}
    unpacked = [below[name] for name in _UNPACKED if name in below]
    return folder.people_in_folder(unpacked[0] if unpacked else path, source="LFW", licence=LICENCE)


LFW = Source(
    "lfw",
    "Labeled Faces in the Wild",
    "Labeled Faces in the Wild, 5,749 people for research, downloaded by default",
    lfw_people,
    default=lfw_people,
)


def read_pairs(path: Path) -> list[tuple[str, str, bool, int]]:
    """LFW's pair list (``pairs.txt``): the names of both photos, whether they show the same person, and the fold.

    Folds count from 0. Raises SourceError if the file is missing or not a pair list.
    """
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
        size = 2 * int(lines[0][-1])
        return [
            (f"{row[0]}_{int(row[1]):04d}", f"{row[-2 if len(row) == 4 else 0]}_{int(row[-1]):04d}", len(row) == 3, n)
            for row, n in zip(lines[1:], (number // size for number in range(len(lines))), strict=False)
        ]
    except (OSError, ValueError, IndexError) as error:
        raise SourceError(f"{path} is not a list of LFW pairs.") from error


def _download() -> Path:
    from sklearn.datasets import fetch_lfw_people

    place = storage.home() / "downloads"
    try:
        # This unpacks all of LFW; the large minimum avoids loading the photos.
        fetch_lfw_people(data_home=str(place), min_faces_per_person=500, resize=0.1)
    except OSError as error:
        raise SourceError(
            "LFW could not be downloaded. Check the network, or give the folder of your own copy.",
            command="python -m pipeline build --source lfw --path FOLDER",
        ) from error
    return place / "lfw_home" / "lfw_funneled"
