"""Finding and comparing with the real networks, on the demonstration gallery and on small ones."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pipeline import photo
from pipeline.comparison import compare
from pipeline.embedding.base import COPY_DISTANCE_MAX
from pipeline.errors import GalleryError, NoFaceError, PhotoError, UserError
from pipeline.faces.face import Face
from pipeline.gallery import checking, layout, opening
from pipeline.lookalikes import Lookalikes
from pipeline.search.search import SearchSettings
from pipeline.similarity import registry
from pipeline.similarity.network_scorer import NetworkScorer
from tests.conftest import beside, default_dimensions, encoded, enlarged
from tests.pipeline.similarity.test_scorers import CURVE, network


@pytest.fixture(scope="module")
def demonstration(models):
    return Lookalikes.open(models=models)


@pytest.fixture
def opened(small, models):
    return Lookalikes.open("small", models=models)


def test_a_match_has_all_fields(demonstration, madonna):
    found = demonstration.find(photo.read(madonna), top=5)
    assert (len(found.faces), found.face, len(found.matches)) == (1, 1, 5)
    assert [match.rank for match in found.matches] == [1, 2, 3, 4, 5]
    distances = [match.distance for match in found.matches]
    assert distances == sorted(distances)
    resemblances = [match.resemblance for match in found.matches]
    assert resemblances == sorted(resemblances, reverse=True)
    assert len({match.name for match in found.matches}) == 5
    first = found.matches[0]
    assert (first.name, first.source, first.copy) == ("Madonna", "Five celebrities", False)
    assert first.person == "Five celebrities/Madonna"
    assert first.resemblance > 50
    assert "none is stated" in first.licence
    assert photo.read(first.crop_path).shape[2] == 3


@pytest.mark.parametrize("method", ["min", "average"])
def test_people_who_are_left_out_make_room_for_the_next(demonstration, madonna, method):
    probe = demonstration.look(madonna)[1]
    (whole,) = demonstration.rank([probe], 6, method=method, exact=True)
    left_out = [whole[0].person, whole[3].person, "Nobody/Nobody"]
    (found,) = demonstration.rank([probe], 4, method=method, exact=True, exclude=left_out)
    expected = [match for match in whole if match.person not in left_out]
    assert [(match.person, match.distance) for match in found] == [(m.person, m.distance) for m in expected]
    assert [match.rank for match in found] == [1, 2, 3, 4]
    assert demonstration.find(madonna, 1, method=method, exclude=left_out).matches[0].person == found[0].person


@pytest.mark.parametrize("method", ["min", "average"])
def test_both_methods_find_the_celebrities(demonstration, examples, method):
    for name, paths in examples.items():
        assert demonstration.find(photo.read(paths[0]), top=1, method=method).matches[0].name == name


def test_a_gallery_photo_and_its_copies_are_marked_as_such(opened, examples):
    whole = photo.read(examples["Jerry Seinfeld"][0])
    recompressed = photo.read(encoded(whole, "JPEG", quality=50))
    for copy in (whole, recompressed, enlarged(whole, 2)):
        first, *others = opened.find(copy).matches
        assert (first.name, first.copy) == ("Jerry Seinfeld", True)
        assert first.resemblance > 95
        assert not any(match.copy for match in others)
    another = opened.find(photo.read(examples["Jerry Seinfeld"][3])).matches[0]
    assert (another.name, another.copy) == ("Jerry Seinfeld", False)


@pytest.mark.parametrize("scorer", registry.SCORERS)
def test_copies_are_recognised_by_cosine_with_any_scorer(small, models, examples, scorer):
    lookalikes = Lookalikes(opening.open_gallery("small"), models, registry.load_scorer(scorer))
    for match in lookalikes.find(photo.read(examples["Elton John"][0])).matches:
        assert match.copy is (match.name == "Elton John")
    assert match.distance > COPY_DISTANCE_MAX


def test_the_exact_search_compares_every_photo(small, models, madonna):
    # A network that disagrees with the cosine, by which candidates are chosen.
    scorer = NetworkScorer(network(length=default_dimensions()), CURVE)
    few, many = (
        Lookalikes(opening.open_gallery("small"), models, scorer, SearchSettings(candidates))
        for candidates in (1, 1000)
    )
    probe = models.probe(photo.read(madonna), models.faces(photo.read(madonna))[0])
    assert few.rank([probe], 1, exact=True) == many.rank([probe], 1)
    assert few.rank([probe], 1) != many.rank([probe], 1)


@pytest.mark.parametrize("exact", [False, True], ids=["candidates", "exact"])
@pytest.mark.parametrize("scorer", registry.SCORERS)
def test_a_photo_gets_the_same_matches_alone_as_among_others(models, examples, scorer, exact):
    lookalikes = Lookalikes.open(models=models, scorer=scorer)
    paths = [path for some in examples.values() for path in some[:2]]
    probes = [lookalikes.look(path)[1] for path in paths]
    together = lookalikes.rank(probes, top=5, exact=exact)
    assert together == [lookalikes.find(path, top=5, exact=exact).matches for path in paths]


def test_a_photo_is_given_as_a_path_as_bytes_or_as_an_array(opened, madonna):
    first, *others = (
        opened.find(given) for given in (madonna, str(madonna), madonna.read_bytes(), photo.read(madonna))
    )
    assert all(other == first for other in others)


@pytest.mark.parametrize("shape", [(300, 300), (300, 300, 4), (1, 300, 300, 3)])
def test_an_array_that_is_no_rgb_photo_is_refused(opened, shape):
    with pytest.raises(PhotoError, match="upright RGB photo"):
        opened.find(np.zeros(shape, np.uint8))


def test_an_array_of_floats_is_refused(opened):
    with pytest.raises(PhotoError, match="uint8"):
        opened.find(np.zeros((300, 300, 3), np.float32))


def test_a_top_larger_than_the_gallery_gives_everybody(opened, madonna):
    assert sorted(match.name for match in opened.find(photo.read(madonna), top=1000).matches) == [
        "Ben Affleck",
        "Elton John",
        "Jerry Seinfeld",
        "Madonna",
        "Mindy Kaling",
    ]


def test_each_face_of_a_photo_can_be_looked_up(opened, examples):
    picture = beside(*(photo.read(examples[name][index]) for name, index in (("Madonna", 4), ("Jerry Seinfeld", 4))))
    found = opened.find(picture)
    names = {}
    for number, face in enumerate(found.faces, start=1):
        again = opened.find(picture, face=number)
        assert again.face == number
        names[face.centre[0] < picture.shape[1] / 2] = again.matches[0].name
    assert names == {True: "Madonna", False: "Jerry Seinfeld"}
    for number in (0, 3):
        with pytest.raises(UserError, match=f"There is no face {number}: the photo shows 2 faces"):
            opened.find(picture, face=number)


def test_a_face_number_beyond_the_only_face_says_so(opened, madonna):
    with pytest.raises(UserError, match="no face 2: the photo shows one face"):
        opened.find(photo.read(madonna), face=2)


def test_a_photo_without_a_face_says_so(opened):
    with pytest.raises(NoFaceError, match="No face was found"):
        opened.find(np.full((300, 300, 3), 127, np.uint8))


def test_a_dark_photo_says_so(opened, madonna):
    with pytest.raises(NoFaceError, match="too dark"):
        opened.find(np.zeros((300, 300, 3), np.uint8))
    dark = (photo.read(madonna) * 0.08).astype(np.uint8)
    with pytest.raises(NoFaceError, match="too dark"):
        opened.find(dark)


def test_the_message_about_a_small_face_names_its_size(models, madonna):
    picture = photo.read(madonna)
    (face, *_) = models.faces(picture)
    factor = 30 / face.side_px
    small = Face(tuple(side * factor for side in face.box), face.landmarks, 1.0)
    with pytest.raises(NoFaceError, match=r"only 30 pixels high, and 32 are needed"):
        models.probe(enlarged(picture, factor), small)


def test_grey_rotated_and_recompressed_photos_find_the_same_person(opened, madonna):
    picture = Image.open(madonna)
    exif = Image.Exif()
    exif[0x0112] = 8
    variants = {
        "grey": encoded(picture.convert("L")),
        "16 bits": encoded(Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)),
        "CMYK": encoded(picture.convert("CMYK"), "JPEG"),
        "palette": encoded(picture.convert("P", palette=Image.Palette.ADAPTIVE)),
        "rotated by EXIF": encoded(picture.transpose(Image.Transpose.ROTATE_270), "JPEG", exif=exif),
        "quality 30": encoded(picture, "JPEG", quality=30),
        "GIF": encoded(picture, "GIF"),
        "WebP": encoded(picture, "WEBP"),
    }
    first = {name: opened.find(photo.read(data), top=1).matches[0] for name, data in variants.items()}
    assert {name: match.name for name, match in first.items()} == dict.fromkeys(variants, "Madonna")
    assert all(match.resemblance > 90 for match in first.values())


@pytest.mark.parametrize("scorer", map(registry.load_scorer, registry.SCORERS), ids=registry.SCORERS)
def test_comparing_is_symmetric_and_knows_one_person_from_two(models, examples, scorer):
    one, same, other = (photo.read(path) for path in (*examples["Madonna"][1:3], examples["Ben Affleck"][1]))
    there, back = compare((one, same), models, scorer), compare((same, one), models, scorer)
    assert there.distance == pytest.approx(back.distance, abs=1e-5)
    assert there.portraits[0] == pytest.approx(back.portraits[1])
    assert there.same
    assert there.resemblance > 50
    assert there.distance < there.threshold
    apart = compare((one, other), models, scorer)
    assert not apart.same
    assert apart.resemblance < 50
    itself = compare((one, one), models, scorer)
    assert itself.resemblance > 95
    assert itself.cosine == pytest.approx(1, abs=1e-5)


def test_a_comparison_without_a_face_says_so(models, madonna):
    with pytest.raises(NoFaceError):
        compare((photo.read(madonna), np.full((99, 99, 3), 127, np.uint8)), models)


def test_a_gallery_of_other_crops_is_not_searched(small, models, monkeypatch):
    monkeypatch.setattr(type(models.embedder), "identity", {"model": "another"})
    with pytest.raises(GalleryError, match="another model"):
        Lookalikes.open("small", models=models)


def test_warming_up_needs_no_photo(models):
    models.warm()


def test_the_demonstration_gallery_is_intact(models):
    opened = opening.open_gallery(layout.DEMONSTRATION, models.embedder.identity)
    assert opened.people_count >= 980
    assert list(checking.problems(opened)) == []
    with Image.open(io.BytesIO(opened.crop_path(0).read_bytes())) as crop:
        assert max(crop.size) <= 256
