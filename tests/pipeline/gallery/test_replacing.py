"""Replacing a gallery by a fresh build, with another embedder too: the old one serves until the new one is done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import storage
from pipeline.embedding import registry
from pipeline.embedding.facenet import FACENET_128
from pipeline.embedding.sface import SFACE
from pipeline.errors import GalleryError
from pipeline.gallery import building, checking, editing, layout, managing, opening
from pipeline.gallery.building import BuildProgress, BuildSettings
from pipeline.lookalikes import Lookalikes, Models
from pipeline.sources import folder
from pipeline.sources.base import SourcePeople, SourcePerson, source_people
from tests.conftest import put

ONE_BY_ONE = BuildSettings(people_per_part=1)


class KilledError(Exception):
    """In place of a killed process."""


@pytest.fixture(scope="module")
def sface():
    return SFACE.load()


@pytest.fixture
def people(examples) -> SourcePeople:
    """The five celebrities with one photo each, none of those in the gallery "small"."""
    return source_people(
        [SourcePerson(name, name, (paths[3],), "Examples", "none") for name, paths in examples.items()]
    )


def rebuild(people: SourcePeople, models: Models, embedder: Any, **options: Any) -> Any:
    return building.build("small", people, models.detector, embedder, settings=ONE_BY_ONE, replace=True, **options)


def killed_after(people: int) -> Any:
    def stop(progress: BuildProgress) -> None:
        if progress.people == people:
            raise KilledError

    return stop


def test_the_old_gallery_serves_until_the_new_one_is_done(small, models, sface, people):
    before = opening.open_gallery("small")
    old = (np.array(before.embeddings), [before.crop_path(row).read_bytes() for row in range(15)])
    with pytest.raises(KilledError):
        rebuild(people, models, sface, progress=killed_after(3))
    still = opening.open_gallery("small", models.embedder.identity)
    assert np.array_equal(still.embeddings, old[0])
    assert [still.crop_path(row).read_bytes() for row in range(15)] == old[1]
    seen: list[BuildProgress] = []
    report = rebuild(people, models, sface, progress=seen.append)
    # The finished parts are not inspected again.
    assert seen[-1].photos < 5
    assert (report.people, report.faces) == (5, 5)
    opened = opening.open_gallery("small", sface.identity)
    assert opened.embeddings.shape == (5, sface.dimensions)
    assert list(checking.problems(opened)) == []
    assert len(list(small.glob("crops/*/*.jpg"))) == 5
    assert not (small / layout.BUILDING).exists()


def test_a_build_that_adds_drops_what_an_unfinished_replacement_has_done(small, models, sface, people):
    with pytest.raises(KilledError):
        rebuild(people, models, sface, progress=killed_after(3))
    report = building.build("small", people, models.detector, models.embedder)
    assert (report.faces, report.faces_added) == (20, 5)
    assert opening.open_gallery("small", models.embedder.identity).people_count == 5


def test_a_fresh_start_drops_an_unfinished_build(small, models, sface, people):
    with pytest.raises(KilledError):
        rebuild(people, models, sface, progress=killed_after(3))
    assert list((small / layout.BUILDING).glob("*.parquet"))
    managing.drop_unfinished_build("small")
    assert not (small / layout.BUILDING).exists()
    assert len(opening.open_gallery("small")) == 15


def files(gallery: Path) -> dict[str, bytes]:
    """The files of a gallery without its locks and the parts of an unfinished build."""
    paths = [path for path in gallery.rglob("*") if path.is_file() and path.name[0] != "."]
    return {str(path): path.read_bytes() for path in paths if path.parent.name != layout.BUILDING}


@pytest.mark.parametrize("harm", ["none", "no embeddings", "half a manifest", "another version"])
def test_a_replacement_that_fails_or_is_killed_keeps_what_there_is(small, models, sface, people, tmp_path, harm):
    """Also a gallery that cannot be read: perhaps it can be mended."""
    manifest = small / storage.MANIFEST
    if harm == "no embeddings":
        next(small.glob("embeddings-*.npy")).unlink()
    elif harm == "half a manifest":
        manifest.write_bytes(manifest.read_bytes()[:200])
    elif harm == "another version":
        storage.write_json(manifest, (storage.read_json(manifest) or {}) | {"format": 99})
    before = files(small)
    blank = put(tmp_path / "in", {"Ann/blank.png": np.full((200, 200, 3), 127, np.uint8)})
    with pytest.raises(GalleryError, match="No photo is usable"):
        rebuild(folder.people_in_folder(blank), models, sface)
    assert files(small) == before
    with pytest.raises(KilledError):
        rebuild(people, models, sface, progress=killed_after(3))
    assert {path: data for path, data in files(small).items() if path in before} == before
    assert rebuild(people, models, sface).faces == 5
    opened = opening.open_gallery("small")
    assert list(checking.problems(opened)) == []
    assert not [path for path, data in files(small).items() if before.get(path) == data and "rejected" not in path]
    assert len(list(small.glob("crops/*/*"))) == 5


def test_people_of_other_sources_are_known_with_the_photos_that_are_still_there(small, models, examples, tmp_path):
    gone = tmp_path / "gone.jpg"
    gone.write_bytes(examples["Madonna"][4].read_bytes())
    added = [
        SourcePerson("ann", "Ann Lee", (examples["Madonna"][3], gone), "Mine", "free"),
        SourcePerson("bob", "Bob", (examples["Elton John"][3],), "Examples", "none"),
    ]
    building.build("small", source_people(added), models.detector, models.embedder)
    gone.unlink()
    found = editing.people_besides(opening.open_gallery("small"), ["Examples"])
    assert found == [replace(added[0], photos=(examples["Madonna"][3],))]


def test_a_gallery_made_by_the_former_default_says_so_and_goes_on(small, models, sface, people, madonna, caplog):
    """As if SFace had been the default once."""
    building.build("former", people, models.detector, sface)
    building.build("chosen", people, models.detector, sface)
    folder = layout.folder_of("former")
    storage.write_manifest(folder, (storage.read_manifest(folder) or {}) | {"default_embedder": SFACE.name})
    for name, said in (("former", 1), ("chosen", 0), ("small", 0)):
        caplog.clear()
        lookalikes = Lookalikes.open(name)
        assert lookalikes.find(madonna).matches[0].name == "Madonna"
        assert len(caplog.messages) == said
        if said:
            assert caplog.messages == [
                "The gallery former was made with the former face model, SFace, and keeps it until rebuilt."
            ]
    # Adding to it changes nothing of that.
    building.build("former", source_people([]), models.detector, sface)
    assert opening.former_default(opening.open_gallery("former"))


def test_a_gallery_that_does_not_say_what_the_default_was_had_facenet(small, monkeypatch):
    manifest = storage.read_manifest(small) or {}
    manifest.pop("default_embedder")
    storage.write_manifest(small, manifest | {"embedding": FACENET_128.identity})
    opened = opening.open_gallery("small")
    monkeypatch.setattr(opening, "DEFAULT_EMBEDDER", SFACE.name)
    assert "FaceNet 128" in (opening.former_default(opened) or "")
    monkeypatch.setattr(opening, "DEFAULT_EMBEDDER", FACENET_128.name)
    assert opening.former_default(opened) is None


def test_an_embedder_with_other_crops_is_not_that_of_a_gallery(small):
    manifest = storage.read_manifest(small) or {}
    other = {**FACENET_128.identity, "level_over_degrees": 77}
    storage.write_manifest(small, manifest | {"embedding": other})
    opened = opening.open_gallery("small")
    assert registry.entry_of(other) is FACENET_128
    with pytest.raises(GalleryError, match="another model or other crops"):
        opening.entry_of_gallery(opened)
