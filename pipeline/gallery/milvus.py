"""A Milvus collection of faces: what a gallery asks of it. Nothing here knows of files and manifests.

The address of a server begins with ``http``; a path that ends in ``.db`` is a file of milvus-lite, which one process
at a time may open.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import SearchIndexError, reason

ENVIRONMENT = "LOOKSLIKEWHO_INDEX"
FAISS, _MILVUS = "faiss", "milvus:"
# Milvus answers with no more rows or groups than this.
GROUPS_MAX = 16_384
# Rows are the id of a face, that of its person and a digest of its embedding, int64 (n, 3).
Rows = NDArray[np.int64]
# Larger collections are quantised to eight bits a number, in lists around means. Of each segment's lists, the nearest
# half are compared, but no more rows in all than this, as with faiss.
FLAT_MAX = 100_000
LISTS, _COMPARED_MAX = 256, 2_500_000
_BATCH = 5_000
_TIMEOUT_SECONDS = 60.0
_INSTALL = 'pip install "lookslikewho[milvus]"'


class Collection:
    """A collection by its address and name. Connects at once; raises SearchIndexError."""

    def __init__(self, uri: str, name: str) -> None:
        self.uri, self.name = uri, name
        self.client = _connect(uri)

    def exists(self) -> bool:
        """Whether there is such a collection, which is then ready to be searched."""
        from pymilvus import MilvusException

        with _asking(self.uri):
            if not self.client.has_collection(self.name):
                return False
            try:
                self.client.load_collection(self.name)
            except MilvusException:
                # Whoever made it was killed before it had an index.
                return False
            return True

    def create(self, dimensions: int, index: str) -> None:
        """Make the collection anew, empty. index: of :func:`index_for`."""
        from pymilvus import DataType, MilvusClient

        with _asking(self.uri):
            self.client.drop_collection(self.name)
            schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("id", DataType.INT64, is_primary=True)
            schema.add_field("person", DataType.INT64)
            schema.add_field("digest", DataType.INT64)
            schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=dimensions)
            parameters = MilvusClient.prepare_index_params()
            lists = {} if index == "FLAT" else {"nlist": LISTS}
            parameters.add_index("embedding", index_type=index, metric_type="IP", params=lists)
            # Whoever has added a photo finds it at once.
            self.client.create_collection(
                self.name, schema=schema, index_params=parameters, consistency_level="Strong"
            )

    def drop(self) -> None:
        """Delete the collection, if there is one."""
        with _asking(self.uri):
            self.client.drop_collection(self.name)

    def count(self) -> int:
        """The number of faces."""
        with _asking(self.uri):
            (found,) = self.client.query(self.name, filter="", output_fields=["count(*)"])
            return int(found["count(*)"])

    def put(self, rows: Rows, embeddings: NDArray[np.float32], *, new: bool) -> None:
        """Add faces with their unit rows, float32 (n, d), in place of those with the same ids.

        new: the collection has none of them, which is faster.
        """
        write = self.client.insert if new else self.client.upsert
        with _asking(self.uri):
            for start in range(0, len(rows), _BATCH):
                part = slice(start, start + _BATCH)
                columns = zip(rows[part].tolist(), embeddings[part], strict=True)
                write(
                    self.name,
                    [
                        {"id": face, "person": person, "digest": digest, "embedding": embedding}
                        for (face, person, digest), embedding in columns
                    ],
                )
            if len(rows) > _BATCH:
                # So that they are indexed.
                self.client.flush(self.name)

    def delete(self, faces: NDArray[np.int64]) -> None:
        """Delete faces, (n,). Those that are not there are ignored."""
        with _asking(self.uri):
            for start in range(0, len(faces), _BATCH):
                self.client.delete(self.name, ids=faces[start : start + _BATCH].tolist())

    def get(self, faces: NDArray[np.int64]) -> tuple[Rows, NDArray[np.float32]]:
        """Those of some faces, (n,), that are there, with their embeddings, float32 (n, d)."""
        columns = ["id", "person", "digest"]
        with _asking(self.uri):
            found = self.client.get(self.name, ids=faces.tolist(), output_fields=[*columns, "embedding"])
        rows = np.array([[each[name] for name in columns] for each in found], np.int64).reshape(-1, 3)
        return rows, np.array([each["embedding"] for each in found], np.float32)

    def people(self, probe: NDArray[np.float32], count: int, *, lists: int, where: str = "") -> NDArray[np.int64]:
        """The ids of the ``count`` people with the nearest photos to a unit row (d,), the nearest first.

        There are fewer where few fit, and in milvus-lite where some people have very many photos. lists: how many of
        each segment are compared, where it has any. where: an expression of Milvus.
        """
        with _asking(self.uri):
            (found,) = self.client.search(
                self.name,
                data=[probe],
                filter=where,
                limit=count,
                # Another word for it, such as group_by, is ignored.
                group_by_field="person",
                output_fields=["person"],
                search_params={"metric_type": "IP", "params": {"nprobe": lists} if lists else {}},
                timeout=_TIMEOUT_SECONDS,
            )
        return np.array([hit["entity"]["person"] for hit in found], np.int64)


def chosen(value: str | None = None) -> str | None:
    """The address that ``value`` or else ``LOOKSLIKEWHO_INDEX`` names; None for faiss. Raises SearchIndexError."""
    text = os.environ.get(ENVIRONMENT, "") if value is None else value
    if text in ("", FAISS):
        return None
    uri = text.removeprefix(_MILVUS)
    is_server = _is_server(uri)
    if not text.startswith(_MILVUS) or not (is_server or uri.endswith(".db")):
        raise SearchIndexError(
            f"There is no index {text}. Use {FAISS}, {_MILVUS}FILE.db for a file, or {_MILVUS}http://HOST:19530 for "
            "a server."
        )
    return uri if is_server else str(Path(uri).expanduser().absolute())


def _is_server(uri: str) -> bool:
    return uri.startswith(("http://", "https://"))


def index_for(faces: int) -> str:
    """The kind of index for so many faces, in Milvus' words."""
    return "FLAT" if faces <= FLAT_MAX else "IVF_SQ8"


def compared_lists(index: str, faces: int) -> int:
    """How many lists of each segment are compared, in a collection with this index and so many faces; 0 for all."""
    return 0 if index == "FLAT" else max(round(LISTS * min(1 / 2, _COMPARED_MAX / faces)), 1)


def among(people: Sequence[int], *, leave_out: bool = False) -> str:
    """The expression for photos of some people only, or with ``leave_out`` for those of others."""
    return f"person {'not in' if leave_out else 'in'} [{','.join(map(str, people))}]"


@contextmanager
def _asking(uri: str) -> Iterator[None]:
    """Turn what Milvus raises into a SearchIndexError."""
    import grpc
    from pymilvus import MilvusException

    try:
        yield
    except (MilvusException, grpc.RpcError, OSError) as error:
        raise SearchIndexError(f"The index at {uri} does not answer ({reason(error)}).") from error


def _connect(uri: str) -> Any:
    # Its C++ part prints what it does about connections; what goes wrong is raised anyway.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        import pymilvus  # noqa: F401
    except ImportError as error:
        raise SearchIndexError("An index in Milvus needs the package pymilvus.", command=_INSTALL) from error
    return _client(uri)


@cache
def _client(uri: str) -> Any:
    from pymilvus import MilvusClient, MilvusException

    try:
        if not _is_server(uri):
            import milvus_lite  # noqa: F401

            Path(uri).parent.mkdir(parents=True, exist_ok=True)
        return MilvusClient(uri, token=os.environ.get("MILVUS_TOKEN", ""), timeout=_TIMEOUT_SECONDS)
    except ImportError as error:
        raise SearchIndexError("An index in a file needs the package milvus-lite.", command=_INSTALL) from error
    except (MilvusException, OSError) as error:
        text = (
            "cannot be opened. One process at a time may use such a file: end the other, or use a Milvus server."
            if not _is_server(uri)
            else f"cannot be reached ({reason(error)}). Start Milvus, or choose another index."
        )
        raise SearchIndexError(f"The index at {uri} {text}") from error
