"""Where the search gets its candidates from: an index in a file, by faiss, or a collection in Milvus."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.gallery import milvus
from pipeline.gallery.gallery import Gallery
from pipeline.search.index import FaissCandidates


class Candidates(Protocol):
    """Finds people whose photos are near to a probe by cosine.

    are_exact: whether the candidates are exactly the people of the so many nearest photos.
    """

    @property
    def are_exact(self) -> bool:
        """See the class."""

    def selection(self, people: NDArray[np.bool_]) -> Any:
        """Some people, bool (people,), for :meth:`people`."""

    def people(
        self, probe: NDArray[np.float32], least: int, excluded: NDArray[np.int64], among: Any
    ) -> NDArray[np.integer] | None:
        """The numbers of at least so many people with photos near to a unit row (d,), or None for everybody.

        excluded: (n,), never among them. among: of :meth:`selection`; then nobody is excluded besides.
        """


def open_candidates(gallery: Gallery, count: int) -> Candidates:
    """The candidates of a gallery, by what ``LOOKSLIKEWHO_INDEX`` names. Galleries in memory have only faiss."""
    if milvus.chosen() and gallery.digest:
        # Here, because pyarrow is slow to import.
        from pipeline.search.milvus import MilvusCandidates

        return MilvusCandidates(gallery, count)
    return FaissCandidates(gallery, count)
