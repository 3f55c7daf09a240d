"""Harm to each artefact of a gallery: bytes changed, cut off, gone. None may end a process or change an answer."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import faiss

from pipeline import arrays
from pipeline.errors import UserError
from pipeline.gallery import checking, opening, rejected
from pipeline.map import files as map_files
from pipeline.search import cache, index
from pipeline.search.search import Search
from pipeline.similarity.network_scorer import NetworkScorer
from tests.conftest import unit_rows
from tests.pipeline.similarity.test_scorers import CURVE, network
from tests.trust import kills

# Of a damaged one of these, nothing but its own message may be different.
ARTEFACTS = {
    "manifest": "manifest.json",
    "rows": "faces-*.arrow",
    "embeddings": "embeddings-*.npy",
    "digests": "digests-*.npy",
    "rejected photos": "rejected.csv",
    "a crop": "crops/000/000003.jpg",
    "prepared rows": "prepared-*.npy",
    "index": "index-*.faiss",
    "map": "map.npz",
    "map of codes": "codes.npz",
    "columns": "people-*.arrow",
    "credits": "credits-*.arrow",
    "list of credits": "attribution.csv",
}
_MADE_ANEW = ("prepared rows", "index")
# What a process with an open gallery may read again, or has mapped.
SERVED = tuple(artefact for artefact in ARTEFACTS if artefact != "index")
# A gallery is whole without them, so that their absence is no harm.
_MAPS = ("map", "map of codes")


# Among what a gallery answers.
_CODES = 4


class Harm(NamedTuple):
    """A kind of harm and what it makes of the bytes of a file; None where the file is gone."""

    kind: str
    harmed: bytes | None


def harms(data: bytes, count: int, seed: int = 0) -> Iterator[Harm]:
    """``count`` ways of harming a file: most change one or more bytes, some cut it, one deletes it."""
    source = random.Random(seed)
    yield Harm("gone", None)
    yield Harm("empty", b"")
    for number in range(count - 2):
        place = source.randrange(max(len(data), 1))
        if number % 5 == 0:
            yield Harm(f"cut at {place}", data[:place])
        else:
            length = source.choice((1, 1, 1, 4, 64))
            noise = bytes(byte ^ source.randrange(1, 256) for byte in data[place : place + length])
            yield Harm(f"{len(noise)} bytes at {place}", data[:place] + noise + data[place + length :])


def opened_search() -> Search:
    """The gallery, opened, and what ranks its people."""
    return Search(opening.open_gallery("mine"), NetworkScorer(network(length=192), CURVE))


def answers(search: Search) -> list[Any]:
    """Everything that a gallery answers: its people, a ranking, its maps, columns and credits."""
    opened = search.gallery
    (ranked,) = search.rank(unit_rows(1, 7, 192), 5)
    people = [(row["person"], row["name"], row["sha256"]) for row in map(opened.row, range(len(opened)))]
    plane = next(iter(map_files.open_map(opened).layouts.values()))
    codes = {name: layout.places.tolist() for name, layout in map_files.open_code_layouts(opened).items()}
    known = [opened.columns.of(person) for person in range(opened.people_count)]
    owners = [opened.credit(row) for row in range(len(opened))]
    return [people, ranked.people.tolist(), ranked.distances.tolist(), plane.places.tolist(), codes, known, owners]


def found_by_check() -> bool:
    """Whether a thorough check finds something."""
    opened = opening.read_gallery("mine", to_repair=True)
    found = [*checking.problems(opened), *cache.problems(opened), *map_files.problems(opened)]
    rejected.read_rejected(opened.folder)
    return bool(found)


def _try(artefact: str, path: Path, harm: Harm, whole: list[Any]) -> str:
    """What is wrong after a harm; "" if nothing is."""
    path.unlink(missing_ok=True)
    if harm.harmed is not None:
        path.write_bytes(harm.harmed)
    try:
        if not found_by_check() and not (harm.harmed is None and artefact in (*_MADE_ANEW, *_MAPS)):
            return "not found by the check"
    except UserError:
        pass
    if not path.exists() and harm.harmed is not None:
        path.write_bytes(harm.harmed)
    try:
        found = answers(opened_search())
        if artefact == "map of codes" and harm.harmed is None:
            found[_CODES] = whole[_CODES]
        if found != whole:
            return "answered differently"
    except UserError as error:
        return "" if artefact not in _MADE_ANEW else f"refused: {error}"
    return ""


def _small_index(rows: Any) -> Any:
    """An index as large galleries have one, of fewer rows than theirs are trained on."""
    made = faiss.index_factory(rows.shape[1], "IVF2,Flat", faiss.METRIC_INNER_PRODUCT)
    made.train(rows)
    made.add(rows)
    return made


def _damage(home: Path, artefact: str, count: int, told: Any) -> None:
    os.environ["LOOKSLIKEWHO_HOME"] = str(home)
    logging.disable()
    if artefact == "index":
        index.EXACT_MAX = 1
        setattr(index, "_build", _small_index)  # noqa: B010
    whole = answers(opened_search())
    (path,) = (home / "galleries" / "mine").glob(ARTEFACTS[artefact])
    folder = path.parent
    files = {each: each.read_bytes() for each in folder.iterdir() if each.is_file() and each.name != ".lock"}
    for harm in harms(files[path], count):
        told.send(harm.kind)
        try:
            problem = _try(artefact, path, harm, whole)
        except Exception as error:
            problem = f"{type(error).__name__}: {str(error)[:100]}"
        if problem:
            told.send(("lost", f"{artefact}, {harm.kind}: {problem}"))
        for each in set(folder.iterdir()) - files.keys():
            if each.is_file() and each.name != ".lock":
                each.unlink()
        for each, data in files.items():
            if not each.exists() or each.read_bytes() != data:
                each.write_bytes(data)
    told.send(("done", ""))
    os._exit(0)


def _replace(home: Path, artefact: str, count: int, told: Any) -> None:
    """Replace a file of an open gallery, each time by another one with its name or in place."""
    os.environ["LOOKSLIKEWHO_HOME"] = str(home)
    logging.disable()
    search = opened_search()
    whole = answers(search)
    (path,) = (home / "galleries" / "mine").glob(ARTEFACTS[artefact])
    data = path.read_bytes()
    for number, harm in enumerate(harms(data, count)):
        told.send(harm.kind)
        for content in (harm.harmed, data):
            if number % 2 or content is None:
                path.unlink()
            path.write_bytes(content or b"")
            try:
                found = answers(search)
            except UserError:
                found = whole
            except Exception as error:
                found = [f"{type(error).__name__}: {str(error)[:100]}"]
            if found != whole:
                told.send(("lost", f"{artefact}, {harm.kind}, replaced: {found[:1]}"))
    told.send(("done", ""))
    os._exit(0)


def losses_where_replaced(trials: kills.Trials, artefact: str, count: int) -> list[str]:
    """Replace an artefact so many times while a process has the gallery open, and say what went wrong."""
    trials.reset()
    return kills.told_losses(artefact, _replace, trials.home, artefact, count)[0]


def _cut_while_open(home: Path, artefact: str, mapped_min: int, told: Any) -> None:
    os.environ["LOOKSLIKEWHO_HOME"] = str(home)
    arrays.MAPPED_MIN_BYTES = mapped_min
    opened = opening.open_gallery("mine")
    search = Search(opened, NetworkScorer(network(length=192), CURVE))
    probe = unit_rows(1, 7, 192)
    (before,) = search.rank(probe, 5)
    (path,) = (home / "galleries" / "mine").glob(ARTEFACTS[artefact])
    os.truncate(path, 0)
    try:
        (after,) = search.rank(probe, 5)
        names = [opened.row(row)["name"] for row in range(len(opened))]
        same = after.people.tolist() == before.people.tolist() and len(names) == len(opened)
        told.send("answered as before" if same else "answered differently")
    except UserError:
        told.send("refused")
    os._exit(0)


def cut_while_open(trials: kills.Trials, artefact: str, *, mapped_min: int) -> str:
    """Cut a file to nothing while a process has the gallery open: what the process does with the next probe."""
    trials.reset()
    process, there = kills.begin(_cut_while_open, trials.home, artefact, mapped_min)
    process.join()
    return str(there.recv()) if process.exitcode == 0 else f"ended with {process.exitcode}"


def losses(trials: kills.Trials, artefact: str, count: int) -> list[str]:
    """Harm an artefact so many times, in a process of its own, and say what went wrong."""
    trials.reset()
    return kills.told_losses(artefact, _damage, trials.home, artefact, count)[0]
