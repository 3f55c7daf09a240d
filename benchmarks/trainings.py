"""``make similarity``: the trainings on LFW's view 1 that this project records, and the network that ships.

Each is trained on the people of ``peopleDevTrain.txt`` and measured every epoch on those of ``peopleDevTest.txt``.
Its history goes to ``assets/runs/``; the network of the training ``cohort`` goes to ``assets/similarity/`` with its
calibration, fitted on pairs of people whom it was not trained on.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from pipeline import storage
from pipeline.embedding.registry import default_identity
from pipeline.errors import UserError
from pipeline.similarity import files
from pipeline.similarity.network import Network
from train.datasets.lfw import LFW
from train.evaluation.calibration import check_calibration, fit_calibration
from train.evaluation.distances import network_distances, pair_distances
from train.fit import fit
from train.options import COHORT, ORIGINAL, RESIDUAL, SYMMETRIC
from train.runs import networks
from train.runs.files import CONFIG, EVALUATION, GEOMETRY, HISTORY, MODEL, RECORDED_RUNS, RESULT
from train.runs.history import best_epoch
from train.settings import FitSettings, NetworkSettings

# Batch, steps, epochs and margins as published.
PUBLISHED = FitSettings(ORIGINAL, epochs=11, patience_epochs=11)
_HARD = FitSettings(batch_size=128, steps_per_epoch=50, epochs=5, mining="neighbours", neighbours=10)
_ENCODER = NetworkSettings(encoder_units=(128,), encoder_residual=True, metric="product", metric_units=(), dropout=0)
_SYMMETRIC = replace(_HARD, network=SYMMETRIC, batch_size=1024, steps_per_epoch=100, epochs=8)
SETTINGS = {
    "cohort": replace(_HARD, network=COHORT, alpha=0.1, learning_rate=1e-2),
    "published": PUBLISHED,
    "residual": replace(_HARD, network=RESIDUAL, learning_rate=1e-4),
    "symmetric": _SYMMETRIC,
}
# Each loss once, on the networks that the published one trains, or on the encoder alone where the loss takes codes.
ABLATIONS = {
    **{
        f"loss-{loss}": replace(_SYMMETRIC, loss=loss)
        for loss in ("quadruplet_adaptive", "triplet", "contrastive", "binary", "similar_different")
    },
    **{
        f"loss-{loss}": replace(_HARD, network=_ENCODER, loss=loss, mining="random", learning_rate=1e-4)
        for loss in ("n_pairs", "cluster", "softmax")
    },
    "mining-random": replace(_SYMMETRIC, mining="random"),
}
ABOUT = {"gallery": "LFW", "command": "make similarity"}


def folder_of(training: str) -> Path:
    """Where a training lies in the data folder."""
    return storage.home() / "benchmarks" / "runs" / training


def network_of(
    name: str, embeddings: np.ndarray, labels: np.ndarray, held_out: np.ndarray, settings: FitSettings
) -> Network:
    """The network of a training, which stays in the data folder: trained now where that was not done before."""
    import keras

    folder = folder_of(name)
    fit(folder, embeddings, labels, settings, held_out=held_out, about=ABOUT)
    return keras.saving.load_model(folder / MODEL).arrays()


def main() -> None:
    """Train everything that is recorded, and ship."""
    lfw = LFW()
    embeddings, held_out = lfw.embeddings(), np.isin(np.arange(len(lfw)), lfw.photos_of("peopleDevTest.txt"))
    names = [path.parent.name.replace("_", " ") for path in lfw.paths]
    for name, settings in {**SETTINGS, **ABLATIONS}.items():
        print(f"\n{name}")
        folder = folder_of(name if name in ABLATIONS else f"{name}-seed-0")
        fit(folder, embeddings, lfw.people, settings, held_out=held_out, about=ABOUT, names=names)
        shipped = RECORDED_RUNS / name
        shipped.mkdir(parents=True, exist_ok=True)
        for part in (CONFIG, HISTORY, RESULT, EVALUATION, GEOMETRY):
            shutil.copyfile(folder / part, shipped / part)
        if name == "cohort":
            ship(lfw, embeddings)


def ship(lfw: LFW, embeddings: np.ndarray) -> None:
    """Write the network of the training ``cohort`` with its calibration."""
    import keras

    network = keras.saving.load_model(folder_of("cohort-seed-0") / MODEL).arrays()
    distances = network_distances(network)

    def pairs_of(pair_list: str) -> tuple[np.ndarray, np.ndarray]:
        pairs = lfw.pairs(pair_list)
        values = pair_distances(embeddings, pairs.photos, distances)
        known = ~np.isnan(values)
        return values[known], pairs.same[known]

    calibration = fit_calibration(*pairs_of("pairsDevTest.txt"), on_logit=True)
    measured = []
    for pair_list in ("pairsDevTest.txt", "pairs.txt"):
        values, same = pairs_of(pair_list)
        figures, curve = check_calibration(calibration, values, same)
        points = zip(curve.said.tolist(), curve.same.tolist(), curve.pairs.tolist(), strict=True)
        reliability = [{"said": said, "same": share, "pairs": count} for said, share, count in points]
        measured.append({"pairs": pair_list, **figures, "reliability": reliability})
    about = {
        "trained_on": "LFW peopleDevTrain.txt",
        "command": "make similarity",
        "embedding": default_identity(),
        "settings": asdict(SETTINGS["cohort"]),
        "calibrated_on": "LFW pairsDevTest.txt",
        "one_shot": best_epoch(folder_of("cohort-seed-0")),
        "measured": measured,
    }
    files.write_network(files.SHIPPED, network, calibration, about)
    lines = (lfw.folder / "peopleDevTrain.txt").read_text(encoding="utf-8").splitlines()[1:]
    names = [line.split()[0].replace("_", " ") for line in lines if line.strip()]
    (files.SHIPPED / networks.TRAINED_ON).write_text("\n".join(names) + "\n", encoding="utf-8")
    print(f"\nShipped: {files.SHIPPED}")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
