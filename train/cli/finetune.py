"""``finetune``: train FaceNet itself."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.console import counting, decimal, named, number, say, whole, working
from pipeline.embedding.facenet import FACENET_128
from pipeline.gallery import opening
from pipeline.gallery.layout import DEMONSTRATION
from train import augment
from train.cli.shared import about, arguments_of, run_name
from train.runs.files import FACENET_WEIGHTS, run_folder
from train.runs.lineage import record_lineage
from train.runs.lock import run_lock
from train.settings import BLOCKS, FinetuneSettings


def finetune(
    context: typer.Context,
    run: Annotated[str, named("What the run is called.")],
    gallery: Annotated[str, named("The gallery to train on.")] = DEMONSTRATION,
    blocks: Annotated[
        int, number("How many of the last Inception blocks to train, with the bottleneck.", most=BLOCKS)
    ] = FinetuneSettings.blocks,
    alpha: Annotated[float, decimal("First margin of the quadruplet loss.")] = FinetuneSettings.alpha,
    beta: Annotated[float, decimal("Second margin of the quadruplet loss.")] = FinetuneSettings.beta,
    batch_size: Annotated[int, number("Quadruplets a step.")] = FinetuneSettings.batch_size,
    steps_per_epoch: Annotated[int, number("Steps in an epoch.")] = FinetuneSettings.steps_per_epoch,
    epochs: Annotated[int, number("Epochs at most.")] = FinetuneSettings.epochs,
    learning_rate: Annotated[float, decimal("Learning rate of Adam.")] = FinetuneSettings.learning_rate,
    patience_epochs: Annotated[
        int, number("End after this many epochs without a better one.")
    ] = FinetuneSettings.patience_epochs,
    seed: Annotated[int, whole("Seed of everything random.")] = FinetuneSettings.seed,
) -> None:
    """Train the last blocks of FaceNet itself.

    The same command continues a run that was stopped. This needs a GPU and many photos of each person: on one photo
    each of people it had not seen, every attempt on LFW made FaceNet worse. So a run can end with FaceNet unchanged.
    """
    run = run_name(run)
    settings = FinetuneSettings(
        blocks=blocks,
        alpha=alpha,
        beta=beta,
        batch_size=batch_size,
        steps_per_epoch=steps_per_epoch,
        epochs=epochs,
        learning_rate=learning_rate,
        patience_epochs=patience_epochs,
        seed=seed,
    )
    with run_lock(run_folder(run), arguments_of(context)):
        _finetune(run, gallery, settings)


def _finetune(run: str, gallery: str, settings: FinetuneSettings) -> None:
    opened = opening.open_gallery(gallery)
    with working("Loading the networks"):
        from pipeline.embedding.facenet_weights import load_facenet
        from pipeline.faces.detector import load_detector

        facenet, detector = load_facenet(), load_detector()
        from train import finetune as training

    with counting("Portraits", len(opened), "faces") as progress:
        boxes = augment.portrait_boxes(opened, detector, progress)
    folder = run_folder(run)
    record_lineage(folder, opened)
    notes = about(opened) | {"embedding": FACENET_128.identity}
    best = training.finetune(folder, opened, boxes, facenet, settings, about=notes)
    say(
        f"Run {run}: best at epoch {best['epoch']:.0f} with {best['mix']:.0%} of the change. On held-out people, "
        f"rank-1 is {best['held_out_rank_1']:.4f} (FaceNet unchanged: {best['held_out_cosine_rank_1']:.4f}). "
        f"The weights are in {folder / FACENET_WEIGHTS}"
    )
