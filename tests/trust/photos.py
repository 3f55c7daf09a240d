"""Photos made to do harm: mutated files of each kind, and bombs, through the processes that decode photos."""

from __future__ import annotations

import os
import random
import resource
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from PIL import Image

from pipeline import isolated_photo, photo
from pipeline.errors import PhotoError
from tests import processes
from tests.cases import bombs
from tests.conftest import encoded
from tests.trust import kills

# What a photo may cost at most, first within the narrow limits and then within the wide ones. Beyond what a decoder
# may ask for, the code that it loads takes some memory.
CPU_SECONDS_MAX, BYTES_MAX = 5.0, isolated_photo.WIDE.memory_bytes + 10_000_000
_WIDTH, _HEIGHT = 211, 173
_REPEATED_BYTES_MAX = 300_000
_EXIF_TURNED = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"


@cache
def _picture(mode: str = "RGB") -> Image.Image:
    cells = np.random.default_rng(0).integers(0, 255, (6, 8, 4), np.uint8)
    whole = Image.fromarray(cells, "RGBA").resize((_WIDTH, _HEIGHT))
    if mode == "I;16":
        return Image.fromarray(np.asarray(whole.convert("L")).astype(np.uint16) * 257)
    return whole.convert(mode)


def _in(form: str, *modes: str, **options: Any) -> list[bytes]:
    return [encoded(_picture(mode), form, **options) for mode in modes or ("RGB",)]


def _several(form: str) -> list[bytes]:
    return _in(form, "RGB", save_all=True, append_images=[_picture().rotate(90), _picture("L").convert("RGB")])


# The photos that are mutated, by kind.
KINDS: dict[str, Callable[[], list[bytes]]] = {
    "JPEG": lambda: [*_in("JPEG", "RGB", "L", "CMYK"), *_in("JPEG", exif=_EXIF_TURNED)],
    "progressive JPEG": lambda: _in("JPEG", "RGB", "L", "CMYK", progressive=True),
    "MPO": lambda: _several("MPO"),
    "PNG": lambda: _in("PNG", "RGB", "RGBA", "P", "L", "1", "I;16"),
    "WebP": lambda: [*_in("WEBP", "RGB", "RGBA"), *_in("WEBP", "RGBA", lossless=True), *_several("WEBP")],
    "AVIF": lambda: [*_in("AVIF", "RGB", "RGBA", speed=10), *_several("AVIF")],
    "HEIC": lambda: _in("HEIF", "RGB", "RGBA", "L"),
    "GIF": lambda: [*_in("GIF", "P"), *_several("GIF")],
    "BMP": lambda: _in("BMP", "RGB", "P", "1"),
    "TIFF": lambda: [
        *_in("TIFF", "RGB", "RGBA", "CMYK", "I;16", "F"),
        *_in("TIFF", "1", compression="group4"),
        *(each for name in ("lzw", "adobe_deflate", "packbits") for each in _in("TIFF", compression=f"tiff_{name}")),
        *_in("TIFF", compression="jpeg"),
        *_several("TIFF"),
    ],
}

# Small files that claim to be, or are, much: what a decoder makes of them takes memory or time.
BOMBS: dict[str, Callable[[], bytes]] = {
    "WebP bomb": bombs.webp_bomb,
    "PNG bomb": bombs.png_bomb,
    "transparent PNG bomb": lambda: bombs.png_bomb(channels=4),
    "grey PNG bomb": lambda: bombs.png_bomb(channels=1),
    "AVIF bomb": bombs.avif_bomb,
    "JPEG of many scans": bombs.scan_bomb,
    "large JPEG": lambda: _flat("JPEG", "RGB"),
    "large progressive JPEG": lambda: _flat("JPEG", "RGB", progressive=True),
    "large CMYK JPEG": lambda: _flat("JPEG", "CMYK"),
    "large GIF": lambda: _flat("GIF", "L"),
    "large TIFF": lambda: _flat("TIFF", "RGB", compression="tiff_adobe_deflate"),
    "large transparent TIFF": lambda: _flat("TIFF", "RGBA", compression="tiff_lzw"),
    "large black and white TIFF": lambda: _flat("TIFF", "1", compression="group4"),
    "GIF of many frames": lambda: _frames("GIF", 100),
    "WebP of many frames": lambda: _frames("WEBP", 100),
    "TIFF of many pages": lambda: _frames("TIFF", 200, compression="tiff_adobe_deflate"),
}


def _flat(form: str, mode: str, **options: Any) -> bytes:
    return encoded(Image.new(mode, (8_900, 8_900)), form, **options)


def _frames(form: str, count: int, **options: Any) -> bytes:
    frames = [Image.new("L", (1_000, 1_000), 255 * (number % 2)) for number in range(count)]
    return encoded(frames[0], form, save_all=True, append_images=frames[1:], **options)


# Mutations ----------------------------------------------------------------------------------------------------------

_Mutation = Callable[[random.Random, bytes], bytes]
_ORDERS: tuple[tuple[int, Literal["big", "little"]], ...] = ((4, "big"), (4, "little"), (2, "big"), (2, "little"))
_SIZES = (0, 1, 31, 32, 4_000, 8_191, 16_383, 30_000, 65_535, 2**24, 2**31 - 1, 2**32 - 1)


def _bytes_changed(source: random.Random, data: bytes) -> bytes:
    return _changed(source, data, len(data))


def _header_changed(source: random.Random, data: bytes) -> bytes:
    return _changed(source, data, min(len(data), 200))


def _changed(source: random.Random, data: bytes, end: int) -> bytes:
    written = bytearray(data)
    for _ in range(source.choice((1, 1, 2, 4, 16, 64))):
        written[source.randrange(end)] = source.choice((0, 0x7F, 0x80, 0xFF, source.randrange(256)))
    return bytes(written)


def _cut(source: random.Random, data: bytes) -> bytes:
    return data[: source.randrange(len(data))]


def _part_gone(source: random.Random, data: bytes) -> bytes:
    start, end = sorted(source.choices(range(len(data)), k=2))
    return data[:start] + data[end:]


def _part_repeated(source: random.Random, data: bytes) -> bytes:
    start = source.randrange(len(data))
    part = data[start : start + source.choice((2, 16, 100, 1_000, 10_000))]
    times = min(source.choice((1, 2, 10, 1_000, 10_000)), _REPEATED_BYTES_MAX // len(part))
    return data[:start] + part * times + data[start:]


def _parts_swapped(source: random.Random, data: bytes) -> bytes:
    one, two, three = sorted(source.choices(range(len(data)), k=3))
    return data[:one] + data[two:three] + data[one:two] + data[three:]


def _size_claimed(source: random.Random, data: bytes) -> bytes:
    """Replace width or height, wherever and however a file has them. They are unusual, so little else is hit."""
    for side in (_WIDTH, _HEIGHT, _WIDTH - 1, _HEIGHT - 1):
        if source.random() < 0.3:
            continue
        for length, order in _ORDERS:
            claimed = source.choice((*_SIZES, source.randrange(2**16))) % 256**length
            data = data.replace(side.to_bytes(length, order), claimed.to_bytes(length, order), source.choice((1, -1)))
    return data


def _of_two(source: random.Random, data: bytes) -> bytes:
    """Begins as one file and goes on as one of another kind."""
    other = source.choice(_seeds(source.choice(list(KINDS))))
    return data[: source.randrange(len(data))] + other[source.randrange(len(other)) :]


def _checked_again(data: bytes) -> bytes:
    """A PNG file whose chunks have the check sums of what they hold now: else hardly any would be decoded."""
    written, place = bytearray(data), 8
    while place + 12 <= len(data):
        end = place + 8 + int.from_bytes(data[place : place + 4])
        written[end : end + 4] = zlib.crc32(data[place + 4 : end]).to_bytes(4) if end + 4 <= len(data) else b""
        place = end + 4
    return bytes(written)


MUTATIONS: tuple[_Mutation, ...] = (
    *(_bytes_changed, _header_changed, _cut, _part_gone),
    *(_part_repeated, _parts_swapped, _size_claimed, _of_two),
)


@cache
def _seeds(kind: str) -> list[bytes]:
    photo.warm()
    return KINDS[kind]()


def mutated(kind: str, count: int) -> Iterator[tuple[str, bytes]]:
    """So many mutated photos of a kind, always the same, each with what was done to it; to every tenth, twice."""
    source = random.Random(kind)
    for number in range(count):
        data, names = source.choice(_seeds(kind)), []
        for _ in range(1 + (number % 10 == 0)):
            mutation = source.choice(MUTATIONS)
            names.append(mutation.__name__.strip("_").replace("_", " "))
            data = mutation(source, data) or b"\0"
        if kind == "PNG" and source.random() < 0.3:
            data = _checked_again(data)
        yield f"{number}: {', '.join(names)}", data


# Costs --------------------------------------------------------------------------------------------------------------


class _Meter:
    """What photos cost: this process and those that decode for it, started and ended ones."""

    def __init__(self) -> None:
        isolated_photo.load(encoded(_picture()))
        (process,) = processes.children("isolated_photo")
        self._at_rest = processes.resident_bytes(process, "VmHWM")
        self._ended = 0

    def cost(self, data: bytes) -> Costs:
        """What a photo costs. Raises what decoding does."""
        running = processes.children("isolated_photo")
        for process in running:
            Path(f"/proc/{process}/clear_refs").write_text("5")  # Begin the peak anew.
        before, own = self._seconds(), _own_peak(anew=True)
        with suppress(PhotoError):
            isolated_photo.load(data)
        # The pixels are sent when what decoding them took has been given back.
        return Costs(self._seconds() - before, max(self._decoding_bytes(), _own_peak() - own))

    def _seconds(self) -> float:
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = resource.getrusage(resource.RUSAGE_SELF)
        running = map(processes.processor_seconds, processes.children("isolated_photo"))
        return ended.ru_utime + ended.ru_stime + own.ru_utime + own.ru_stime + sum(running)

    def _decoding_bytes(self) -> int:
        running = [processes.resident_bytes(each, "VmHWM") for each in processes.children("isolated_photo")]
        # The system tells only the largest of all that have ended, so a new record is this photo's.
        ended = 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        record, self._ended = ended > self._ended, ended
        return max([*running, ended if record else 0, self._at_rest]) - self._at_rest


def _own_peak(*, anew: bool = False) -> int:
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    return processes.resident_bytes(os.getpid(), "VmHWM")


class Costs(NamedTuple):
    """What the dearest photo cost: seconds of processor time, and bytes beyond those at rest."""

    seconds: float
    bytes: int

    def __str__(self) -> str:
        return f"at most {self.seconds:.1f} s, {self.bytes / 1e6:.0f} MB"


def _send(kind: str, count: int, told: Any) -> None:
    """Send mutated photos of a kind, or a bomb, to the processes that decode."""
    meter, dearest = _Meter(), Costs(0, 0)
    sent = [("whole", BOMBS[kind]())] * count if kind in BOMBS else mutated(kind, count)
    for name, data in sent:
        told.send(name)
        try:
            costs = meter.cost(data)
        except Exception as error:
            told.send(("lost", f"{kind}, {name}: {type(error).__name__}: {str(error)[:100]}"))
            continue
        if costs.seconds > CPU_SECONDS_MAX or costs.bytes > BYTES_MAX:
            told.send(("lost", f"{kind}, {name}: {costs}"))
        dearest = Costs(max(dearest.seconds, costs.seconds), max(dearest.bytes, costs.bytes))
    told.send(("done", dearest))
    os._exit(0)


def losses(kind: str, count: int) -> tuple[list[str], Costs]:
    """Send so many mutated photos of a kind, or a bomb so often, from a process of its own.

    Returns what was lost, and what the dearest cost.
    """
    lost, dearest = kills.told_losses(kind, _send, kind, count)
    return lost, dearest or Costs(0, 0)
