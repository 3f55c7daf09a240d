"""Fitting maps: tiny galleries, and reproducible layouts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.synthetic import synthetic
from pipeline.gallery import opening
from pipeline.gallery.gallery import Gallery
from pipeline.map import fitting, queries
from pipeline.map.layouts import PCA, UMAP
from tests.conftest import unit_rows
from tests.pipeline.map.conftest import encoder


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


@settings(max_examples=50)
@given(count=st.integers(1, 30), seed=st.integers(0, 99), scale=st.floats(1e-3, 1e3), shift=st.floats(-1e3, 1e3))
def test_scaled_places_keep_their_shape_and_fill_the_frame(count, seed, scale, shift):
    places = unit_rows(count, seed, dimensions=2)
    framed, moved = (
        fitting.centre_and_scale(places),
        fitting.centre_and_scale(places * np.float32(scale) + np.float32(shift * scale)),
    )
    assert np.allclose(framed, moved, atol=5e-3)
    assert np.abs(framed).max() == pytest.approx(1 if count > 1 else 0, abs=1e-5)


def test_distant_clusters_are_found_and_numbered_by_size():
    centres = unit_rows(4)
    labels = np.repeat([2, 0, 3, 1], [10, 50, 20, 30])
    rows = centres[labels] + 0.02 * unit_rows(len(labels), seed=1)
    clusters, silhouette = fitting.find_clusters(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    assert clusters.dtype == np.uint8
    assert np.bincount(clusters).tolist() == [50, 30, 20, 10]
    assert len({*zip(clusters.tolist(), labels.tolist(), strict=True)}) == 4
    assert silhouette > 0.8


@pytest.mark.tensorflow
def test_a_face_of_the_gallery_is_placed_on_its_person(made):
    fitted = fitting.fit_map(made)
    for layout in fitted.layouts.values():
        for row in (0, 17, 59):
            place = queries.place_face(made.embeddings @ made.embeddings[row], layout.places)
            own = layout.places[made.person_of_row == made.person_of_row[row]]
            assert np.linalg.norm(own - place, axis=1).min() == 0


@pytest.mark.parametrize("count", [1, 2, 3, 5, 29])
def test_small_galleries_are_laid_out_by_pca_only(count):
    fitted = fitting.fit_map(gallery_of(unit_rows(count)))
    (layout,) = fitted.layouts.values()
    assert list(fitted.layouts) == [PCA]
    assert layout.places.shape == (count, 2)
    assert np.isfinite(layout.places).all()
    assert 0 <= layout.trustworthiness <= 1
    assert len(fitted.clusters) == len(fitted.quality) == count
    queries.place_face(np.ones(count, np.float32), layout.places)


@pytest.mark.parametrize("count", [2, 3, 300])
def test_pca_gives_the_principal_components_with_fixed_signs(count):
    rows = unit_rows(count)
    centred = rows.astype(np.float64) - rows.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    directions = directions[:2] * np.sign(directions[[0, 1], np.abs(directions[:2]).argmax(axis=1)])[:, None]
    found = fitting._pca(rows)
    assert found.dtype == np.float32
    assert found[:, 0] == pytest.approx(centred @ directions[0], abs=1e-5)
    assert count == 2 or found[:, 1] == pytest.approx(centred @ directions[1], abs=1e-5)


@pytest.mark.tensorflow
def test_identical_faces_make_a_map():
    fitted = fitting.fit_map(gallery_of(np.repeat(unit_rows(1), 40, axis=0)))
    for layout in fitted.layouts.values():
        assert np.isfinite(layout.places).all()


@pytest.mark.tensorflow
def test_umap_can_be_trusted_more_than_pca_and_is_reproducible(empty_home):
    synthetic("people", faces=400, embedder="facenet")
    opened = opening.open_gallery("people")
    stages: list[tuple[str, int, int]] = []
    one = fitting.fit_map(opened, progress=lambda *stage: stages.append(stage))
    other = fitting.fit_map(opened)
    assert list(one.layouts) == [UMAP, PCA]
    assert one.layouts[UMAP].kept.mean() > one.layouts[PCA].kept.mean()
    assert one.layouts[UMAP].trustworthiness > one.layouts[PCA].trustworthiness + 0.15
    for name, layout in one.layouts.items():
        assert np.array_equal(layout.places, other.layouts[name].places)
    assert ("Finding neighbours", 400, 400) in stages


@pytest.mark.tensorflow
def test_an_identity_encoder_gives_the_layouts_of_the_embeddings(made):
    embeddings, codes = (
        fitting.fit_map(made).layouts,
        fitting.fit_code_layouts(made, encoder(np.eye(made.embeddings.shape[1], dtype=np.float32))),
    )
    assert list(codes) == [f"{name} of codes" for name in embeddings]
    for name, layout in embeddings.items():
        other = codes[f"{name} of codes"]
        assert np.allclose(other.places, layout.places, atol=1e-4) or name == UMAP
        assert other.trustworthiness == pytest.approx(layout.trustworthiness, abs=0.05)
