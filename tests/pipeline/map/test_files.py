"""Maps on disk: read as they were written, refused where they are damaged or stale."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from pipeline import storage
from pipeline.embedding.registry import default_identity
from pipeline.errors import MapError
from pipeline.gallery import layout, managing
from pipeline.gallery.gallery import Gallery
from pipeline.map.files import (
    map_path,
    network_of_codes,
    open_code_layouts,
    open_map,
    save_code_layouts,
    save_map,
)
from pipeline.map.layouts import PCA, UMAP, FaceMap, Families, Layout, MapSettings
from pipeline.map.queries import typical_rows
from pipeline.similarity import files
from tests.conftest import default_dimensions, unit_rows
from tests.pipeline.map.conftest import encoder

OF_DEFAULT = {"embedding": default_identity()}


def random_layout(count):
    random = np.random.default_rng(count)
    places = random.uniform(-1, 1, (count, 2)).astype(np.float32)
    return Layout(places, random.random(count, np.float32), trustworthiness=0.9)


def random_map(opened):
    """A map as fitting gives it, without the time that fitting takes."""
    count = len(opened)
    clusters = np.arange(count, dtype=np.uint8) % 3
    layouts = {name: random_layout(count) for name in (UMAP, PCA)}
    families = Families(
        of_person=np.arange(opened.people_count, dtype=np.int32) % 2 - 1,
        branches=np.zeros(1, np.int32),
        typical=np.flatnonzero(opened.person_of_row == 1)[-1:],
        doubles=np.array([[0, 1]]),
        cosines=np.ones(1, np.float32),
    )
    return FaceMap(layouts, clusters, np.array([3, 1, 2]), 0.2, 0.5, np.ones(count, np.float32), families)


def test_a_map_is_read_as_it_was_written(made):
    fitted = random_map(made)
    save_map(made, fitted)
    read = open_map(made)
    assert list(read.layouts) == list(fitted.layouts)
    for name, plane in fitted.layouts.items():
        assert np.array_equal(read.layouts[name].places, plane.places)
        assert np.array_equal(read.layouts[name].kept, plane.kept)
        assert read.layouts[name].trustworthiness == plane.trustworthiness
    assert np.array_equal(read.clusters, fitted.clusters)
    assert np.array_equal(read.typical, fitted.typical)
    assert (read.silhouette, read.purity) == (fitted.silhouette, fitted.purity)
    assert fitted.families
    for name, values in vars(fitted.families).items():
        assert np.array_equal(getattr(read.families, name), values)
    assert [path.name for path in made.folder.glob("*map*")] == [layout.MAP]


def test_a_map_of_an_earlier_version_has_no_families(made):
    save_map(made, replace(random_map(made), families=None))
    assert open_map(made).families is None


def test_of_a_map_of_an_earlier_version_the_typical_rows_are_found_when_it_is_opened(made):
    save_map(made, random_map(made))
    with np.load(map_path(made)) as arrays:
        earlier = {name: values for name, values in arrays.items() if "typical" not in name}
    np.savez(map_path(made), **earlier)
    read = open_map(made)
    assert read.typical.tolist() == typical_rows(made.embeddings, read.clusters).tolist()
    assert read.families
    assert made.person_of_row[read.families.typical].tolist() == [1]


def test_a_map_of_the_earlier_format_which_counted_own_photos_is_refused(made):
    save_map(made, random_map(made))
    with np.load(map_path(made)) as arrays:
        earlier = dict(arrays)
    about = json.loads(str(earlier["about"]))
    about["identity"]["format"] = 1
    np.savez(map_path(made), **{**earlier, "about": np.array(json.dumps(about))})
    with pytest.raises(MapError, match="The map of the gallery made is out of date") as caught:
        open_map(made)
    assert caught.value.command == "python -m pipeline map --gallery made"


def test_without_a_map_the_error_carries_the_command_that_fits_one(made):
    with pytest.raises(MapError, match="no map yet") as caught:
        open_map(made)
    assert caught.value.command == "python -m pipeline map --gallery made"


def test_a_map_of_other_embeddings_or_settings_is_refused(made):
    save_map(made, random_map(made))
    with pytest.raises(MapError, match="The map of the gallery made is out of date") as caught:
        open_map(made, MapSettings(seed=1))
    assert caught.value.command == "python -m pipeline map --gallery made"
    manifest = storage.read_manifest(made.folder) or {}
    for change in (
        {"generation": 2},
        {"embedding": {"model": "another"}},
        {"files": {**manifest["files"], "embeddings": {"sha256": "1"}}},
    ):
        with pytest.raises(MapError, match="is out of date"):
            open_map(Gallery(made.folder, {**manifest, **change}, made.faces, made.embeddings))


def test_a_map_that_is_done_after_its_gallery_was_deleted_brings_nothing_back(made):
    managing.delete_gallery("made")
    with pytest.raises(MapError, match="was deleted while its map was drawn"):
        save_map(made, random_map(made))
    assert list(made.folder.parent.iterdir()) == []


def test_a_truncated_map_is_damaged(made):
    save_map(made, random_map(made))
    whole = map_path(made).read_bytes()
    for cut in np.linspace(0, len(whole) - 1, 60, dtype=int):
        map_path(made).write_bytes(whole[:cut])
        with pytest.raises(MapError, match="is damaged"):
            open_map(made)


@pytest.mark.parametrize("wrong", ["shape", "nan", "missing", "doubles", "family", "typical", "beyond"])
def test_a_map_with_wrong_arrays_is_damaged(made, wrong):
    save_map(made, random_map(made))
    with np.load(map_path(made)) as arrays:
        parts = dict(arrays)
    if wrong == "shape":
        parts["PCA places"] = parts["PCA places"][:-1]
    elif wrong == "nan":
        parts["PCA places"][3] = np.nan
    elif wrong == "doubles":
        parts["families doubles"][0, 1] = 10_000
    elif wrong == "typical":
        parts["typical"][0] = 1
    elif wrong == "beyond":
        parts["families typical"][0] = 10_000
    elif wrong == "family":
        parts["families of_person"][-1] = 7
    else:
        del parts["clusters"]
    np.savez(map_path(made), **parts)
    with pytest.raises(MapError, match="is damaged"):
        open_map(made)


@pytest.fixture
def coded(made, tmp_path):
    """A gallery with layouts of a network's codes, and the network on disk."""
    network = encoder(unit_rows(32, dimensions=default_dimensions()).T)
    files.write_network(tmp_path / "run", network, None, OF_DEFAULT)
    layouts = {f"{name} of codes": random_layout(len(made)) for name in (UMAP, PCA)}
    save_code_layouts(made, layouts, folder=tmp_path / "run", network=network)
    return made, layouts, tmp_path / "run"


def test_layouts_of_codes_are_read_as_they_were_written(coded, made):
    _, layouts, folder = coded
    read = open_code_layouts(made)
    assert list(read) == list(layouts) == ["UMAP of codes", "PCA of codes"]
    for name, plane in layouts.items():
        assert np.array_equal(read[name].places, plane.places)
    assert network_of_codes(made) == folder
    (made.folder / layout.CODES).unlink()
    assert open_code_layouts(made) == {}
    assert network_of_codes(made) is None


def test_layouts_of_codes_of_a_changed_gallery_or_network_are_refused(coded, made):
    _, _, folder = coded
    changed = Gallery(made.folder, {**made.manifest, "generation": 2}, made.faces, made.embeddings)
    with pytest.raises(MapError, match="The code maps of the gallery made are out of date") as caught:
        open_code_layouts(changed)
    assert caught.value.command == f"python -m pipeline map --gallery made --network {folder}"
    files.write_network(folder, encoder(unit_rows(32, 1, default_dimensions()).T), None, OF_DEFAULT)
    with pytest.raises(MapError, match=r"The network in .* has changed since its codes were mapped"):
        open_code_layouts(made)
    (folder / "network.npz").unlink()
    with pytest.raises(MapError, match=r"cannot be used.*Train it again"):
        open_code_layouts(made)


def test_truncated_layouts_of_codes_are_damaged(coded, made):
    path = made.folder / layout.CODES
    whole = path.read_bytes()
    for cut in np.linspace(0, len(whole) - 1, 30, dtype=int):
        path.write_bytes(whole[:cut])
        with pytest.raises(MapError, match="are damaged"):
            open_code_layouts(made)


def test_opening_a_map_imports_none_of_the_libraries_that_fit_it(made):
    save_map(made, random_map(made))
    code = (
        "import sys, json; from pipeline.gallery import opening; from pipeline.map import files;"
        "files.open_map(opening.open_gallery('made'));"
        "print(json.dumps([name for name in ('umap', 'sklearn', 'scipy', 'tensorflow') if name in sys.modules]))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == []
