"""Which parts make two faces similar, on faces that were made to share one."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import explanation, photo
from pipeline.faces import geometry


def with_eyes_of(picture, face, other, other_face):
    """The picture with the eyes and brows of another face in place of its own."""
    import cv2

    points = (*face.landmarks[:2], *other_face.landmarks[:2])
    left, right, other_left, other_right = (np.array(point, np.float32) for point in points)
    matrix, _ = cv2.estimateAffinePartial2D(np.stack([other_left, other_right]), np.stack([left, right]))
    moved = cv2.warpAffine(other, matrix, picture.shape[1::-1])
    mask = np.zeros(picture.shape[:2], np.float32)
    middle, apart = (left + right) / 2, float(np.linalg.norm(right - left))
    centre = (round(float(middle[0])), round(float(middle[1] - 0.08 * apart)))
    cv2.ellipse(mask, centre, (round(0.95 * apart), round(0.38 * apart)), 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 3)[..., None]
    return np.round(picture * (1 - mask) + moved * mask).astype(np.uint8)


@pytest.fixture(scope="module")
def portraits(models, examples):
    """A portrait of two people, and the face in each."""
    pictures = []
    for person in ("Ben Affleck", "Jerry Seinfeld"):
        pixels = photo.read(examples[person][0])
        pictures.append(geometry.portrait(pixels, models.faces(pixels)[0]))
    return pictures, [explanation.face_in(picture, models.detector) for picture in pictures]


def eyes_and_rest(drops, face):
    """The mean of a map around the eyes, and in the lower half of the face."""
    (x0, y0), (x1, y1) = face.landmarks[:2]
    apart = x1 - x0
    top, bottom = round(min(y0, y1) - 0.3 * apart), round(max(y0, y1) + 0.25 * apart)
    columns = slice(round(x0 - 0.4 * apart), round(x1 + 0.4 * apart))
    mouth = round(face.box[1] + face.box[3])
    return float(drops[top:bottom, columns].mean()), float(drops[bottom:mouth, columns].mean())


def test_faces_with_the_same_eyes_are_explained_by_the_eyes(portraits, models):
    (one, other), (face, other_face) = portraits
    pasted = with_eyes_of(other, other_face, one, face)
    found = explanation.explain((one, pasted), (face, other_face), models.embedder)
    before = explanation.explain((one, other), (face, other_face), models.embedder)
    assert found.similarity > before.similarity
    for drops, of in zip(found.maps, (face, other_face), strict=True):
        assert drops.shape == one.shape[:2]
        eyes, rest = eyes_and_rest(drops, of)
        assert eyes > 2 * max(rest, 0.0)
        assert eyes > 0


def test_the_maps_do_not_depend_on_which_face_comes_first(portraits, models):
    pictures, faces = portraits
    there = explanation.explain(tuple(pictures), tuple(faces), models.embedder)
    back = explanation.explain(tuple(pictures[::-1]), tuple(faces[::-1]), models.embedder)
    assert there.similarity == pytest.approx(back.similarity, abs=1e-4)
    for one, other in zip(there.maps, back.maps[::-1], strict=True):
        assert one == pytest.approx(other, abs=1e-3)


def test_a_portrait_in_which_no_face_is_found_has_it_in_the_middle(models):
    face = explanation.face_in(np.full((256, 256, 3), 128, np.uint8), models.detector)
    assert face.centre == pytest.approx((128, 128))
    assert face.box[2] == pytest.approx(256 / 1.7)
    assert all(60 < coordinate < 196 for point in face.landmarks for coordinate in point)
