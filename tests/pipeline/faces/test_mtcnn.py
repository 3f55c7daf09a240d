"""The compiled networks against the package that their weights come from."""

from __future__ import annotations

from pathlib import Path

import cv2
import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import photo
from pipeline.errors import WeightsError
from pipeline.faces import mtcnn, mtcnn_networks
from pipeline.faces.mtcnn_pixels import CELL_PX, Patches, Pyramid, pyramid_scales
from tests.conftest import HOME, beside, enlarged
from tests.processes import WITHOUT, in_a_process


@pytest.fixture(scope="module")
def package():
    from mtcnn import MTCNN

    return MTCNN()


@pytest.fixture(scope="module")
def compiled(models):
    return mtcnn.CompiledMTCNN()


def rows_of(package, pictures):
    return package.detect_faces(list(pictures), output_type="numpy", box_format="xyxy", fit_to_image=False)


@pytest.mark.parametrize("scale", [0.4, 1, 2.13])
def test_boxes_and_landmarks_equal_those_of_the_package(compiled, package, examples, scale):
    differences = []
    for path in [path for paths in examples.values() for path in paths]:
        picture = enlarged(photo.read(path), scale)[None]
        theirs, ours = rows_of(package, picture), compiled.rows(picture)
        assert len(ours) == len(theirs), path
        if len(ours):
            differences.append(np.abs(ours - theirs).max() / np.ptp(ours[:, [1, 3]], axis=1).min())
    # The package's order of proposals with equal confidence is arbitrary.
    assert np.mean(np.array(differences) < 1e-4) >= 0.9
    assert max(differences) < 0.1


def test_a_batch_gives_the_rows_of_the_package(compiled, package, examples, madonna):
    pair = beside(photo.read(madonna), photo.read(examples["Elton John"][0]))
    batch = np.stack([pair, pair[:, ::-1], np.full_like(pair, 90), pair // 2])
    theirs = rows_of(package, batch)
    assert len(theirs) >= 4
    assert np.abs(compiled.rows(batch) - theirs).max() < 0.01


def test_rows_become_faces_of_their_photo(compiled, examples, madonna):
    pair = beside(photo.read(madonna), photo.read(examples["Elton John"][0]))
    batch = np.stack([np.full_like(pair, 90), pair])
    none, faces = compiled(batch)
    rows = compiled.rows(batch)
    assert none == []
    assert len(faces) == len(rows)
    for face, row in zip(faces, rows, strict=True):
        x, y, width, height = face.box
        assert (x, y, x + width, y + height) == pytest.approx(tuple(row[1:5]))
        assert face.landmarks == tuple(zip(row[6:11], row[11:16], strict=True))
        assert face.confidence == row[5]


@pytest.mark.parametrize("shape", [(3, 3), (12, 12), (11, 400), (20, 20), (640, 13)])
def test_a_blank_photo_of_any_shape_has_no_faces(compiled, shape):
    photos = np.full((2, *shape, 3), 128, np.uint8)
    assert compiled.rows(photos).shape == (0, mtcnn.COLUMNS)
    assert compiled(photos) == [[], []]


@pytest.mark.parametrize("shape", [(97, 141), (250, 250), (31, 400)])
def test_on_the_canvas_each_scale_has_the_cells_that_it_has_alone(compiled, shape):
    photos = np.random.default_rng(0).integers(0, 256, (2, *shape, 3), np.uint8)
    pyramid = Pyramid(photos, pyramid_scales(*shape))
    assert len(pyramid.cells) > 1
    together = compiled._propose.outputs(pixels=pyramid.pixels, outside=pyramid.outside)
    for scale, cells in zip(pyramid_scales(*shape), pyramid.cells, strict=True):
        height, width = (int(side * scale) for side in shape)
        seen = [
            cv2.resize(photo.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) for photo in photos
        ]
        within = np.zeros((1, height - 2, width - 2, 1), np.float32)
        alone = compiled._propose.outputs(pixels=(np.stack(seen) - 127.5) / 128, outside=within)
        for part, whole in zip(alone, together, strict=True):
            assert whole[:, cells[0], cells[1]] == pytest.approx(part, abs=1e-5)


@pytest.mark.tensorflow
def test_patches_are_those_of_tensorflow(compiled):
    import tensorflow as tf

    random = np.random.default_rng(0)
    photos = random.integers(0, 256, (2, 60, 90, 3), np.uint8)
    start = random.uniform(-20, 60, (50, 2))
    boxes = np.column_stack([random.integers(0, 2, 50), start, start + random.uniform(5, 60, (50, 1))])
    corners = (boxes[:, [2, 1, 4, 3]] / (60, 90, 60, 90)).astype(np.float32)
    expected = tf.image.crop_and_resize(photos, corners, boxes[:, 0].astype(int), (24, 24), extrapolation_value=127.5)
    assert Patches(photos).cut(boxes, 24) == pytest.approx((expected.numpy() - 127.5) / 128, abs=1e-4)


def test_without_openvino_tensorflow_finds_the_same_faces(compiled, madonna, tmp_path):
    in_a_process(
        WITHOUT + "import numpy as np; from pipeline import photo; from pipeline.faces.mtcnn import CompiledMTCNN; "
        f"np.save({str(tmp_path / 'rows.npy')!r}, CompiledMTCNN().rows(photo.read({str(madonna)!r})[None]))",
        LOOKSLIKEWHO_HOME=str(HOME),
    )
    expected = compiled.rows(photo.read(madonna)[None])
    assert len(expected)
    assert np.load(tmp_path / "rows.npy") == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("side", [*range(12, 60), 250, 480, 640, 1280])
def test_no_scale_is_smaller_than_the_first_networks_cell(side):
    sizes = side * pyramid_scales(side, side * 2)
    assert (sizes.astype(int) >= CELL_PX).all()


def naive_suppression(boxes, overlap_max, of_smaller):
    kept = []
    ranked = sorted(boxes.tolist(), key=lambda box: (box[0], -box[5]))
    for place, (number, x0, y0, x1, y1, _) in enumerate(ranked):
        for other, a0, b0, a1, b1, _ in ranked[:place]:
            common = max(min(x1, a1) - max(x0, a0), 0) * max(min(y1, b1) - max(y0, b0), 0)
            areas = (x1 - x0) * (y1 - y0), (a1 - a0) * (b1 - b0)
            reference = min(areas) if of_smaller else sum(areas) - common
            if number == other and common / reference > overlap_max:
                break
        else:
            kept.append(ranked[place])
    return np.reshape(kept, (-1, 6))


@given(st.integers(0, 30), st.integers(0, 1000), st.booleans())
def test_overlaps_are_suppressed_as_by_a_naive_loop(count, seed, of_smaller):
    random = np.random.default_rng(seed)
    start = random.integers(0, 20, (count, 2))
    boxes = np.column_stack(
        [random.integers(0, 3, count), start, start + random.integers(1, 15, (count, 2)), random.permutation(count)]
    ).astype(float)
    kept = mtcnn.suppress_overlaps(boxes, overlap_max=0.5, of_smaller=of_smaller)
    assert np.array_equal(kept, naive_suppression(boxes, 0.5, of_smaller))


class Harm:
    """What joblib would run."""

    def __reduce__(self):
        return Path.touch, (Path("harm"),)


def test_no_file_in_the_working_folder_is_taken_for_the_weights(tmp_path):
    for name in mtcnn_networks._SHA256:
        joblib.dump(Harm(), tmp_path / name)
    in_a_process(
        "import os; from pipeline.faces import mtcnn_networks; "
        f"os.chdir({str(tmp_path)!r}); mtcnn_networks._package_networks()"
    )
    assert not (tmp_path / "harm").exists()


def test_weights_that_are_not_the_expected_ones_are_not_read(monkeypatch):
    monkeypatch.setitem(mtcnn_networks._SHA256, "rnet.lz4", "0" * 64)
    mtcnn_networks._package_networks.cache_clear()
    with pytest.raises(WeightsError, match=r"rnet\.lz4"):
        mtcnn_networks._package_networks()
