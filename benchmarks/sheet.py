"""``make sheet``: 24 people of LFW and who is most similar in the demonstration, to judge by eye.

One picture for what ships and for each of some settings: a row for each probe, which stands on the left, and the most
similar people. It shows photos of LFW, which may not be published with this project: keep the pictures to yourself.
The people (``benchmarks/quality/people.csv``: twelve women, twelve men, from all continents) are of
``peopleDevTest.txt``, so no network was trained on them.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks import explained
from benchmarks.side_by_side import FACENET_ALONE, SFACE_ALONE, Setting, rows_of, sface
from pipeline import photo
from pipeline.embedding.facenet import FACENET_SETTINGS
from pipeline.errors import UserError
from pipeline.faces import geometry
from pipeline.faces.face import Face
from pipeline.faces.geometry import View
from pipeline.gallery import layout, opening
from pipeline.gallery.gallery import Gallery
from pipeline.lookalikes import Lookalikes, Models
from train.datasets.lfw import LFW, loaded_detector, loaded_facenet

SETTINGS = (
    FACENET_ALONE,
    Setting(("A", "A mirrored"), 2, 0.5),
    Setting(("A", "A mirrored"), 2, 0.75),
    Setting(("A", "A mirrored"), 2, 1.5),
    SFACE_ALONE,
)
PEOPLE = Path(__file__).parent / "quality" / "people.csv"
MATCHES = 5
_SIDE_PX, _GAP_PX, _TITLE_PX = 96, 4, 20
# Probes beside one another, each with its matches.
_COLUMNS = 2


def main(folder: Path) -> None:
    """Write a picture for each setting, and one for what ships, into the folder."""
    lfw = LFW()
    probes = probes_of(lfw)
    demonstration = Demonstration(opening.open_gallery(layout.DEMONSTRATION))
    portraits = [
        geometry.portrait(lfw.photo(number), face, level_over_degrees=FACENET_SETTINGS.level_over_degrees)
        for number in probes
        if (face := lfw.faces[number])
    ]
    found = {"as shipped": shipped_matches(lfw, probes)}
    for setting in SETTINGS:
        gallery = setting.rows(demonstration.view, demonstration.sface)
        cosines = rows_of(lfw, setting, probes) @ gallery.T
        found[f"{setting.title}, by cosine"] = [demonstration.matches(values) for values in cosines]
    folder.mkdir(parents=True, exist_ok=True)
    for title, matches in found.items():
        path = folder / f"{title.replace(' ', '-').replace(',', '')}.png"
        _sheet([[one, *others] for one, others in zip(portraits, matches, strict=True)], title).save(path)
        print(path)


def probes_of(lfw: LFW) -> NDArray[np.int64]:
    """The numbers of the photos of the people in the list."""
    number_of = {path.stem: number for number, path in enumerate(lfw.paths)}
    with PEOPLE.open(encoding="utf-8", newline="") as file:
        names = [f"{row['person'].replace(' ', '_')}_{int(row['photo']):04}" for row in csv.DictReader(file)]
    return np.array([number_of[name] for name in names])


def shipped_matches(lfw: LFW, probes: NDArray[np.int64]) -> list[list[NDArray[np.uint8]]]:
    """The portraits that the finder shows for each probe."""
    models = Models.load()
    lookalikes = Lookalikes.open(layout.DEMONSTRATION, models=models)
    asked = [models.probe(lfw.photo(number), face) for number in probes if (face := lfw.faces[number])]
    return [[photo.read(match.crop_path) for match in matches] for matches in lookalikes.rank(asked, MATCHES)]


class Demonstration:
    """The faces of the demonstration gallery, embedded from the portraits that it keeps; each view once."""

    def __init__(self, gallery: Gallery) -> None:
        self.gallery = gallery
        self.portraits = [photo.read(gallery.crop_path(row)) for row in range(len(gallery))]
        detected = loaded_detector()(self.portraits)
        self.found = [(row, faces[0]) for row, faces in enumerate(detected) if faces]
        self._rows: dict[View | int, NDArray[np.float32]] = {}

    def view(self, view: View) -> NDArray[np.float32]:
        """FaceNet's rows of one view, zeros without a face."""
        level, size = FACENET_SETTINGS.level_over_degrees, (160, 160)

        def crop(row: int, face: Face) -> NDArray[np.uint8]:
            return geometry.crop(*geometry.level(self.portraits[row], face, over_degrees=level), view, size=size)

        if view not in self._rows:
            crops = np.stack([crop(row, face) for row, face in self.found])
            self._rows[view] = self._filled(loaded_facenet().rows(crops))
        return self._rows[view]

    def sface(self, passes: int) -> NDArray[np.float32]:
        """SFace's rows, zeros without a face."""
        if passes not in self._rows:
            embedder = sface(passes)
            crops = [embedder.crops(self.portraits[row], face) for row, face in self.found]
            self._rows[passes] = self._filled(embedder(crops))
        return self._rows[passes]

    def _filled(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        filled = np.zeros((len(self.gallery), rows.shape[1]), np.float32)
        filled[[row for row, _ in self.found]] = rows
        return filled

    def matches(self, cosines: NDArray[np.float32]) -> list[NDArray[np.uint8]]:
        """The portraits of the most similar people, by their most similar photo. cosines (faces,)."""
        order = np.argsort(-cosines, kind="stable")
        people = self.gallery.person_of_row[order]
        firsts = np.sort(np.unique(people, return_index=True)[1])[:MATCHES]
        return [self.portraits[row] for row in order[firsts]]


def _sheet(rows: Sequence[Sequence[NDArray[np.uint8]]], title: str) -> Image.Image:
    """Rows of portraits under a title, in columns."""
    height = -(-len(rows) // _COLUMNS)
    step, width = _SIDE_PX + _GAP_PX, (MATCHES + 1) * (_SIDE_PX + _GAP_PX) + 6 * _GAP_PX
    sheet = Image.new("RGB", (_COLUMNS * width, height * step + _TITLE_PX), "white")
    ImageDraw.Draw(sheet).text((_GAP_PX, _GAP_PX), title, "black")
    for number, row in enumerate(rows):
        column, line = divmod(number, height)
        for place, portrait in enumerate(row):
            left = column * width + place * step + (3 * _GAP_PX if place else 0)
            small = Image.fromarray(portrait).resize((_SIDE_PX, _SIDE_PX), Image.Resampling.LANCZOS)
            sheet.paste(small, (left, _TITLE_PX + line * step))
    return sheet


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Usage: python -m benchmarks.sheet FOLDER")
    try:
        main(Path(sys.argv[1]))
    except UserError as error:
        sys.exit(explained(error))
