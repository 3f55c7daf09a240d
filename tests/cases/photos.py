"""Awkward photo files, all of one photo of a face: ``python -m tests.cases.photos PHOTO FOLDER``."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageDraw

from tests.conftest import JUNK_EXIF, encoded, put

Transpose = Image.Transpose
# How the pixels are stored for each EXIF orientation.
STORED = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_90,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_270,
}
XMP_6 = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


def photo_cases(photo: Path) -> dict[str, bytes]:
    """The cases made from a photo: the contents of files by their names."""
    pillow_heif.register_heif_opener()
    picture = Image.open(photo).convert("RGB")
    jpeg, png = _jpeg(picture), encoded(picture)
    return {
        "base.jpg": jpeg,
        **{f"base{suffix}": jpeg for suffix in (".jfif", ".jpe", ".jif", ".JPEG")},
        "base.bmp": encoded(picture, "BMP"),
        **_colours(picture, jpeg),
        **_depths(picture),
        **_orientations(picture, jpeg),
        **_junk(picture, jpeg, png),
        **_cut(picture, jpeg, png),
        **_around(picture, jpeg, png),
        **_frames(picture),
        **_transparent(picture),
        **_profiles(picture),
        **_no_photos(),
    }


def write_photos(photo: Path, folder: Path) -> None:
    """Write all cases into a folder."""
    put(folder, photo_cases(photo))


def _jpeg(picture: Image.Image, **options: object) -> bytes:
    return encoded(picture, "JPEG", quality=92, **options)


def _segment(payload: bytes) -> bytes:
    """An APP1 segment of a JPEG: EXIF or XMP."""
    return b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload


def _chunk(kind: bytes, payload: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def _colours(picture: Image.Image, jpeg: bytes) -> dict[str, bytes]:
    cmyk, grey = picture.convert("CMYK"), picture.convert("L")
    adobe = _jpeg(cmyk)
    marker = adobe.find(b"\xff\xee")
    length = int.from_bytes(adobe[marker + 2 : marker + 4])
    profiles = (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"))
    lab = ImageCms.applyTransform(picture, ImageCms.buildTransform(*profiles, "RGB", "LAB"))
    assert lab is not None
    return {
        "cmyk_adobe.jpg": adobe,
        "cmyk_noadobe.jpg": adobe[:marker] + adobe[marker + 2 + length :],
        "cmyk.tif": encoded(cmyk, "TIFF"),
        "lab.tif": encoded(lab, "TIFF"),
        "ycbcr.tif": encoded(picture.convert("YCbCr"), "TIFF"),
        "lzw.tif": encoded(picture, "TIFF", compression="tiff_lzw"),
        "jpeg.tif": encoded(picture, "TIFF", compression="jpeg"),
        "gray.jpg": encoded(grey, "JPEG"),
        "one_bit.png": encoded(picture.convert("1")),
        "one_bit.tif": encoded(picture.convert("1"), "TIFF", compression="group4"),
        "palette.gif": encoded(picture.quantize(), "GIF"),
        "palette.bmp": encoded(picture.quantize(), "BMP"),
        "progressive.jpg": _jpeg(picture, progressive=True),
        "jpg_named.png": jpeg,
    }


def _depths(picture: Image.Image) -> dict[str, bytes]:
    grey, colours = np.asarray(picture.convert("L")), np.asarray(picture).astype(np.uint16)
    greys: dict[str, NDArray[Any]] = {
        "gray16.tif": grey.astype(np.uint16) * 257,
        "gray12in16.tif": grey.astype(np.uint16) * 16,
        "float01.tif": grey.astype(np.float32) / 255,
        "float255.tif": grey.astype(np.float32),
        "int32_0_255.tif": grey.astype(np.int32),
        "int32_full.tif": grey.astype(np.int32) * 8_421_504,
    }
    return {
        "rgb16.png": cv2.imencode(".png", colours[..., ::-1] * 257)[1].tobytes(),
        "rgb12in16.png": cv2.imencode(".png", colours[..., ::-1] * 16)[1].tobytes(),
        "rgb12in16.tif": cv2.imencode(".tif", colours[..., ::-1] * 16)[1].tobytes(),
        "gray16.png": encoded(Image.fromarray(grey.astype(np.uint16) * 257)),
        **{name: encoded(Image.fromarray(values), "TIFF") for name, values in greys.items()},
    }


def _orientations(picture: Image.Image, jpeg: bytes) -> dict[str, bytes]:
    def exif(orientation: int) -> Image.Exif:
        made = Image.Exif()
        made[0x0112] = orientation
        return made

    def tags(kind: int, count: int, value: bytes) -> bytes:
        return _segment(
            b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHI", 0x0112, kind, count) + value + bytes(4)
        )

    cases = {f"exif{n}.jpg": _jpeg(picture.transpose(how), exif=exif(n)) for n, how in STORED.items()}
    for form, suffix in {"PNG": "png", "WEBP": "webp", "TIFF": "tif", "AVIF": "avif", "HEIF": "heic"}.items():
        for n in (5, 6):
            cases[f"exif{n}.{suffix}"] = encoded(picture.transpose(STORED[n]), form, exif=exif(n).tobytes())
    lying = picture.transpose(STORED[6])
    lying_jpeg, lying_png = _jpeg(lying), encoded(lying)
    xmp = b"http://ns.adobe.com/xap/1.0/\0"
    return {
        **cases,
        "exif6_jpeg.tif": encoded(lying, "TIFF", exif=exif(6), compression="jpeg"),
        "exif9.jpg": _jpeg(picture, exif=exif(9)),
        "exif_text.jpg": jpeg[:2] + tags(2, 2, b"6\0\0\0") + jpeg[2:],
        "exif_two.jpg": lying_jpeg[:2] + tags(3, 2, b"\6\0\6\0") + lying_jpeg[2:],
        "xmp6.jpg": lying_jpeg[:2] + _segment(xmp + XMP_6) + lying_jpeg[2:],
        "xmp6.png": lying_png[:33] + _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP_6) + lying_png[33:],
        "xmp_broken.jpg": jpeg[:2] + _segment(xmp + b'<x tiff:Orientation="12345678901234567890">') + jpeg[2:],
    }


def _junk(picture: Image.Image, jpeg: bytes, png: bytes) -> dict[str, bytes]:
    """Damaged or huge extras beside sound pixels."""
    zeros = zlib.compress(bytes(100_000_000))
    exifs = {
        "empty": b"Exif\0\0",
        "junk": b"Exif\0\0" + b"junkjunkjunk" * 4,
        "cut": b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01",
        "far": b"Exif\0\0II*\0\xff\xff\xff\x7f",
        "many": JUNK_EXIF,
    }
    chunks = {
        "exif_junk": _chunk(b"eXIf", b"\0\0\x11\0\0\x01\x04\0"),
        "big_text": _chunk(b"zTXt", b"key\0\0" + zeros),
        "big_profile": _chunk(b"iCCP", b"key\0\0" + zeros),
        "long_text": _chunk(b"tEXt", b"key\0" + b"x" * 2_000_000),
        "bad_text_crc": _chunk(b"tEXt", b"key\0text")[:-4] + bytes(4),
    }
    data = png.index(b"IDAT")
    crc = data + 4 + int.from_bytes(png[data - 4 : data])
    return {
        **{f"exif_{name}.jpg": jpeg[:2] + _segment(junk) + jpeg[2:] for name, junk in exifs.items()},
        **{f"{name}.png": png[:33] + chunk + png[33:] for name, chunk in chunks.items()},
        "exif_junk.webp": encoded(picture, "WEBP", exif=b"Exif\0\0garbage!"),
        "exif_junk.heic": encoded(picture, "HEIF", exif=b"Exif\0\0garbage!"),
        "bad_end_crc.png": png[:-4] + bytes(4),
        "bad_idat_crc.png": png[:crc] + bytes(4) + png[crc + 4 :],
    }


def _cut(picture: Image.Image, jpeg: bytes, png: bytes) -> dict[str, bytes]:
    """Files that end too early."""
    progressive = _jpeg(picture, progressive=True)
    return {
        "no_end.jpg": jpeg[:-2],
        "no_end.png": png[:-12],
        "cut_4.jpg": jpeg[:-6],
        "cut_200.jpg": jpeg[:-200],
        "cut_tenth.jpg": jpeg[: len(jpeg) * 9 // 10],
        "cut_half.jpg": jpeg[: len(jpeg) // 2],
        "cut_header.jpg": jpeg[:200],
        "progressive_cut_tenth.jpg": progressive[: len(progressive) * 9 // 10],
        "progressive_cut_half.jpg": progressive[: len(progressive) // 2],
        "progressive_cut_most.jpg": progressive[: len(progressive) // 6],
        "cut_60.png": png[:-60],
        "cut_half.png": png[: len(png) // 2],
        **{f"cut_60.{form.lower()}": encoded(picture, form)[:-60] for form in ("BMP", "WEBP", "GIF", "AVIF")},
        "cut_60.heic": encoded(picture, "HEIF")[:-60],
    }


def _around(picture: Image.Image, jpeg: bytes, png: bytes) -> dict[str, bytes]:
    """Something before or behind the photo, and photos with two pictures."""
    other, small = Image.new("RGB", picture.size, "green"), picture.convert("L").resize((64, 64))
    lying, exif = picture.transpose(STORED[6]), Image.Exif()
    exif[0x0112] = 6
    mpo = encoded(picture, "MPO", save_all=True, append_images=[other])
    heic = encoded(picture, "HEIF")
    return {
        "trailing.jpg": jpeg + b"SEFH" * 2000,
        "trailing_film.jpg": jpeg + b"\0\0\0\x18ftypmp42" + bytes(5000),
        "line_break_first.jpg": b"\r\n" + jpeg,
        "fill_bytes.jpg": jpeg[:2] + b"\xff\xff" + jpeg[2:],
        "png_named.jpg": png,
        "heic_named.jpg": heic,
        "heic.heic": heic,
        "two.mpo": mpo,
        "mpo.jpg": mpo,
        "mpo_cut.jpg": mpo[: len(jpeg) // 2],
        "gain_map.jpg": encoded(picture, "MPO", save_all=True, append_images=[small]),
        "mpo6.jpg": encoded(lying, "MPO", save_all=True, append_images=[other], exif=exif),
    }


def _frames(picture: Image.Image) -> dict[str, bytes]:
    """Animations, pages, and a HEIC whose second picture is the primary one."""
    other = Image.new("RGB", picture.size, "green")
    heic, buffer = pillow_heif.HeifFile(), io.BytesIO()
    heic.add_from_pillow(other)
    heic.add_from_pillow(picture)
    heic.save(buffer, primary_index=1)
    animations = {
        f"animated.{form.lower()}": encoded(picture, form, save_all=True, append_images=[other])
        for form in ("WEBP", "PNG", "GIF", "AVIF")
    }
    thumbnail = other.resize((64, 64))
    return {
        **animations,
        "animated_blank_first.gif": encoded(other, "GIF", save_all=True, append_images=[picture]),
        "animated_default.png": encoded(picture, "PNG", save_all=True, append_images=[other], default_image=True),
        "pages.tif": encoded(picture, "TIFF", save_all=True, append_images=[other]),
        "thumbnail_first.tif": encoded(thumbnail, "TIFF", save_all=True, append_images=[picture]),
        "primary_second.heic": buffer.getvalue(),
    }


def _transparent(picture: Image.Image) -> dict[str, bytes]:
    oval, layer, clear = Image.new("L", picture.size, 0), picture.convert("RGBA"), picture.convert("RGBA")
    ImageDraw.Draw(oval).ellipse((0, 0, *picture.size), fill=255)
    layer.putalpha(oval)
    clear.putalpha(0)
    unused = np.dstack([np.asarray(picture)[::-1, :, ::-1], np.zeros(picture.size[::-1], np.uint8)])
    size, (width, height) = unused.nbytes, picture.size
    header = struct.pack("<2sIHHI", b"BM", 54 + size, 0, 0, 54)
    header += struct.pack("<IiiHHIIiiII", 40, width, height, 1, 32, 0, size, 0, 0, 0, 0)
    return {
        "oval.png": encoded(layer),
        "oval.webp": encoded(layer, "WEBP"),
        "oval.tif": encoded(layer, "TIFF", compression="tiff_deflate"),
        "oval_gray.png": encoded(layer.convert("LA")),
        "oval_palette.png": encoded(layer.quantize()),
        "clear.png": encoded(clear),
        "alpha_unused.bmp": header + unused.tobytes(),
    }


def _profiles(picture: Image.Image) -> dict[str, bytes]:
    """Pictures with colour profiles that are not sRGB: Display P3, ProPhoto RGB, red and green exchanged, junk."""
    profiles = {
        "p3": _profile((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841)),
        "prophoto": _profile((0.7977, 0.2880, 0.0), (0.1352, 0.7119, 0.0), (0.0313, 0.0001, 0.8249), gamma=1.8),
        "exchanged": _profile((0.3851, 0.7169, 0.0971), (0.4361, 0.2225, 0.0139), (0.1431, 0.0606, 0.7141)),
    }
    cases = {"profile_junk.jpg": _jpeg(picture, icc_profile=b"junk" * 100)}
    for name, profile in profiles.items():
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        shown = ImageCms.profileToProfile(picture, ImageCms.createProfile("sRGB"), opened, outputMode="RGB")
        assert shown is not None
        cases[f"profile_{name}.jpg"] = _jpeg(shown, icc_profile=profile)
    return cases


def _profile(*primaries: tuple[float, float, float], gamma: float = 2.2) -> bytes:
    """A small ICC profile with primaries given as XYZ for D50."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    white = (0.9642, 1.0, 0.8249)
    curve = b"curv" + bytes(4) + struct.pack(">IHH", 1, int(gamma * 256), 0)
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"made" + bytes(79),
        b"cprt": b"text" + bytes(4) + b"none" + bytes(4),
        **{
            kind: b"XYZ " + bytes(4) + fixed(*xyz)
            for kind, xyz in zip((b"wtpt", b"rXYZ", b"gXYZ", b"bXYZ"), (white, *primaries), strict=True)
        },
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, body, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for kind, content in tags.items():
        table += kind + struct.pack(">II", start + len(body), len(content))
        body += content
    head = struct.pack(">I4sI12s", start + len(body), b"lcms", 0x02100000, b"mntrRGB XYZ ")
    head += b"\x07\xe0\0\1\0\1\0\0\0\0\0\0acsp" + bytes(28) + fixed(*white)
    return head.ljust(128, b"\0") + table + body


def _no_photos() -> dict[str, bytes]:
    return {
        "empty.jpg": b"",
        "page.jpg": b"<!doctype html><title>404</title>",
        "pointer.jpg": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n",
        "drawing.png": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    }


if __name__ == "__main__":
    write_photos(Path(sys.argv[1]), Path(sys.argv[2]))
