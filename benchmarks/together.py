"""``make benchmark-together``: one, two and three photos of a person as one probe, combined in several ways.

People of LFW's ``peopleDevTest.txt`` (view 1) are ranked by the shipped network, which was not trained on them. What
a way leaves open is chosen for each half of the people on the other half.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import explained, report, tables
from pipeline import photo
from pipeline.cli.console import tracked
from pipeline.embedding.base import unit
from pipeline.embedding.registry import DEFAULT_EMBEDDER
from pipeline.errors import UserError
from pipeline.faces import geometry
from pipeline.lookalikes import Models
from pipeline.similarity.registry import load_scorer
from pipeline.together import SAME_PERSON_MIN
from train.datasets.lfw import LFW
from train.datasets.lfw_sex import SexLabels, read_sex_labels
from train.evaluation import measuring, metrics, protocols
from train.evaluation.distances import Distances, scorer_distances
from train.evaluation.protocols import VIEW_1_DRAWS, Tier
from train.evaluation.resemblance import agreement, most_similar_strangers, stability
from train.evaluation.strangers import best_of

# One photo in the gallery against three others; and two probes of three photos each.
ONE_THREE, THREE_THREE = Tier("Together", None, 1, 3), Tier("Together twice", None, 3, 3)
POWERS, PEOPLE = (0.5, 1.0, 2.0, 4.0), 1_000
# A poor photo: the face this high in pixels, saved with this quality.
POOR_SIDE_PX, POOR_QUALITY = 40, 30


@dataclass(frozen=True)
class Faces:
    """Faces in an order of any shape: unit rows (…, d), and the detector's confidence times the face's side (…,).

    A photo in which no face was found has a row of zeros.
    """

    rows: NDArray[np.float32]
    clear: NDArray[np.float64]

    def at(self, places: NDArray[np.int64]) -> Faces:
        """A copy of those at some places."""
        return Faces(self.rows[places], self.clear[places])


# From faces (n, k) to probes, unit rows (n, d).
Way = Callable[[Faces], NDArray[np.float32]]


def mean(faces: Faces) -> NDArray[np.float32]:
    """The mean of the rows."""
    return unit(faces.rows.mean(axis=1))


def by_size(power: float, faces: Faces) -> NDArray[np.float32]:
    """Weighted by confidence times size."""
    return unit((faces.rows * (faces.clear**power)[..., None]).sum(axis=1))


def by_agreement(power: float, faces: Faces) -> NDArray[np.float32]:
    """Weighted by the mean cosine to the other photos, which for two photos is the mean."""
    cosines = faces.rows @ faces.rows.transpose(0, 2, 1)
    others = cosines.sum(axis=2) - np.einsum("nii->ni", cosines)
    weights = np.maximum(others, 1e-6) ** power
    return unit((faces.rows * weights[..., None]).sum(axis=1))


KINDS: dict[str, Callable[[float], Way]] = {
    "confidence times size": lambda power: partial(by_size, power),
    "agreement with the others": lambda power: partial(by_agreement, power),
}


@dataclass(frozen=True)
class People:
    """The photos of some people of LFW: labels (photos,), their faces, and their sex as labelled.

    poor: the face of a photo that was made poor, by the place of the photo. half: bool (photos,), two halves of the
    people.
    """

    labels: NDArray[np.int64]
    faces: Faces
    sex: SexLabels
    poor: dict[int, Faces]
    half: NDArray[np.bool_]

    def shown(self, places: NDArray[np.int64], *, poorly: bool = False) -> Faces:
        """The faces at places (n, k). poorly: the first photo of each is poor."""
        faces = self.faces.at(places)
        if poorly:
            first = [self.poor[place] for place in places[:, 0].tolist()]
            faces.rows[:, 0] = [face.rows for face in first]
            faces.clear[:, 0] = [face.clear for face in first]
        return faces

    def probes(self, ways: Ways, places: NDArray[np.int64], *, poorly: bool = False) -> NDArray[np.float32]:
        """Unit rows (n, d) of photos (n, k), combined by the way for each half of the people."""
        faces = self.shown(places, poorly=poorly)
        return np.where(self.half[places[:, 0], None], ways[1](faces), ways[0](faces))


# A way for the people of each half.
Ways = tuple[Way, Way]


@dataclass(frozen=True)
class LookedUp:
    """A draw. gallery: photos (people,). own (n,): the place of each probe's person in it. distances (n, people).

    half: of the probes, bool (n,).
    """

    gallery: NDArray[np.int64]
    own: NDArray[np.int64]
    distances: NDArray[np.float32]
    half: NDArray[np.bool_]

    @property
    def hits(self) -> NDArray[np.bool_]:
        """Whether each probe's own person comes first, bool (n,)."""
        return metrics.ranks(self.distances, self.own) == 1


def main() -> None:
    """Choose, measure, and fill the table."""
    lfw, models, scorer = LFW(), Models.load(), load_scorer()
    people, distances = _people(lfw, models), scorer_distances(scorer)
    tried = {
        (kind, power): _tried(people, make(power), distances) for kind, make in KINDS.items() for power in POWERS
    }
    ways: dict[str, Ways] = {"mean": (mean, mean)}
    for kind, make in KINDS.items():
        # Each half of the people gets the power that is best for the other half.
        powers = [max(POWERS, key=lambda power: tried[kind, power][1 - half]) for half in (0, 1)]
        ways[f"{kind}, to the power of {' or '.join(f'{power:g}' for power in sorted(set(powers)))}"] = (
            make(powers[0]),
            make(powers[1]),
        )
    table = [
        {"photos": f"{count}", "combined by": name, **_figures(people, way, count, distances)}
        for count in (1, 2, 3)
        for name, way in (ways.items() if count > 1 else [("–", (mean, mean))])
    ]
    report(
        "together",
        {
            "Several photos as one probe: 1,711 people of view 1, mean and s.d. of 10 draws": table,
            "Powers: rank-1 of three photos, with and without a poor one, of each half of the people": [
                {"weight": kind, "power": f"{power:g}", "one half": halves[0], "the other": halves[1]}
                for (kind, power), halves in tried.items()
            ],
            "Whether another photo seems to show somebody else": _asked(people, distances),
        },
    )
    tables.fill("together", "somebody-else")


def _people(lfw: LFW, models: Models) -> People:
    photos = lfw.photos_of("peopleDevTest.txt")
    photos = photos[[lfw.faces[number] is not None for number in photos]]
    clear = [face.confidence * face.side_px for number in photos if (face := lfw.faces[number])]
    faces, labels = Faces(lfw.embedded(DEFAULT_EMBEDDER, photos), np.array(clear)), lfw.people[photos]
    firsts = [protocols.draw_tier(labels, ONE_THREE, draw)[1][:, 0] for draw in VIEW_1_DRAWS]
    wanted = np.unique(np.concatenate(firsts)).tolist()
    poor = {place: _poor(lfw, models, int(photos[place])) for place in tracked(wanted, "Poor photos", "photos")}
    sex = read_sex_labels(lfw.folder, [lfw.paths[number] for number in photos])
    return People(labels, faces, sex, poor, protocols.halves(labels)[1])


def _poor(lfw: LFW, models: Models, number: int) -> Faces:
    """The face of a photo that is made small and saved badly, looked for as in any photo."""
    face = lfw.faces[number]
    assert face
    pixels = lfw.photo(number)
    small = geometry.shrink_to(pixels, round(POOR_SIDE_PX / face.side_px * max(pixels.shape)))
    try:
        file = io.BytesIO()
        Image.fromarray(small).save(file, "JPEG", quality=POOR_QUALITY)
        pixels = photo.read(file.getvalue())
        found = models.faces(pixels)[0]
        row = models.probe(pixels, found).embedding
        return Faces(row, np.array(found.confidence * found.side_px))
    except UserError:
        return Faces(np.zeros(models.embedder.dimensions, np.float32), np.array(0.0))


def _look_up(
    people: People, ways: Ways, count: int, distances: Distances, *, draw: int, poorly: bool = False
) -> LookedUp:
    gallery, _ = protocols.draw_one_shot(people.labels, draw)
    _, places = protocols.draw_tier(people.labels, ONE_THREE, draw)
    own = np.searchsorted(people.labels[gallery], people.labels[places[:, 0]])
    rows = people.probes(ways, places[:, :count], poorly=poorly)
    return LookedUp(gallery, own, distances(rows, people.faces.rows[gallery]), people.half[places[:, 0]])


def _tried(people: People, way: Way, distances: Distances) -> tuple[float, float]:
    """Rank-1 of each half of the people with three photos, the mean of good ones and of those with a poor one."""
    found = [
        _look_up(people, (way, way), 3, distances, draw=draw, poorly=poorly)
        for draw in VIEW_1_DRAWS
        for poorly in (False, True)
    ]
    first, second = (
        float(np.mean([each.hits[each.half == half].mean() for each in found])) for half in (False, True)
    )
    return first, second


def _figures(people: People, ways: Ways, count: int, distances: Distances) -> dict[str, str]:
    found: dict[str, list[float]] = {}
    calibration = load_scorer().calibration
    for draw in VIEW_1_DRAWS:
        good, poor = (_look_up(people, ways, count, distances, draw=draw, poorly=poorly) for poorly in (False, True))
        others = good.distances.copy()
        others[np.arange(len(good.own)), good.own] = np.inf
        told = calibration.likenesses(best_of(others, PEOPLE, draws=1), PEOPLE, photos=count)
        strangers = most_similar_strangers(good.distances, good.own)
        kinds = {"women: three": people.sex.women[good.gallery], "men: three": people.sex.men[good.gallery]}
        each = {
            "rank-1": good.hits.mean(),
            "one of them poor": poor.hits.mean(),
            "same three": _stability(people, ways, count, distances, draw),
            **{name: agreement(kind[good.own], kind, strangers)[1] for name, kind in kinds.items()},
            "striking": np.mean([each.phrase == "striking" for each in told]),
        }
        for name, value in each.items():
            found.setdefault(name, []).append(float(value))
    return {name: measuring.spread(values) for name, values in found.items()}


def _stability(people: People, ways: Ways, count: int, distances: Distances, draw: int) -> float:
    gallery, _ = protocols.draw_one_shot(people.labels, draw)
    threes = protocols.draw_tier(people.labels, THREE_THREE, draw)
    own = np.searchsorted(people.labels[gallery], people.labels[threes[0][:, 0]])
    found = [
        most_similar_strangers(distances(people.probes(ways, photos[:, :count]), people.faces.rows[gallery]), own)
        for photos in threes
    ]
    return stability(*found)


def _asked(people: People, distances: Distances) -> list[dict[str, object]]:
    """How often it is asked whether another photo shows the same face."""
    kinds: dict[str, list[NDArray[np.float32]]] = {}
    for draw in VIEW_1_DRAWS:
        good, poor = (
            _look_up(people, (mean, mean), 1, distances, draw=draw, poorly=poorly) for poorly in (False, True)
        )
        probes, own = np.arange(len(good.own)), good.own
        kinds.setdefault("of the same person", []).append(good.distances[probes, own])
        kinds.setdefault("of the same person, poor", []).append(poor.distances[probes, own])
        other = (own + 1) % len(good.gallery)
        kinds.setdefault("of somebody else, drawn at random", []).append(good.distances[probes, other])
    same_person = load_scorer().calibration.same_person
    shares = {name: np.mean(same_person(np.concatenate(of)) < SAME_PERSON_MIN) for name, of in kinds.items()}
    return [{"another photo": name, "asked": f"{100 * share:.1f} %"} for name, share in shares.items()]


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(explained(error))
