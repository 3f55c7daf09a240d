"""Group photos: the same faces as in the finder, and each face as a photo of its own."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import photo
from pipeline.faces.face import Face
from pipeline.gallery import editing, group_photos, inspection, managing, opening
from pipeline.gallery.editing import NewPhoto
from pipeline.lookalikes import Lookalikes, Models
from tests.conftest import beside, encoded, enlarged

SHOWN = ("Madonna", "Elton John", "Mindy Kaling")


@pytest.fixture(scope="module")
def group(examples):
    """A photo of three people, side by side."""
    pictures = [photo.read(examples[name][3]) for name in SHOWN]
    return beside(*(enlarged(picture, 300 / picture.shape[0]) for picture in pictures))


def test_screening_and_the_finder_count_the_same_faces_of_a_photo(models, madonna):
    pixels = photo.read(madonna)
    (sure,) = models.faces(pixels)
    x, y, width, height = sure.box
    unsure = Face((x - 20, y - 20, width + 40, height + 40), sure.landmarks, 0.85)

    class Pattern:
        """Finds a pattern that is more prominent than the face."""

        def __call__(self, photos):
            return [[unsure, sure] for _ in photos]

    both = Models(Pattern(), models.embedder)  # type: ignore[arg-type]
    (inspected,) = inspection.inspect_photos([madonna.read_bytes()], both.detector, both.embedder)
    assert both.faces(pixels) == group_photos.find_faces(madonna.read_bytes(), both.detector)[1] == [sure]
    assert (inspected.faces, inspected.quality.confidence) == (1, sure.confidence)
    np.testing.assert_allclose(inspected.embedding, models.probe(pixels, sure).embedding, atol=1e-5)


def test_each_face_of_a_group_photo_is_added_as_a_photo_of_its_own(home, models, group, examples):
    data = encoded(group)
    _, faces = group_photos.find_faces(data, models.detector)
    assert len(faces) == 3
    managing.create_gallery("mine")
    by_place = sorted(range(3), key=lambda index: faces[index].box[0])
    for name, index in zip(SHOWN, by_place, strict=True):
        png, inspected = group_photos.cut_out(data, index + 1, models.detector, models.embedder)
        assert inspected.faces == 1
        assert editing.add_photos("mine", [NewPhoto(name, "group.png", png, inspected)]) == [None]
    lookalikes = Lookalikes.open("mine", models=models)
    for name in SHOWN:
        assert lookalikes.find(photo.read(examples[name][4]), top=1).matches[0].name == name
    kept = [photo.read(each) for each in opening.open_gallery("mine").folder.glob("photos/*/*.png")]
    assert [len(models.faces(picture)) for picture in kept] == [1, 1, 1]
    # The same face again is the same file.
    png, inspected = group_photos.cut_out(data, by_place[0] + 1, models.detector, models.embedder)
    (rejection,) = editing.add_photos("mine", [NewPhoto("Madonna", "group.png", png, inspected)])
    assert rejection
    assert rejection.kind == "duplicate"


def test_a_face_that_another_one_covers_is_said_to_be_too_close(models, madonna):
    pixels = photo.read(madonna)
    (sure,) = models.faces(pixels)
    x, y, width, height = sure.box
    small = Face((x + width / 4, y + height / 4, width / 4, height / 4), sure.landmarks, 0.95)

    class Two:
        """Finds a larger face around a small one, wherever it is cut."""

        def __call__(self, photos):
            return [[sure, small] for _ in photos]

    _, inspected = group_photos.cut_out(madonna.read_bytes(), 2, Two(), models.embedder)  # type: ignore[arg-type]
    assert inspected.quality.flaw
    assert "too close" in inspected.quality.flaw.detail
    assert not inspected.portrait
