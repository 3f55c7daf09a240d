"""Candidates from the gallery's collection in Milvus, grouped by person."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.gallery import layout, milvus, mirroring, writing
from pipeline.gallery.gallery import Gallery
from pipeline.gallery.milvus import Collection
from pipeline.search.index import candidates_among

# Scoring so many photos takes less time than asking Milvus for the nearest of them.
_SCORED_MAX = 20_000


class _Chosen(NamedTuple):
    """Who may be a candidate. where: the expression, "" if it is not worth asking."""

    people: int
    where: str


class MilvusCandidates:
    """The people with the nearest photos, in a gallery of any size. They are counted in people, not in photos.

    A person is known by an id, so the collection may be ahead of the open gallery: somebody who was added since is
    left out.
    """

    are_exact = False

    def __init__(self, gallery: Gallery, count: int) -> None:
        """Open the collection, made or mended where that is needed. Raises SearchIndexError and GalleryError.

        count: of photos, which show about half as many people.
        """
        if not mirroring.is_in_step(gallery.folder):
            with writing.locked(gallery.name, layout.EDIT_WAIT_SECONDS) as folder:
                mirroring.mend(folder)
        mirror = mirroring.read(gallery.folder)
        assert mirror
        self.count = -(-candidates_among(count, mirror.faces) // 2)
        self._lists = milvus.compared_lists(mirror.index, mirror.faces)
        self._collection = Collection(mirror.uri, mirror.collection)
        self._ids = mirroring.person_ids(gallery.faces["person"].take(gallery.first_rows).to_pylist())
        self._order = np.argsort(self._ids)
        self._photos = np.bincount(gallery.person_of_row)

    def selection(self, people: NDArray[np.bool_]) -> _Chosen:
        """Some people, bool (people,), for :meth:`people`."""
        if self._photos[people].sum() <= _SCORED_MAX:
            return _Chosen(0, "")
        chosen = int(people.sum())
        leave_out = 2 * chosen > len(people)
        ids = self._ids[people != leave_out].tolist()
        return _Chosen(chosen, milvus.among(ids, leave_out=leave_out) if ids else "")

    def people(
        self, probe: NDArray[np.float32], least: int, excluded: NDArray[np.int64], among: _Chosen | None
    ) -> NDArray[np.int64] | None:
        """The numbers of at least so many people with photos near to a unit row (d,), or None for everybody.

        excluded: (n,), never among them. among: who may be; then nobody is excluded besides.
        """
        left = among.people if among else len(self._ids) - len(excluded)
        where = among.where if among else ""
        if len(excluded):
            where = milvus.among(self._ids[excluded].tolist(), leave_out=True)
        count = max(self.count, least)
        while count < left and count <= milvus.GROUPS_MAX:
            # Who fits may lie anywhere.
            lists = milvus.LISTS if where and self._lists else self._lists
            found = self._collection.people(probe, count, lists=lists, where=where)
            numbers = self._numbers(found)
            if len(numbers) >= least:
                return numbers
            count *= 2
        return None

    def _numbers(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """The numbers of those people whom the open gallery has, ascending."""
        places = np.minimum(np.searchsorted(self._ids, ids, sorter=self._order), len(self._ids) - 1)
        numbers = self._order[places]
        return np.unique(numbers[self._ids[numbers] == ids])
