"""From an open picture to upright RGB: incomplete files, bit depths, colour modes, orientation."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, TiffImagePlugin

from pipeline import jpeg_scans

# Faces are in the upper part of most photos, so with three quarters of the rows the face is nearly always there.
ROWS_SHARE_MIN = 0.75
# Pillow keeps the rows that it has decoded when a file of these formats ends too early.
_DECODED_BY_ROWS = ("JPEG", "MPO", "PNG", "BMP", "TIFF")
_MISSING_GREY = 128

# The chunks that make the picture and its orientation. Others may be damaged, or too large for Pillow.
_PNG_SIGNATURE, _PNG_XMP = b"\x89PNG\r\n\x1a\n", b"XML:com.adobe.xmp\0\0"
_PNG_CRITICAL, _PNG_OPTIONAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND"), (b"tRNS", b"eXIf")

_JPEG_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}

# White in photos of 8, 10, 12, 14 and 16 bits, which files of 16 or 32 bits may hold.
_WHITES = (255, 1023, 4095, 16383, 65535)
_FLOAT_WHITES = (1, 255, 65535)
_UNSIGNED, _MIN_IS_WHITE = 1, 0
# Photos with more pixels are halved on each side: enough for any face, with a quarter of the memory.
HALVED_OVER_PIXELS = 32_000_000
# Converted at once: an even number of rows with about so many pixels.
_STRIP_PIXELS = 1_000_000
# Of a TIFF: the pages to choose the largest from.
_PAGES_MAX = 64


# Before opening -----------------------------------------------------------------------------------------------------


def mended(data: bytes) -> bytes:
    """A file without line breaks before its start, and a PNG file without anything that is not the picture."""
    data = data.lstrip(b"\r\n")
    if not data.startswith(_PNG_SIGNATURE):
        return data
    return b"".join((_PNG_SIGNATURE, *(chunk for kind, chunk in _chunks(data) if _is_needed(kind, chunk))))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a PNG file, the last of which may be cut off: the kind, and the whole chunk."""
    start = len(_PNG_SIGNATURE)
    while start + 8 <= len(data):
        end = start + 12 + int.from_bytes(data[start : start + 4])
        yield data[start + 4 : start + 8], data[start:end]
        start = end


def _is_needed(kind: bytes, chunk: bytes) -> bool:
    if kind in _PNG_CRITICAL:
        return True
    is_orientation = kind == b"iTXt" and chunk[8:].startswith(_PNG_XMP)
    return (is_orientation or kind in _PNG_OPTIONAL) and zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:])


def seek_largest_page(picture: Image.Image) -> None:
    """Go to the largest page of a TIFF, whose first may be a thumbnail."""
    if picture.format != "TIFF":
        return
    areas = []
    # Ends behind the last page, or at one that Pillow does not know.
    with suppress(Exception):
        for page in range(_PAGES_MAX):
            picture.seek(page)
            areas.append(picture.width * picture.height)
    picture.seek(areas.index(max(areas)))


# Decoding -----------------------------------------------------------------------------------------------------------


def warm() -> None:
    """Load the libraries that are loaded when they are needed."""
    import cv2  # noqa: F401
    import simplejpeg  # noqa: F401


def decode(picture: Image.Image, data: bytes) -> tuple[NDArray[np.uint8], bool]:
    """The pixels of a picture, RGB, uint8 (height, width, 3), and whether part of them is missing.

    data: the file that the picture was opened from. Missing rows are grey. Photos with more than
    ``HALVED_OVER_PIXELS`` are halved on each side. Raises what the decoders raise, also where too much is missing.
    """
    pixels, incomplete = _decoded(picture, data)
    return _halved(pixels) if _is_large(pixels.shape[1], pixels.shape[0]) else pixels, incomplete


def _decoded(picture: Image.Image, data: bytes) -> tuple[NDArray[np.uint8], bool]:
    if picture.mode == "RGB" and (quick := _QUICK.get(picture.format or "")):
        # Pillow decides about files that the other decoder refuses.
        with suppress(ValueError):
            return quick(picture, data), False
    is_deep = picture.mode == "RGB" and any(";16" in str(tile.args) for tile in getattr(picture, "tile", ()))
    try:
        if is_deep:
            return _brightened(np.array(_rgb(picture)), picture, data), False
        return _in_strips(picture), False
    except OSError:
        if picture.format not in _DECODED_BY_ROWS:
            raise
    if picture.format in ("JPEG", "MPO"):
        if _lacks_only_the_end(picture, data):
            return _in_strips(_opened_again(picture, data + jpeg_scans.END)), False
        if "progressive" in picture.info:
            return _in_strips(_opened_again(picture, jpeg_scans.first_pass(data))), True
    return _decoded_rows(picture, data), True


def _jpeg(picture: Image.Image, data: bytes) -> NDArray[np.uint8]:
    """Identical pixels to Pillow's in a third of the time; large photos are halved by the decoder."""
    import simplejpeg

    if not _is_large(*picture.size):
        return simplejpeg.decode_jpeg(data, "RGB")
    return simplejpeg.decode_jpeg(data, "RGB", min_height=picture.height // 2, min_width=picture.width // 2)


def _webp(picture: Image.Image, data: bytes) -> NDArray[np.uint8]:
    """Identical pixels to Pillow's, which takes seven times the memory. Raises ValueError."""
    import cv2

    if getattr(picture, "is_animated", False):
        raise ValueError("Pillow takes the first frame")
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise ValueError("cannot be decoded")
    return np.asarray(pixels, np.uint8)


# By the format of a picture in RGB.
_QUICK = {"JPEG": _jpeg, "MPO": _jpeg, "WEBP": _webp}


def _in_strips(picture: Image.Image) -> NDArray[np.uint8]:
    """The pixels as RGB, converted strip by strip, so that a picture is in memory once, and halved if it is large."""
    if picture.mode.startswith(("I", "F")):
        return np.array(_rgb(picture))  # White is found in the whole.
    width, height = picture.size
    factor = 2 if _is_large(width, height) else 1
    pixels = np.empty((height // factor, width // factor, 3), np.uint8)
    picture.load()
    step = 2 * max(_STRIP_PIXELS // width // 2, 1)
    for top in range(0, len(pixels) * factor, step):
        bottom = min(top + step, len(pixels) * factor)
        strip = np.asarray(_rgb(picture.crop((0, top, width, bottom))))
        pixels[top // factor : bottom // factor] = strip if factor == 1 else _halved(strip)
    return pixels


def _is_large(width: int, height: int) -> bool:
    return width * height > HALVED_OVER_PIXELS


def _halved(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _opened_again(picture: Image.Image, data: bytes) -> ImageFile.ImageFile:
    again = Image.open(io.BytesIO(data), formats=["JPEG" if picture.format == "MPO" else str(picture.format)])
    again.seek(picture.tell())
    return again


def _lacks_only_the_end(picture: Image.Image, data: bytes) -> bool:
    """Whether a JPEG that Pillow finds incomplete has all of its pixels."""
    import simplejpeg

    try:
        simplejpeg.decode_jpeg(data + jpeg_scans.END, _JPEG_SPACES[picture.mode])
    except ValueError:
        return False
    return "progressive" not in picture.info or jpeg_scans.is_exact(data)


def _decoded_rows(picture: Image.Image, data: bytes) -> NDArray[np.uint8]:
    """The rows that a file which is cut off still has, the others grey. Raises OSError where they are too few."""
    attempts = []
    for fill in (0, 255):
        again = _opened_again(picture, data)
        bands = len(again.getbands())
        again.im = Image.new(again.mode, again.size, fill if bands == 1 else (fill,) * bands).im
        with suppress(OSError):
            again.load()
        again.tile = []  # Nothing more to decode.
        attempts.append(again)
    # What is not decoded differs between the two.
    one, other = (np.asarray(attempt) for attempt in attempts)
    whole = (one == other).reshape(len(one), -1).all(axis=1)
    if whole.mean() < ROWS_SHARE_MIN:
        raise OSError("most of the picture is missing")
    pixels = np.array(_rgb(attempts[0]))
    pixels[~whole] = _MISSING_GREY
    return pixels


# Colours ------------------------------------------------------------------------------------------------------------


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith(("I", "F")):
        return Image.fromarray(_eight_bits(picture)).convert("RGB")
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return picture.convert("RGB")


def _eight_bits(picture: Image.Image) -> NDArray[np.uint8]:
    """Grey of 16 or 32 bits, whole numbers or not, scaled to 0..255. Pillow would clip instead."""
    values = np.nan_to_num(np.asarray(picture), posinf=0, neginf=0)
    tags: Any = getattr(picture, "tag_v2", {})
    if picture.mode == "I" and tags.get(TiffImagePlugin.SAMPLEFORMAT, (_UNSIGNED,)) == (_UNSIGNED,):
        values = values.view(np.uint32)
    grey = _scaled(values)
    return 255 - grey if tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _MIN_IS_WHITE else grey


def _scaled(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Values of any depth as 0..255.

    Files do not say what white is, so it is the smallest of the usual whites that no value exceeds. Values that are
    not whole may exceed it a little, as after resizing.
    """
    is_float = values.dtype.kind == "f"
    peak = values.max() / 2 if is_float else values.max()
    white = next((white for white in (_FLOAT_WHITES if is_float else _WHITES) if peak <= white), values.max())
    return np.asarray((values.clip(0, white) * np.float32(255 / white)).round().astype(np.uint8))


def _brightened(high: NDArray[np.uint8], picture: Image.Image, data: bytes) -> NDArray[np.uint8]:
    """Colours of 10, 12 or 14 bits in a file of 16, of which Pillow keeps the upper bytes ``high``."""
    if high.max() > _WHITES[-2] >> 8:
        return high
    again = _opened_again(picture, data)
    tiles = []
    for tile in again.tile:
        mode, *more = (tile.args,) if isinstance(tile.args, str) else tile.args or ("",)
        # In the other order of bytes, Pillow keeps the lower ones.
        tiles.append(tile._replace(args=(mode[:-1] + ("L" if mode.endswith("B") else "B"), *more)))
    again.tile = tiles
    return _scaled(high.astype(np.uint16) << 8 | np.asarray(again))


# Orientation --------------------------------------------------------------------------------------------------------


def orientation(picture: Image.Image) -> int:
    """The EXIF orientation, 1 where there is none or EXIF cannot be read."""
    with suppress(Exception):  # Each kind of junk raises another error.
        found: int = picture.getexif().get(ExifTags.Base.Orientation, 1)
        return found
    return 1


def upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Pixels turned and mirrored as the EXIF orientation says."""
    import cv2

    turns: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
        2: lambda pixels: cv2.flip(pixels, 1),
        3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
        4: lambda pixels: cv2.flip(pixels, 0),
        5: cv2.transpose,
        6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
        7: lambda pixels: cv2.rotate(cv2.transpose(pixels), cv2.ROTATE_180),
        8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
    }
    return turns[orientation](pixels) if orientation in turns else pixels
