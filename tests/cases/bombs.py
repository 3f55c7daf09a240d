"""Small files that cost their reader much memory or time."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

from tests.conftest import encoded

_START_OF_SCAN, _END = b"\xff\xda", b"\xff\xd9"


def webp_bomb(width: int = 16_383, height: int = 4_800) -> bytes:
    """A lossless WebP file of 34 bytes, all black: each of its five codes knows one symbol, which takes no bit."""
    bits = "000" + "1000" * 5
    size = (width - 1) | (height - 1) << 14
    stream = b"\x2f" + size.to_bytes(4, "little") + int(bits[::-1], 2).to_bytes(8, "little")
    chunk = b"VP8L" + struct.pack("<I", len(stream)) + stream + b"\0" * (len(stream) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def png_bomb(width: int = 8_900, height: int = 8_900, channels: int = 3) -> bytes:
    """A black PNG file of some hundred kilobytes."""
    row, press = bytes(1 + channels * width), zlib.compressobj(9)
    pixels = b"".join(press.compress(row) for _ in range(height)) + press.flush()
    kind = {1: 0, 3: 2, 4: 6}[channels]
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0), b"IDAT" + pixels, b"IEND")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks
    )


def avif_bomb(width: int = 10_000, height: int = 7_900) -> bytes:
    """A black AVIF file of some kilobytes."""
    written = io.BytesIO()
    Image.new("L", (width, height)).save(written, "AVIF", quality=10, speed=10)
    return written.getvalue()


def scan_bomb(scans: int = 4_000, side: int = 4_000) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    jpeg = encoded(np.full((side, side, 3), 128, np.uint8), "JPEG", progressive=True)
    last = jpeg.rindex(_START_OF_SCAN)
    return jpeg[:last] + jpeg[last : -len(_END)] * scans + _END
