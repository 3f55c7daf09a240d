"""``make benchmark-review``: how many of the photos to review are really wrong, on LFW, which has known errors.

The gallery ``lfw`` is needed (``python -m pipeline build --source lfw``). Each doubt was judged by eye, in
``benchmarks/quality/doubts.csv``: ``wrong`` (another person, or one under two names), ``right`` or ``unclear``.
``FOLDER=sheet make benchmark-review`` also draws them, to judge what is new.
"""

from __future__ import annotations

import csv
import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from benchmarks import explained, report
from pipeline.errors import UserError
from pipeline.gallery import opening
from pipeline.gallery.gallery import Gallery
from pipeline.map import review
from pipeline.map.review import Doubt, DoubtKind

_JUDGED = Path(__file__).parent / "quality" / "doubts.csv"
_FIRST = 50
_SIDE_PX, _SMALL_PX, _COLUMNS = 96, 40, 10


def main() -> None:
    """Count the judgements by kind of doubt."""
    opened = opening.open_gallery("lfw")
    doubts = [doubt for doubt in review.find_doubts(opened) if doubt.kind is not DoubtKind.POOR][:_FIRST]
    with _JUDGED.open(encoding="utf-8", newline="") as table:
        judged = {line["photo"]: line["judged"] for line in csv.DictReader(table)}
    found = [(doubt.kind.value, judged.get(_photo(opened, doubt.row), "not judged")) for doubt in doubts]
    kinds = [kind.value for kind in DoubtKind if kind is not DoubtKind.POOR]
    report(
        "review",
        {
            f"The first {len(doubts)} photos to review of {len(opened):,} in LFW": [
                *(_line(kind, [what for each, what in found if each == kind]) for kind in kinds),
                _line("all", [what for _, what in found]),
            ]
        },
    )
    if folder := os.environ.get("FOLDER"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        _sheet(opened, doubts).save(Path(folder) / "review.png")


def _photo(opened: Gallery, row: int) -> str:
    return Path(opened.row(row)["original"]).name


def _line(kind: str, judged: list[str]) -> dict[str, object]:
    counts = Counter(judged)
    names = ("wrong", "right", "unclear", "not judged")
    share = counts["wrong"] / max(len(judged), 1)
    return {"doubt": kind, "photos": len(judged)} | {name: counts[name] for name in names} | {"precision": share}


def _sheet(opened: Gallery, doubts: list[Doubt]) -> Image.Image:
    """Each photo beside what speaks against it, and below them other photos of the person."""
    width, height = 2 * _SIDE_PX, _SIDE_PX + _SMALL_PX + 16
    sheet = Image.new("RGB", (_COLUMNS * width, -(-len(doubts) // _COLUMNS) * height), "white")
    draw = ImageDraw.Draw(sheet)
    for number, doubt in enumerate(doubts):
        x, y = number % _COLUMNS * width, number // _COLUMNS * height
        own = np.flatnonzero(opened.person_of_row == opened.person_of_row[doubt.row])
        pictures = [(doubt.row, _SIDE_PX, 0), (doubt.other, _SIDE_PX, 0)]
        pictures += [(row, _SMALL_PX, _SIDE_PX) for row in own[own != doubt.row][:4].tolist()]
        left = {0: x, _SIDE_PX: x}
        for row, side, down in pictures:
            if row is not None:
                with Image.open(opened.crop_path(row)) as crop:
                    sheet.paste(crop.convert("RGB").resize((side, side)), (left[down], y + down))
            left[down] += side
        draw.text((x, y + _SIDE_PX + _SMALL_PX), _photo(opened, doubt.row)[:30], fill="black")
    return sheet


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(explained(error))
