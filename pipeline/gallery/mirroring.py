"""Keeping a Milvus collection in step with its gallery.

``milvus.json`` in the gallery's folder names the collection and the state of the gallery that it holds.
``milvus-rows.npy`` has every face that may be in it, so that a change sends only what differs. Before a change, the
state is cleared and the faces concerned are marked; whoever opens or changes the gallery after a process was killed
finds that, and sends them again.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import arrays, notices, storage
from pipeline.errors import SearchIndexError
from pipeline.gallery import digests, layout, rows
from pipeline.gallery.gallery import Gallery
from pipeline.gallery.milvus import Collection, Rows, chosen, index_for

RECORD, ROWS = "milvus.json", "milvus-rows.npy"
_SAMPLE = 100
# Between two computers' roundings.
_TOLERANCE = 1e-6
# Marks a face that is being changed. The id 0 of a person and the digest 0 are as good as never others'.
_CHANGING = 0


@dataclass(frozen=True)
class Mirror:
    """What ``milvus.json`` says.

    uri, collection: where the faces are. folder: of the gallery, as a copied file is another gallery's.
    state: of the gallery that the collection holds, "" while it changes. faces: how many. index: its kind.
    """

    uri: str
    collection: str
    folder: str
    state: str = ""
    faces: int = 0
    index: str = ""


def read(folder: Path) -> Mirror | None:
    """What is known of the gallery's collection; None if it has none."""
    values = storage.read_json(folder / RECORD) or {}
    try:
        mirror = Mirror(**values)
    except TypeError:
        return None
    return mirror if mirror.folder == str(folder.absolute()) else None


def follow(folder: Path) -> None:
    """Bring the collection of a locked gallery in step, after a change. What fails is told and tried again later."""
    try:
        bring_in_step(folder)
    except SearchIndexError as error:
        notices.tell(f"{error} What has changed will reach it when the gallery is next opened with it.")


def bring_in_step(folder: Path) -> None:
    """Send what differs between a locked gallery and its collection, which is made if there is none.

    Nothing happens where neither the gallery has one nor one is chosen. Raises SearchIndexError.
    """
    mirror, manifest, uri = read(folder), storage.read_manifest(folder), chosen()
    if manifest is None or manifest.get("format") != layout.FORMAT or not (mirror or uri):
        return
    if mirror is None or uri not in (None, mirror.uri):
        if mirror:
            # It has moved. What is left at an address that no longer answers is out of reach.
            with suppress(SearchIndexError):
                Collection(mirror.uri, mirror.collection).drop()
        assert uri
        mirror = begin(folder, uri)
    if mirror.state != state_of(manifest):
        _change(folder, manifest, mirror)


def begin(folder: Path, uri: str) -> Mirror:
    """Note that the gallery in a folder is to have a collection at this address."""
    mirror = Mirror(uri, f"lookslikewho_{uuid.uuid4().hex}", str(folder.absolute()))
    (folder / ROWS).unlink(missing_ok=True)
    return _noted(folder, mirror)


def forget(folder: Path) -> None:
    """Have the collection of a locked gallery made anew by the next change or opening. Raises SearchIndexError."""
    if mirror := read(folder):
        Collection(mirror.uri, mirror.collection).drop()
        begin(folder, mirror.uri)


def mend(folder: Path) -> None:
    """Bring the collection of a locked gallery in step, whatever has become of it. Raises SearchIndexError."""
    mirror, manifest = read(folder), storage.read_manifest(folder)
    if is_in_step(folder):
        return
    if mirror and manifest and mirror.state == state_of(manifest):
        # Somebody else has deleted it, or faces in it.
        forget(folder)
    bring_in_step(folder)


def drop(folder: Path) -> None:
    """Delete the collection of a locked gallery. Raises SearchIndexError."""
    if mirror := read(folder):
        Collection(mirror.uri, mirror.collection).drop()
        (folder / RECORD).unlink()


def is_in_step(folder: Path) -> bool:
    """Whether the collection is complete, and where one is chosen. Raises SearchIndexError."""
    mirror, manifest = read(folder), storage.read_manifest(folder)
    if mirror is None or manifest is None or mirror.uri != chosen() or mirror.state != state_of(manifest):
        return False
    collection = Collection(mirror.uri, mirror.collection)
    return collection.exists() and collection.count() == mirror.faces


def problems(gallery: Gallery) -> Iterator[str]:
    """How the collection differs from its gallery, one sentence each: by counts, and by a sample of the faces."""
    mirror = read(gallery.folder)
    if mirror is None:
        return
    collection = Collection(mirror.uri, mirror.collection)
    count = collection.count() if collection.exists() else 0
    if count != len(gallery):
        yield f"the index at {mirror.uri} has {count:,} faces, and {len(gallery):,} are expected"
    elif mirror.state != state_of(gallery.manifest):
        yield f"the index at {mirror.uri} is of another state of the gallery"
    else:
        sample = np.sort(np.random.default_rng().permutation(len(gallery))[:_SAMPLE])
        wanted, embeddings = rows_of(gallery.folder, gallery.manifest)
        found, theirs = collection.get(wanted[sample, 0])
        order = np.argsort(found[:, 0])
        ours = np.argsort(wanted[sample, 0])
        same = len(found) == len(sample) and np.array_equal(found[order], wanted[sample][ours])
        if not same or not np.allclose(theirs[order], embeddings[sample][ours], atol=_TOLERANCE):
            yield f"the index at {mirror.uri} has other faces than the gallery"


def state_of(manifest: dict[str, Any]) -> str:
    """Identifies a gallery's rows and embeddings."""
    return "-".join(manifest["files"][key]["sha256"][:16] for key in ("faces", "embeddings"))


def person_ids(keys: list[str]) -> NDArray[np.int64]:
    """A number for each key of a person, which no other person of the gallery has, int64 (n,).

    Two of ten million people share one with a probability of 3 in a million; then one hides the other.
    """
    hashes = b"".join(hashlib.blake2b(key.encode(), digest_size=8).digest() for key in keys)
    return np.frombuffer(hashes, np.int64)


def rows_of(folder: Path, manifest: dict[str, Any]) -> tuple[Rows, NDArray[np.float32]]:
    """The rows of a gallery as a collection has them, and their embeddings, float32 (faces, d)."""
    faces = rows.open_rows(folder / manifest["files"]["faces"]["name"])
    embeddings = arrays.open_array(folder / manifest["files"]["embeddings"]["name"])
    people = faces["person"].combine_chunks().dictionary_encode()
    ids = person_ids(people.dictionary.to_pylist())[people.indices.to_numpy()] if len(faces) else []
    try:
        digest = digests.read(folder, manifest)[:, 1]
    except (OSError, ValueError, KeyError, EOFError):
        digest = np.array([digests.of_embedding(embedding) for embedding in embeddings], np.uint64)
    columns = (faces["crop"].to_numpy().astype(np.int64), ids, digest.astype(np.uint64).view(np.int64))
    return np.stack([np.asarray(column, np.int64) for column in columns], axis=1), embeddings


def _change(folder: Path, manifest: dict[str, Any], mirror: Mirror) -> None:
    wanted, embeddings = rows_of(folder, manifest)
    collection, known = Collection(mirror.uri, mirror.collection), _known(folder)
    index = index_for(len(wanted))
    fresh = known is None or not _is_whole(collection, mirror, index)
    if known is None or fresh:
        known = np.empty((0, 3), np.int64)
    new = _lacking(wanted, known)
    concerned = np.union1d(wanted[new, 0], known[_lacking(known, wanted), 0])
    mirror = _noted(folder, Mirror(mirror.uri, mirror.collection, mirror.folder, index=index))
    marks = np.stack([concerned, *[np.full_like(concerned, _CHANGING)] * 2], axis=1)
    _write_rows(folder, np.concatenate([known[~np.isin(known[:, 0], concerned)], marks]))
    if fresh:
        collection.create(manifest["dimensions"], index)
    else:
        collection.delete(np.setdiff1d(concerned, wanted[new, 0]))
    collection.put(wanted[new], embeddings[new] if not new.all() else embeddings, new=fresh)
    _write_rows(folder, wanted)
    _noted(folder, Mirror(mirror.uri, mirror.collection, mirror.folder, state_of(manifest), len(wanted), index))


def _is_whole(collection: Collection, mirror: Mirror, index: str) -> bool:
    """Whether a collection has this kind of index, and no faces that nobody knows of."""
    if not collection.exists() or mirror.index != index:
        return False
    return not mirror.state or collection.count() == mirror.faces


def _lacking(some: Rows, others: Rows) -> NDArray[np.bool_]:
    """Which of some rows, (n, 3), are not among others, bool (n,)."""
    if not len(others):
        return np.ones(len(some), bool)
    others = others[np.argsort(others[:, 0])]
    places = np.minimum(np.searchsorted(others[:, 0], some[:, 0]), len(others) - 1)
    return np.asarray((others[places] != some).any(axis=1))


def _known(folder: Path) -> Rows | None:
    """The faces that may be in the collection. None if nobody can say."""
    if not storage.is_whole(folder / ROWS):
        return None
    rows: Rows = arrays.open_array(folder / ROWS)
    return rows


def _write_rows(folder: Path, rows: Rows) -> None:
    with storage.atomic_path(folder / ROWS) as temporary:
        with temporary.open("wb") as file:
            np.save(file, rows)
        storage.seal(temporary)


def _noted(folder: Path, mirror: Mirror) -> Mirror:
    storage.write_json(folder / RECORD, asdict(mirror))
    return mirror
