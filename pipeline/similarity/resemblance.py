"""The score that users see: how unusual it is to find somebody this alike.

A calibration says how large a share of strangers is as alike as two given faces. Among n people, n times that share
are expected to be as alike by chance, and the best of n strangers is as alike with at most that probability. The
score is a function of this number alone, so it does not grow with the gallery: somebody who is not in the gallery
gets 90 or more in at most one case of twenty, among a thousand people or a million.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Two photos are compared as if one were the best of this many people, and so are photos in smaller galleries: the
# best of ten is soon better than most bests of ten, and not alike at all.
PEOPLE_MIN = 1_000
# One in twenty strangers finds somebody this alike among n people, and the score of that.
_RARE, _SCORE_OF_RARE = 1 / 20, 90
# Score 50 where one person is expected by chance; the logarithm of the odds is linear in that of the expected number.
_STEEPNESS = math.log(_SCORE_OF_RARE / (100 - _SCORE_OF_RARE)) / -math.log(_RARE)
# A phrase for each score, from the lowest score on that has it.
PHRASES = {"striking": _SCORE_OF_RARE, "strong": 70, "some": 40, "slight": 0}
HELP = (
    "0 to 100, larger is more alike. At 50, one person in a gallery of this size is expected to look this alike by "
    "chance. At most one in twenty people who are not in the gallery find somebody with 90 or more, however large it "
    "is. It compares photos and never tells who somebody is."
)


@dataclass(frozen=True)
class Likeness:
    """How alike two faces are, for users.

    resemblance: 0..100, larger is more alike. strangers: the share, 0..1, of strangers who are as alike. Both are NaN
    if there is no calibration for the embedder or the run.
    """

    resemblance: float
    strangers: float

    @property
    def has_resemblance(self) -> bool:
        """Whether there is a resemblance."""
        return not math.isnan(self.resemblance)

    @property
    def phrase(self) -> str:
        """*striking*, *strong*, *some* or *slight*, by the number as shown; empty if there is no resemblance."""
        if not self.has_resemblance:
            return ""
        return next(phrase for phrase, least in PHRASES.items() if round(self.resemblance) >= least)

    @property
    def closer_than(self) -> str:
        """The percentage of strangers who are less alike, "99.98"; empty if there is no resemblance.

        It has as many decimals as it takes to be less than 100, up to four.
        """
        if not self.has_resemblance:
            return ""
        percent = 100 * max(self.strangers, 1e-9)
        decimals = min(max(math.ceil(-math.log10(percent)), 0), 4)
        return f"{100 - math.ceil(percent * 10**decimals - 1e-9) / 10**decimals:.{decimals}f}"


def resemblance(strangers: ArrayLike, people: int) -> NDArray[np.float64]:
    """Resemblance, 0..100, from the shares of strangers who are as alike, 0..1, and the number of people searched."""
    expected = max(people, PEOPLE_MIN) * np.asarray(strangers, np.float64)
    found: NDArray[np.float64] = 100 / (1 + expected**_STEEPNESS)
    return found
