"""What people get who are not in a gallery: the best of n strangers, for many n."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.similarity.calibration import Calibration
from pipeline.similarity.resemblance import PHRASES, resemblance


@dataclass(frozen=True)
class StrangersFound:
    """The resemblance of the best match of strangers.

    people: in the gallery. phrases: how often each phrase or a better one is said, 0..1. median: of the resemblance.
    """

    people: int
    phrases: dict[str, float]
    median: float


def best_of(distances: NDArray[np.floating], people: int, *, draws: int) -> NDArray[np.float64]:
    """The smallest distance of each probe to ``people`` people drawn at random, in some draws: (probes * draws,).

    distances (probes, columns), infinite for the own person.
    """
    found = []
    for draw in range(draws):
        chosen = np.random.default_rng(draw).permutation(distances.shape[1])[:people]
        found.append(distances[:, np.sort(chosen)].min(axis=1))
    return np.concatenate(found).astype(np.float64)


def strangers_found(
    distances: NDArray[np.floating], calibration: Calibration, people: int, *, parts: int = 1, draws: int = 10
) -> StrangersFound:
    """What strangers are told in galleries of ``people`` people.

    distances (probes, columns), infinite for the own person. With ``parts``, galleries that are that many times
    smaller are searched and scored as if they were whole. Somebody found in the whole is found in one of its parts,
    so the shares, which are multiplied by the number of parts, are upper bounds. The median is unknown then.
    """
    best = best_of(distances, people // parts, draws=draws)
    scores = np.round(resemblance(calibration.strangers_within(best), people))
    phrases = {
        phrase: min(parts * float(np.mean(scores >= least)), 1.0) for phrase, least in PHRASES.items() if least
    }
    return StrangersFound(people, phrases, float(np.median(scores)) if parts == 1 else np.nan)
