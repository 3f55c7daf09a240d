"""A gallery of real people that is just large enough to train on."""

import pytest

from pipeline.gallery import building, opening
from pipeline.sources import demonstration
from pipeline.sources.base import source_people


@pytest.fixture
def fifteen(small, models):
    """The gallery "small" and ten people more with one photo each, in a data folder of its own."""
    people = [
        person for person in demonstration.demonstration_people().people if person.source == "Brazilian politicians"
    ]
    building.build("small", source_people(people[:10]), models.detector, models.embedder)
    opened = opening.open_gallery("small", models.embedder.identity)
    assert (opened.people_count, len(opened)) == (15, 25)
    return opened
