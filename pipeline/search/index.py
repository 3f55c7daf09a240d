"""The nearest photos of a gallery by cosine, with faiss.

Small galleries are compared row by row. Large ones are product-quantised to four bits for every second number (Jégou
et al. 2011, doi 10.1109/TPAMI.2010.57), compared sixteen rows at a time (André et al. 2015), so that each probe still
sees a large part of the gallery.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import storage
from pipeline.gallery.gallery import Gallery

# Galleries of up to this many faces are compared row by row, in float32.
EXACT_MAX = 100_000
# Larger ones are split into lists around the means of a sample. The nearest half of the lists is compared, but no
# more rows than this, so that a probe takes 13 ms among ten million (make benchmark-scale).
_LISTS, _COMPARED_MAX = 1000, 2_500_000
_SAMPLE_ROWS, _CHUNK_ROWS = 100_000, 65_536


def open_index(gallery: Gallery) -> Any:
    """A faiss index of the gallery: ``search(probes, k)`` gives cosines, approximate in large galleries, and rows.

    The index of a large gallery takes a minute for every two million faces. It is kept in the gallery's folder as
    ``index-EMBEDDINGS.faiss``, and built again if the gallery changes or the file is damaged.
    """
    import faiss

    if len(gallery) <= EXACT_MAX:
        flat = faiss.IndexFlatIP(gallery.embeddings.shape[1])
        flat.add(np.ascontiguousarray(gallery.embeddings))
        return flat
    path = gallery.folder / f"index-{gallery.digest}.faiss"
    index = _read(path, gallery) if gallery.digest else None
    if index is None:
        index = _build(gallery.embeddings)
        # Galleries in memory have no folder.
        if gallery.folder.is_dir():
            with suppress(OSError, RuntimeError):
                _write(path, index)
    lists = round(index.nlist * min(1 / 2, _COMPARED_MAX / len(gallery)))
    index.nprobe = max(lists, 1)
    return index


class RowSelection:
    """Some rows of a gallery, for :func:`nearest`.

    rows: bool (faces,).
    """

    def __init__(self, rows: NDArray[np.bool_]) -> None:
        import faiss

        self.count = int(np.count_nonzero(rows))
        # faiss reads these bits while it searches, and does not own them.
        self._bits = np.packbits(rows, bitorder="little")
        self.selector = faiss.IDSelectorBitmap(len(rows), faiss.swig_ptr(self._bits))


def nearest(
    index: Any, probe: NDArray[np.float32], count: int, selection: RowSelection | None = None
) -> NDArray[np.int64]:
    """The rows nearest to a unit row (d,) by cosine, the nearest first: ``count`` at most, of all or a selection."""
    import faiss

    # One probe is the work of one thread; the others of OpenMP would only spin.
    faiss.omp_set_num_threads(1)
    parameters: Any = None
    if selection:
        parameters = faiss.SearchParametersIVF() if hasattr(index, "nlist") else faiss.SearchParameters()
        parameters.sel = selection.selector
        if hasattr(index, "nlist"):
            # In all lists: what is selected may lie anywhere.
            parameters.nprobe = index.nlist
    _, rows = index.search(probe[None].astype(np.float32), count, params=parameters)
    return np.asarray(rows[0][rows[0] >= 0])


def candidates_among(count: int, photos: int) -> int:
    """How many candidates are taken: ``count``, and more of very many photos, where more lie as near.

    Of a million photos, 500 candidates hold 0.955 of the ten people whom scoring every photo finds; 1,000 hold 0.987.
    """
    return round(count * max(photos / EXACT_MAX, 1) ** (1 / 3))


class FaissCandidates:
    """The people of the ``count`` nearest photos, or of more of them if they show too few people."""

    def __init__(self, gallery: Gallery, count: int) -> None:
        self.count, self._person_of_row = count, gallery.person_of_row
        self._index, self._photos = open_index(gallery), np.bincount(gallery.person_of_row)

    @property
    def are_exact(self) -> bool:
        """Whether photos are compared row by row."""
        return len(self._person_of_row) <= EXACT_MAX

    def selection(self, people: NDArray[np.bool_]) -> RowSelection:
        """Some people, bool (people,), for :meth:`people`."""
        return RowSelection(people[self._person_of_row])

    def people(
        self, probe: NDArray[np.float32], least: int, excluded: NDArray[np.int64], among: RowSelection | None
    ) -> NDArray[np.integer] | None:
        """The people of the nearest photos by cosine, at least as many as asked for; None for everybody.

        excluded: (n,), never among them. among: whose photos are compared; then nobody is excluded besides.
        """
        photos = among.count if among else len(self._person_of_row)
        count = candidates_among(self.count, photos)
        excluded_photos = int(self._photos[excluded].sum())
        while count + excluded_photos < photos:
            # Even if all photos of the excluded people are nearest, as many others are candidates.
            rows = nearest(self._index, probe, count + excluded_photos, among)
            people = self._person_of_row[rows]
            people = np.unique(people[~np.isin(people, excluded)][:count])
            if len(people) >= least:
                return people
            count *= 2
        return None


def _build(rows: NDArray[np.float32]) -> Any:
    import faiss

    index = faiss.index_factory(rows.shape[1], f"IVF{_LISTS},PQ{rows.shape[1] // 2}x4fs", faiss.METRIC_INNER_PRODUCT)
    sample = np.random.default_rng(0).choice(len(rows), min(len(rows), _SAMPLE_ROWS), replace=False)
    index.train(np.ascontiguousarray(rows[np.sort(sample)]))
    for start in range(0, len(rows), _CHUNK_ROWS):
        index.add(np.ascontiguousarray(rows[start : start + _CHUNK_ROWS]))
    return index


def _read(path: Path, gallery: Gallery) -> Any | None:
    import faiss

    # faiss trusts what it reads: a damaged index could end the process.
    if not storage.is_whole(path):
        return None
    try:
        index = faiss.read_index(str(path))
    except RuntimeError:
        return None
    return index if index.ntotal == len(gallery) and index.d == gallery.embeddings.shape[1] else None


def _write(path: Path, index: Any) -> None:
    import faiss

    with storage.atomic_path(path) as temporary:
        faiss.write_index(index, str(temporary))
        storage.seal(temporary)
    for stale in path.parent.glob("index-*.faiss"):
        if stale != path:
            stale.unlink(missing_ok=True)
