"""The kinds of work that change galleries, on small galleries and without networks, each with what it starts from.

The gallery "mine" has six people with two photos each, of whom the last two were added by hand. Whoever is removed,
renamed or deleted is among those.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline import isolated_photo, photo, storage
from pipeline.faces.detector import load_detector
from pipeline.gallery import building, editing, layout, managing, milvus, mirroring, opening, reassigning, removing
from pipeline.gallery.editing import NewPhoto
from pipeline.gallery.inspection import InspectedPhoto
from pipeline.gallery.screening import PhotoQuality
from pipeline.map import fitting
from pipeline.map.files import save_code_layouts, save_map
from pipeline.map.layouts import PCA, FaceMap, Layout
from pipeline.search.search import Search
from pipeline.similarity import files
from pipeline.similarity.cosine import CosineScorer
from pipeline.sources.base import Credit, SourcePerson, source_people
from tests import toys
from tests.conftest import unit_rows
from tests.pipeline.similarity.test_scorers import network
from tests.trust import fetching, training

ADDED = ("Eve", "Fay")
BUILT = ("Ann", "Bob", "Cid", "Dan")
MORE = ("Gus", "Hal")


@cache
def picture(seed: int) -> bytes:
    """A JPEG of coloured noise that no other seed gives."""
    cells = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), np.uint8)
    written = io.BytesIO()
    Image.fromarray(cells).resize((240, 240)).save(written, "JPEG")
    return written.getvalue()


def new_photo(person: str, seed: int, dimensions: int) -> NewPhoto:
    """An inspected photo. Its portrait is another picture, as a crop would be."""
    data = picture(seed)
    embedding = unit_rows(1, seed, dimensions)[0]
    quality = PhotoQuality(400, 1.0, 200)
    sha256 = hashlib.sha256(data).hexdigest()
    identity = toys.load_colours().identity
    inspected = InspectedPhoto(quality, sha256, 1, False, (), identity, embedding, picture(seed + 1000))
    return NewPhoto(person, f"{seed}.jpg", data, inspected)


def photos_folder() -> Path:
    """Where the photos of the built people are."""
    return storage.home() / "source"


def people(names: tuple[str, ...], seed: int) -> list[SourcePerson]:
    """People with two photos each, written to a folder beside the galleries."""
    found = []
    for number, name in enumerate(names):
        paths = tuple(photos_folder() / f"{name}-{seed}-{place}.jpg" for place in range(2))
        for place, path in enumerate(paths):
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(picture(seed + 10 * number + place))
        columns = {
            "born": 1950.0 + len(name) + number,
            "occupation": ("actor",) if number % 2 else ("painter", "poet"),
        }
        owners = {path: Credit(f"Photographer of {name}", "CC BY 4.0", page=f"page {path.name}") for path in paths}
        found.append(SourcePerson(name, name, paths, "Toys", "none", columns, owners))
    return found


def build(name: str, names: tuple[str, ...], seed: int = 0, *, fresh: bool = False) -> None:
    """Build with the toys of the registries. Photos are decoded here: no process of their own needs to start."""
    setattr(isolated_photo, "load", photo.load)  # noqa: B010
    own = people(names, seed)
    if fresh:
        managing.drop_unfinished_build(name)
    settings = building.BuildSettings(people_per_part=1)
    listed = source_people([*editing.added_people(name), *own])
    building.build(name, listed, load_detector("toy-detector"), toys.load_colours(), settings=settings, replace=fresh)


def add(name: str, *names: str, seed: int) -> None:
    """Add two photos of each person by hand."""
    seeds = [(person, seed + 10 * number + place) for number, person in enumerate(names) for place in range(2)]
    photos = [new_photo(person, own, 192) for person, own in seeds]
    assert editing.add_photos(name, photos) == [None] * len(photos)


def prepare() -> None:
    """The gallery that the work starts from, and the photos that it builds from."""
    for names, seed in ((BUILT[:3], 100), (MORE, 200), (BUILT, 300)):
        people(names, seed)
    build("mine", BUILT)
    add("mine", *ADDED, seed=500)
    fit("mine")


def fit(name: str) -> None:
    """Keep a map of a gallery and one of a network's codes, without the time that fitting takes."""
    opened = opening.open_gallery(name)
    random = np.random.default_rng(0)
    count = len(opened)
    places = random.uniform(-1, 1, (count, 2)).astype(np.float32)
    plane = Layout(places, np.ones(count, np.float32), 0.9)
    made, folder = network(length=opened.embeddings.shape[1]), storage.home() / "network"
    files.write_network(folder, made, None, {"embedding": opened.manifest["embedding"]})
    save_code_layouts(opened, {"PCA of codes": plane}, folder=folder, network=made)
    clusters, typical = np.zeros(count, np.uint8), np.zeros(1, np.int64)
    save_map(opened, FaceMap({PCA: plane}, clusters, typical, 0.1, 0.2, np.ones(count, np.float32)))


def fit_really(name: str) -> None:
    """Fit the map of a gallery."""
    opened = opening.open_gallery(name)
    save_map(opened, fitting.fit_map(opened))


def prepare_set_up() -> None:
    """An empty data folder with archives of three people."""
    shown = {"madonna": (700, 701), "Ann Lee": (702,), "Bob_Roe": (703,)}
    fetching.prepare({name: [picture(seed) for seed in seeds] for name, seeds in shown.items()})


def in_milvus(do: Callable[[], object]) -> None:
    """Do some work with an index in a file of milvus-lite."""
    os.environ[milvus.ENVIRONMENT] = f"milvus:{storage.home() / 'faces.db'}"
    do()


def check_indexes() -> None:
    """Open every gallery, and see that its collection has exactly its faces, and that no collection is left over."""
    expected = set()
    for name in layout.names():
        opened = opening.read_gallery(name)
        if len(opened):
            Search(opened, CosineScorer())
            mirror = mirroring.read(opened.folder)
            assert mirror
            expected.add(mirror.collection)
            assert list(mirroring.problems(opened)) == []
    there = milvus.Collection(str(storage.home() / "faces.db"), "any").client.list_collections()
    assert set(there) == expected


def restore() -> None:
    """Remove somebody and put them back."""
    removing.restore("mine", removing.remove_person("mine", "Your photos/Eve"))


def photo_of(name: str, person: str) -> str:
    """The hash of a photo of a person."""
    rows = opening.read_gallery(name).faces.to_pylist()
    return next(str(row["sha256"]) for row in rows if row["name"] == person)


# The kinds of work that are killed, by what they are called in the report.
WORK: dict[str, Callable[[], object]] = {
    "build": lambda: build("new", BUILT[:3], seed=100),
    "append": lambda: build("mine", MORE, seed=200),
    "build --fresh": lambda: build("mine", BUILT, seed=300, fresh=True),
    "add by hand": lambda: add("mine", "Ivy", "Ann", seed=600),
    "remove a person": lambda: removing.remove_person("mine", "Your photos/Fay"),
    "remove a photo": lambda: removing.remove_person("mine", "Your photos/Fay", photo_of("mine", "Fay")),
    "restore": restore,
    "rename": lambda: reassigning.rename_person("mine", "Your photos/Eve", "Zoe"),
    "merge": lambda: reassigning.merge_people("mine", "Your photos/Eve", "Your photos/Fay"),
    "copy": lambda: managing.copy_gallery("mine", "copy"),
    "create": lambda: managing.create_gallery("empty"),
    "delete": lambda: managing.delete_gallery("mine"),
    "map": lambda: fit_really("mine"),
}
KINDS = tuple(WORK)
# Work in steps, each of which is done or not when it is killed, and goes on when it is begun again.
STEPS: dict[str, Callable[[], object]] = {
    "set-up": fetching.set_up,
    "download": fetching.download,
    "training": training.train,
}
WORK |= STEPS
WORK |= {"prepare set-up": prepare_set_up}
# The same with an index in a file of milvus-lite, in the data folder too.
IN_MILVUS = tuple(
    f"{kind} in Milvus" for kind in ("append", "add by hand", "remove a person", "merge", "copy", "delete")
)
WORK |= {kind: partial(in_milvus, WORK[kind.removesuffix(" in Milvus")]) for kind in IN_MILVUS}
WORK |= {"prepare in Milvus": partial(in_milvus, prepare), "check in Milvus": partial(in_milvus, check_indexes)}
WORK |= {"prepare": prepare, "remove Eve": lambda: removing.remove_person("mine", "Your photos/Eve")}
