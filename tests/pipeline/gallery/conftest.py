"""Photos to add, and the files of a gallery."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.gallery import inspection
from pipeline.gallery.editing import NewPhoto
from pipeline.sources import demonstration


@pytest.fixture(scope="session")
def dropped(models):
    """Inspected photos, as the page hands them over."""
    known: dict[Path, NewPhoto] = {}

    def dropped_(person: str, *paths: Path) -> list[NewPhoto]:
        for path in paths:
            if path not in known:
                data = path.read_bytes()
                (looked,) = inspection.inspect_photos([data], models.detector, models.embedder)
                known[path] = NewPhoto("", path.name, data, looked)
        return [NewPhoto(person, known[path].file, known[path].data, known[path].inspected) for path in paths]

    return dropped_


@pytest.fixture(scope="session")
def strangers():
    """Photos of politicians who are not in the gallery "small"."""
    found = [
        person for person in demonstration.demonstration_people().people if person.source == "Brazilian politicians"
    ]
    return [person.photos[0] for person in found[:6]]
