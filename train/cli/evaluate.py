"""``evaluate``: measure a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np

from pipeline.cli.console import counting, named, print_table, say, working
from pipeline.errors import UserError
from pipeline.gallery import opening
from pipeline.gallery.layout import DEMONSTRATION
from train.cli.shared import names_of
from train.evaluation.protocols import VerificationPairs
from train.runs import networks


def evaluate(
    gallery: Annotated[str, named("The gallery to measure on.")] = DEMONSTRATION,
    run: Annotated[str | None, named("A run's network.", show_default="the shipped network")] = None,
    lfw: Annotated[
        Path | None,
        named("Where LFW's pairs.txt is, for a gallery of LFW: adds verification.", "FOLDER", show_default=False),
    ] = None,
) -> None:
    """Measure a trained network against cosine.

    Ranks and verifies the people of a gallery, in tiers of people and photos. People whom the network was trained on
    are left out.
    """
    opened = opening.open_gallery(gallery)
    names = names_of(opened)
    with working("Loading the network"):
        from train.evaluation import measuring
        from train.evaluation.distances import cosine_distances, network_distances

        identity = opened.manifest["embedding"]
        network, trained_on = networks.trained_network(run, identity) if run else networks.shipped_network(identity)
    kept = ~np.isin(names, trained_on)
    if len(set(names[kept])) < 2:
        raise UserError("The network was trained on all people of this gallery. Choose another gallery.")
    embeddings, labels = opened.embeddings[kept], opened.person_of_row[kept].astype(np.int64)
    stems = [Path(path).stem for path in np.array(opened.faces["original"].to_pylist())[kept]]
    pairs = _pairs(lfw, stems) if lfw else None
    distances = {"network": network_distances(network), "cosine": cosine_distances}
    with counting("Measuring", measuring.steps_count(distances), "lines") as progress:
        rows = measuring.table(embeddings, labels, distances, pairs=pairs, progress=progress)
    say(
        f"{len(set(names[kept])):,} people of {opened.name}; {len(set(names[~kept])):,} were trained on and left out."
    )
    if not rows:
        raise UserError("Nobody in this gallery has two photos or more, so nothing can be measured.")
    print_table(("protocol", *distances), rows, numbers={1, 2})


def _pairs(folder: Path, stems: list[str]) -> VerificationPairs:
    """LFW's pairs of view 2 among the photos named by ``stems``."""
    from pipeline.sources import lfw

    place = {stem: number for number, stem in enumerate(stems)}
    found = [
        (place[one], place[other], same, fold)
        for one, other, same, fold in lfw.read_pairs(folder / "pairs.txt")
        if one in place and other in place
    ]
    if not found:
        raise UserError("No pair of pairs.txt has both photos in this gallery, among people not trained on.")
    table = np.array(found)
    return VerificationPairs(table[:, :2], table[:, 2].astype(bool), table[:, 3])
