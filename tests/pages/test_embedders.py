"""Galleries of several embedders in the app: each with its own face model, real networks and photos, no browser."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
import pytest

from pages.shared import loading
from pipeline import photo, storage
from pipeline.embedding import registry
from pipeline.embedding.sface import SFACE
from pipeline.gallery import building, layout, opening
from pipeline.lookalikes import Models
from pipeline.map import fitting
from pipeline.map.files import save_map
from pipeline.sources.base import SourcePerson, source_people
from tests import toys
from tests.conftest import HOME
from tests.pages.test_finder import given, names
from tests.pages.test_people import dropped, people, press, wall
from tests.pages.visitor import go_to, unescaped, visit


@pytest.fixture(autouse=True)
def _networks(models, monkeypatch):
    """The page takes the default embedder of the other tests, so that it is loaded once."""
    monkeypatch.setattr(Models, "load", lambda: models)
    loading.forget()
    yield
    loading.forget()


@pytest.fixture(scope="module")
def sface():
    return SFACE.load()


def build(name, examples, models, embedder):
    """A gallery of the celebrities, two photos of each, with its map."""
    some = [SourcePerson(person, person, tuple(paths[2:4]), "Examples", "") for person, paths in examples.items()]
    building.build(name, source_people(some), models.detector, embedder)
    opened = opening.open_gallery(name)
    save_map(opened, fitting.fit_map(opened))
    return opened


@pytest.fixture
def other(small, examples, models, sface):
    """The gallery "other", made with SFace, beside "small", which has the default embedder."""
    opened = opening.open_gallery("small")
    save_map(opened, fitting.fit_map(opened))
    return build("other", examples, models, sface)


def test_the_finder_measures_a_face_anew_for_a_gallery_of_another_embedder(other, madonna, sface):
    page = given(visit(gallery="small"), madonna)
    assert names(page)[0] == "Madonna"
    first = page.session_state["probe"]
    page.selectbox(key="gallery").set_value("other").run()
    assert names(page)[0] == "Madonna"
    second = page.session_state["probe"]
    assert second.identity == sface.identity
    assert second.embedding @ second.embedding == pytest.approx(1, abs=1e-4)
    assert not np.array_equal(first.embedding, second.embedding)
    page.selectbox(key="gallery").set_value("small").run()
    assert page.session_state["probe"].embedding == pytest.approx(first.embedding, abs=1e-6)


def test_the_finder_says_how_many_numbers_a_face_becomes(other, examples, models, monkeypatch):
    toys.register(monkeypatch)
    build("toys", examples, models, registry.load_embedder("toy-embedder"))
    for name, numbers in (("other", 128), ("toys", 192)):
        page = visit(gallery=name)
        assert any(f"turn it into {numbers} numbers" in text.value for text in page.markdown)


def test_the_finders_face_is_on_the_map_of_a_gallery_of_another_embedder(other, madonna, sface):
    page = given(visit(gallery="small"), madonna)
    page = go_to(page, "explorer")
    assert "My face" in [button.label for button in page.button]
    page.selectbox(key="gallery").set_value("other").run()
    assert not page.exception
    assert "My face" in [button.label for button in page.button]
    assert page.session_state["probe"].identity == sface.identity
    next(button for button in page.button if button.label == "My face").click().run()
    near = [unescaped(button.label) for button in page.button if str(button.key).startswith("go ")]
    assert near[0] == "Madonna"


def test_people_are_added_to_a_gallery_by_its_own_embedder(other, sface, models):
    stranger = HOME / "photos" / "brazilian-politicians" / "Acir Gurgacz.jpg"
    page = dropped(people(gallery="other"), stranger, names=("Ann Lee.jpg",))
    press(page, "Add 1 photo")
    assert wall(page)[0] == "Ann Lee"
    opened = opening.open_gallery("other", sface.identity)
    assert len(opened) == 11
    pixels = photo.read(stranger)
    expected = sface([sface.crops(pixels, models.faces(pixels)[0])])[0]
    assert opened.embeddings[-1] == pytest.approx(expected, abs=1e-4)


def test_a_gallery_without_a_calibration_shows_distances_only(small, examples, models, madonna, monkeypatch):
    toys.register(monkeypatch)
    build("toys", examples, models, registry.load_embedder("toy-embedder"))
    page = given(visit(gallery="toys"), madonna)
    assert not page.exception
    assert len(names(page)) == 5
    assert [metric.label for metric in page.metric] == ["Distance"]
    assert not any("nan" in str(part.value).lower() for part in (*page.metric, *page.caption, *page.markdown))
    assert "Trained network" not in page.segmented_control(key="scorer").options


def test_a_gallery_made_by_the_former_default_says_so_once(other, madonna):
    folder = layout.folder_of("other")
    storage.write_manifest(folder, (storage.read_manifest(folder) or {}) | {"default_embedder": SFACE.name})
    page = visit(gallery="other")
    sentence = "The gallery other was made with the former face model, SFace, and keeps it until rebuilt."
    assert [unescaped(toast.value) for toast in page.toast] == [sentence]
    assert names(given(page, madonna))[0] == "Madonna"
    assert not page.toast
    assert not go_to(page, "people").toast
    assert not visit(gallery="small").toast


def test_a_gallery_of_an_unknown_embedder_is_shown_but_not_searched(other):
    folder = layout.folder_of("other")
    storage.write_manifest(folder, (storage.read_manifest(folder) or {}) | {"embedding": {"model": "lost"}})
    page = visit(gallery="other")
    assert "built with another model or other crops" in unescaped(page.markdown[0].value)
    assert len(wall(people(gallery="other"))) == 5
    opened = opening.open_gallery("other")
    save_map(opened, fitting.fit_map(opened))
    page = visit("explorer", gallery="other", face=0)
    assert not page.exception
    assert page.title[0].value == "Map of faces"
    assert not page.subheader


def test_only_the_models_of_the_last_embedders_stay_in_memory(other, examples, models, monkeypatch):
    toys.register(monkeypatch)
    made = build("toys", examples, models, registry.load_embedder("toy-embedder"))
    galleries = [opening.open_gallery("small"), other, made]
    futures: list[Future[Models]] = [loading.models_of(opened) for opened in galleries]
    assert [future.result(timeout=120).embedder.identity for future in futures] == [
        opened.manifest["embedding"] for opened in galleries
    ]
    # One detector for all of them.
    assert futures[1].result().detector is futures[2].result().detector
    assert loading.models_of(made) is futures[2]
    assert loading.models_of(other) is futures[1]
    assert loading.models_of(galleries[0]) is not futures[0]
    assert loading.models_of(made) is not futures[2]


def test_what_failed_to_load_is_loaded_again_after_a_retry(other, monkeypatch):
    (layout.folder_of("other").parents[1] / "models").rename(layout.folder_of("other").parents[1] / "away")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (layout.folder_of("other").parents[1] / "models").mkdir()
    failed = loading.models_of(other)
    assert failed.exception(timeout=120)
    assert loading.models_of(other) is failed
    (layout.folder_of("other").parents[1] / "models").rmdir()
    (layout.folder_of("other").parents[1] / "away").rename(layout.folder_of("other").parents[1] / "models")
    loading.retry()
    assert loading.models_of(other).result(timeout=120).embedder.identity == other.manifest["embedding"]
