"""The parameters that several addresses take."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from pydantic import StringConstraints

# A name, a key or a condition.
ShortText = Annotated[str, StringConstraints(max_length=500)]
GalleryName = Annotated[
    str | None, Form(max_length=200, description="A gallery of /v1/galleries; the default one without.")
]
FaceNumber = Annotated[int, Form(ge=1, le=1000, description="Which face of the photo; 1 is the most prominent.")]
