"""Galleries, the people in them, and their faces."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query
from numpy.typing import NDArray
from starlette.responses import Response

from pages.shared.text import fold
from pipeline import storage
from pipeline.gallery import layout
from pipeline.gallery.columns import Condition, PeopleColumns
from pipeline.gallery.gallery import Gallery
from server.api import addresses, open_galleries
from server.api.answers import DescribedGalleryAnswer, GalleriesAnswer, PeopleAnswer
from server.api.parameters import ShortText
from server.api.problems import ProblemError, values_of_request

LIMIT_MAX, LIST_MAX = 200, 100
router = APIRouter()


@router.get("/galleries", response_model=GalleriesAnswer)
def galleries() -> dict[str, Any]:
    """The galleries that may be asked."""
    names = open_galleries.names()
    manifests = {name: storage.read_manifest(layout.folder_of(name)) for name in names}
    known = [_gallery(name, manifest, name == names[0]) for name, manifest in manifests.items() if manifest]
    return {"galleries": known}


def _gallery(name: str, manifest: dict[str, Any], is_default: bool) -> dict[str, Any]:
    counts = {key: int(manifest.get(key) or 0) for key in ("people", "faces", "dimensions")}
    model = (manifest.get("embedding") or {}).get("model", "")
    return {"name": name, "is_default": is_default, "model": model, **counts}


@router.get("/galleries/{gallery}", response_model=DescribedGalleryAnswer)
def described(gallery: Annotated[str, Path(max_length=200)]) -> dict[str, Any]:
    """A gallery and the columns by which its people can be chosen."""
    opened = open_galleries.gallery(gallery)
    about = _gallery(opened.name, opened.manifest, opened.name == open_galleries.names()[0])
    return {**about, "columns": [_column(opened.columns, name) for name in opened.columns.names]}


def _column(columns: PeopleColumns, name: str) -> dict[str, Any]:
    if not columns.is_number(name):
        return {"name": name, "is_number": False, "values": [value for value, _ in columns.counts(name)[:LIST_MAX]]}
    numbers = columns.numbers(name)
    return {"name": name, "is_number": True, "least": np.nanmin(numbers), "most": np.nanmax(numbers)}


@router.get("/people", response_model=PeopleAnswer)
def people(
    gallery: Annotated[str | None, Query(max_length=200, description="The default one without.")] = None,
    name: Annotated[str, Query(max_length=200, description="Words that the name must have, in any spelling.")] = "",
    where: Annotated[
        list[ShortText], Query(max_length=LIST_MAX, description="Conditions that all must hold, as in /v1/find.")
    ] = [],  # noqa: B006 - FastAPI copies it
    offset: Annotated[int, Query(ge=0, description="How many people to pass over.")] = 0,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many people to list.")] = 50,
) -> dict[str, Any]:
    """The people of a gallery, in its order. `next` leads on."""
    opened = open_galleries.gallery(gallery)
    with values_of_request():
        conditions = [Condition.parse(text) for text in where]
        numbers = _who(opened, name, conditions)
    end = offset + limit
    following = addresses.of_people(gallery=opened.name, name=name, where=where, offset=end, limit=limit)
    counts = np.bincount(opened.person_of_row)
    return {
        "gallery": opened.name,
        "total": len(numbers),
        "people": [_person(opened, number, int(counts[number])) for number in numbers[offset:end].tolist()],
        "next": following if end < len(numbers) else None,
    }


def _who(opened: Gallery, name: str, conditions: list[Condition]) -> NDArray[np.int64]:
    """The numbers of the people who fit. Raises GalleryError where nobody fits the conditions."""
    fits = opened.columns.mask(conditions) if conditions else np.ones(opened.people_count, bool)
    words = fold(name).split()
    numbers = np.flatnonzero(fits)
    if not words:
        return numbers
    names = opened.faces["name"].take(opened.first_rows[numbers]).to_pylist()
    folded = [fold(each) for each in names]
    return numbers[[all(word in each for word in words) for each in folded]]


def _person(opened: Gallery, number: int, photos: int) -> dict[str, Any]:
    row = opened.row(int(opened.first_rows[number]))
    return {
        **{key: row[key] for key in ("person", "name", "source")},
        "photos": photos,
        "crop": addresses.of_crop(opened.name, row["crop"]),
        "columns": opened.columns.of(number),
    }


@router.get(
    "/crops/{gallery}/{number}.jpg", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}}
)
def crop(gallery: Annotated[str, Path(max_length=200)], number: Annotated[int, Path(ge=0, le=2**31 - 1)]) -> Response:
    """A face of somebody in a gallery."""
    import pyarrow as pa
    import pyarrow.compute as pc

    opened = open_galleries.gallery(gallery)
    path = layout.crop_path(opened.folder, number)
    if pc.index(opened.faces["crop"], pa.scalar(number, pa.int32())).as_py() < 0 or not path.is_file():
        raise ProblemError("not-found", "There is no such face in this gallery.")
    return Response(path.read_bytes(), media_type="image/jpeg", headers={"Cache-Control": "private, max-age=300"})
