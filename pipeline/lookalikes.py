"""The entry point: open a gallery once, then find look-alikes.

App, command line and tests all go through :class:`Lookalikes` and get the same answer from it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import notices, photo
from pipeline.embedding.base import COPY_DISTANCE_MAX, Embedder, usable
from pipeline.embedding.registry import default_identity, entry_of, load_embedder
from pipeline.errors import NoFaceError, PhotoError, UserError
from pipeline.faces import geometry
from pipeline.faces.detector import Detector, load_detector
from pipeline.faces.face import Face, sure_faces
from pipeline.gallery import layout, opening
from pipeline.gallery.columns import Condition
from pipeline.gallery.gallery import Gallery
from pipeline.search.ranking import Method, Ranking
from pipeline.search.search import Search, SearchSettings
from pipeline.similarity.base import Scorer
from pipeline.similarity.registry import DEFAULT_SCORER, is_default_embedding, scorer_for
from pipeline.similarity.resemblance import Likeness
from pipeline.sources.base import NO_CREDIT, Credit, Value

# A path, the bytes of a file, or an upright RGB array, uint8, (height, width, 3).
Photo = str | Path | bytes | NDArray[np.uint8]

# FaceNet's output for smaller or darker faces is noise (see docs/quality.md, Limits).
FACE_SIDE_PX_MIN = 32
BRIGHTNESS_MIN = 20


@dataclass(frozen=True)
class Match(Likeness):
    """A person of the gallery with the most similar photo.

    person: the key in the gallery, by which people are left out; names are not unique. row: of the photo.
    distance: 0..1, smaller is more alike. copy: whether the photo is the probe itself or a near-duplicate of it.
    credit: whose photo it is. columns: what the gallery knows of the person.
    """

    rank: int
    person: str
    row: int
    name: str
    distance: float
    source: str
    licence: str
    crop_path: Path
    copy: bool
    credit: Credit = NO_CREDIT
    columns: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Probe:
    """A face to look up.

    embedding: its unit row, float32 (d,). portrait: uint8 (height, width, 3), for display. identity: of the embedder.
    photos: how many it was made of.
    """

    embedding: NDArray[np.float32]
    portrait: NDArray[np.uint8]
    identity: dict[str, Any] | None = None
    photos: int = 1


@dataclass(frozen=True)
class Found:
    """The faces of a photo, the most prominent first, the number of the one looked up, from 1, and its matches."""

    faces: list[Face]
    face: int
    matches: list[Match]


@dataclass(frozen=True)
class Models:
    """Detector and embedder, loaded once and shared by all galleries and sessions."""

    detector: Detector
    embedder: Embedder

    @classmethod
    def load(cls) -> Models:
        """Load the detector and the default embedder, which takes seconds. Raises UserError without its weights."""
        return cls(_detector(), load_embedder())

    @classmethod
    def load_for(cls, gallery: Gallery) -> Models:
        """Load the detector and the embedder of a gallery. Raises UserError if that embedder is missing."""
        if is_default_embedding(gallery.manifest.get("embedding")):
            return cls.load()
        return cls(_detector(), opening.embedder_of(gallery))

    def warm(self) -> None:
        """Run both networks once, so that the first photo is as fast as the next."""
        blank = np.zeros((480, 640, 3), np.uint8)
        eyes, nose, mouth = ((120.0, 140.0), (160.0, 140.0)), (140.0, 160.0), ((125.0, 180.0), (155.0, 180.0))
        face = Face((100.0, 100.0, 80.0, 100.0), (*eyes, nose, *mouth), 1.0)
        self.detector([blank])
        self.embedder([self.embedder.crops(blank, face)])

    def faces(self, photo: NDArray[np.uint8]) -> list[Face]:
        """The faces of a photo, the most prominent first. Raises NoFaceError if there are none."""
        found = sure_faces(self.detector([photo])[0])
        if not found:
            dark = float(photo.mean()) < BRIGHTNESS_MIN
            raise NoFaceError(
                "The photo is too dark to find a face in it. Take it with more light."
                if dark
                else "No face was found. Use a photo that shows a face from the front, large and well lit."
            )
        return found

    def probe(self, photo: NDArray[np.uint8], face: Face) -> Probe:
        """Embed one face. Raises NoFaceError if it is too small or too dark, or cannot be compared."""
        if face.side_px < FACE_SIDE_PX_MIN:
            raise NoFaceError(
                f"The face is only {face.side_px:.0f} pixels high, and {FACE_SIDE_PX_MIN} are needed. "
                "Come closer, or use a larger photo."
            )
        portrait = geometry.portrait(photo, face)
        if portrait.mean() < BRIGHTNESS_MIN:
            raise NoFaceError("The face is too dark to be compared. Take the photo with more light.")
        (embedding,) = self.embedder([self.embedder.crops(photo, face)])
        if not usable(embedding):
            raise NoFaceError("This face cannot be compared with the people of the gallery. Use another photo.")
        return Probe(embedding, portrait, self.embedder.identity)


@cache
def _detector() -> Detector:
    """The detector, loaded once for all embedders."""
    return load_detector()


class Lookalikes:
    """An open gallery with the networks and a scorer: everything it takes to look up a photo."""

    def __init__(
        self,
        gallery: Gallery,
        models: Models,
        scorer: Scorer | None = None,
        settings: SearchSettings = SearchSettings(),
    ) -> None:
        """Put together what is open already; :meth:`open` does it from names.

        Without a scorer, the one that fits the gallery is taken. Raises WeightsError if it cannot be used.
        """
        self.gallery, self.models, self.settings = gallery, models, settings
        self.scorer: Scorer = scorer or scorer_for(gallery.manifest.get("embedding"))

    @classmethod
    def open(
        cls,
        gallery: str = layout.DEMONSTRATION,
        *,
        scorer: str = DEFAULT_SCORER,
        models: Models | None = None,
        settings: SearchSettings = SearchSettings(),
    ) -> Lookalikes:
        """Open a gallery by name and load the networks, which takes seconds, unless they are given.

        The gallery's own embedder is loaded; the user is told if that is a former default. Without a network for this
        embedder the cosine is the scorer. Raises UserError if a part is missing or does not fit.
        """
        opened = opening.open_gallery(gallery, models.embedder.identity if models else None)
        if text := opening.former_default(opened):
            notices.tell(text)
        chosen = scorer_for(opened.manifest.get("embedding"), scorer)
        return cls(opened, models or Models.load_for(opened), chosen, settings)

    @cached_property
    def _search(self) -> Search:
        return Search(self.gallery, self.scorer, self.settings)

    def rank(
        self,
        probes: Sequence[Probe],
        top: int = 10,
        *,
        method: Method = "min",
        exact: bool = False,
        exclude: Collection[str] = (),
        where: Sequence[Condition] = (),
    ) -> list[list[Match]]:
        """The ``top`` most similar people to each probe; everybody if the gallery has fewer.

        With ``exact`` every photo is scored, otherwise only those of the people whose photos are nearest by cosine.
        A probe gets the same matches alone as among others.

        exclude: keys of people to leave out, as in :attr:`Match.person`. Nobody else's rank or distance depends on
        them. A key that nobody has is ignored.

        where: what the gallery's columns must say of the people who are ranked. Raises GalleryError if nobody fits.
        """
        if not probes:
            return []
        rows = np.stack([probe.embedding for probe in probes])
        excluded = self.gallery.numbers_of(exclude).tolist()
        among = self.gallery.columns.mask(where) if where else None
        ranked = self._search.rank(rows, top, method=method, exact=exact, exclude=excluded, among=among)
        return [self._matches(probe, own) for probe, own in zip(probes, ranked, strict=True)]

    def _matches(self, probe: Probe, ranked: Ranking) -> list[Match]:
        people, calibration = self.gallery.people_count, self.scorer.calibration
        likenesses = calibration.likenesses(ranked.distances, people, photos=probe.photos)
        matches = []
        for place, (row, distance, likeness) in enumerate(
            zip(ranked.best_rows, ranked.distances, likenesses, strict=True), start=1
        ):
            columns = self.gallery.row(int(row))
            matches.append(
                Match(
                    rank=place,
                    person=columns["person"],
                    row=int(row),
                    name=columns["name"],
                    resemblance=likeness.resemblance,
                    strangers=likeness.strangers,
                    distance=float(distance),
                    source=columns["source"],
                    licence=columns["licence"],
                    crop_path=self.gallery.crop_path(int(row)),
                    copy=self._is_copy(probe, int(row)),
                    credit=self.gallery.credit(int(row)),
                    columns=self.gallery.columns.of(int(self.gallery.person_of_row[row])),
                )
            )
        return matches

    def _is_copy(self, probe: Probe, row: int) -> bool:
        cosine = float(self.gallery.embeddings[row] @ probe.embedding)
        return (1 - cosine) / 2 <= self._copy_distance_max

    @cached_property
    def _copy_distance_max(self) -> float:
        entry = entry_of(self.gallery.manifest.get("embedding") or default_identity())
        return entry.copy_distance_max if entry else COPY_DISTANCE_MAX

    def look(self, photo: Photo, face: int = 1) -> tuple[list[Face], Probe]:
        """The faces of a photo, the most prominent first, and face number ``face``, counted from 1, embedded.

        Raises UserError.
        """
        pixels = pixels_of(photo)
        faces = self.models.faces(pixels)
        if not 1 <= face <= len(faces):
            shown = "one face" if len(faces) == 1 else f"{len(faces)} faces"
            raise UserError(f"There is no face {face}: the photo shows {shown}.")
        return faces, self.models.probe(pixels, faces[face - 1])

    def find(
        self,
        photo: Photo,
        top: int = 10,
        *,
        face: int = 1,
        method: Method = "min",
        exact: bool = False,
        exclude: Collection[str] = (),
        where: Sequence[Condition] = (),
    ) -> Found:
        """Look up one face of a photo: :meth:`look`, then :meth:`rank`. Raises UserError."""
        faces, probe = self.look(photo, face)
        (matches,) = self.rank([probe], top, method=method, exact=exact, exclude=exclude, where=where)
        return Found(faces, face, matches)


def pixels_of(given: Photo) -> NDArray[np.uint8]:
    """The pixels of a photo, upright RGB. Raises PhotoError."""
    if not isinstance(given, np.ndarray):
        return photo.read(given)
    if given.dtype != np.uint8 or given.ndim != 3 or given.shape[2] != 3:
        raise PhotoError("An array must be an upright RGB photo: uint8, (height, width, 3).")
    return given
