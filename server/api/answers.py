"""What the API answers, for its description. The values come from the same functions as those of ``find --json``."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from pipeline.answers import NOTE


class FaceAnswer(BaseModel):
    """A face that was found in a photo."""

    box: tuple[float, float, float, float] = Field(description="x, y, width and height in pixels of the photo.")
    landmarks: list[tuple[float, float]] = Field(
        description="Left eye, right eye, nose, left and right corner of the mouth, as the viewer sees them."
    )
    confidence: float = Field(description="That it is a face, 0 to 1.")


class CreditAnswer(BaseModel):
    """Whose photo it is, and on which terms."""

    author: str
    licence: str
    licence_url: str
    page: str


class LikenessAnswer(BaseModel):
    """How alike two faces are. Null where nothing was fitted for the embedder."""

    resemblance: float | None = Field(description="0 to 100, larger is more alike.")
    phrase: str | None = Field(description="striking, strong, some or slight.")
    strangers: float | None = Field(description="The share, 0 to 1, of strangers who are as alike.")
    distance: float = Field(description="0 to 1, smaller is more alike.")


class MatchAnswer(LikenessAnswer):
    """A person of the gallery with the most similar photo."""

    rank: int
    person: str = Field(description="The key, by which a person can be left out. Names are not unique.")
    row: int
    name: str
    source: str
    licence: str
    crop: str = Field(description="The address of the photo's face, a JPEG.")
    copy_: bool = Field(alias="copy", description="Whether the photo is the one that was sent, or a near-duplicate.")
    credit: CreditAnswer
    columns: dict[str, Any] = Field(description="What the gallery knows of the person.")


class PhotoAnswer(BaseModel):
    """What was looked up of a photo."""

    face: int = Field(description="The number of the face, from 1.")
    faces: int = Field(description="How many faces it shows.")
    incomplete: bool = Field(description="Whether part of the photo is missing.")
    seems_somebody_else: bool = Field(description="Whether it hardly shows the person of the first photo.")


class FoundAnswer(BaseModel):
    """The faces of the first photo, the number of the one looked up, and the people who look most like it."""

    gallery: str
    faces: list[FaceAnswer]
    face: int
    matches: list[MatchAnswer]
    photos: list[PhotoAnswer]
    note: str = NOTE


class ComparisonAnswer(LikenessAnswer):
    """Two faces compared."""

    scorer: str
    threshold: float = Field(description="Half of the pairs this near show one person, if half of all pairs do.")
    same: bool = Field(description="Whether the distance is at most the threshold.")
    cosine: float
    note: str = NOTE


class EmbeddingAnswer(BaseModel):
    """A face as a unit row."""

    model: str
    faces: list[FaceAnswer]
    face: int
    embedding: list[float]


class GalleryAnswer(BaseModel):
    """A gallery."""

    name: str
    is_default: bool
    people: int
    faces: int
    model: str
    dimensions: int


class GalleriesAnswer(BaseModel):
    """The galleries that may be asked, the default first."""

    galleries: list[GalleryAnswer]


class ColumnAnswer(BaseModel):
    """A column of a gallery, by which people can be chosen with `where`."""

    name: str
    is_number: bool
    least: float | None = Field(None, description="The smallest number.")
    most: float | None = Field(None, description="The largest number.")
    values: list[str] = Field([], description="The most common texts, at most a hundred.")


class DescribedGalleryAnswer(GalleryAnswer):
    """A gallery with its columns."""

    columns: list[ColumnAnswer]


class PersonAnswer(BaseModel):
    """A person of a gallery."""

    person: str
    name: str
    source: str
    photos: int
    crop: str
    columns: dict[str, Any]


class PeopleAnswer(BaseModel):
    """Some of the people of a gallery. next: the address of those who come after them, null at the end."""

    gallery: str
    total: int = Field(description="How many people fit.")
    people: list[PersonAnswer]
    next: str | None


class HealthAnswer(BaseModel):
    """That the server runs."""

    status: str = "ok"


class ReadyAnswer(BaseModel):
    """Whether the server can look faces up, else why not."""

    ready: bool
    missing: str | None


class ProblemAnswer(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="Tells kinds of problems apart: urn:lookslikewho:KIND.")
    title: str
    status: int
    detail: str = Field(description="One sentence for people.")
    request_id: str
    photo: int | None = Field(None, description="The number of the photo that it is about.")
    errors: list[dict[str, str]] | None = Field(None, description="All values that cannot be used, and why.")
