"""``map``: lay a gallery out on a plane."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pipeline.cli.console import named, progress, say, switch
from pipeline.errors import MapError
from pipeline.gallery.layout import DEMONSTRATION

if TYPE_CHECKING:
    from pipeline.map.layouts import FaceMap, Layout


def map_gallery(
    gallery: Annotated[str, named("The gallery.")] = DEMONSTRATION,
    network: Annotated[
        Path | None,
        named("Add a map of the codes of this network's encoder: the folder of a run.", "FOLDER", show_default=False),
    ] = None,
    as_json: Annotated[bool, switch("--json", "Print only the progress, each step as a line of JSON.")] = False,
) -> None:
    """Lay a gallery out on a plane, for the explorer."""
    if network is None:
        _fit_map(gallery, as_json=as_json)
    else:
        _fit_codes(gallery, network)


def _fit_map(name: str, *, as_json: bool = False) -> None:
    """Fit the map of a gallery with a progress bar and print its quality."""
    from pipeline.gallery import opening
    from pipeline.map import fitting
    from pipeline.map.files import save_map

    opened = opening.open_gallery(name)
    with progress(as_json=as_json) as report:
        fitted = fitting.fit_map(opened, progress=report)
        save_map(opened, fitted)
    if not as_json:
        print_map(opened.name, fitted)


def print_map(name: str, fitted: FaceMap) -> None:
    """Print how good the map of a gallery is."""
    faces, clusters = len(fitted.clusters), int(fitted.clusters.max()) + 1
    say(f"Map of {name}: {faces:,} faces, {clusters} clusters.")
    _print_quality(fitted.layouts)


def _fit_missing_map(name: str) -> None:
    """Fit the map of a gallery that has none, or one that does not fit."""
    from pipeline.gallery import opening
    from pipeline.map.files import open_map

    try:
        open_map(opening.open_gallery(name))
    except MapError:
        _fit_map(name)


def _fit_codes(name: str, folder: Path) -> None:
    """Lay out the codes of a network's encoder beside the map of a gallery, fitting that first if it is missing."""
    from pipeline.gallery import opening
    from pipeline.map import fitting
    from pipeline.map.files import save_code_layouts
    from pipeline.similarity import files

    opened = opening.open_gallery(name)
    network = files.read_network(folder, opened.manifest["embedding"])
    if not network.encoder:
        raise MapError(
            f"The network in {folder} has no encoder: its codes are the embeddings, which the map shows already. "
            "Train a network that has one.",
            command="python -m train fit --run mine --network symmetric",
        )
    _fit_missing_map(name)
    with progress() as report:
        layouts = fitting.fit_code_layouts(opened, network, progress=report)
    save_code_layouts(opened, layouts, folder=folder, network=network)
    say(f"Codes of {opened.name} by the network in {folder}, shown beside its map.")
    _print_quality(layouts)


def _print_quality(layouts: dict[str, Layout]) -> None:
    for name, layout in layouts.items():
        say(
            f"  {name}: trustworthiness {layout.trustworthiness:.3f}, "
            f"{layout.kept.mean():.0%} of the most similar people are near on the map"
        )
