"""The command line of training: ``python -m train --help``."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.cli import console
from pipeline.cli.console import positive
from pipeline.embedding.registry import default_identity
from pipeline.errors import UserError
from pipeline.gallery import gallery, layout, opening
from train import augment
from train.augment import Variation
from train.evaluation.protocols import VerificationPairs
from train.options import LOSSES, MINING, NETWORKS
from train.runs import files, lock, networks


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Exit code 0, 1 for an error of the user's (one sentence), 2 for wrong arguments."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser()
    parser.set_defaults(arguments=arguments)
    return console.run(parser, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train", description="Learn likeness from a gallery.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    text = "Train encoder and similarity net on a gallery's embeddings, or go on with a run that was stopped."
    one = commands.add_parser("fit", help=text, description=text)
    one.set_defaults(run=_fit)
    one.add_argument("--gallery", default=layout.DEMONSTRATION, metavar="NAME", help="default: %(default)s")
    one.add_argument("--run", dest="name", required=True, metavar="NAME", help="what the run is called")
    one.add_argument(
        "--network",
        choices=NETWORKS,
        default="original",
        help="original: as published; symmetric: both orders averaged; residual: starts at the cosine; cohort: the "
        "cosine less what is ordinary about a face (default: %(default)s)",
    )
    one.add_argument("--loss", choices=LOSSES, default="quadruplet", help="default: %(default)s")
    one.add_argument("--alpha", type=float, default=0.25, help="first margin of the quadruplet loss (%(default)s)")
    one.add_argument("--beta", type=float, default=0.03, help="second margin of the quadruplet loss (%(default)s)")
    one.add_argument("--margin", type=float, default=0.5, help="margin of the other losses (%(default)s)")
    one.add_argument("--batch-size", type=positive, default=8, metavar="N", help="quadruplets a step (%(default)s)")
    one.add_argument("--steps-per-epoch", type=positive, default=280, metavar="N", help="default: %(default)s")
    one.add_argument("--epochs", type=positive, default=50, metavar="N", help="at most (%(default)s)")
    one.add_argument("--learning-rate", type=float, default=1e-3, help="of Adam (%(default)s)")
    one.add_argument(
        "--mining",
        choices=MINING,
        default="random",
        help="where negatives come from: anywhere; the nearest photos of other people; within each batch, a little "
        "farther than the positive (semi_hard) or the nearest (batch_hard) (default: %(default)s)",
    )
    one.add_argument("--neighbours", type=positive, default=50, metavar="N", help="that many nearest (%(default)s)")
    one.add_argument("--patience-epochs", type=positive, default=10, metavar="N", help="default: %(default)s")
    one.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    one.add_argument("--start", metavar="RUN", help="begin with the best weights of another run")
    one.add_argument(
        "--augment",
        type=positive,
        metavar="N",
        help="train on N variants of each photo beside it: mirrored, turned, scaled, shifted and recoloured; "
        "embedded once and kept with the gallery",
    )
    text = (
        "Rank and verify a gallery's people by a trained network, beside cosine, in the tiers of people and photos "
        "that this project grew from. People whom the network was trained on are left out."
    )
    one = commands.add_parser("evaluate", help="Measure a trained network beside cosine.", description=text)
    one.set_defaults(run=_evaluate)
    one.add_argument("--gallery", default=layout.DEMONSTRATION, metavar="NAME", help="default: %(default)s")
    one.add_argument("--run", dest="name", metavar="NAME", help="a run's network (default: the shipped network)")
    one.add_argument(
        "--lfw",
        type=Path,
        metavar="FOLDER",
        help="where LFW's pairs.txt lies, for a gallery of LFW: verification too",
    )
    text = (
        "Search settings by many small runs (Optuna). Each trial is a run; the same command goes on with the study."
    )
    one = commands.add_parser("tune", help=text, description=text)
    one.set_defaults(run=_tune)
    one.add_argument("--gallery", default=layout.DEMONSTRATION, metavar="NAME", help="default: %(default)s")
    one.add_argument("--study", required=True, metavar="NAME", help="what the study and its runs are called")
    one.add_argument("--trials", type=positive, default=20, metavar="N", help="in all (default: %(default)s)")
    one.add_argument("--epochs", type=positive, default=8, metavar="N", help="of a trial, at most (%(default)s)")
    one.add_argument("--steps-per-epoch", type=positive, default=50, metavar="N", help="default: %(default)s")
    one.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    text = (
        "Train FaceNet itself in its last blocks, or go on with a run that was stopped. This wants a GPU and many "
        "photos of each person: on one photo each of people it has not seen, every way that was tried on LFW made "
        "FaceNet worse, so a run can end with FaceNet as it was."
    )
    one = commands.add_parser("finetune", help="Train FaceNet itself in its last blocks.", description=text)
    one.set_defaults(run=_finetune)
    one.add_argument("--gallery", default=layout.DEMONSTRATION, metavar="NAME", help="default: %(default)s")
    one.add_argument("--run", dest="name", required=True, metavar="NAME", help="what the run is called")
    one.add_argument(
        "--blocks",
        type=int,
        choices=range(1, 7),
        default=1,
        help="how many of the last Inception blocks, with the bottleneck (default: %(default)s)",
    )
    one.add_argument("--alpha", type=float, default=0.25, help="first margin of the quadruplet loss (%(default)s)")
    one.add_argument("--beta", type=float, default=0.03, help="second margin of the quadruplet loss (%(default)s)")
    one.add_argument("--batch-size", type=positive, default=16, metavar="N", help="quadruplets a step (%(default)s)")
    one.add_argument("--steps-per-epoch", type=positive, default=100, metavar="N", help="default: %(default)s")
    one.add_argument("--epochs", type=positive, default=10, metavar="N", help="at most (%(default)s)")
    one.add_argument("--learning-rate", type=float, default=1e-5, help="of Adam (%(default)s)")
    one.add_argument("--patience-epochs", type=positive, default=4, metavar="N", help="default: %(default)s")
    one.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    text = (
        "Run embedders, classifiers, similarity nets, last layers and networks that learn from nothing under one "
        "protocol on Labeled Faces in the Wild, and print them side by side. What is finished is not run again."
    )
    one = commands.add_parser("compare", help="Every system side by side on LFW.", description=text)
    one.set_defaults(run=_compare)
    one.add_argument("systems", nargs="*", metavar="SYSTEM", help="which ones, as --list names them (default: all)")
    one.add_argument("--list", action="store_true", help="name the systems and end")
    one.add_argument(
        "--lfw", type=Path, metavar="FOLDER", help="where lfw/ and pairs.txt lie (default: LOOKSLIKEWHO_LFW)"
    )
    one.add_argument(
        "--embedder",
        action="append",
        default=[],
        metavar="MODEL.onnx",
        help="an ONNX model of your own; may be repeated",
    )
    one.add_argument("--steps", type=positive, default=50, metavar="N", help="batches in an epoch (%(default)s)")
    one.add_argument("--epochs", type=positive, default=10, metavar="N", help="default: %(default)s")
    one.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    return parser


def _compare(chosen: argparse.Namespace) -> None:
    with console.working("Loading TensorFlow"):
        from pipeline import tensorflow_loader

        tensorflow_loader.load_tensorflow()
        from train.datasets.lfw import LFW
        from train.systems import registry, results
        from train.systems.compare import compare
        from train.systems.inputs import LFWInputs
        from train.systems.system import Budget

    known = registry.systems(chosen.embedder)
    if chosen.list:
        console.print_table(("name", "system"), [(name, one.title) for name, one in known.items()], numbers=set())
        return
    unknown = [name for name in chosen.systems if name not in known]
    if unknown:
        raise UserError(f"There is no system {unknown[0]}.", command="python -m train compare --list")
    inputs = LFWInputs(LFW(chosen.lfw), Budget(chosen.steps, chosen.epochs, seed=chosen.seed))
    rows = compare([known[name] for name in chosen.systems or known], inputs)
    finished = [row for row in rows if "rank_1" in row]
    console.print_table(results.HEAD, [results.cells(row) for row in finished], numbers=set(range(1, 10)))
    for row in rows:
        if "reason" in row:
            print(f"{row['system']}: {row['reason']}")


def _fit(chosen: argparse.Namespace) -> None:
    _check_name(chosen.name)
    with lock.run_lock(files.run_folder(chosen.name), chosen.arguments):
        _fit_announced(chosen)


def _fit_announced(chosen: argparse.Namespace) -> None:
    opened = opening.open_gallery(chosen.gallery, default_identity() if chosen.augment else None)
    with console.working("Loading TensorFlow"):
        from pipeline import tensorflow_loader

        tensorflow_loader.load_tensorflow()
        from train.fit import fit
        from train.sampling import split_people
        from train.settings import FitSettings

    given = {field.name for field in dataclasses.fields(FitSettings)} & set(vars(chosen)) - {"network"}
    settings = FitSettings(
        network=NETWORKS[chosen.network].settings, **{name: getattr(chosen, name) for name in given}
    )
    labels = opened.person_of_row
    held_out = split_people(labels, settings.held_out_share, settings.seed)
    names = _names(opened).tolist()
    about = _about(opened) | {"trained_on": sorted(set(np.array(names)[~held_out].tolist()))}
    embeddings = opened.embeddings
    if chosen.augment:
        embeddings = _variants(opened, chosen.augment)
        about["variants"] = {"count": chosen.augment, **dataclasses.asdict(Variation())}
    folder = files.run_folder(chosen.name)
    best = fit(folder, embeddings, labels, settings, held_out=held_out, about=about, names=names)
    print(
        f"Run {chosen.name}: best at epoch {best['epoch']:.0f}, on held-out people rank-1 "
        f"{best['held_out_rank_1']:.4f} (cosine {best['held_out_cosine_rank_1']:.4f}). Its files: {folder}"
    )


def _names(opened: gallery.Gallery) -> np.ndarray:
    """The name of each row's person as every source spells it."""
    return np.array([name.replace("_", " ") for name in opened.faces["name"].to_pylist()])


def _evaluate(chosen: argparse.Namespace) -> None:
    opened = opening.open_gallery(chosen.gallery)
    names = _names(opened)
    with console.working("Loading the network"):
        from train.evaluation import measuring
        from train.evaluation.distances import cosine_distances, network_distances

        network, trained_on = networks.trained_network(chosen.name) if chosen.name else networks.shipped_network()
    kept = ~np.isin(names, trained_on)
    if len(set(names[kept])) < 2:
        raise UserError("The network was trained on all people of this gallery. Choose another gallery.")
    embeddings, labels = opened.embeddings[kept], opened.person_of_row[kept]
    pairs = _pairs(chosen.lfw, [Path(path).stem for path in np.array(opened.faces["original"].to_pylist())[kept]])
    ways = {"network": network_distances(network), "cosine": cosine_distances}
    with console.counting("Measuring", measuring.steps_count(ways), "lines") as progress:
        rows = measuring.table(embeddings, labels, ways, pairs=pairs, progress=progress)
    print(
        f"{len(set(names[kept])):,} people of {opened.name}; {len(set(names[~kept])):,} were trained on and left out."
    )
    if not rows:
        raise UserError("Nobody has two photos or more in this gallery, so nothing can be measured.")
    console.print_table(("protocol", *ways), rows, numbers={1, 2})


def _pairs(folder: Path | None, stems: list[str]) -> VerificationPairs | None:
    """LFW's pairs of view 2 among the photos named by ``stems``."""
    if folder is None:
        return None
    from pipeline.sources import lfw

    place = {stem: number for number, stem in enumerate(stems)}
    found = [
        (place[one], place[other], same, fold)
        for one, other, same, fold in lfw.read_pairs(folder / "pairs.txt")
        if one in place and other in place
    ]
    if not found:
        raise UserError("No pair of pairs.txt has both its photos in this gallery among people not trained on.")
    table = np.array(found)
    return VerificationPairs(table[:, :2], table[:, 2].astype(bool), table[:, 3])


def _tune(chosen: argparse.Namespace) -> None:
    _check_name(chosen.study)
    opened = opening.open_gallery(chosen.gallery)
    with console.working("Loading TensorFlow"):
        from pipeline import tensorflow_loader

        tensorflow_loader.load_tensorflow()
        from train import tune
        from train.fit import fit
        from train.settings import FitSettings

    about, names = {**_about(opened), "study": chosen.study}, _names(opened).tolist()

    def train(name: str, settings: FitSettings) -> dict[str, float]:
        folder = files.run_folder(name)
        with lock.run_lock(folder, chosen.arguments):
            return fit(folder, opened.embeddings, opened.person_of_row, settings, about=about, names=names)

    settings = FitSettings(epochs=chosen.epochs, steps_per_epoch=chosen.steps_per_epoch, seed=chosen.seed)
    rows = tune.tune(chosen.study, settings, chosen.trials, train)
    console.print_table(("run", "rank-1", "MRR", "settings"), rows, numbers={1, 2})
    print(f"Cosine there: rank-1 {tune.cosine_rank_1(chosen.study):.4f}")


def _check_name(name: str) -> None:
    if not files.RUN_NAME.fullmatch(name):
        raise UserError(f"'{name}' cannot name a run. Use letters, digits, dots and hyphens.")


def _about(opened: gallery.Gallery) -> dict[str, Any]:
    """What a run's settings say of the gallery it was trained on."""
    return {"gallery": opened.name, "embedding": opened.manifest["embedding"], "people": opened.people_count}


def _finetune(chosen: argparse.Namespace) -> None:
    _check_name(chosen.name)
    with lock.run_lock(files.run_folder(chosen.name), chosen.arguments):
        _finetune_announced(chosen)


def _finetune_announced(chosen: argparse.Namespace) -> None:
    opened = opening.open_gallery(chosen.gallery, default_identity())
    with console.working("Loading the networks"):
        from pipeline.embedding import facenet_weights as weights
        from pipeline.faces.detector import load_detector

        facenet, detector = weights.load_facenet(), load_detector()
        from train.finetune import FinetuneSettings, finetune

    names = {field.name for field in dataclasses.fields(FinetuneSettings)} & set(vars(chosen))
    settings = FinetuneSettings(**{name: getattr(chosen, name) for name in names})
    with console.counting("Portraits", len(opened), "faces") as progress:
        boxes = augment.boxes(opened, detector, progress)
    folder = files.run_folder(chosen.name)
    best = finetune(folder, opened, boxes, facenet, settings, about=_about(opened))
    print(
        f"Run {chosen.name}: best at epoch {best['epoch']:.0f} with {best['mix']:.0%} of the change, on held-out "
        f"people rank-1 {best['held_out_rank_1']:.4f} (FaceNet as it was: {best['held_out_cosine_rank_1']:.4f}). "
        f"The weights: {folder / files.FACENET_WEIGHTS}"
    )


def _variants(opened: gallery.Gallery, count: int) -> np.ndarray:
    """The gallery's embeddings with variants of each."""
    from pipeline.lookalikes import Models

    with console.working("Loading the networks"):
        models = Models.load()
    with console.counting("Variants", count * len(opened), "faces") as progress:
        return augment.variants(opened, count, models.detector, models.embedder, progress=progress)


if __name__ == "__main__":
    sys.exit(main())
