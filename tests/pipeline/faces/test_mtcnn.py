"""The compiled cascade against the package it takes its weights from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import photo
from pipeline.faces import mtcnn as cascade
from tests.conftest import beside, enlarged


@pytest.fixture(scope="module")
def mtcnn():
    from mtcnn import MTCNN

    return MTCNN()


@pytest.fixture(scope="module")
def ours(models):
    return cascade.Cascade()


def rows_of(mtcnn, pictures):
    return mtcnn.detect_faces(list(pictures), output_type="numpy", box_format="xyxy", fit_to_image=False)


@pytest.mark.parametrize("scale", [0.4, 1, 2.13])
def test_boxes_and_landmarks_are_those_of_the_package(ours, mtcnn, examples, scale):
    differences = []
    for path in [path for paths in examples.values() for path in paths]:
        picture = enlarged(photo.read(path), scale)[None]
        theirs, mine = rows_of(mtcnn, picture), ours(picture)
        assert len(mine) == len(theirs), path
        if len(mine):
            differences.append(np.abs(mine - theirs).max() / np.ptp(mine[:, [1, 3]], axis=1).min())
    # The package orders proposals that are equally sure as its sorting happens to leave them.
    assert np.mean(np.array(differences) < 1e-4) >= 0.9
    assert max(differences) < 0.1


def test_a_batch_gives_the_rows_of_the_package(ours, mtcnn, examples, madonna):
    side = photo.read(madonna)
    other = np.asarray(photo.read(examples["Elton John"][0]))
    pair = beside(side, other)
    batch = np.stack([pair, pair[:, ::-1], np.full_like(pair, 90), pair // 2])
    theirs = rows_of(mtcnn, batch)
    assert len(theirs) >= 4
    assert np.abs(ours(batch) - theirs).max() < 0.01


@pytest.mark.parametrize("shape", [(3, 3), (12, 12), (11, 400), (20, 20), (640, 13)])
def test_nothing_is_found_in_what_holds_no_face(ours, shape):
    assert ours(np.full((2, *shape, 3), 128, np.uint8)).shape == (0, cascade.COLUMNS)


@pytest.mark.parametrize("side", [*range(12, 60), 250, 480, 640, 1280])
def test_no_reduced_photo_is_smaller_than_the_networks_cell(side):
    sizes = side * cascade.scales(side, side * 2)
    assert (sizes.astype(int) >= cascade.CELL_PX).all()


def naive_suppressed(boxes, overlap_max, of_smaller):
    kept = []
    ranked = sorted(boxes.tolist(), key=lambda box: (box[0], -box[5]))
    for place, (number, x0, y0, x1, y1, _) in enumerate(ranked):
        for other, a0, b0, a1, b1, _ in ranked[:place]:
            common = max(min(x1, a1) - max(x0, a0), 0) * max(min(y1, b1) - max(y0, b0), 0)
            areas = (x1 - x0) * (y1 - y0), (a1 - a0) * (b1 - b0)
            whole = min(areas) if of_smaller else sum(areas) - common
            if number == other and common / whole > overlap_max:
                break
        else:
            kept.append(ranked[place])
    return np.reshape(kept, (-1, 6))


@given(st.integers(0, 30), st.integers(0, 1000), st.booleans())
def test_suppression_drops_what_a_naive_loop_drops(count, seed, of_smaller):
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 20, (count, 2))
    boxes = np.column_stack(
        [rng.integers(0, 3, count), start, start + rng.integers(1, 15, (count, 2)), rng.permutation(count)]
    ).astype(float)
    assert np.array_equal(cascade.suppressed(boxes, 0.5, of_smaller), naive_suppressed(boxes, 0.5, of_smaller))
