"""Make what ships: ``python -m train.release similarity``, ``calibration``, ``strangers`` and ``runs``.

Everything is trained on the people of LFW's ``peopleDevTrain.txt`` and measured on those of ``peopleDevTest.txt``
(view 1). ``similarity`` writes the networks of ``assets/similarity``, one for each embedder, and ``calibration`` the
calibrations of their cosines; ``strangers`` measures anew what both say of strangers; ``runs`` trains the recorded
runs of ``assets/runs``, on FaceNet's rows. Finished trainings stay in the data folder and are not repeated.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline import storage
from pipeline.embedding.facenet import FACENET_128
from pipeline.embedding.pair import FACENET_SFACE
from pipeline.embedding.registry import DEFAULT_EMBEDDER, EMBEDDERS
from pipeline.embedding.sface import SFACE
from pipeline.errors import UserError
from pipeline.similarity import files, shipped
from pipeline.similarity.calibration import Calibration
from pipeline.similarity.network import SimilarityNetwork
from train.evaluation.calibration import check_calibration, fit_calibration, fit_strangers, stranger_distances
from train.evaluation.distances import Distances, cosine_distances, network_distances, pair_distances
from train.evaluation.protocols import VerificationPairs
from train.options import COHORT, LOSSES, ORIGINAL, RESIDUAL, SYMMETRIC, WCCN
from train.releasing import write_cosine, write_network
from train.runs.files import RECORDED_FILES, RECORDED_RUNS
from train.runs.history import best_epoch
from train.settings import FitSettings, NetworkSettings

if TYPE_CHECKING:
    from train.datasets.lfw import LFW

SHIPPED = "wccn"
# Chosen on the people of peopleDevTest.txt: the most resemblance that costs no identity.
SHRINKAGES = {FACENET_128.name: 2.0, SFACE.name: 1.0, FACENET_SFACE.name: 1.0}
_ABOUT = {"gallery": "LFW", "command": "make similarity"}
# The embedders whose recorded runs, networks and calibrations are made.
RUNS_OF = FACENET_128.name
CALIBRATIONS_FOR = (FACENET_128.name, SFACE.name, FACENET_SFACE.name)
_HARD = FitSettings(batch_size=128, steps_per_epoch=50, epochs=5, mining="neighbours", neighbours=10)
_ENCODER = NetworkSettings(encoder_units=(128,), encoder_residual=True, metric="product", metric_units=(), dropout=0)
_SYMMETRIC = replace(_HARD, network=SYMMETRIC, batch_size=1024, steps_per_epoch=100, epochs=8)
TRAININGS = {
    SHIPPED: replace(_HARD, network=WCCN, alpha=0.1, learning_rate=1e-2),
    "cohort": replace(_HARD, network=COHORT, alpha=0.1, learning_rate=1e-2),
    # Batch size, steps, epochs and margins of the original project.
    "published": FitSettings(ORIGINAL, epochs=11, patience_epochs=11),
    "residual": replace(_HARD, network=RESIDUAL, learning_rate=1e-4),
    "symmetric": _SYMMETRIC,
}


def _ablation(loss: str) -> FitSettings:
    """Settings of a training that differs in its loss; losses of codes and logits train the encoder alone."""
    if LOSSES[loss].takes == "distances":
        return replace(_SYMMETRIC, loss=loss)
    return replace(_HARD, network=_ENCODER, loss=loss, mining="random", learning_rate=1e-4)


ABLATIONS = {
    **{f"loss-{loss}": _ablation(loss) for loss in LOSSES if loss != _SYMMETRIC.loss},
    "mining-random": replace(_SYMMETRIC, mining="random"),
}


@dataclass(frozen=True)
class ReleaseData:
    """What a release is made from.

    embedder: by its name, and its identity. embeddings (photos, d) unit rows, zeros without a face; people (photos,);
    held_out (photos,), people of view 1 who are measured; names (photos,) of the people. trained_on: names of the
    people trained on. pairs: gives the pairs of one of LFW's lists.
    """

    embedder: str
    identity: dict[str, Any]
    embeddings: NDArray[np.float32]
    people: NDArray[np.int64]
    held_out: NDArray[np.bool_]
    names: Sequence[str]
    trained_on: Sequence[str]
    pairs: Callable[[str], VerificationPairs]

    @classmethod
    def of_lfw(cls, lfw: LFW, embedder: str = DEFAULT_EMBEDDER) -> ReleaseData:
        """The data of LFW, embedded by the embedder with this name."""
        names = [path.parent.name.replace("_", " ") for path in lfw.paths]
        trained_on = dict.fromkeys(names[photo] for photo in lfw.photos_of("peopleDevTrain.txt").tolist())
        held_out = np.isin(np.arange(len(lfw)), lfw.photos_of("peopleDevTest.txt"))
        rows, identity = lfw.embedded(embedder, np.arange(len(lfw))), EMBEDDERS[embedder].identity
        return cls(embedder, identity, rows, lfw.people, held_out, names, list(trained_on), lfw.pairs)

    def distances(self, pair_list: str, distances: Distances) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Distances (n,) of the pairs whose photos both show a face, and whether they show one person (n,)."""
        pairs = self.pairs(pair_list)
        values = pair_distances(self.embeddings, pairs.photos, distances)
        known = ~np.isnan(values)
        return values[known], pairs.same[known]

    def with_strangers(self, calibration: Calibration, distances: Distances) -> Calibration:
        """The calibration with what is measured between the people who are held out."""
        found = stranger_distances(self.embeddings, self.people, distances, asked=self.held_out)
        return fit_strangers(calibration, found)


def training_folder(training: str) -> Path:
    """Folder of a training in the data folder."""
    return storage.home() / "benchmarks" / "runs" / training


def train_once(
    training: str,
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int64],
    settings: FitSettings,
    *,
    held_out: NDArray[np.bool_],
    names: Sequence[str] | None = None,
) -> SimilarityNetwork:
    """The network of a training, which is trained only once."""
    from train.fit import fit
    from train.runs.networks import read_model

    folder = training_folder(training)
    fit(
        folder,
        embeddings,
        labels,
        settings,
        held_out=held_out,
        about=_ABOUT,
        names=names,
    )
    network: SimilarityNetwork = read_model(folder).to_numpy()
    return network


def release_runs(data: ReleaseData, *, runs: Path = RECORDED_RUNS) -> None:
    """Train and record all trainings."""
    for name, settings in {**TRAININGS, **ABLATIONS}.items():
        print(f"\n{name}")
        training = name if name in ABLATIONS else f"{name}-seed-{settings.seed}"
        train_once(training, data.embeddings, data.people, settings, held_out=data.held_out, names=data.names)
        record_training(training_folder(training), runs / name)


def release_similarity(data: ReleaseData, *, to: Path = files.SHIPPED) -> None:
    """Train a network for an embedder and ship it."""
    settings = TRAININGS[SHIPPED]
    settings = replace(settings, network=replace(settings.network, wccn=SHRINKAGES[data.embedder]))
    digest = hashlib.sha256(json.dumps(data.identity, sort_keys=True).encode()).hexdigest()[:12]
    training = f"{SHIPPED}-{data.embedder}-{digest}-seed-{settings.seed}"
    network = train_once(training, data.embeddings, data.people, settings, held_out=data.held_out, names=data.names)
    ship_network(data, network, training_folder(training), settings, to=to / data.embedder)


def record_training(training: Path, to: Path) -> None:
    """Copy what is recorded of a run."""
    to.mkdir(parents=True, exist_ok=True)
    for file in RECORDED_FILES:
        shutil.copyfile(training / file, to / file)


def ship_network(
    data: ReleaseData, network: SimilarityNetwork, training: Path, settings: FitSettings, *, to: Path
) -> None:
    """Write a network with its calibration, fitted on people it was not trained on."""
    distances = network_distances(network)
    calibration = fit_calibration(*data.distances("pairsDevTest.txt", distances), on_logit=True)
    calibration = data.with_strangers(calibration, distances)
    measured: list[dict[str, Any]] = []
    for pair_list in ("pairsDevTest.txt", "pairs.txt"):
        figures, curve = check_calibration(calibration, *data.distances(pair_list, distances))
        points = zip(curve.said.tolist(), curve.same.tolist(), curve.pairs.tolist(), strict=True)
        reliability = [{"said": said, "same": share, "pairs": count} for said, share, count in points]
        measured.append({"pairs": pair_list, **figures, "reliability": reliability})
    about = {
        "trained_on": "LFW peopleDevTrain.txt",
        "command": _ABOUT["command"],
        "embedding": data.identity,
        "settings": asdict(settings),
        "calibrated_on": "LFW pairsDevTest.txt",
        "one_shot": best_epoch(training),
        "measured": measured,
    }
    write_network(to, network, calibration, about=about, trained_on=data.trained_on)


def release_calibration(data: ReleaseData, *, to: Path = files.SHIPPED) -> None:
    """Fit the calibration of an embedder's cosine, check it on other people and write it."""
    calibration = fit_calibration(*data.distances("pairsDevTrain.txt", cosine_distances))
    calibration = data.with_strangers(calibration, cosine_distances)
    measured = []
    for pair_list in ("pairsDevTrain.txt", "pairsDevTest.txt", "pairs.txt"):
        figures, _ = check_calibration(calibration, *data.distances(pair_list, cosine_distances))
        measured.append({"pairs": pair_list, **figures})
    fitted_on = "LFW pairsDevTrain.txt (make calibrate)"
    about = {"embedding": data.identity, "fitted_on": fitted_on, "measured": measured}
    write_cosine(to / data.embedder, calibration, about)


def release_strangers(data: ReleaseData, *, to: Path = files.SHIPPED) -> None:
    """Measure strangers anew for the network and the cosine that ship for an embedder, and leave all else."""
    folder = to / data.embedder
    network, manifest = files.read_network_and_manifest(folder, data.identity)
    calibration = data.with_strangers(Calibration(**manifest["calibration"]), network_distances(network))
    storage.write_manifest(folder, {**manifest, "calibration": asdict(calibration)})
    about = storage.read_json(folder / shipped.COSINE) or {}
    cosine = data.with_strangers(Calibration(about["middle"], about["slope"]), cosine_distances)
    write_cosine(folder, cosine, {name: about[name] for name in ("embedding", "fitted_on", "measured")})


# What is made of the rows of which embedders.
RELEASES: dict[str, tuple[Callable[[ReleaseData], None], Sequence[str]]] = {
    "similarity": (release_similarity, shipped.NETWORKS_FOR),
    "calibration": (release_calibration, CALIBRATIONS_FOR),
    "strangers": (release_strangers, shipped.NETWORKS_FOR),
    "runs": (release_runs, (RUNS_OF,)),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Make one part of the release from LFW's photos."""
    parser = argparse.ArgumentParser(prog="python -m train.release", description="Make what ships, from LFW.")
    parser.add_argument("part", choices=RELEASES)
    release, embedders = RELEASES[parser.parse_args(arguments).part]
    from train.datasets.lfw import LFW

    try:
        lfw = LFW()
        for embedder in embedders:
            release(ReleaseData.of_lfw(lfw, embedder))
    except UserError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
