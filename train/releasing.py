"""Making a run's network the one that every gallery of its embedder is ranked by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline import storage
from pipeline.errors import UserError
from pipeline.similarity import files, shipped
from pipeline.similarity.calibration import Calibration
from pipeline.similarity.network import SimilarityNetwork
from train.evaluation import protocols
from train.evaluation.calibration import calibration_of_people, pairs_of_halves, reliability_of_halves
from train.evaluation.distances import Distances, cosine_distances, network_distances
from train.evaluation.measuring import one_shot_draw
from train.runs import networks
from train.runs.files import CONFIG, run_folder

if TYPE_CHECKING:
    from pipeline.gallery.gallery import Gallery


@dataclass(frozen=True)
class Release:
    """What was released.

    folder: where it is. people: how many people with several photos the resemblance was fitted on. error: the
    expected calibration error, fitted on one half of them and checked on the other; None where they are too few.
    """

    folder: Path
    people: int
    error: float | None


def release_run(run: str, opened: Gallery, names: NDArray[np.str_]) -> Release:
    """Fit the resemblance of a run's network, and of the cosine, on a gallery's people whom it was not trained on.

    names: of the gallery's rows (faces,). Both are kept in the data folder for all galleries of the same embedder.
    Raises UserError if the run was trained on rows of another embedder, or if there are too few people.
    """
    identity = opened.manifest["embedding"]
    network, trained_on = networks.trained_network(run, identity)
    kept = ~np.isin(names, trained_on)
    rows, labels = np.asarray(opened.embeddings[kept]), opened.person_of_row[kept].astype(np.int64)
    people = protocols.probes_count(labels)
    calibration = calibration_of_people(rows, labels, network_distances(network))
    cosine = calibration_of_people(rows, labels, cosine_distances, on_logit=False)
    name = shipped.folder_name(identity)
    if calibration is None or cosine is None:
        raise UserError(
            f"A resemblance is fitted on {protocols.PROBES_ENOUGH} people with several photos whom the run was not "
            f"trained on; the gallery {opened.name} has {people}. Add people, or take another gallery."
        )
    if name is None:
        raise UserError(f"The embedder of the gallery {opened.name} is not installed here.")
    config = storage.read_json(run_folder(run) / CONFIG) or {}
    about = {
        "run": run,
        "embedding": identity,
        "settings": config.get("settings"),
        "calibrated_on": f"{people} people of the gallery {opened.name}",
    }
    errors = {
        "network": _error(rows, labels, network_distances(network), on_logit=True),
        "cosine": _error(rows, labels, cosine_distances, on_logit=False),
    }
    folder = files.released() / name
    with storage.atomic_path(folder) as temporary:
        fitted_on = {"embedding": identity, "fitted_on": about["calibrated_on"], "error": errors["cosine"]}
        write_cosine(temporary, cosine, fitted_on)
        write_network(
            temporary, network, calibration, about={**about, "error": errors["network"]}, trained_on=trained_on
        )
    return Release(folder, people, errors["network"])


def write_network(
    folder: Path,
    network: SimilarityNetwork,
    calibration: Calibration,
    *,
    about: dict[str, Any],
    trained_on: Sequence[str],
) -> None:
    """Write a network with its calibration and the people it was trained on."""
    files.write_network(folder, network, calibration, about)
    (folder / networks.TRAINED_ON).write_text("".join(f"{name}\n" for name in trained_on), encoding="utf-8")


def write_cosine(folder: Path, calibration: Calibration, about: dict[str, Any]) -> None:
    """Write the calibration of an embedder's cosine. about: the ``embedding`` it is for, and what was measured."""
    fitted = {
        "middle": round(calibration.middle, 5),
        "slope": round(calibration.slope, 3),
        "strangers": calibration.strangers,
    }
    storage.write_json(folder / shipped.COSINE, storage.with_digest({"scorer": "cosine", **fitted, **about}))


def _error(
    rows: NDArray[np.float32], labels: NDArray[np.int64], distances: Distances, *, on_logit: bool
) -> float | None:
    """The expected calibration error over halves of the people."""
    draws = [one_shot_draw(rows, labels, distances, draw) for draw in protocols.one_shot_draws(labels, 1)]
    checked = reliability_of_halves(pairs_of_halves(rows, labels, distances, draws), on_logit=on_logit)
    return float(checked["error"]) if checked else None
