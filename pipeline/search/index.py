"""The nearest photos of a gallery by cosine: every row compared while they are few, half a byte a number beyond.

Four bits for every second number (product quantisation: Jégou et al. 2011, doi 10.1109/TPAMI.2010.57) are compared
sixteen rows at a time (André et al. 2015), so that most of a gallery is looked at for each probe.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import storage
from pipeline.gallery.gallery import Gallery

# Up to so many faces every row is compared, in float32.
EXACT_MAX = 100_000
# Beyond, rows lie in lists around the means of a sample; those of the nearest half of the lists are compared, but not
# more rows than this, so that a probe takes 13 ms among ten million (make benchmark-scale).
_LISTS, _COMPARED_MAX = 1000, 2_500_000
_SAMPLE, _ROWS = 100_000, 65_536


def open_index(gallery: Gallery) -> Any:
    """A faiss index of the gallery's rows: ``search(probes, k)`` gives cosines, near enough, and row numbers.

    That of a large gallery is made once, a minute for each two million faces, and kept in the gallery's folder as
    ``index-EMBEDDINGS.faiss``; another state of the gallery makes it anew, and so does damage.
    """
    import faiss

    if len(gallery) <= EXACT_MAX:
        exact = faiss.IndexFlatIP(gallery.embeddings.shape[1])
        exact.add(np.ascontiguousarray(gallery.embeddings))
        return exact
    path = gallery.folder / f"index-{gallery.digest}.faiss"
    found = _read(path, gallery) if gallery.digest else None
    if found is None:
        found = _made(gallery.embeddings)
        # A folder that is not there is that of a gallery in memory.
        if gallery.folder.is_dir():
            with suppress(OSError, RuntimeError):
                _write(path, found)
    lists = round(found.nlist * min(1 / 2, _COMPARED_MAX / len(gallery)))
    found.nprobe = max(lists, 1)
    return found


def _made(rows: np.ndarray) -> Any:
    import faiss

    made = faiss.index_factory(rows.shape[1], f"IVF{_LISTS},PQ{rows.shape[1] // 2}x4fs", faiss.METRIC_INNER_PRODUCT)
    sample = np.random.default_rng(0).choice(len(rows), min(len(rows), _SAMPLE), replace=False)
    made.train(np.ascontiguousarray(rows[np.sort(sample)]))
    for start in range(0, len(rows), _ROWS):
        made.add(np.ascontiguousarray(rows[start : start + _ROWS]))
    return made


def _read(path: Path, gallery: Gallery) -> Any | None:
    import faiss

    try:
        found = faiss.read_index(str(path))
    except RuntimeError:
        return None
    return found if found.ntotal == len(gallery) and found.d == gallery.embeddings.shape[1] else None


def _write(path: Path, made: Any) -> None:
    import faiss

    with storage.atomic_path(path) as temporary:
        faiss.write_index(made, str(temporary))
    for stale in path.parent.glob("index-*.faiss"):
        if stale != path:
            stale.unlink(missing_ok=True)
