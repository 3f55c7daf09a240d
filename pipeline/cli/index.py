"""The option that chooses the index that finds candidates."""

from __future__ import annotations

import os
from typing import Annotated

import typer


def _choose(value: str | None) -> str | None:
    """Have this process use the index. Raises UserError if there is none such."""
    if value is not None:
        from pipeline.gallery import milvus

        milvus.chosen(value)
        os.environ[milvus.ENVIRONMENT] = value
    return value


Index = Annotated[
    str | None,
    typer.Option(
        "--index",
        metavar="INDEX",
        callback=_choose,
        help="What finds candidates: faiss, milvus:FILE.db or milvus:http://HOST:19530.",
        show_default="faiss, or LOOKSLIKEWHO_INDEX",
    ),
]
