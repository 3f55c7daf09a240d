"""The same faces in another gallery, such as one that another embedder has made of the same photos."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.gallery.gallery import Gallery


def same_faces(opened: Gallery, other: Gallery) -> NDArray[np.int64]:
    """The row in another gallery of each face, by its person and photo, int64 (n,); -1 where it is not there."""
    import pyarrow.compute as pc

    own, theirs = (
        pc.binary_join_element_wise(gallery.faces["person"], gallery.faces["sha256"], "\n").combine_chunks()
        for gallery in (opened, other)
    )
    return np.asarray(pc.fill_null(pc.index_in(own, value_set=theirs), -1), np.int64)
