"""``fit``: train encoder and similarity net."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from pipeline.cli.console import choice, counting, decimal, named, number, say, whole, working
from pipeline.gallery import opening
from pipeline.gallery.layout import DEMONSTRATION
from train import augment
from train.augment import Variation
from train.cli.shared import about, arguments_of, loading_tensorflow, names_of, run_name
from train.options import LOSSES, MINING, NETWORKS
from train.runs.files import run_folder
from train.runs.lineage import record_lineage
from train.runs.lock import run_lock
from train.settings import FitSettings

if TYPE_CHECKING:
    from pipeline.gallery.gallery import Gallery


def fit(
    context: typer.Context,
    run: Annotated[str, named("What the run is called.")],
    gallery: Annotated[str, named("The gallery to train on.")] = DEMONSTRATION,
    network: Annotated[str, choice(NETWORKS, "Shape of the networks.")] = "original",
    loss: Annotated[str, choice(LOSSES, "Loss function.")] = FitSettings.loss,
    alpha: Annotated[float, decimal("First margin of the quadruplet loss.")] = FitSettings.alpha,
    beta: Annotated[float, decimal("Second margin of the quadruplet loss.")] = FitSettings.beta,
    margin: Annotated[float, decimal("Margin of the other losses.")] = FitSettings.margin,
    batch_size: Annotated[int, number("Quadruplets a step.")] = FitSettings.batch_size,
    steps_per_epoch: Annotated[int, number("Steps in an epoch.")] = FitSettings.steps_per_epoch,
    epochs: Annotated[int, number("Epochs at most.")] = FitSettings.epochs,
    learning_rate: Annotated[float, decimal("Learning rate of Adam.")] = FitSettings.learning_rate,
    mining: Annotated[str, choice(MINING, "How negatives are chosen.")] = FitSettings.mining,
    neighbours: Annotated[int, number("How many nearest photos 'neighbours' draws from.")] = FitSettings.neighbours,
    patience_epochs: Annotated[
        int, number("End after this many epochs without a better one.")
    ] = FitSettings.patience_epochs,
    seed: Annotated[int, whole("Seed of everything random.")] = FitSettings.seed,
    start: Annotated[
        str | None, named("Start from the best weights of this run.", "RUN", show_default=False)
    ] = FitSettings.start,
    augment: Annotated[
        int | None,
        number("Also train on N variants of each photo: mirrored, turned, scaled, shifted and recoloured."),
    ] = None,
    profile: Annotated[bool, typer.Option(help="Also time how much of each epoch's steps is forward.")] = False,
) -> None:
    """Train encoder and similarity net on a gallery.

    The same command continues a run that was stopped. Variants of photos are embedded once and kept with the gallery.
    """
    run = run_name(run)
    settings = FitSettings(
        network=NETWORKS[network].settings,
        loss=loss,
        alpha=alpha,
        beta=beta,
        margin=margin,
        batch_size=batch_size,
        steps_per_epoch=steps_per_epoch,
        epochs=epochs,
        learning_rate=learning_rate,
        mining=mining,
        neighbours=neighbours,
        patience_epochs=patience_epochs,
        seed=seed,
        start=start,
    )
    with run_lock(run_folder(run), arguments_of(context)):
        _fit(run, gallery, settings, augment or 0, profile=profile)


def _fit(run: str, gallery: str, settings: FitSettings, variants: int, *, profile: bool) -> None:
    opened = opening.open_gallery(gallery)
    with loading_tensorflow():
        from train import fit as training
        from train.sampling import split_people

    labels = opened.person_of_row.astype(np.int64)
    held_out = split_people(labels, settings.held_out_share, settings.seed)
    names = names_of(opened)
    notes = about(opened) | {"trained_on": sorted(set(names[~held_out].tolist()))}
    embeddings = opened.embeddings
    if variants:
        embeddings = _with_variants(opened, variants)
        notes["variants"] = {"count": variants, **asdict(Variation())}
    folder = run_folder(run)
    record_lineage(folder, opened)
    best = training.fit(
        folder,
        embeddings,
        labels,
        settings,
        held_out=held_out,
        about=notes,
        names=names.tolist(),
        profile=profile,
    )
    say(
        f"Run {run}: best at epoch {best['epoch']:.0f}. On held-out people, rank-1 is {best['held_out_rank_1']:.4f} "
        f"(cosine {best['held_out_cosine_rank_1']:.4f}). Its files are in {folder}"
    )


def _with_variants(opened: Gallery, count: int) -> NDArray[np.float32]:
    """The gallery's embeddings with variants of each: (faces, 1 + count, d), the original first."""
    from pipeline.lookalikes import Models

    with working("Loading the networks"):
        models = Models.load_for(opened)
    with counting("Variants", count * len(opened), "faces") as progress:
        return augment.embed_variants(opened, count, models.detector, models.embedder, progress=progress)
