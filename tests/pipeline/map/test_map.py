"""The map: measures against naive loops and scikit-learn's, tiny galleries, and the artefact on disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.manifold import trustworthiness

from benchmarks.app import synthetic
from pipeline import storage
from pipeline.errors import MapError
from pipeline.gallery import opening
from pipeline.gallery.gallery import Gallery
from pipeline.map import fitting, quality, queries
from pipeline.map.files import CODES, FILE, map_path, network_folder, open_codes, open_map, save_codes, save_map
from pipeline.map.layouts import PCA, UMAP, MapSettings
from pipeline.similarity import files
from pipeline.similarity.network import Network
from tests.conftest import unit_rows

SETTINGS = MapSettings()


def gallery_of(rows: np.ndarray, people: np.ndarray | None = None) -> Gallery:
    """A gallery in memory."""
    numbers = np.arange(len(rows)) if people is None else people
    table = pa.table(
        {
            "person": [f"p{number}" for number in numbers],
            "confidence": np.ones(len(rows), np.float32),
            "face_side_px": np.full(len(rows), 80, np.float32),
        }
    )
    manifest = {"generation": 1, "embedding": {}, "files": {"embeddings": {"sha256": "0"}}}
    return Gallery(Path("none"), manifest, table, rows)


@pytest.fixture
def made(empty_home):
    """An open gallery of six people with ten photos each, on disk."""
    synthetic("made", faces=60)
    return opening.open_gallery("made")


@settings(max_examples=30)
@given(count=st.integers(2, 40), wanted=st.integers(1, 12), seed=st.integers(0, 99), copies=st.booleans())
def test_neighbours_are_those_of_a_naive_scan_and_never_the_row_itself(count, wanted, seed, copies):
    rows = unit_rows(count, seed)
    if copies:
        rows[count // 2 :] = rows[0]
    indices, cosines = fitting._neighbours(rows, wanted, lambda *_: None, block=7)
    every = rows @ rows.T
    np.fill_diagonal(every, -np.inf)
    expected = -np.sort(-every, axis=1)[:, : min(wanted, count - 1)]
    assert np.allclose(cosines, expected, atol=1e-5)
    assert not (indices == np.arange(count)[:, None]).any()
    assert np.allclose(np.take_along_axis(every, indices, axis=1), cosines, atol=1e-5)


@pytest.mark.parametrize("count", [23, 60, 300])
def test_trustworthiness_is_that_of_scikit_learn(count):
    rows, places = unit_rows(count), unit_rows(count, seed=1, dimensions=2)
    places = fitting.framed(places + 0.1 * rows[:, :2])
    expected = trustworthiness(rows, places, n_neighbors=SETTINGS.checked_of(count))
    assert quality.trustworthiness(rows, places) == pytest.approx(expected, abs=1e-3)


def test_a_map_that_is_the_truth_is_fully_trustworthy_and_keeps_all_neighbours():
    angles = np.sort(np.random.default_rng(0).uniform(0, 2, 200))
    rows = np.zeros((200, 128), np.float32)
    rows[:, 0], rows[:, 1] = np.cos(angles), np.sin(angles)
    places = fitting.framed(rows[:, :2])
    neighbours, _ = fitting._neighbours(rows, 10, lambda *_: None)
    assert quality.trustworthiness(rows, places) == 1
    assert quality.kept(neighbours, places, 10).min() >= 0.9


@settings(max_examples=30)
@given(count=st.integers(3, 40), near=st.integers(1, 10), seed=st.integers(0, 99))
def test_kept_counts_the_neighbours_among_the_nearest_places(count, near, seed):
    near = min(near, count - 1)
    random = np.random.default_rng(seed)
    places = random.uniform(-1, 1, (count, 2)).astype(np.float32)
    neighbours = np.stack([random.permutation(np.delete(np.arange(count), row))[:2] for row in range(count)])
    shares = quality.kept(neighbours, places, near)
    for row in range(count):
        order = np.argsort(np.linalg.norm(places - places[row], axis=1), kind="stable")[1 : near + 1]
        assert shares[row] == np.isin(neighbours[row], order).mean()


@settings(max_examples=50)
@given(count=st.integers(1, 30), seed=st.integers(0, 99), scale=st.floats(1e-3, 1e3), shift=st.floats(-1e3, 1e3))
def test_framing_keeps_the_shape_and_fills_the_frame(count, seed, scale, shift):
    places = unit_rows(count, seed, dimensions=2)
    framed, moved = fitting.framed(places), fitting.framed(places * np.float32(scale) + np.float32(shift * scale))
    assert np.allclose(framed, moved, atol=5e-3)
    assert np.abs(framed).max() == pytest.approx(1 if count > 1 else 0, abs=1e-5)


def test_clusters_that_are_far_apart_are_found_the_largest_first():
    centres = unit_rows(4)
    labels = np.repeat([2, 0, 3, 1], [10, 50, 20, 30])
    rows = centres[labels] + 0.02 * unit_rows(len(labels), seed=1)
    clusters, silhouette = fitting.cluster(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    assert clusters.dtype == np.uint8
    assert np.bincount(clusters).tolist() == [50, 30, 20, 10]
    assert len({*zip(clusters.tolist(), labels.tolist(), strict=True)}) == 4
    assert silhouette > 0.8


def test_purity_is_the_share_in_the_cluster_of_most_photos_of_people_with_several():
    people = np.array([0, 0, 0, 1, 2, 2])
    clusters = np.array([1, 1, 0, 0, 2, 2], np.uint8)
    assert quality.purity(clusters, people) == pytest.approx(4 / 5)
    assert np.isnan(quality.purity(clusters, np.arange(6)))


def test_a_face_of_the_gallery_is_placed_where_its_person_is(made):
    fitted = fitting.fit(made)
    for layout in fitted.layouts.values():
        for row in (0, 17, 59):
            place = queries.place(made.embeddings @ made.embeddings[row], layout.places)
            own = layout.places[made.person_of_row == made.person_of_row[row]]
            assert np.linalg.norm(own - place, axis=1).min() == 0


@pytest.mark.parametrize("count", [1, 2, 3, 5, 29])
def test_a_gallery_too_small_for_umap_is_laid_out_by_pca(count):
    fitted = fitting.fit(gallery_of(unit_rows(count)))
    (layout,) = fitted.layouts.values()
    assert list(fitted.layouts) == [PCA]
    assert layout.places.shape == (count, 2)
    assert np.isfinite(layout.places).all()
    assert 0 <= layout.trustworthiness <= 1
    assert len(fitted.clusters) == len(fitted.quality) == count
    queries.place(np.ones(count, np.float32), layout.places)


def test_faces_that_are_all_alike_make_a_map():
    fitted = fitting.fit(gallery_of(np.repeat(unit_rows(1), 40, axis=0)))
    for layout in fitted.layouts.values():
        assert np.isfinite(layout.places).all()


def test_umap_keeps_more_neighbours_than_pca_and_is_the_same_each_time(empty_home):
    synthetic("people", faces=400)
    opened = opening.open_gallery("people")
    stages: list[tuple[str, int, int]] = []
    one = fitting.fit(opened, progress=lambda *stage: stages.append(stage))
    other = fitting.fit(opened)
    assert list(one.layouts) == [UMAP, PCA]
    assert one.layouts[UMAP].kept.mean() > one.layouts[PCA].kept.mean() + 0.2
    for name, layout in one.layouts.items():
        assert np.array_equal(layout.places, other.layouts[name].places)
    assert ("Finding neighbours", 400, 400) in stages


def test_a_map_is_read_as_it_was_written(made):
    fitted = fitting.fit(made)
    save_map(made, fitted)
    read = open_map(made)
    assert list(read.layouts) == list(fitted.layouts)
    for name, layout in fitted.layouts.items():
        assert np.array_equal(read.layouts[name].places, layout.places)
        assert np.array_equal(read.layouts[name].kept, layout.kept)
        assert read.layouts[name].trustworthiness == layout.trustworthiness
    assert np.array_equal(read.clusters, fitted.clusters)
    assert (read.silhouette, read.purity) == (fitted.silhouette, fitted.purity)
    assert [path.name for path in made.folder.glob("*map*")] == [FILE]


def test_a_gallery_without_a_map_names_the_command_that_makes_it(made):
    with pytest.raises(MapError, match="no map yet") as caught:
        open_map(made)
    assert caught.value.command == "python -m pipeline map --gallery made"


def test_a_map_of_other_embeddings_another_network_or_other_settings_is_refused(made):
    save_map(made, fitting.fit(made))
    with pytest.raises(MapError, match="has changed since its map was made") as caught:
        open_map(made, MapSettings(seed=1))
    assert caught.value.command == "python -m pipeline map --gallery made"
    manifest = storage.read_manifest(made.folder) or {}
    for change in (
        {"generation": 2},
        {"embedding": {"model": "another"}},
        {"files": {**manifest["files"], "embeddings": {"sha256": "1"}}},
    ):
        with pytest.raises(MapError, match="has changed"):
            open_map(Gallery(made.folder, {**manifest, **change}, made.faces, made.embeddings))


def test_a_map_that_is_cut_off_anywhere_is_damaged(made):
    save_map(made, fitting.fit(made))
    whole = map_path(made).read_bytes()
    for cut in np.linspace(0, len(whole) - 1, 60, dtype=int):
        map_path(made).write_bytes(whole[:cut])
        with pytest.raises(MapError, match="is damaged"):
            open_map(made)


@pytest.mark.parametrize("wrong", ["shape", "nan", "lacking"])
def test_a_map_with_wrong_arrays_is_damaged(made, wrong):
    save_map(made, fitting.fit(made))
    with np.load(map_path(made)) as arrays:
        parts = dict(arrays)
    if wrong == "shape":
        parts["PCA places"] = parts["PCA places"][:-1]
    elif wrong == "nan":
        parts["PCA places"][3] = np.nan
    else:
        del parts["clusters"]
    np.savez(map_path(made), **parts)
    with pytest.raises(MapError, match="is damaged"):
        open_map(made)


def encoder(kernel: np.ndarray) -> Network:
    """A network whose encoder is a product with a matrix."""
    return Network(encoder=((kernel, np.zeros(kernel.shape[1], np.float32)),), metric=())


@pytest.fixture
def coded(made, tmp_path):
    """A gallery with the layouts of the codes of a network of random weights, which lies on disk."""
    network = encoder(unit_rows(32).T)
    files.write_network(tmp_path / "run", network, None, {})
    layouts = fitting.fit_codes(made, network)
    save_codes(made, layouts, tmp_path / "run", network)
    return made, layouts, tmp_path / "run"


def test_codes_that_are_the_embeddings_are_laid_out_as_the_embeddings(made):
    embeddings, codes = fitting.fit(made).layouts, fitting.fit_codes(made, encoder(np.eye(128, dtype=np.float32)))
    assert list(codes) == [f"{name} of codes" for name in embeddings]
    for name, layout in embeddings.items():
        other = codes[f"{name} of codes"]
        assert np.allclose(other.places, layout.places, atol=1e-4) or name == UMAP
        assert other.kept.mean() == pytest.approx(layout.kept.mean(), abs=0.05)


def test_layouts_of_codes_are_read_as_they_were_written_and_there_are_none_at_first(coded, made):
    _, layouts, folder = coded
    read = open_codes(made)
    assert list(read) == list(layouts) == ["UMAP of codes", "PCA of codes"]
    for name, layout in layouts.items():
        assert np.array_equal(read[name].places, layout.places)
    assert network_folder(made) == folder
    (made.folder / CODES).unlink()
    assert open_codes(made) == {}
    assert network_folder(made) is None


def test_layouts_of_codes_of_another_gallery_or_network_are_refused_in_one_sentence(coded, made):
    _, _, folder = coded
    changed = Gallery(made.folder, {**made.manifest, "generation": 2}, made.faces, made.embeddings)
    with pytest.raises(MapError, match="made has changed since its codes were mapped") as caught:
        open_codes(changed)
    assert caught.value.command == f"python -m pipeline map --gallery made --network {folder}"
    files.write_network(folder, encoder(unit_rows(32, seed=1).T), None, {})
    with pytest.raises(MapError, match=r"The network in .* has changed since its codes were mapped"):
        open_codes(made)
    (folder / "network.npz").unlink()
    with pytest.raises(MapError, match=r"cannot be used.*Train it again"):
        open_codes(made)


def test_layouts_of_codes_that_are_cut_off_anywhere_are_damaged(coded, made):
    path = made.folder / CODES
    whole = path.read_bytes()
    for cut in np.linspace(0, len(whole) - 1, 30, dtype=int):
        path.write_bytes(whole[:cut])
        with pytest.raises(MapError, match="are damaged"):
            open_codes(made)


def test_whoever_opens_a_map_loads_nothing_that_fits_one(made):
    save_map(made, fitting.fit(made))
    code = (
        "import sys, json; from pipeline.gallery import opening; from pipeline.map import files;"
        "files.open_map(opening.open_gallery('made'));"
        "print(json.dumps([name for name in ('umap', 'sklearn', 'scipy', 'tensorflow') if name in sys.modules]))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == []
