"""The rounds of screening against a naive oracle."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.gallery import screening
from pipeline.gallery.screening import (
    LAST_ROUND,
    ROUNDS,
    PersonScreening,
    PhotoQuality,
    Rejection,
    RejectionKind,
    RoundLimits,
)

GOOD = PhotoQuality(400, 0.995, 170)
NO_FACE = Rejection(RejectionKind.NO_FACE)
UNREADABLE = Rejection(RejectionKind.UNREADABLE, "The file is empty.")


def test_the_rounds_are_those_of_the_original_project():
    rounds = [(limits.short_side_px, limits.confidence_min, limits.face_side_px) for limits in (*ROUNDS, LAST_ROUND)]
    assert rounds == [
        (352, 0.99, 160),
        (168, 0.97, 160),
        (144, 0.95, 120),
        (96, 0.90, 80),
        (0, 0.80, 48),
        (0, 0.80, 32),
    ]


@pytest.mark.parametrize(
    ("quality", "reason"),
    [
        (PhotoQuality(352, 0.99, 160), None),
        (PhotoQuality(351, 0.99, 160), "photo too small: short side 351 px, below 352"),
        (PhotoQuality(352, 0.98, 160), "face uncertain: confidence 0.98, below 0.99"),
        (PhotoQuality(352, 0.99, 159), "face too small: 159 px, below 160"),
        (PhotoQuality(flaw=NO_FACE), "no face found"),
    ],
)
def test_each_limit_has_its_rejection(quality, reason):
    rejection = screening.rejection_for(quality, ROUNDS[0])
    assert (rejection and str(rejection)) == reason
    assert rejection is None or Rejection.parse(str(rejection)) == rejection


def test_an_unknown_reason_is_kept_as_text():
    for text in ("too dark: 3 lux", "other: thing", ""):
        assert str(Rejection.parse(text)) == text
        assert Rejection.parse(text).kind == RejectionKind.OTHER


@dataclass
class Naive:
    """One person, one photo at a time."""

    measured: set[str] = field(default_factory=set)
    accepted: dict[str, int] = field(default_factory=dict)

    def choose(self, truth: dict[str, PhotoQuality], wanted: int, known_already: bool) -> None:
        for number, limits in enumerate((*ROUNDS, LAST_ROUND)):
            if limits == LAST_ROUND and (self.accepted or known_already):
                return
            for fresh in (False, True):
                for photo, measured in truth.items():
                    if len(self.accepted) == wanted or (photo in self.measured) == fresh or photo in self.accepted:
                        continue
                    if fresh and measured.flaw != UNREADABLE and measured.short_side_px < limits.short_side_px:
                        continue
                    self.measured.add(photo)
                    if passes(measured, limits):
                        self.accepted[photo] = number


def passes(measured: PhotoQuality, limits: RoundLimits) -> bool:
    return (
        not measured.flaw
        and measured.short_side_px >= limits.short_side_px
        and measured.confidence >= limits.confidence_min
        and measured.face_side_px >= limits.face_side_px
    )


MEASURED = st.builds(
    PhotoQuality,
    short_side_px=st.sampled_from([50, 96, 144, 160, 200, 400]),
    confidence=st.sampled_from([0.7, 0.8, 0.9, 0.96, 0.98, 0.995]),
    face_side_px=st.sampled_from([20, 32, 40, 48, 80, 120, 160]),
    flaw=st.sampled_from([None, None, None, None, NO_FACE, UNREADABLE]),
)
PEOPLE = st.lists(st.tuples(st.lists(MEASURED, max_size=8), st.integers(1, 5), st.booleans()), max_size=4)


@given(PEOPLE)
def test_the_rounds_match_a_naive_loop_and_measure_no_photo_twice(people):
    truth: dict[Path, PhotoQuality] = {
        Path(f"{person}/{index}"): measured
        for person, (photos, _, _) in enumerate(people)
        for index, measured in enumerate(photos)
    }
    sized: Counter[Path] = Counter()
    seen: Counter[Path] = Counter()

    def size(photo: Path) -> PhotoQuality:
        sized[photo] += 1
        if truth[photo].flaw == UNREADABLE:
            return truth[photo]
        return PhotoQuality(short_side_px=truth[photo].short_side_px)

    def measure(photos: list[Path]) -> dict[Path, PhotoQuality]:
        assert photos
        seen.update(photos)
        return {photo: truth[photo] for photo in photos}

    candidates = [
        PersonScreening(
            [photo for photo in truth if photo.parts[0] == str(person)], wanted=wanted, known_already=known
        )
        for person, (_, wanted, known) in enumerate(people)
    ]
    screening.run_rounds(candidates, size, measure)
    assert max([*seen.values(), *sized.values()], default=1) == 1
    for (_, wanted, known), chosen in zip(people, candidates, strict=True):
        naive = Naive()
        naive.choose({str(photo): truth[photo] for photo in chosen.photos}, wanted, known)
        assert {str(photo): number for photo, number in chosen.accepted.items()} == naive.accepted
        assert {str(photo) for photo in chosen.qualities} == naive.measured
        assert len(chosen.accepted) <= wanted
        if known or any(number < len(ROUNDS) for number in chosen.accepted.values()):
            assert all(number < len(ROUNDS) for number in chosen.accepted.values())
        # Every measured photo is either accepted or has a reason.
        assert set(chosen.rejected()) == set(chosen.qualities) - set(chosen.accepted)
        assert all(chosen.rejected().values())


def test_the_best_photos_are_accepted_first_whatever_their_order():
    photos = [Path(str(index)) for index in range(3)]
    truth = dict(zip(photos, [PhotoQuality(100, 0.9, 90), PhotoQuality(150, 0.96, 130), GOOD], strict=True))
    person = PersonScreening(photos, wanted=2)
    screening.run_rounds([person], lambda photo: truth[photo], lambda asked: {photo: truth[photo] for photo in asked})
    assert person.accepted == {photos[2]: 0, photos[1]: 2}


def test_a_person_without_photos_is_skipped():
    person: PersonScreening[Path] = PersonScreening([], wanted=5)
    screening.run_rounds([person], lambda _: GOOD, lambda photos: dict.fromkeys(photos, GOOD))
    assert person.accepted == {}
