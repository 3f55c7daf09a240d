"""Reading photos: bytes or a path to upright RGB pixels. Nothing else in the project decodes user files."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from pipeline.errors import PhotoError

# A closed list, because Pillow also has decoders that no photo needs (EPS starts Ghostscript).
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
# PhotoLimits is stricter than Pillow's limit, so the warning would only confuse.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)
# Damaged files are reported as PhotoError.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif")


@dataclass(frozen=True)
class PhotoLimits:
    """Limits checked before decoding, so that no upload can exhaust the memory."""

    bytes_max: int = 50_000_000
    pixels_max: int = 80_000_000
    side_px_min: int = 32


def read(photo: bytes | str | Path, limits: PhotoLimits = PhotoLimits()) -> NDArray[np.uint8]:
    """Decode a photo to upright RGB pixels, uint8 (height, width, 3).

    Applies the EXIF orientation, puts transparency on white, reduces 16 bits to 8, and takes an animation's first
    frame. Raises PhotoError for anything that is not a readable photo within ``limits``.
    """
    picture, data = _open(photo, limits)
    try:
        return _upright(_pixels(picture, data), picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception as error:
        # Decoders raise different errors: AVIF and HEIF RuntimeError, TIFF also TypeError.
        raise PhotoError("The photo is damaged or incomplete. Save or send it again.") from error


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
    """The bytes of a file, at most one more than ``limits`` allows. Raises PhotoError."""
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


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
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


def _pixels(picture: Image.Image, data: bytes) -> NDArray[np.uint8]:
    if picture.format in ("JPEG", "MPO") and picture.mode == "RGB":
        import simplejpeg

        # Identical pixels to Pillow's in a third of the time. Pillow decides about files that simplejpeg refuses.
        with suppress(ValueError):
            decoded: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "RGB")
            return decoded
    return np.array(_rgb(picture))


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode in ("I;16", "I;16L", "I;16B", "I"):
        # Pillow would clip 16 bits at 255 instead of scaling them.
        return Image.fromarray((np.asarray(picture).clip(0, 65535) // 257).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return picture.convert("RGB")
