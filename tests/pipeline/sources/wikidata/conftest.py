"""A client of the local server, and what the server has to offer."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.sources import demonstration
from pipeline.sources.base import Selection
from pipeline.sources.wikidata import celebrities
from pipeline.sources.wikidata.celebrities import Celebrities
from tests.cases import wikimedia
from tests.conftest import LFW


def quiet(*_: object, **__: object) -> None:
    """Nobody wants to know how far it is."""


def photos_by_person() -> list[list[Path]]:
    """Photos by person: those of LFW, or else the demonstration's."""
    if LFW.is_dir():
        found = [sorted(place.glob("*.jpg"))[:4] for place in sorted(LFW.iterdir()) if place.is_dir()]
        return sorted(found, key=lambda own: -len(own))[:1500]
    people = demonstration.demonstration_people().people
    return [list(person.photos[:4]) for person in people]


@pytest.fixture(scope="session")
def faces():
    """Photos by person."""
    return photos_by_person()


@pytest.fixture
def choose(empty_home, monkeypatch):
    """Chooses people from a server, whose address the environment gets."""
    begun: list[Celebrities] = []

    def choose_(server: wikimedia.WikimediaServer, people: int) -> Celebrities:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        for one in begun:
            one.close()
        begun.append(celebrities.choose(Selection(people), quiet))
        return begun[-1]

    yield choose_
    for one in begun:
        one.close()


@pytest.fixture
def small_world(faces):
    """900 people."""
    return wikimedia.world_of(faces, 900, planted=0.2)
