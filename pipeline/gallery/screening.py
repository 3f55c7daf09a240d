"""Which photos of a person are good enough for a gallery.

Photos are first required to be of high quality. If a person then has too few, the limits are lowered round by round.
The limits are those of LooksLikeWho by sdamolini.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

# What identifies a photo: its path, or its position among the uploads.
PhotoKey = TypeVar("PhotoKey", bound=Hashable)


class RejectionKind(StrEnum):
    """Why a photo is rejected. The values are those in ``rejected.csv``."""

    UNREADABLE = "cannot be read"
    NO_FACE = "no face found"
    NOT_COMPARABLE = "cannot be compared"
    FACE_CUT = "face cut by the frame"
    DUPLICATE = "duplicate"
    PHOTO_TOO_SMALL = "photo too small"
    FACE_UNCERTAIN = "face uncertain"
    FACE_TOO_SMALL = "face too small"
    NOT_SURE = "perhaps somebody else"
    NOT_NEEDED = "not needed"
    SKIPPED = "skipped"
    REMOVED = "removed"
    OTHER = "other"


# Kinds that another round or a larger target may overrule.
RELAXABLE = frozenset(
    {
        RejectionKind.PHOTO_TOO_SMALL,
        RejectionKind.FACE_UNCERTAIN,
        RejectionKind.FACE_TOO_SMALL,
        RejectionKind.NOT_NEEDED,
    }
)


@dataclass(frozen=True)
class Rejection:
    """Why a photo is rejected: a kind and, for most kinds, a detail for the user."""

    kind: RejectionKind
    detail: str = ""

    def __str__(self) -> str:
        """The text in ``rejected.csv``, "kind: detail"."""
        if self.kind == RejectionKind.OTHER:
            return self.detail
        return f"{self.kind}: {self.detail}" if self.detail else str(self.kind)

    @classmethod
    def parse(cls, text: str) -> Rejection:
        """The rejection that ``str`` wrote. A kind that only another version knows becomes OTHER."""
        kind, _, detail = text.partition(": ")
        return cls(RejectionKind(kind), detail) if kind in _KINDS else cls(RejectionKind.OTHER, text)


_KINDS = frozenset(RejectionKind) - {RejectionKind.OTHER}
DUPLICATE = Rejection(RejectionKind.DUPLICATE, "the same file as another photo of this person")
NOT_NEEDED = Rejection(RejectionKind.NOT_NEEDED, "enough better photos")


@dataclass(frozen=True)
class RoundLimits:
    """The minimum for a photo in one round: its short side, the detector's confidence, the face's longer side."""

    short_side_px: int
    confidence_min: float
    face_side_px: int


ROUNDS = (
    RoundLimits(352, 0.99, 160),
    RoundLimits(168, 0.97, 160),
    RoundLimits(144, 0.95, 120),
    RoundLimits(96, 0.90, 80),
    RoundLimits(0, 0.80, 48),
)
# Only for a person who would otherwise have no photo.
LAST_ROUND = RoundLimits(0, 0.80, 32)


@dataclass(frozen=True)
class PhotoQuality:
    """What screening knows about a photo.

    flaw: set if no limit could be low enough, as for an unreadable photo, no face, or a face cut by the frame.
    """

    short_side_px: int = 0
    confidence: float = 0.0
    face_side_px: float = 0.0
    flaw: Rejection | None = None


def rejection_for(quality: PhotoQuality, limits: RoundLimits) -> Rejection | None:
    """Why a photo fails ``limits``, or None if it passes."""
    if quality.flaw:
        return quality.flaw
    if quality.short_side_px < limits.short_side_px:
        detail = f"short side {quality.short_side_px} px, below {limits.short_side_px}"
        return Rejection(RejectionKind.PHOTO_TOO_SMALL, detail)
    if quality.confidence < limits.confidence_min:
        detail = f"confidence {quality.confidence:.2f}, below {limits.confidence_min}"
        return Rejection(RejectionKind.FACE_UNCERTAIN, detail)
    if quality.face_side_px < limits.face_side_px:
        detail = f"{quality.face_side_px:.0f} px, below {limits.face_side_px}"
        return Rejection(RejectionKind.FACE_TOO_SMALL, detail)
    return None


class PersonScreening(Generic[PhotoKey]):
    """The photos of one person, and those accepted so far.

    accepted: the number of the round by photo. qualities: of every photo measured so far.
    """

    def __init__(self, photos: Sequence[PhotoKey], *, wanted: int, known_already: bool = False) -> None:
        """``wanted``: how many to accept. ``known_already``: the gallery has other photos of this person."""
        self.photos = photos
        self.wanted = wanted
        self.known_already = known_already
        self.sizes: dict[PhotoKey, PhotoQuality] = {}
        self.qualities: dict[PhotoKey, PhotoQuality] = {}
        self.accepted: dict[PhotoKey, int] = {}
        self.last_limits = ROUNDS[0]

    def missing(self) -> int:
        """How many photos are still wanted."""
        return self.wanted - len(self.accepted)

    def takes_part(self, limits: RoundLimits) -> bool:
        """Whether this round looks for photos of the person."""
        return self.missing() > 0 and (limits != LAST_ROUND or not (self.accepted or self.known_already))

    def accept(self, limits: RoundLimits, number: int) -> None:
        """Accept measured photos that pass, in order, up to the number wanted."""
        self.last_limits = limits
        for photo in self.photos:
            quality = self.qualities.get(photo)
            if self.missing() and photo not in self.accepted and quality and not rejection_for(quality, limits):
                self.accepted[photo] = number

    def next_to_measure(self, limits: RoundLimits, size: Callable[[PhotoKey], PhotoQuality]) -> list[PhotoKey]:
        """The next photos that are worth running the detector on, as many as are missing."""
        chosen: list[PhotoKey] = []
        for photo in self.photos:
            if len(chosen) == self.missing():
                break
            if photo not in self.qualities:
                if photo not in self.sizes:
                    self.sizes[photo] = size(photo)
                if self.sizes[photo].flaw:
                    self.qualities[photo] = self.sizes[photo]
                elif self.sizes[photo].short_side_px >= limits.short_side_px:
                    chosen.append(photo)
        return chosen

    def rejected(self) -> dict[PhotoKey, Rejection]:
        """Why each measured photo was not accepted."""
        return {
            photo: rejection_for(quality, self.last_limits) or NOT_NEEDED
            for photo, quality in self.qualities.items()
            if photo not in self.accepted
        }


class Screened(Protocol[PhotoKey]):
    """What became of the photos of one person. accepted: the number of the round by photo."""

    @property
    def accepted(self) -> dict[PhotoKey, int]:
        """See the class."""

    def rejected(self) -> dict[PhotoKey, Rejection]:
        """Why each other measured photo was not accepted."""


@dataclass(frozen=True)
class ScreenedPhotos(Generic[PhotoKey]):
    """The same, as another process has found it."""

    accepted: dict[PhotoKey, int]
    rejections: dict[PhotoKey, Rejection]

    def rejected(self) -> dict[PhotoKey, Rejection]:
        """Why each other measured photo was not accepted."""
        return self.rejections


def run_rounds(
    people: Sequence[PersonScreening[PhotoKey]],
    size: Callable[[PhotoKey], PhotoQuality],
    measure: Callable[[list[PhotoKey]], dict[PhotoKey, PhotoQuality]],
) -> None:
    """Fill ``accepted`` of each person, round by round.

    size: the quality from the photo's header alone. measure: the full quality of a batch of photos. Each photo is
    measured at most once, in batches across people.
    """
    for number, limits in enumerate((*ROUNDS, LAST_ROUND)):
        while True:
            owners: dict[PhotoKey, PersonScreening[PhotoKey]] = {}
            for person in people:
                if person.takes_part(limits):
                    person.accept(limits, number)
                    owners |= dict.fromkeys(person.next_to_measure(limits, size), person)
            if not owners:
                break
            for photo, quality in measure(list(owners)).items():
                owners[photo].qualities[photo] = quality
