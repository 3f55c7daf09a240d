"""The command line: ``python -m pipeline --help``."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import photo, storage
from pipeline.cli import console
from pipeline.cli.console import positive, print_table, working
from pipeline.embedding.registry import EMBEDDERS
from pipeline.errors import GalleryError, MapError, UserError
from pipeline.gallery import checking, opening
from pipeline.gallery.layout import DEMONSTRATION, build_command, folder_of, names
from pipeline.similarity import files, scorers
from pipeline.sources.registry import DEFAULT_SOURCE, SOURCES

if TYPE_CHECKING:
    from rich.progress import TaskID

    from pipeline.embedding.base import Embedder
    from pipeline.embedding.registry import default_identity
    from pipeline.faces.face import Face
    from pipeline.gallery.building import Progress
    from pipeline.lookalikes import Found, Match, Models, Probe
    from pipeline.map.layouts import Layout
    from pipeline.sources.base import SourcePeople

# All photos of the five celebrities; everybody else has one.
_DEMONSTRATION_PHOTOS_PER_PERSON = 25
NOTE = "Resemblance is entertainment: it says how alike two photos are, never who somebody is."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Exit code 0, 1 for an error of the user's (one sentence), 2 for wrong arguments."""
    return console.run(_parser(), arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline", description="Find look-alikes. " + NOTE)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, epilog=NOTE)
        made.set_defaults(run=run)
        return made

    def add_scorer(made: argparse.ArgumentParser) -> None:
        made.add_argument(
            "--scorer",
            choices=scorers.SCORERS,
            default="network",
            help="what gives the distance: the trained network (default) or the cosine of the embeddings",
        )

    one = command("find", _find, "Rank the people of a gallery by how much they resemble the face in a photo.")
    one.add_argument("photos", type=Path, nargs="+", metavar="PHOTO", help="JPEG, PNG, WebP, GIF or HEIC")
    one.add_argument("--gallery", default=DEMONSTRATION, metavar="NAME", help="default: %(default)s")
    one.add_argument("--top", type=positive, default=10, metavar="N", help="how many people (default: %(default)s)")
    one.add_argument(
        "--face", type=positive, default=1, metavar="N", help="which face, 1 is the most prominent (default)"
    )
    one.add_argument(
        "--method",
        choices=("min", "average"),
        default="min",
        help="rank people by their most alike photo (min) or by the mean of their three most alike ones",
    )
    add_scorer(one)
    one.add_argument(
        "--exact", action="store_true", help="score every photo of the gallery, not only those near by cosine"
    )
    one.add_argument("--json", action="store_true", help="print JSON instead of a table")

    one = command("compare", _compare, "Compare the faces in two photos.")
    one.add_argument("photos", type=Path, nargs=2, metavar="PHOTO", help="two photos")
    add_scorer(one)
    one.add_argument("--json", action="store_true", help="print JSON instead of words")

    one = command("build", _build, "Make a gallery of your own people, or add people to one.")
    one.add_argument(
        "folder",
        type=Path,
        nargs="?",
        metavar="FOLDER",
        help="one folder for each person, or photos named after the person; photos that were added in the app are "
        "always built too",
    )
    one.add_argument("--gallery", default=None, metavar="NAME", help="default: the name of the folder or source")
    one.add_argument("--source", choices=SOURCES, default=DEFAULT_SOURCE, help="default: %(default)s")
    one.add_argument("--path", type=Path, metavar="FOLDER", help="where LFW or VGGFace2 lies; LFW is else downloaded")
    one.add_argument(
        "--photos-per-person", type=positive, default=10, metavar="N", help="how many to take (default: %(default)s)"
    )
    one.add_argument(
        "--embedder",
        metavar="NAME",
        help=f"what turns faces into numbers: {', '.join(EMBEDDERS)}, or the file of an ONNX model with its settings "
        "in a JSON file beside it; a gallery keeps its own",
    )
    one.add_argument("--fresh", action="store_true", help="make the gallery of that name anew")

    one = command("remove", _remove, "Remove a person from a gallery, with all photos that it keeps of the person.")
    one.add_argument("person", metavar="NAME", help="as the gallery has it")
    one.add_argument("--gallery", required=True, metavar="NAME", help="the gallery")

    one = command("map", _map, "Lay a gallery out on a plane, for the explorer.")
    one.add_argument("--gallery", default=DEMONSTRATION, metavar="NAME", help="default: %(default)s")
    one.add_argument(
        "--network",
        type=Path,
        metavar="FOLDER",
        help="lay out what the encoder of this network makes of the faces, beside the map: the folder of a run",
    )

    command("galleries", _galleries, "List the galleries.")

    one = command("check", _check, "Check a gallery: counts, hashes, damaged rows.")
    one.add_argument("gallery", metavar="GALLERY", help="its name")

    one = command("setup", _setup, "Fetch weights and photos, build the demonstration gallery, look one photo up.")
    one.add_argument("--fresh", action="store_true", help="build the demonstration gallery anew")
    return parser


def _find(chosen: argparse.Namespace) -> None:
    from pipeline.lookalikes import Found, Lookalikes

    alone = len(chosen.photos) == 1
    # A file that is no photo is reported before the networks are loaded.
    first = photo.read(chosen.photos[0]) if alone else None
    with working("Loading the networks"):
        lookalikes = Lookalikes.open(chosen.gallery, scorer=chosen.scorer)
    identity = lookalikes.gallery.manifest["embedding"]
    looked: list[tuple[Path, list[Face], Probe]] = []
    with working("Looking at the photos"):
        for path in chosen.photos:
            try:
                looked.append((path, *lookalikes.look(path if first is None else first, chosen.face)))
            except UserError as error:
                if alone:
                    raise
                print(f"{path}: {error}", file=sys.stderr)
    failed, probes = len(chosen.photos) - len(looked), [probe for *_, probe in looked]
    ranked = lookalikes.rank(probes, chosen.top, method=chosen.method, exact=chosen.exact)
    found = [
        (path, Found(faces, chosen.face, matches)) for (path, faces, _), matches in zip(looked, ranked, strict=True)
    ]
    if chosen.json:
        values = [{"photo": str(path), **asdict(of)} for path, of in found]
        for match in (match for of in values for match in of["matches"]):
            match["resemblance"] = match["resemblance"] if scorers.fits(identity) else None
        print(json.dumps(values[0] if alone else values, indent=2, ensure_ascii=False, default=str))
    else:
        _print_found(found, alone)
    if not (chosen.json or scorers.fits(identity)):
        print(
            f"Ranked by the cosine: the trained network and the resemblance are for the default embedder, and this "
            f"gallery is of {identity['model']}."
        )
    if failed:
        raise UserError(f"{failed} of {len(chosen.photos)} photos were not looked up.")


def _print_found(found: list[tuple[Path, Found]], alone: bool) -> None:
    for path, of in found:
        if not alone:
            print(f"\n{path}")
        if len(of.faces) > 1:
            print(f"Face {of.face} of {len(of.faces)}; another one: --face N", file=sys.stderr)
        _print_matches(of.matches)
    if found:
        print(NOTE)


def _load_models(embedder: Callable[[], Embedder] | None = None) -> Models:
    """The networks, with another embedder than the default one where there is one."""
    from pipeline.faces.detector import load_detector
    from pipeline.lookalikes import Models

    with working("Loading the networks"):
        return Models(load_detector(), embedder()) if embedder else Models.load()


def _print_matches(matches: list[Match]) -> None:
    rows = [
        (
            str(match.rank),
            match.name + (" (the same photo)" if match.copy else ""),
            f"{match.resemblance:.0f}" if match.resemblance == match.resemblance else "–",
            f"{match.distance:.4f}",
            match.source,
            str(match.crop_path),
        )
        for match in matches
    ]
    print_table(("rank", "name", "resemblance", "distance", "source", "crop"), rows, numbers={0, 2, 3})


def _compare(chosen: argparse.Namespace) -> None:
    from pipeline.lookalikes import compare

    first, second = (photo.read(path) for path in chosen.photos)
    scorer = scorers.named(chosen.scorer)
    result = compare((first, second), _load_models(), scorer)
    if chosen.json:
        values = {name: value for name, value in vars(result).items() if name != "portraits"}
        print(json.dumps(values, indent=2))
        return
    verdict = "as alike as two photos of the same person" if result.same else "as alike as photos of different people"
    print(f"{verdict}: resemblance {result.resemblance:.0f}, distance {result.distance:.4f}")
    print(f"nearer than {result.threshold:.4f}, most pairs show one person; cosine {result.cosine:.4f}")
    print(NOTE)


def _build(chosen: argparse.Namespace) -> None:
    folder_name = (chosen.path or chosen.folder or Path()).resolve().name
    name = chosen.gallery or (folder_name if chosen.source == "folder" else chosen.source)
    folder_of(name)
    people = _people(chosen, name)
    models = _load_models(_embedder(chosen.embedder, name, chosen.fresh))
    _fill(name, people, models, chosen.photos_per_person, chosen.fresh)
    print(f"Look somebody up in it: python -m pipeline find PHOTO --gallery {name}")


def _embedder(wished: str | None, name: str, fresh: bool) -> Callable[[], Embedder] | None:
    """What loads the embedder that was asked for, or else the gallery's own; None for the default one."""
    from pipeline.embedding import registry

    manifest = None if fresh else storage.read_manifest(folder_of(name))
    chosen = wished or (registry.name_of(manifest["embedding"]) if manifest else None)
    return (lambda: registry.load_embedder(chosen)) if chosen not in (None, registry.DEFAULT_EMBEDDER) else None


def _people(chosen: argparse.Namespace, name: str) -> SourcePeople:
    """The people of the source, after those that were added to the gallery by hand."""
    from pipeline.gallery import editing
    from pipeline.sources.base import SourcePeople

    own = editing.own_people(name)
    place = chosen.path or chosen.folder
    source = SOURCES[chosen.source]
    others = SourcePeople((), 0) if own and source.needs_path and place is None else source.open(place)
    return SourcePeople(itertools.chain(own, others.people), len(own) + others.count)


def _remove(chosen: argparse.Namespace) -> None:
    from pipeline.gallery import editing

    opened = opening.read_gallery(chosen.gallery)
    found = editing.people_called(opened, chosen.person)
    if not found:
        raise GalleryError(f"There is no {chosen.person} in the gallery {chosen.gallery}.")
    if len(found) > 1:
        raise GalleryError(f"Several people have this name. Name one of: {', '.join(found)}")
    count = editing.remove(chosen.gallery, found[0])
    print(f"Removed {chosen.person} from {chosen.gallery}: {count} photo{'s' if count > 1 else ''}.")


def _fill(name: str, people: SourcePeople, models: Models, photos_per_person: int, fresh: bool) -> None:
    """Build a gallery with a progress bar and print what came of it."""
    from pipeline.gallery import building

    if fresh:
        building.clear(name)
    settings = building.BuildSettings(photos_per_person=photos_per_person)
    with _BuildProgress(f"Building {name}") as progress:
        report = building.build(name, people, models.detector, models.embedder, settings, progress)
    print(f"Gallery {name}: {report.people} people, {report.faces} faces ({report.faces_added} new).")
    if report.rejected:
        print(f"{sum(report.rejected.values())} photos were left out, each with its reason in {report.report_path}:")
        for kind, count in sorted(report.rejected.items(), key=lambda item: -item[1]):
            print(f"  {count:>6}  {kind}")
    if report.missing:
        more = f" and {len(report.missing) - 5} more" if len(report.missing) > 5 else ""
        print(f"Without a usable photo: {', '.join(report.missing[:5])}{more}.")


class _BuildProgress:
    """A bar with counts, speed and time left, on standard error so that output can be piped."""

    def __init__(self, title: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("people, {task.fields[photos]} photos, {task.fields[speed]:.0f} photos/s,"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task(title, total=None, photos=0, speed=0.0)

    def __enter__(self) -> Callable[[Progress], None]:
        self._bar.start()
        return self._show

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _show(self, progress: Progress) -> None:
        seconds = self._bar.tasks[0].elapsed or 0.0
        self._bar.update(
            self._task,
            completed=progress.people,
            total=progress.people_total,
            photos=progress.photos,
            speed=progress.photos / seconds if seconds else 0.0,
        )


def _map(chosen: argparse.Namespace) -> None:
    if chosen.network is None:
        _fit_map(chosen.gallery)
    else:
        _fit_codes(chosen.gallery, chosen.network)


def _fit_map(name: str) -> None:
    """Fit the map of a gallery with a progress bar and print what came of it."""
    from pipeline.map import fitting
    from pipeline.map.files import save_map

    opened = opening.open_gallery(name)
    with _stages() as progress:
        fitted = fitting.fit_map(opened, progress=progress)
    save_map(opened, fitted)
    print(f"Map of {opened.name}: {len(opened)} faces, {int(fitted.clusters.max()) + 1} clusters.")
    _print_layouts(fitted.layouts)


def _fit_codes(name: str, folder: Path) -> None:
    """Lay out the codes of a network's encoder beside the map of a gallery, which is made where there is none."""
    from pipeline.map import fitting
    from pipeline.map.files import save_code_layouts

    opened, network = opening.open_gallery(name), files.read_network(folder)
    if not network.encoder:
        raise MapError(
            f"The network in {folder} has no encoder: its codes are the embeddings, which the map shows already. "
            "Train a network with an encoder.",
            command="python -m train fit --run mine --network symmetric",
        )
    _map_where_needed(name)
    with _stages() as progress:
        layouts = fitting.fit_code_layouts(opened, network, progress=progress)
    save_code_layouts(opened, layouts, folder=folder, network=network)
    print(f"Codes of {opened.name} by the network in {folder}, beside its map.")
    _print_layouts(layouts)


def _print_layouts(layouts: dict[str, Layout]) -> None:
    for name, layout in layouts.items():
        print(
            f"  {name}: trustworthiness {layout.trustworthiness:.3f}, "
            f"{layout.kept.mean():.0%} of the nearest neighbours are near on the map"
        )


@contextmanager
def _stages() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each stage of a work, with the time it takes, on standard error so that output can be piped."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<22}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        tasks: dict[str, TaskID] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                for task in tasks.values():
                    bar.update(task, total=1, completed=1)
                tasks[stage] = bar.add_task(stage, total=None)
            if total:
                bar.update(tasks[stage], completed=done, total=total)

        yield tell
        for task in tasks.values():
            bar.update(task, total=1, completed=1)


def _galleries(_: argparse.Namespace) -> None:
    rows = []
    for name in names():
        manifest = storage.read_manifest(folder_of(name)) or {}
        numbers = (str(manifest.get("people", "?")), str(manifest.get("faces", "?")))
        rows.append((name, *numbers, str(manifest.get("written", ""))[:10], str(folder_of(name))))
    if not rows:
        raise GalleryError("There is no gallery yet.", command="python -m pipeline setup")
    print_table(("gallery", "people", "faces", "written", "folder"), rows, numbers={1, 2})


def _check(chosen: argparse.Namespace) -> None:
    opened = opening.open_gallery(chosen.gallery)
    model = opened.manifest["embedding"]["model"]
    print(f"Gallery {opened.name}: {opened.people_count} people, {len(opened)} faces, embedded by {model}.")
    found = list(checking.problems(opened))
    for problem in found:
        print(f"  {problem}")
    if found:
        raise GalleryError(
            f"{len(found)} problems. Rebuild the gallery.", command=build_command(chosen.gallery, fresh=True)
        )
    print("All hashes, embeddings and crops are in order.")


def _setup(chosen: argparse.Namespace) -> None:
    from pipeline.embedding import facenet_weights
    from pipeline.sources import demonstration

    facenet_weights.fetch_facenet(working("Converting FaceNet's weights"))
    people = demonstration.people()
    example = demonstration.examples()["Madonna"][0]
    stale = _demonstration_is_stale()
    if DEMONSTRATION in names() and not (stale or chosen.fresh):
        _map_where_needed(DEMONSTRATION)
        print(f"Everything is set up. An example: python -m pipeline find {example} --top 5")
        return
    from pipeline.lookalikes import Lookalikes

    models = _load_models()
    _fill(DEMONSTRATION, people, models, _DEMONSTRATION_PHOTOS_PER_PERSON, stale or chosen.fresh)
    _map_where_needed(DEMONSTRATION)
    print(f"\nAn example: python -m pipeline find {example} --top 5")
    _print_matches(Lookalikes.open(DEMONSTRATION, models=models).find(example, top=5).matches)
    print(NOTE)


def _map_where_needed(name: str) -> None:
    from pipeline.map.files import open_map

    try:
        open_map(opening.open_gallery(name))
    except MapError:
        _fit_map(name)


def _demonstration_is_stale() -> bool:
    """Whether there is a demonstration gallery, whole or begun, that this version cannot use."""

    identity = default_identity()
    folder = folder_of(DEMONSTRATION)
    if storage.read_manifest(folder) is None:
        begun = storage.read_manifest(folder / "building")
        return begun is not None and begun.get("embedding") != identity
    try:
        opening.open_gallery(DEMONSTRATION, identity)
    except GalleryError:
        return True
    return False


if __name__ == "__main__":
    sys.exit(main())
