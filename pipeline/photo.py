"""Bytes or a path to an upright RGB photo: the one place where a picture's type is settled."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from pipeline.errors import PhotoError

# Named, because Pillow would otherwise try decoders that no photo needs (EPS starts Ghostscript).
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
# Ours is the lower limit and is enforced; Pillow's warning would only be noise on the user's screen.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)
# What it thinks of damaged files is said by an error of ours.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif")


@dataclass(frozen=True)
class PhotoLimits:
    """What is refused before it is decoded, so that no upload can exhaust the memory."""

    bytes_max: int = 50_000_000
    pixels_max: int = 80_000_000
    side_px_min: int = 32


def read(photo: bytes | str | Path, limits: PhotoLimits = PhotoLimits()) -> np.ndarray:
    """Decode a photo to an upright RGB array, uint8, (height, width, 3).

    EXIF orientation is applied, transparency is laid on white, 16 bits are reduced to 8, and of an
    animation the first frame is taken.

    Raises PhotoError, with a sentence for the user, for anything that is no readable photo within ``limits``.
    """
    picture, data = _open(photo, limits)
    try:
        return _upright(_pixels(picture, data), picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception as error:
        # Decoders do not agree on what to raise: AVIF and HEIF give RuntimeError, TIFF also TypeError.
        raise PhotoError("The photo is damaged or incomplete. Save or send it again.") from error


def size(photo: bytes | str | Path, limits: PhotoLimits = PhotoLimits()) -> tuple[int, int]:
    """Width and height in pixels from the header alone, orientation not applied. Raises PhotoError."""
    return _open(photo, limits)[0].size


def _open(photo: bytes | str | Path, limits: PhotoLimits) -> tuple[Image.Image, bytes]:
    data = photo if isinstance(photo, bytes) else file_bytes(Path(photo), limits)
    if not data:
        raise PhotoError("The file is empty. Choose another photo.")
    if len(data) > limits.bytes_max:
        raise PhotoError(f"The file is larger than {limits.bytes_max / 1e6:.0f} MB. Save the photo smaller.")
    formats = _known_formats()
    try:
        picture = Image.open(io.BytesIO(data), formats=formats)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(limits) from error
    except Exception as error:
        if data[4:8] == b"ftyp" and "HEIF" not in formats:
            raise PhotoError(
                "HEIC photos need the package pillow-heif.", command="pip install pillow-heif"
            ) from error
        raise PhotoError("This is not a photo. Use a JPEG, PNG, WebP, GIF or HEIC file.") from error
    width, height = picture.size
    if width * height > limits.pixels_max:
        raise _too_many_pixels(limits)
    if min(width, height) < limits.side_px_min:
        raise PhotoError(f"The photo is only {width} x {height} pixels. Use a larger one.")
    return picture, data


def file_bytes(path: Path, limits: PhotoLimits = PhotoLimits()) -> bytes:
    """The bytes of a file, at most one more than ``limits`` allow. Raises PhotoError."""
    try:
        with path.open("rb") as file:
            return file.read(limits.bytes_max + 1)
    except FileNotFoundError as error:
        raise PhotoError(f"There is no file {path}.") from error
    except IsADirectoryError as error:
        raise PhotoError(f"{path} is a folder, not a photo.") from error
    except OSError as error:
        raise PhotoError(f"The file {path} cannot be read: {error.strerror}.") from error


def _too_many_pixels(limits: PhotoLimits) -> PhotoError:
    return PhotoError(f"The photo has more than {limits.pixels_max / 1e6:.0f} megapixels. Save it smaller.")


@cache
def _known_formats() -> tuple[str, ...]:
    Image.init()
    with suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    import cv2

    turns: dict[int, Callable[[np.ndarray], np.ndarray]] = {
        2: lambda pixels: cv2.flip(pixels, 1),
        3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
        4: lambda pixels: cv2.flip(pixels, 0),
        5: cv2.transpose,
        6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
        7: lambda pixels: cv2.rotate(cv2.transpose(pixels), cv2.ROTATE_180),
        8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
    }
    return turns[orientation](pixels) if orientation in turns else pixels


def _pixels(picture: Image.Image, data: bytes) -> np.ndarray:
    if picture.format in ("JPEG", "MPO") and picture.mode == "RGB":
        import simplejpeg

        # The same numbers as Pillow's in a third of the time. What it does not like is for Pillow to judge.
        with suppress(ValueError):
            decoded: np.ndarray = simplejpeg.decode_jpeg(data, "RGB")
            return decoded
    return np.array(_rgb(picture))


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode in ("I;16", "I;16L", "I;16B", "I"):
        # Pillow clips 16 bits at 255 when it converts, so they are scaled by hand.
        return Image.fromarray((np.asarray(picture).clip(0, 65535) // 257).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return picture.convert("RGB")
