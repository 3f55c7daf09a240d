"""Sex as labelled for the photos of LFW: two lists of file names, ``lfw_female.txt`` and ``lfw_male.txt``.

Afifi and Abdelhamed, arXiv 1706.04277. Others assigned the labels from names and photos; nobody was asked. They are
for measurements by group alone: nothing that ships knows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import SourceError

_LISTS = ("lfw_female.txt", "lfw_male.txt")


class SexLabels(NamedTuple):
    """Whether each photo is labelled so, bool (photos,). Neither where its person is in no list, or in both."""

    women: NDArray[np.bool_]
    men: NDArray[np.bool_]


def read_sex_labels(folder: Path, photos: Sequence[Path]) -> SexLabels:
    """The labels of photos of LFW by the lists in ``folder``: the label of a person counts for all of their photos.

    Raises SourceError where the lists are missing.
    """
    people: list[set[str]] = []
    for name in _LISTS:
        if not (folder / name).is_file():
            raise SourceError(f"LFW's labels of sex are not in {folder}: {' and '.join(_LISTS)}.")
        lines = (folder / name).read_text(encoding="utf-8").split()
        people.append({line.rpartition("_")[0] for line in lines})
    women, men = people
    shown = [path.stem.rpartition("_")[0] for path in photos]
    return SexLabels(*(np.array([name in kind for name in shown], bool) for kind in (women - men, men - women)))
