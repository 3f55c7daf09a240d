"""Decoding photos that strangers send: in processes of their own, with limits on time and memory.

A file can be made so that its decoder takes minutes, takes gigabytes, or crashes. Here this ends a process that holds
nothing else, and the sender gets a sentence. Every photo is tried within narrow limits first, which nearly all
photos keep, and then, one photo at a time, within wide ones: so such a file delays other photos by a second at most.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from pipeline import photo
from pipeline.errors import PhotoError
from pipeline.photo import LoadedPhoto


@dataclass(frozen=True)
class DecodingLimits:
    """What decoding a photo may take in its process: seconds of processor time, and bytes beyond those at rest."""

    cpu_seconds: int
    memory_bytes: int


NARROW = DecodingLimits(cpu_seconds=1, memory_bytes=200_000_000)
WIDE = DecodingLimits(cpu_seconds=3, memory_bytes=400_000_000)
# Larger files are not tried within the narrow limits.
_LARGE_BYTES = 8_000_000
# So many photos are decoded at once within each of the limits.
_NARROW_AT_ONCE, _WIDE_AT_ONCE = 2, 1
_TOO_MUCH = "This photo takes too long or too much memory to open. Save it again, smaller and as a JPEG."
# What most decoders take, and what one that only opens a file may ask for.
_PIXEL_BYTES, _RESERVED_BYTES = 8, 2_000_000_000
_LENGTH_BYTES = 8


def load(data: bytes) -> LoadedPhoto:
    """Decode a photo like :func:`pipeline.photo.load`. Raises PhotoError, also where it exceeds the limits."""
    if len(data) <= _LARGE_BYTES:
        with suppress(_LimitsExceededError), _narrow.process() as process:
            return process.load(data)
    try:
        with _wide.process() as process:
            return process.load(data)
    except _LimitsExceededError:
        raise PhotoError(_TOO_MUCH) from None


def read(data: bytes) -> NDArray[np.uint8]:
    """The pixels of a photo, complete or not: upright RGB, uint8 (height, width, 3). Raises PhotoError."""
    return load(data).pixels


class _LimitsExceededError(Exception):
    """A photo cannot be decoded within the limits."""


# In the app ---------------------------------------------------------------------------------------------------------


class _Process:
    """A process that decodes one photo after the other."""

    def __init__(self, limits: DecodingLimits) -> None:
        command = [sys.executable, "-m", "pipeline.isolated_photo", json.dumps(asdict(limits))]
        # Found without the folder that the app was started in.
        folder = Path(__file__).parents[1]
        # Damaged files would fill the log.
        variables = {**os.environ, "OPENCV_LOG_LEVEL": "SILENT"}
        self._process = subprocess.Popen(
            command, cwd=folder, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def load(self, data: bytes) -> LoadedPhoto:
        """Raises PhotoError, and _LimitsExceededError where the process has ended or has too little memory."""
        assert self._process.stdin
        assert self._process.stdout
        try:
            _send(self._process.stdin, data)
            answer = json.loads(_receive(self._process.stdout))
            if "error" in answer:
                raise PhotoError(answer["error"], command=answer["command"])
            if "shape" not in answer:
                raise _LimitsExceededError
            pixels = np.empty(answer["shape"], np.uint8)
            _fill(self._process.stdout, pixels.data.cast("B"))
        except (OSError, EOFError):
            raise _LimitsExceededError from None
        return LoadedPhoto(pixels, answer["incomplete"])


class _Pool:
    """Processes with the same limits: at most so many at once. One that has ended is replaced when it is needed."""

    def __init__(self, limits: DecodingLimits, at_once: int, *, keep: bool) -> None:
        self._limits, self._keep = limits, keep
        self._free = threading.BoundedSemaphore(at_once)
        self._idle: list[_Process] = []

    @contextmanager
    def process(self) -> Iterator[_Process]:
        """A process that nobody else uses meanwhile. Waits for its turn."""
        with self._free:
            process = self._idle.pop() if self._idle else _Process(self._limits)
            if not process.alive:
                process.end()
                process = _Process(self._limits)
            try:
                yield process
            except PhotoError:
                self._put_back(process)
                raise
            except BaseException:
                process.end()
                raise
            self._put_back(process)

    def _put_back(self, process: _Process) -> None:
        if self._keep:
            self._idle.append(process)
        else:
            process.end()


_narrow, _wide = _Pool(NARROW, _NARROW_AT_ONCE, keep=True), _Pool(WIDE, _WIDE_AT_ONCE, keep=False)


def _send(stream: IO[bytes], data: bytes) -> None:
    stream.write(len(data).to_bytes(_LENGTH_BYTES))
    stream.write(data)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes:
    """Raises EOFError at the end of the stream."""
    length = stream.read(_LENGTH_BYTES)
    if len(length) < _LENGTH_BYTES:
        raise EOFError
    return stream.read(int.from_bytes(length))


def _fill(stream: IO[bytes], place: memoryview) -> None:
    while place:
        count = stream.readinto(place)  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        place = place[count:]


# In the process of its own ------------------------------------------------------------------------------------------


def _serve(limits: DecodingLimits) -> None:
    """Decode the photos that come on standard input until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C ends the app, which closes the stream.
    if hasattr(signal, "SIGPROF"):
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
    # What a decoder prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    photo.warm()
    at_rest = _data_bytes()
    with suppress(EOFError, BrokenPipeError):
        while True:
            data = _receive(sys.stdin.buffer)
            answer, pixels = _answer(data, limits, at_rest)
            _send(answers, json.dumps(answer).encode())
            if pixels is not None:
                answers.write(np.ascontiguousarray(pixels).data.cast("B"))
                answers.flush()
            del data, pixels


def _answer(data: bytes, limits: DecodingLimits, at_rest: int) -> tuple[dict[str, Any], NDArray[np.uint8] | None]:
    """What is sent back: the shape of the pixels, or an error, or nothing where the memory was too little."""
    try:
        with _limited(limits, at_rest):
            loaded = photo.load(data)
    except PhotoError as error:
        is_from_decoder = error.__cause__ is not None
        if is_from_decoder and _may_lack_memory(data, limits, at_rest):
            return {}, None
        return {"error": str(error), "command": error.command}, None
    return {"shape": loaded.pixels.shape, "incomplete": loaded.incomplete}, loaded.pixels


def _may_lack_memory(data: bytes, limits: DecodingLimits, at_rest: int) -> bool:
    """Whether memory may be why a photo could not be decoded. Not every decoder says so."""
    # Opening a WebP reserves memory that it does not use.
    with suppress(PhotoError), _limited(replace(limits, memory_bytes=_RESERVED_BYTES), at_rest):
        width, height = photo.size(data)
        return _PIXEL_BYTES * width * height > at_rest + limits.memory_bytes - _data_bytes()
    return False


@contextmanager
def _limited(limits: DecodingLimits, at_rest: int) -> Iterator[None]:
    """Within the limits. The system ends a process that takes longer, and refuses more memory.

    at_rest: what the process had before its first photo, in bytes. What earlier photos have left counts as used.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limits.
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (at_rest + limits.memory_bytes, hard))
    # More exact than RLIMIT_CPU, which counts whole seconds.
    signal.setitimer(signal.ITIMER_PROF, limits.cpu_seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _data_bytes() -> int:
    """What of this process counts for RLIMIT_DATA; where the system does not say, a guess."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmData:"):
                return 1024 * int(line.split()[1])
    return 300_000_000


if __name__ == "__main__":
    _serve(DecodingLimits(**json.loads(sys.argv[1])))
