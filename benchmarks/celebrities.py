"""``make benchmark-celebrities``: a gallery of celebrities from a local server, killed five times on the way.

The server speaks as Wikidata and Wikimedia Commons do, faults included. Its photos are faces of LFW, enlarged to the
width of the thumbnails of Commons; one in ten of a category shows somebody else. ``PEOPLE=200`` builds a smaller one.
"""

from __future__ import annotations

import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from benchmarks import data_folder, explained, report
from pages.shared import about
from pages.shared.text import escape
from pipeline import storage
from pipeline.errors import UserError
from pipeline.gallery import checking, opening, rejected
from pipeline.gallery.gallery import Gallery
from pipeline.gallery.screening import RejectionKind
from pipeline.sources.base import Selection
from pipeline.sources.wikidata.celebrities import SOURCE
from pipeline.sources.wikidata.commons import WIDTH_PX
from pipeline.sources.wikidata.selection import WOMEN
from tests.cases import wikimedia
from tests.cases.wikimedia import WikimediaServer, World
from train.datasets.lfw import lfw_folder

PEOPLE = int(os.environ.get("PEOPLE", str(Selection.people)))
NAME = "celebrities"
# So many people are on the server for each one who is wanted, so that the limits can be met.
_POOL, _PLANTED = 6, 0.1
_PHOTOS_MIN, _PHOTOS_MAX = 2, 4
# Killed once while people are chosen, and four times while photos are measured: after so many requests a person.
_KILLS = (("w", 0.05), ("photos", 0.2), ("photos", 0.7), ("photos", 1.2), ("photos", 1.8))
_WOMEN_MIN, _COUNTRY_MAX, _LEFT_OUT_MIN, _MINUTES_MAX, _CORES = 0.4, 0.25, 0.99, 40, 2


class Cost(NamedTuple):
    """Seconds of all runs, by the clock and of the processor, and how many runs were killed."""

    seconds: float
    cpu_seconds: float
    killed: int


def main() -> None:
    """Build the gallery, look at what it has become, and print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "home").mkdir()
        (place / "home" / "models").symlink_to(storage.home() / "models")
        world = wikimedia.world_of(_photos(place / "photos"), _POOL * PEOPLE, planted=_PLANTED)
        with wikimedia.serving(world) as server, data_folder(place / "home"):
            cost, said = _built(server)
            opened = opening.open_gallery(NAME)
            rows = [*_complete(opened, cost), *_balanced(opened), *_credited(world, opened)]
            rows += [*_planted(world, opened), *_polite(server), *_quick(opened, cost)]
    print(
        "\n".join(
            line for line in said.splitlines() if line.startswith(("Women", "Countries", "Born", "Occupations"))
        )
    )
    report("celebrities", {f"Celebrities: {PEOPLE:,} people, from a server with faces of LFW": rows})


def _row(what: str, measured: str, asked: str = "") -> dict[str, str]:
    return {"what": what, "measured": measured, "asked": asked}


def _photos(folder: Path) -> list[list[Path]]:
    """Photos by person, in the size of thumbnails."""
    found = []
    for person in sorted(lfw_folder().joinpath("lfw").iterdir()):
        own = sorted(person.glob("*.jpg"))[:_PHOTOS_MAX]
        if len(own) >= _PHOTOS_MIN:
            (folder / person.name).mkdir(parents=True)
            found.append([_enlarged(path, folder / person.name / path.name) for path in own])
    return found


def _enlarged(path: Path, to: Path) -> Path:
    with Image.open(path) as picture:
        height = round(picture.height * WIDTH_PX / picture.width)
        picture.resize((WIDTH_PX, height), Image.Resampling.BICUBIC).save(to, quality=90)
    return to


# Building -----------------------------------------------------------------------------------------------------------


def _built(server: WikimediaServer) -> tuple[Cost, str]:
    """Build, with kills on the way. Returns the cost, and what the last run has said."""
    command = [sys.executable, "-m", "pipeline", "build", "--source", "wikidata", "--people", str(PEOPLE)]
    environment = {**os.environ, **server.environment}
    begun, before, killed = time.perf_counter(), _cpu_seconds(), 0
    for kind, share in _KILLS:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and server.etiquette.requests[kind] < share * PEOPLE:
            time.sleep(0.1)
        killed += process.poll() is None
        process.kill()
        process.wait()
        print(f"{time.perf_counter() - begun:,.0f} s: killed after {dict(server.etiquette.requests)}", flush=True)
    last = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return Cost(time.perf_counter() - begun, _cpu_seconds() - before, killed), last.stdout.decode()


def _cpu_seconds() -> float:
    """Of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# What has become of it ----------------------------------------------------------------------------------------------


def _id_of(key: str) -> str:
    return key.removeprefix(f"{SOURCE}/")


def _complete(opened: Gallery, cost: Cost) -> Iterator[dict[str, str]]:
    """People, faces, and what is there twice or not at all."""
    originals: list[str] = opened.faces["original"].to_pylist()
    inspected = {*originals, *(each.original for each in rejected.read_rejected(opened.folder))}
    faces = Counter(map(_id_of, opened.faces["person"].to_pylist()))
    # Whoever has fewer photos than wanted has no photo that nobody looked at.
    lost = [
        path
        for path in (storage.home() / "wikidata" / "photos").glob("*/*")
        if faces[path.parent.name] < Selection.photos_per_person and str(path.absolute()) not in inspected
    ]
    crops = sum(1 for _ in (opened.folder / "crops").glob("*/*.jpg"))
    doubled = len(originals) - len(set(originals)) + abs(crops - len(originals))
    yield _row("people, photos", f"{opened.people_count:,}, {len(opened):,}", f"{PEOPLE:,} people")
    yield _row("killed on the way", str(cost.killed), str(len(_KILLS)))
    yield _row("photos lost, doubled", f"{len(lost)}, {doubled}", "0, 0")
    yield _row("problems found by `check`", str(len(list(checking.problems(opened)))), "0")


def _balanced(opened: Gallery) -> Iterator[dict[str, str]]:
    """The shares, from the columns."""
    columns, people = opened.columns, opened.people_count
    sexes = columns.texts("sex")
    women = np.isin(sexes.texts, [number for number, text in enumerate(sexes.distinct) if text in WOMEN])
    born = columns.numbers("born")
    decades = Counter((born[~np.isnan(born)] // 10 * 10).astype(int).tolist())
    (decade, born_then), (country, there) = decades.most_common(1)[0], columns.counts("country")[0]
    occupation, same = columns.counts("occupation")[0]
    share = len(set(sexes.people[women].tolist())) / people
    yield _row("women", f"{share:.1%}", f"at least {_WOMEN_MIN:.0%}")
    yield _row("the largest country", f"{country}: {there / people:.1%}", f"at most {_COUNTRY_MAX:.0%}")
    yield _row("the largest decade", f"{decade}s: {born_then / people:.1%}", "spread")
    yield _row("the largest occupation", f"{occupation}: {same / people:.1%}", "spread")


def _credited(world: World, opened: Gallery) -> Iterator[dict[str, str]]:
    """Photos whose author and licence are those that the server states, wherever they are shown."""
    with (opened.folder / "attribution.csv").open(encoding="utf-8", newline="") as table:
        lines = {line["crop"]: line for line in csv.DictReader(table)}
    right: Counter[str] = Counter()
    files = {file.sha1[:20]: file for file in world.files.values()}
    for row in range(len(opened)):
        values, credit = opened.row(row), opened.credit(row)
        file, line = files[Path(values["original"]).stem], lines.get(f"{values['crop']:06d}.jpg", {})
        author = "unknown author" if file.kind == "no author" else "Ann & Bob"
        shown = about.credit_line(credit)
        right["attribution.csv"] += (line.get("author"), line.get("licence")) == (author, file.licence)
        right["under a match"] += escape(author) in shown and escape(file.licence) in shown
        right["on the card"] += f"{author}, {file.licence}" in about.credit_text(values["source"], credit)
    for where, count in right.items():
        yield _row(f"photos with author and licence, {where}", f"{count / len(opened):.1%}", "100%")


def _planted(world: World, opened: Gallery) -> Iterator[dict[str, str]]:
    """Photos of others in categories, and own ones, of those that were measured."""
    planted = {file.sha1[:20] for person in world.people.values() for file in person.planted}
    portraits = {person.files[0].sha1[:20] for person in world.people.values()}
    kept = {Path(path).stem for path in opened.faces["original"].to_pylist()} - portraits
    unsure = {
        Path(each.original).stem
        for each in rejected.read_rejected(opened.folder)
        if each.rejection.kind == RejectionKind.NOT_SURE
    }
    others, own = (kept | unsure) & planted, (kept | unsure) - planted
    left_out = len(others - kept) / max(len(others), 1)
    yield _row(f"photos of somebody else left out, of {len(others):,}", f"{left_out:.2%}", f"{_LEFT_OUT_MIN:.0%}")
    yield _row(f"own photos kept, of {len(own):,}", f"{len(own & kept) / max(len(own), 1):.1%}")


def _polite(server: WikimediaServer) -> Iterator[dict[str, str]]:
    """What the server has seen of its clients."""
    seen = server.etiquette
    names = {"sparql": "queries", "w": "questions about files", "photos": "photos", "moved": "redirected"}
    asked = ", ".join(f"{names[kind]} {count:,}" for kind, count in sorted(seen.requests.items()))
    yield _row("requests", asked)
    yield _row(
        "agents, requests at once, during a pause",
        f"{len(seen.agents)}, {seen.most_at_once}, {seen.early}",
        "1, 2, 0",
    )


def _quick(opened: Gallery, cost: Cost) -> Iterator[dict[str, Any]]:
    """What computing has cost, the five kills included."""
    measured = len(opened) + len(rejected.read_rejected(opened.folder))
    minutes = cost.cpu_seconds / _CORES / 60
    yield _row("photos measured", f"{measured:,}")
    yield _row("processor time a photo", f"{1000 * cost.cpu_seconds / measured:.0f} ms")
    yield _row("computing on two cores", f"{minutes:.0f} minutes", f"at most {_MINUTES_MAX} minutes")
    yield _row("by the clock, network and other programs included", f"{cost.seconds / 60:.0f} minutes")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(explained(error))
