"""Awkward photos over the whole door: they are read, built into a gallery, and looked up."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipeline import photo
from pipeline.errors import NoFaceError, PhotoError
from pipeline.gallery import building, opening, rejected
from pipeline.lookalikes import Lookalikes
from pipeline.sources import demonstration, folder
from tests.cases.photos import photo_cases
from tests.conftest import put

READ, INCOMPLETE = "read", "read, but part is missing"
# The first picture of the file shows no face, or one that is only made of dots.
DOTTED = "read, as black and white dots"
NO_FACE = "read, without a face"
DAMAGED = "The photo is damaged or incomplete. Save or send it again."
NO_PHOTO = "This is not a photo. Use a JPEG, PNG, WebP, GIF or HEIC file."
EMPTY = "The file is empty. Choose another photo."
OUTCOMES = {
    READ: """
        base.jpg base.jfif base.jpe base.jif base.JPEG base.bmp
        cmyk_adobe.jpg cmyk_noadobe.jpg cmyk.tif lab.tif ycbcr.tif lzw.tif jpeg.tif gray.jpg palette.gif palette.bmp
        progressive.jpg jpg_named.png
        rgb16.png rgb12in16.png rgb12in16.tif
        gray16.png gray16.tif gray12in16.tif float01.tif float255.tif int32_0_255.tif int32_full.tif
        exif2.jpg exif3.jpg exif4.jpg exif5.jpg exif6.jpg exif7.jpg exif8.jpg exif9.jpg
        exif5.png exif6.png exif5.webp exif6.webp exif5.tif exif6.tif exif5.avif exif6.avif exif5.heic exif6.heic
        exif6_jpeg.tif exif_text.jpg exif_two.jpg xmp6.jpg xmp6.png xmp_broken.jpg
        exif_empty.jpg exif_junk.jpg exif_cut.jpg exif_far.jpg exif_many.jpg exif_junk.png exif_junk.webp
        exif_junk.heic
        big_text.png big_profile.png long_text.png bad_text_crc.png bad_end_crc.png bad_idat_crc.png
        no_end.jpg no_end.png
        trailing.jpg trailing_film.jpg line_break_first.jpg fill_bytes.jpg png_named.jpg heic_named.jpg heic.heic
        two.mpo mpo.jpg gain_map.jpg mpo6.jpg
        animated.webp animated.png animated.gif animated.avif animated_default.png
        pages.tif thumbnail_first.tif primary_second.heic
        oval.png oval.webp oval.tif oval_gray.png oval_palette.png alpha_unused.bmp
        profile_junk.jpg profile_p3.jpg profile_prophoto.jpg profile_exchanged.jpg
    """,
    INCOMPLETE: """
        cut_4.jpg cut_200.jpg cut_tenth.jpg progressive_cut_tenth.jpg progressive_cut_half.jpg mpo_cut.jpg
        cut_60.png cut_60.bmp
    """,
    DOTTED: "one_bit.png one_bit.tif",
    NO_FACE: "animated_blank_first.gif clear.png",
    DAMAGED: """
        cut_half.jpg cut_header.jpg progressive_cut_most.jpg cut_half.png
        cut_60.webp cut_60.gif cut_60.avif cut_60.heic
    """,
    NO_PHOTO: "page.jpg pointer.jpg drawing.png",
    EMPTY: "empty.jpg",
}
TABLE = {name: outcome for outcome, names in OUTCOMES.items() for name in names.split()}
# Grey differs from colour, and profiles are not heeded.
DIFFERENCE_MAX = {"profile_prophoto.jpg": 12.0}
COSINE_MIN = {READ: 0.96, INCOMPLETE: 0.96, DOTTED: 0.5}
FOUND = tuple(COSINE_MIN)
# SFace heeds colours more than FaceNet does: these have none, or few.
COSINE_MIN_OF = {"gray.jpg": 0.95, "oval_palette.png": 0.94}
BASE = demonstration.example_photos()["Madonna"][1]


@pytest.fixture(scope="module")
def cases():
    return photo_cases(BASE)


def face(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The middle of a photo in few pixels: dots and compression vanish, colour, size and orientation stay."""
    return np.asarray(Image.fromarray(pixels).resize((30, 30), Image.Resampling.BOX), float)[6:24, 6:24]


def test_the_table_has_every_case(cases):
    assert set(cases) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_the_photo_is_read_with_its_colours_and_upright_or_refused_in_a_sentence(cases, name):
    try:
        loaded = photo.load(cases[name])
    except PhotoError as error:
        assert str(error) == TABLE[name]
        return
    assert TABLE[name] in (*FOUND, NO_FACE)
    assert loaded.incomplete == (TABLE[name] == INCOMPLETE)
    assert loaded.pixels.shape == photo.read(BASE).shape
    if name not in ("animated_blank_first.gif", "clear.png"):
        difference = np.abs(face(loaded.pixels) - face(photo.read(BASE))).mean()
        assert difference < DIFFERENCE_MAX.get(name, 5)


@pytest.mark.slow
def test_a_gallery_of_all_cases_has_what_can_be_read_and_finds_it(cases, models, embed, home, tmp_path):
    # One person for each case.
    place = put(tmp_path / "cases", {f"{name.replace('.', ' ')}/{name}": data for name, data in cases.items()})
    report = building.build("cases", folder.people_in_folder(place), models.detector, models.embedder)
    opened = opening.open_gallery("cases")
    names = [opened.row(row)["original"].rpartition("/")[2] for row in range(len(opened))]
    assert sorted(names) == sorted(name for name, outcome in TABLE.items() if outcome in FOUND)
    cosines = dict(zip(names, opened.embeddings @ embed(photo.read(BASE)), strict=True))
    least = {name: COSINE_MIN_OF.get(name, COSINE_MIN[TABLE[name]]) for name in names}
    assert {name: cosine for name, cosine in cosines.items() if cosine < least[name]} == {}
    assert sorted(path.name for path in report.incomplete) == sorted(OUTCOMES[INCOMPLETE].split())
    left_out = rejected.read_rejected(opened.folder)
    reasons = {each.original.rpartition("/")[2]: str(each.rejection) for each in left_out}
    assert reasons == {
        name: "no face found" if outcome == NO_FACE else f"cannot be read: {outcome}"
        for name, outcome in TABLE.items()
        if outcome not in FOUND
    }
    lookalikes = Lookalikes.open("cases", models=models)
    for name in ("base.jfif", "gray12in16.tif", "exif6.heic", "big_text.png", "cut_tenth.jpg", "thumbnail_first.tif"):
        (match,) = lookalikes.find(cases[name], top=1).matches
        assert match.copy
    for name in ("cut_half.jpg", "page.jpg", "clear.png"):
        with pytest.raises((PhotoError, NoFaceError)):
            lookalikes.find(cases[name])
