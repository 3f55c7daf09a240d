"""Which parts of a picture an incomplete progressive JPEG file still has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

END = b"\xff\xd9"
_PROGRESSIVE = 0xC2
_SCAN = re.compile(rb"\xff\xda")
_SEGMENT = re.compile(rb"\xff[\xc0-\xcf\xda-\xfe]")


def is_exact(data: bytes) -> bool:
    """Whether the last bits of all frequencies of all components have been sent."""
    return _covers(scan for scan in _scans(data) if scan.is_exact)


def first_pass(data: bytes) -> bytes:
    """A progressive JPEG that is cut off, ended properly.

    Raises OSError unless all frequencies of all its components have been sent once: they are refined afterwards.
    """
    scans = _scans(data)
    if not _covers(scan for scan in scans[:-1] if scan.is_first):
        raise OSError("most of the picture is missing")
    *_, last = _SEGMENT.finditer(data)
    is_whole = last.start() == scans[-1].start
    return (data if is_whole else data[: last.start()]) + END


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
    while data[place + 1] != _PROGRESSIVE:
        place += 1 if data[place + 1] == 0xFF else 2 + int.from_bytes(data[place + 2 : place + 4])
    for match in _SCAN.finditer(data, place):
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
