"""Reading photos: bytes or a path to upright RGB pixels. Nothing else in the project opens user files."""

from __future__ import annotations

import ctypes
import io
import stat
import warnings
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, _imaging

from pipeline import decoding
from pipeline.errors import PhotoError

# A closed list, because Pillow also has decoders that no photo needs (EPS starts Ghostscript).
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
# PhotoLimits is stricter than Pillow's limit, so the warning would only confuse.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)
# Damaged files are reported as PhotoError.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
_JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".mpo")
SUFFIXES = (*_JPEG_SUFFIXES, ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif")
INCOMPLETE = "Part of this photo is missing: its file is incomplete. Save or send it again for a better result."


@dataclass(frozen=True)
class PhotoLimits:
    """Limits checked before decoding, so that no upload can exhaust the memory."""

    bytes_max: int = 50_000_000
    pixels_max: int = 80_000_000
    side_px_min: int = 32


@dataclass(frozen=True)
class LoadedPhoto:
    """A photo in memory.

    pixels: upright RGB, uint8 (height, width, 3). incomplete: whether the file ends too early. Up to a quarter of the
    rows may then be missing, which are grey; a progressive JPEG is less sharp instead.
    """

    pixels: NDArray[np.uint8]
    incomplete: bool = False


def load(photo: bytes | str | Path, limits: PhotoLimits = PhotoLimits()) -> LoadedPhoto:
    """Decode a photo.

    Applies the EXIF orientation, puts transparency on white, scales deeper greys to 8 bits, and takes an animation's
    first frame and a TIFF's largest page. Raises PhotoError for anything that is not a readable photo within
    ``limits``.
    """
    picture, data = _open(photo, limits)
    try:
        pixels, incomplete = decoding.decode(picture, data)
        return LoadedPhoto(decoding.upright(pixels, decoding.orientation(picture)), incomplete)
    except Exception as error:
        # Decoders raise different errors: AVIF and HEIF RuntimeError, TIFF also TypeError.
        raise _damaged() from error


def read(photo: bytes | str | Path, limits: PhotoLimits = PhotoLimits()) -> NDArray[np.uint8]:
    """The pixels of a photo, complete or not: upright RGB, uint8 (height, width, 3). Raises PhotoError."""
    return load(photo, limits).pixels


def warm() -> None:
    """Load the decoders, which takes a moment, before the first photo comes."""
    _known_formats()
    decoding.warm()


def size(photo: bytes | str | Path, limits: PhotoLimits = PhotoLimits()) -> tuple[int, int]:
    """Width and height in pixels, from the header alone and before orientation. Raises PhotoError."""
    return _open(photo, limits)[0].size


def _open(photo: bytes | str | Path, limits: PhotoLimits) -> tuple[Image.Image, bytes]:
    data = photo if isinstance(photo, bytes) else file_bytes(Path(photo), limits)
    if not data:
        raise PhotoError("The file is empty. Choose another photo.")
    if len(data) > limits.bytes_max:
        raise PhotoError(f"The file is larger than {limits.bytes_max / 1e6:.0f} MB. Save the photo smaller.")
    formats = _known_formats()
    data = decoding.mended(data)
    try:
        picture = Image.open(io.BytesIO(data), formats=formats)
        decoding.seek_largest_page(picture)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(limits) from error
    except Exception as error:
        if data[4:8] == b"ftyp" and "HEIF" not in formats:
            raise PhotoError(
                "HEIC photos need the package pillow-heif.", command="pip install pillow-heif"
            ) from error
        if _begins_as_photo(data, formats):
            raise _damaged() from error
        raise PhotoError("This is not a photo. Use a JPEG, PNG, WebP, GIF or HEIC file.") from error
    width, height = picture.size
    if width * height > limits.pixels_max:
        raise _too_many_pixels(limits)
    if min(width, height) < limits.side_px_min:
        raise PhotoError(f"The photo is only {width} x {height} pixels. Use a larger one.")
    return picture, data


def file_bytes(path: Path, limits: PhotoLimits = PhotoLimits()) -> bytes:
    """The bytes of a regular file, at most one more than ``limits`` allows. Raises PhotoError."""
    try:
        # Opening a pipe would wait for somebody who writes to it, and reading a device may never end.
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise PhotoError(f"{path} is a folder, not a photo.")
        if not stat.S_ISREG(mode):
            raise PhotoError(f"{path} is not a regular file. Choose a photo.")
        with path.open("rb") as file:
            return file.read(limits.bytes_max + 1)
    except FileNotFoundError as error:
        raise PhotoError(f"There is no file {path}.") from error
    except OSError as error:
        raise PhotoError(f"The file {path} cannot be read: {error.strerror}.") from error


def _begins_as_photo(data: bytes, formats: tuple[str, ...]) -> bool:
    # Other files begin like a BMP or a TIFF too.
    accepting = (Image.OPEN[name][1] for name in formats if name not in ("BMP", "TIFF"))
    return any(accepts and accepts(data[:16]) for accepts in accepting)


def _damaged() -> PhotoError:
    return PhotoError("The photo is damaged or incomplete. Save or send it again.")


def _too_many_pixels(limits: PhotoLimits) -> PhotoError:
    return PhotoError(f"The photo has more than {limits.pixels_max / 1e6:.0f} megapixels. Save it smaller.")


@cache
def _known_formats() -> tuple[str, ...]:
    Image.init()
    # libtiff prints what is wrong with a file, and Pillow leaves it at that.
    with suppress(AttributeError, OSError):
        libtiff = ctypes.CDLL(_imaging.__file__)
        libtiff.TIFFSetErrorHandler(None)
        libtiff.TIFFSetWarningHandler(None)
    with suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()
    return tuple(name for name in FORMATS if name in Image.OPEN)
