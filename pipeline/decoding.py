"""From an open picture to upright RGB: incomplete files, bit depths, colour modes, orientation."""

from __future__ import annotations

import io
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, TiffImagePlugin

# Faces are in the upper part of most photos, so with three quarters of the rows the face is nearly always there.
ROWS_SHARE_MIN = 0.75
# Pillow keeps the rows that it has decoded when a file of these formats ends too early.
_DECODED_BY_ROWS = ("JPEG", "MPO", "PNG", "BMP", "TIFF")
_MISSING_GREY = 128

# The chunks that make the picture and its orientation. Others may be damaged, or too large for Pillow.
_PNG_SIGNATURE, _PNG_XMP = b"\x89PNG\r\n\x1a\n", b"XML:com.adobe.xmp\0\0"
_PNG_CRITICAL, _PNG_OPTIONAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND"), (b"tRNS", b"eXIf")

_JPEG_END, _JPEG_PROGRESSIVE = b"\xff\xd9", 0xC2
_JPEG_SCAN = re.compile(rb"\xff\xda")
_JPEG_SEGMENT = re.compile(rb"\xff[\xc0-\xcf\xda-\xfe]")
_JPEG_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}

# White in photos of 8, 10, 12, 14 and 16 bits, which files of 16 or 32 bits may hold.
_WHITES = (255, 1023, 4095, 16383, 65535)
_FLOAT_WHITES = (1, 255, 65535)
_UNSIGNED, _MIN_IS_WHITE = 1, 0
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


def decode(picture: Image.Image, data: bytes) -> tuple[NDArray[np.uint8], bool]:
    """The pixels of a picture, RGB, uint8 (height, width, 3), and whether part of them is missing.

    data: the file that the picture was opened from. Missing rows are grey. Raises what the decoders raise, also where
    too much is missing.
    """
    if picture.format in ("JPEG", "MPO") and picture.mode == "RGB":
        import simplejpeg

        # Identical pixels to Pillow's in a third of the time. Pillow decides about files that simplejpeg refuses.
        with suppress(ValueError):
            return simplejpeg.decode_jpeg(data, "RGB"), False
    is_deep = picture.mode == "RGB" and any(";16" in str(tile.args) for tile in getattr(picture, "tile", ()))
    try:
        pixels = np.array(_rgb(picture))
        return _brightened(pixels, picture, data) if is_deep else pixels, False
    except OSError:
        if picture.format not in _DECODED_BY_ROWS:
            raise
    if picture.format in ("JPEG", "MPO"):
        if _lacks_only_the_end(picture, data):
            return np.array(_rgb(_opened_again(picture, data + _JPEG_END))), False
        if "progressive" in picture.info:
            return np.array(_rgb(_opened_again(picture, _first_pass(data)))), True
    return _decoded_rows(picture, data), True


def _opened_again(picture: Image.Image, data: bytes) -> ImageFile.ImageFile:
    again = Image.open(io.BytesIO(data), formats=["JPEG" if picture.format == "MPO" else str(picture.format)])
    again.seek(picture.tell())
    return again


def _lacks_only_the_end(picture: Image.Image, data: bytes) -> bool:
    """Whether a JPEG that Pillow finds incomplete has all of its pixels."""
    import simplejpeg

    try:
        simplejpeg.decode_jpeg(data + _JPEG_END, _JPEG_SPACES[picture.mode])
    except ValueError:
        return False
    return "progressive" not in picture.info or _covers(scan for scan in _scans(data) if scan.is_exact)


def _first_pass(data: bytes) -> bytes:
    """A progressive JPEG that is cut off, ended properly.

    Raises OSError unless all frequencies of all its components have been sent once: they are refined afterwards.
    """
    scans = _scans(data)
    if not _covers(scan for scan in scans[:-1] if scan.is_first):
        raise OSError("most of the picture is missing")
    *_, last = _JPEG_SEGMENT.finditer(data)
    is_whole = last.start() == scans[-1].start
    return (data if is_whole else data[: last.start()]) + _JPEG_END


class _Scan(NamedTuple):
    """A scan of a progressive JPEG: where it starts, its components and the number of their frequencies in it.

    is_first, is_exact: whether it sends their first bits, and their last.
    """

    start: int
    components: bytes
    frequencies: int
    is_first: bool
    is_exact: bool


def _scans(data: bytes) -> list[_Scan]:
    """The scans of a progressive JPEG whose header is whole."""
    place, found = 2, []
    # What is before the picture may hold a thumbnail with scans of its own.
    while data[place + 1] != _JPEG_PROGRESSIVE:
        place += 1 if data[place + 1] == 0xFF else 2 + int.from_bytes(data[place + 2 : place + 4])
    for match in _JPEG_SCAN.finditer(data, place):
        values = match.end() + 3 + 2 * data[match.end() + 2] if match.end() + 2 < len(data) else len(data)
        if values + 3 <= len(data):
            first, last, bits = data[values : values + 3]
            components = data[match.end() + 3 : values : 2]
            found.append(_Scan(match.start(), components, last - first + 1, bits >> 4 == 0, bits & 15 == 0))
    return found


def _covers(scans: Iterable[_Scan]) -> bool:
    """Whether scans send all 64 frequencies of every component."""
    sent: Counter[int] = Counter()
    for scan in scans:
        sent.update(dict.fromkeys(scan.components, scan.frequencies))
    return bool(sent) and min(sent.values()) == 64


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
