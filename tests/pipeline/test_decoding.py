"""Decoding: damaged extras, files that end too early, bit depths, and orientations in odd places."""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from pipeline import photo
from pipeline.errors import PhotoError
from tests.conftest import encoded
from tests.pipeline.test_photo import EXIF_ORIENTATION, RAMP, UPRIGHT, chunk, near

GREY = RAMP[..., 0]


JUNK = [
    b"",
    b"garbage!",
    b"II*\0\xff\xff\xff\x7f",
    b"MM\0*\0\0\0\x08\xff\xff\x01\x12",
    b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", EXIF_ORIENTATION, 2, 4, 0x41414141),
    b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", EXIF_ORIENTATION, 12, 1, 99),
]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
@pytest.mark.parametrize("junk", JUNK)
def test_junk_in_the_place_of_exif_does_not_hide_the_photo(junk, form):
    # Encoders refuse some junk, so it takes the place of proper EXIF of the same length.
    proper = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", EXIF_ORIENTATION, 3, 1, 1, 0) + bytes(4)
    data = encoded(RAMP, form, exif=proper).replace(proper[6:], junk.ljust(len(proper) - 6, b"\0"))
    assert near(photo.read(data), RAMP)


def test_sixteen_bits_are_scaled_not_clipped():
    sixteen = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16
    read = photo.read(encoded(Image.fromarray(sixteen)))
    assert np.array_equal(read, np.repeat((sixteen / 257).round().astype(np.uint8)[..., None], 3, axis=-1))


@pytest.mark.parametrize(
    "values",
    [
        *(GREY.astype(np.uint16) * factor for factor in (1, 4, 16, 64, 257)),
        *(GREY.astype(np.int32) * factor for factor in (1, 16, 257, 8_421_504)),
        *(GREY.astype(np.float32) * factor for factor in (1 / 255, 1, 257)),
        np.where(GREY == 255, 1.05, GREY / 255).astype(np.float32),
        np.where(GREY == 0, np.nan, GREY / 255).astype(np.float32),
    ],
    ids=lambda values: f"{values.dtype} up to {np.nanmax(values):.4g}",
)
def test_greys_of_any_depth_keep_their_brightness(values):
    read = photo.read(encoded(Image.fromarray(values), "TIFF"))
    assert near(read, np.repeat(GREY[..., None], 3, axis=-1), 1)


def test_unsigned_greys_and_those_where_zero_is_white_are_read():
    sixteen, thirty_two = GREY.astype("<u2") * 257, GREY.astype("<u4") * 0x1010101
    for data in (tiff(sixteen, 1), tiff(65535 - sixteen, 0), tiff(thirty_two, 1)):
        assert near(photo.read(data), np.repeat(GREY[..., None], 3, axis=-1), 1)


def tiff(values: np.ndarray, photometric: int) -> bytes:
    """A TIFF of unsigned greys, with tags that Pillow does not write."""
    (height, width), size, bits = values.shape, values.nbytes, values.itemsize * 8
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 273: 8, 277: 1, 278: height, 279: size}
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items()]
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + size) + values.tobytes() + directory


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_tiff_gives_its_largest_page(place):
    pages = [Image.fromarray(RAMP).resize((40, 40)) for _ in range(3)]
    pages[place] = Image.fromarray(RAMP)
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert np.array_equal(photo.read(data), RAMP)
    assert photo.size(data) == (48, 64)


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\
<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
ZEROS = zlib.compress(bytes(100_000_000))


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"zTXt", b"key\0\0" + ZEROS),
        chunk(b"iTXt", b"key\0\1\0\0\0" + ZEROS),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + ZEROS),
        chunk(b"iCCP", b"key\0\0" + ZEROS),
        chunk(b"tEXt", b"key\0" + b"x" * 2_000_000),
        chunk(b"tEXt", b"key\0text")[:-4] + bytes(4),
        chunk(b"eXIf", b"II*\0")[:-4] + bytes(4),
    ],
    ids=["zTXt", "iTXt", "XMP", "iCCP", "long text", "wrong sum", "wrong sum of EXIF"],
)
@pytest.mark.parametrize("place", [33, -12])
def test_what_a_png_holds_besides_the_picture_does_not_matter(extra, place):
    png = encoded(RAMP)
    tracemalloc.start()
    read = photo.read(png[:place] + extra + png[place:])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.array_equal(read, RAMP)
    assert peak < 20_000_000


@pytest.mark.parametrize("kept", [-12, -5])
def test_a_png_without_its_end_is_complete(kept):
    loaded = photo.load(encoded(RAMP)[:kept])
    assert np.array_equal(loaded.pixels, RAMP)
    assert not loaded.incomplete


@pytest.mark.parametrize("place", [33, -12])
def test_the_orientation_of_a_png_may_be_in_exif_or_xmp_before_or_after_the_pixels(place):
    png, exif = encoded(RAMP), Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    for extra in (chunk(b"eXIf", exif.tobytes()), chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)):
        assert np.array_equal(photo.read(png[:place] + extra + png[place:]), UPRIGHT[6](RAMP))


def test_line_breaks_before_a_photo_are_skipped():
    data = encoded(RAMP, "JPEG")
    assert np.array_equal(photo.read(b"\r\n" + data), photo.read(data))


NOISE = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
def test_a_photo_without_half_of_its_file_is_reported_as_damaged(form):
    data = encoded(NOISE, form)
    with pytest.raises(PhotoError, match=r"damaged or incomplete"):
        photo.read(data[: len(data) // 2])


@pytest.mark.parametrize("form", ["JPEG", "MPO", "PNG", "BMP", "TIFF"])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_photo_with_most_of_its_rows_is_read_as_incomplete(form, mode):
    if (form, mode) in {("PNG", "CMYK"), ("BMP", "CMYK")}:
        pytest.skip("not in this format")
    data = encoded(Image.fromarray(NOISE).convert(mode), form)
    whole, cut = photo.load(data), photo.load(data[: int(len(data) * 0.9)])
    missing = (cut.pixels == 128).all(axis=(1, 2))
    assert (whole.incomplete, cut.incomplete) == (False, True)
    assert 0.05 < missing.mean() < 0.25
    # Where chroma is coarser than the pixels, a decoder smooths it across the edge.
    assert (cut.pixels == whole.pixels).all(axis=(1, 2)).mean() > 0.99 - missing.mean()


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_lacks_only_its_end_is_complete(mode, progressive):
    data = encoded(Image.fromarray(RAMP).convert(mode), "JPEG", progressive=progressive)
    loaded = photo.load(data[:-2])
    assert np.array_equal(loaded.pixels, photo.read(data))
    assert not loaded.incomplete


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_progressive_jpeg_is_read_once_all_of_its_frequencies_are_there(mode):
    smooth = Image.fromarray(RAMP).resize((480, 640), Image.Resampling.BICUBIC).convert(mode)
    data = encoded(smooth, "JPEG", progressive=True)
    whole = photo.read(data)
    refused = []
    for kept in range(100, len(data) - 20, 200):
        try:
            loaded = photo.load(data[:kept])
        except PhotoError:
            refused.append(kept)
        else:
            assert loaded.incomplete
            assert np.abs(loaded.pixels.astype(int) - whole).mean() < 4
    assert 0.1 < max(refused) / len(data) < 0.7
    assert len(refused) == max(refused) // 200 + 1 - (max(refused) < 100)
