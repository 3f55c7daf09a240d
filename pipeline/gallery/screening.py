"""Which photos of a person are good enough for a gallery: limits, and rounds that relax them.

The rounds are those of the system that this project grew from: photos are first asked for in high quality;
where a person has too few of them, the limits are lowered step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

# What stands for a photo: its path, or its number among those that were dropped on a page.
Photo = TypeVar("Photo", bound=Hashable)


@dataclass(frozen=True)
class Limits:
    """What a photo must reach in one round: its short side, MTCNN's confidence, the longer side of the face."""

    short_side_px: int
    confidence_min: float
    face_side_px: int


ROUNDS = (
    Limits(352, 0.99, 160),
    Limits(168, 0.97, 160),
    Limits(144, 0.95, 120),
    Limits(96, 0.90, 80),
    Limits(0, 0.80, 48),
)
# Only for a person who would otherwise be missing.
LAST_ROUND = Limits(0, 0.80, 32)
# How the reasons begin that another round, or a higher target, may overrule.
RELAXABLE = ("photo too small", "face uncertain", "face too small", "not needed")


@dataclass(frozen=True)
class Measured:
    """What screening knows of a photo. ``flaw`` is set where no limit helps: unreadable, no face, a cut face."""

    short_side_px: int = 0
    confidence: float = 0.0
    face_side_px: float = 0.0
    flaw: str = ""


def rejection(measured: Measured, limits: Limits) -> str:
    """Why a photo fails ``limits``, as "kind: detail", or an empty string where it passes."""
    if measured.flaw:
        return measured.flaw
    if measured.short_side_px < limits.short_side_px:
        return f"photo too small: short side {measured.short_side_px} px, below {limits.short_side_px}"
    if measured.confidence < limits.confidence_min:
        return f"face uncertain: confidence {measured.confidence:.2f}, below {limits.confidence_min}"
    if measured.face_side_px < limits.face_side_px:
        return f"face too small: {measured.face_side_px:.0f} px, below {limits.face_side_px}"
    return ""


class Candidates(Generic[Photo]):
    """The photos of one person, and which of them are accepted so far."""

    def __init__(self, photos: Sequence[Photo], wanted: int, known_already: bool = False) -> None:
        """``wanted``: photos still asked for. ``known_already``: the gallery has others of this person."""
        self.photos = photos
        self.wanted = wanted
        self.known_already = known_already
        self.sizes: dict[Photo, Measured] = {}
        self.measured: dict[Photo, Measured] = {}
        self.accepted: dict[Photo, int] = {}
        self.last_tried = ROUNDS[0]

    def missing(self) -> int:
        """How many photos are still asked for."""
        return self.wanted - len(self.accepted)

    def takes_part(self, limits: Limits) -> bool:
        """Whether this round looks for photos of the person."""
        return self.missing() > 0 and (limits != LAST_ROUND or not (self.accepted or self.known_already))

    def accept(self, limits: Limits, number: int) -> None:
        """Accept what was measured and passes, in order, up to the number wanted."""
        self.last_tried = limits
        for photo in self.photos:
            measured = self.measured.get(photo)
            if self.missing() and photo not in self.accepted and measured and not rejection(measured, limits):
                self.accepted[photo] = number

    def next_to_measure(self, limits: Limits, size: Callable[[Photo], Measured]) -> list[Photo]:
        """The next photos worth detecting a face in, as many as are missing."""
        chosen: list[Photo] = []
        for photo in self.photos:
            if len(chosen) == self.missing():
                break
            if photo not in self.measured:
                if photo not in self.sizes:
                    self.sizes[photo] = size(photo)
                if self.sizes[photo].flaw:
                    self.measured[photo] = self.sizes[photo]
                elif self.sizes[photo].short_side_px >= limits.short_side_px:
                    chosen.append(photo)
        return chosen

    def rejected(self) -> dict[Photo, str]:
        """Reason by photo, for all that were measured and not accepted."""
        return {
            photo: rejection(measured, self.last_tried) or "not needed: enough better photos"
            for photo, measured in self.measured.items()
            if photo not in self.accepted
        }


def choose(
    people: Sequence[Candidates[Photo]],
    size: Callable[[Photo], Measured],
    measure: Callable[[list[Photo]], dict[Photo, Measured]],
) -> None:
    """Fill ``accepted`` of each person, round by round; each photo is measured once, those of all people together."""
    for number, limits in enumerate((*ROUNDS, LAST_ROUND)):
        while True:
            wanted: dict[Photo, Candidates[Photo]] = {}
            for person in people:
                if person.takes_part(limits):
                    person.accept(limits, number)
                    wanted |= dict.fromkeys(person.next_to_measure(limits, size), person)
            if not wanted:
                break
            for photo, measured in measure(list(wanted)).items():
                wanted[photo].measured[photo] = measured
