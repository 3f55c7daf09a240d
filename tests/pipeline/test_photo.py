"""Reading photos: every format and colour mode becomes upright RGB, everything else a PhotoError."""

from __future__ import annotations

import os
import socket
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline import photo
from pipeline.errors import PhotoError
from pipeline.photo import PhotoLimits
from tests.conftest import encoded

# A ramp with one bright corner: every rotation and flip looks different.
RAMP = np.stack(np.broadcast_arrays(np.arange(64)[:, None] * 3, np.arange(48) * 4, 90), axis=-1).astype(np.uint8)
RAMP[:8, :12] = 255

EXIF_ORIENTATION = 0x0112
# How to turn the stored pixels upright, by EXIF orientation.
UPRIGHT = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda stored: np.rot90(stored),
}


def near(read: np.ndarray, expected: np.ndarray, tolerance: float = 8) -> bool:
    return bool(read.shape == expected.shape and np.abs(read.astype(int) - expected).mean() < tolerance)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "MPO", "AVIF", "HEIF"])
def test_each_format_gives_the_same_rgb_pixels(form):
    if form == "HEIF":
        pytest.importorskip("pillow_heif", reason="HEIC needs pillow-heif").register_heif_opener()
    read = photo.read(encoded(RAMP, form))
    assert read.dtype == np.uint8
    assert near(read, RAMP)


def test_bytes_path_and_string_give_the_same_photo(tmp_path):
    path = tmp_path / "ramp.png"
    path.write_bytes(encoded(RAMP))
    for given_as in (path, str(path), path.read_bytes()):
        assert np.array_equal(photo.read(given_as), RAMP)
        assert photo.size(given_as) == (48, 64)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_is_applied(orientation, form):
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    assert near(photo.read(encoded(RAMP, form, exif=exif)), UPRIGHT[orientation](RAMP))


def test_a_malformed_exif_field_does_not_hide_the_orientation():
    entries = [struct.pack("<HHIHH", EXIF_ORIENTATION, 3, 1, 6, 0)]
    # The resolution unit as text instead of an integer.
    entries.append(struct.pack("<HHII", 0x0128, 2, 8, 8 + 2 + 24 + 4))
    exif = b"II*\0" + struct.pack("<IH", 8, 2) + b"".join(entries) + struct.pack("<I", 0) + b"abcdefg\0"
    assert near(photo.read(encoded(RAMP, "JPEG", exif=b"Exif\0\0" + exif)), UPRIGHT[6](RAMP))


def test_transparency_becomes_white():
    alpha = np.full((64, 48, 1), 255, np.uint8)
    alpha[32:] = 0
    read = photo.read(encoded(np.concatenate([RAMP, alpha], axis=-1)))
    assert np.array_equal(read[:32], RAMP[:32])
    assert (read[32:] == 255).all()


def test_a_palette_is_resolved_and_its_transparent_colour_becomes_white():
    indices = np.zeros((40, 40), np.uint8)
    indices[:, 20:] = 1
    picture = Image.fromarray(indices, "P")
    picture.putpalette([200, 10, 10, 10, 10, 200])
    assert photo.read(encoded(picture))[0, [0, 39]].tolist() == [[200, 10, 10], [10, 10, 200]]
    assert photo.read(encoded(picture, transparency=0))[0, [0, 39]].tolist() == [[255, 255, 255], [10, 10, 200]]


@pytest.mark.parametrize(
    ("mode", "form"),
    [("L", "PNG"), ("1", "PNG"), ("LA", "PNG"), ("CMYK", "JPEG"), ("CMYK", "TIFF"), ("I;16", "TIFF")],
)
def test_other_colour_modes_become_rgb(mode, form):
    grey = np.repeat(RAMP[..., :1], 3, axis=-1)
    if mode == "1":
        grey = np.where(grey < 128, 0, 255).astype(np.uint8)
    picture = Image.fromarray(grey)
    if mode == "I;16":
        picture = Image.fromarray(grey[..., 0].astype(np.uint16) * 257)
    elif mode == "1":
        picture = picture.convert("1", dither=Image.Dither.NONE)
    else:
        picture = picture.convert(mode)
    assert near(photo.read(encoded(picture, form)), grey, 3)


def test_an_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "lime", "blue")]
    for form in ("GIF", "WEBP"):
        first = photo.read(encoded(frames[0], form, save_all=True, append_images=frames[1:]))
        assert np.abs(first - np.array([255, 0, 0])).max() < 8


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(side: int) -> bytes:
    """A valid PNG of side x side black pixels, 1 bit each, in a small file."""
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(((side + 7) // 8 + 1) * side), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [20_000, 9_000])
def test_a_png_bomb_is_refused_before_it_is_decoded(side):
    data = bomb(side)
    assert len(data) < 200_000
    for function in (photo.read, photo.size):
        with pytest.raises(PhotoError, match="more than 80 megapixels"):
            function(data)


def test_a_large_photo_within_the_limit_is_read():
    assert photo.read(bomb(4_000)).shape == (4_000, 4_000, 3)


def test_an_empty_file_is_refused():
    with pytest.raises(PhotoError, match="empty"):
        photo.read(b"")


@pytest.mark.parametrize(
    "data", [b"\0" * 1000, b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%!PS-Adobe-3.0", b"x"]
)
def test_other_files_are_refused(data):
    with pytest.raises(PhotoError, match="not a photo"):
        photo.read(data)


def test_bytes_pixels_and_sides_are_limited():
    data = encoded(RAMP)
    with pytest.raises(PhotoError, match="larger than 0 MB"):
        photo.read(data, PhotoLimits(bytes_max=len(data) - 1))
    with pytest.raises(PhotoError, match="megapixels"):
        photo.read(data, PhotoLimits(pixels_max=48 * 64 - 1))
    with pytest.raises(PhotoError, match="only 48 x 64 pixels"):
        photo.read(data, PhotoLimits(side_px_min=49))
    assert photo.read(data, PhotoLimits(len(data), 48 * 64, 48)).shape == (64, 48, 3)


def test_a_file_above_the_limit_is_not_read_completely(tmp_path):
    path = tmp_path / "huge.jpg"
    with path.open("wb") as file:
        file.truncate(10_000_000_000)
    with pytest.raises(PhotoError, match="larger than 50 MB"):
        photo.read(path)


def test_a_missing_file_and_a_folder_are_distinguished(tmp_path):
    with pytest.raises(PhotoError, match="There is no file"):
        photo.read(tmp_path / "missing.jpg")
    with pytest.raises(PhotoError, match="is a folder"):
        photo.read(tmp_path)


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_only_regular_files_are_opened(tmp_path, kind):
    path = tmp_path / "photo.jpg"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(path))
    with pytest.raises(PhotoError, match=r"is not a regular file\. Choose a photo\.$"):
        photo.read(path)


def test_heic_without_its_package_is_reported_with_the_package(monkeypatch):
    monkeypatch.setattr(photo, "_known_formats", lambda: ("JPEG", "PNG"))
    with pytest.raises(PhotoError, match="package pillow-heif"):
        photo.read(b"\0\0\0\x18ftypheic" + b"\0" * 100)


FILES = [encoded(RAMP, form) for form in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")]
FILES.append(encoded(RAMP, "JPEG", progressive=True))


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=300)
@given(
    data=st.sampled_from(FILES),
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
    kept=st.floats(0.1, 1),
)
def test_a_damaged_file_is_a_photo_or_an_error_but_never_a_crash(data, edits, kept):
    damaged = bytearray(data[: max(int(len(data) * kept), 1)])
    for place, value in edits:
        damaged[int(place * len(damaged))] = value
    try:
        read = photo.read(bytes(damaged))
    except PhotoError as error:
        assert str(error).endswith(".")
    else:
        assert read.dtype == np.uint8
        assert read.shape[2:] == (3,)
