"""Looking at photos that programs send: counted, decoded apart, in the same line as the photos of visitors."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

import anyio
from anyio import to_thread
from fastapi import Request
from starlette.datastructures import UploadFile

from pages.shared.limits import count_photo_of_program, limits
from pages.shared.turns import turns
from pipeline import isolated_photo
from pipeline.errors import NoFaceError, PhotoError
from pipeline.photo import LoadedPhoto
from server.api.guard import Program
from server.api.metrics import Metrics
from server.api.problems import ProblemError, of_error

T = TypeVar("T")
# Requests that wait; more are told to come back.
_WAITING_MAX = 64
# Threads besides those that look: one decodes the next photo meanwhile. Each holds a decoded photo.
_MORE_THREADS = 2
_POLL_SECONDS = 0.5


class _LeftError(Exception):
    """The program has closed the connection."""


class PhotoLook:
    """A request whose photos are looked at, in a thread."""

    def __init__(self) -> None:
        self.has_left = threading.Event()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait in line with the visitors' photos. Ends when the program has left."""
        with turns().turn(self._check):
            yield

    def load(self, data: bytes, number: int = 1) -> LoadedPhoto:
        """Decode photo ``number`` of the request in a process of its own. Raises ProblemError."""
        self._check()
        with of_photo(number):
            return isolated_photo.load(data)

    def _check(self, before: int = 0) -> None:
        if self.has_left.is_set():
            raise _LeftError


@contextmanager
def of_photo(number: int) -> Iterator[None]:
    """What is wrong with a photo inside is said of photo ``number`` of the request."""
    try:
        yield
    except (PhotoError, NoFaceError) as error:
        problem = of_error(error)
        raise ProblemError(problem.kind, problem.detail, more={"photo": number}) from error


async def read(request: Request, photos: Sequence[UploadFile | bytes]) -> list[bytes]:
    """The bytes of photos, counted for the program that sends them. Raises BusyError."""
    program, metrics = Program.of(request.scope), _metrics(request)
    for _ in photos:
        count_photo_of_program(program.key.name if program.key else None, program.address)
        metrics.photos.inc()
    return [photo if isinstance(photo, bytes) else await photo.read() for photo in photos]


async def look(request: Request, work: Callable[[PhotoLook], T]) -> T:
    """Do the work of a request with photos in a thread. Raises ProblemError where too many wait already."""
    limiter, metrics = _threads(), _metrics(request)
    if limiter.statistics().tasks_waiting >= _WAITING_MAX:
        raise ProblemError("busy", "Too many photos are waiting. Try again in a second.", {"Retry-After": "1"})
    mine = PhotoLook()
    watching = asyncio.create_task(_watch(request, mine))
    try:
        with metrics.waiting.track_inprogress():
            return await to_thread.run_sync(work, mine, limiter=limiter)
    except _LeftError:
        raise ProblemError("incomplete-request", "The connection was closed.") from None
    finally:
        watching.cancel()


async def _watch(request: Request, mine: PhotoLook) -> None:
    while not await request.is_disconnected():
        await asyncio.sleep(_POLL_SECONDS)
    mine.has_left.set()


@cache
def _threads() -> anyio.CapacityLimiter:
    """Threads of the API's own: those of the pages stay free."""
    return anyio.CapacityLimiter(limits().looks_at_once + _MORE_THREADS)


def _metrics(request: Request) -> Metrics:
    found: Metrics = request.app.state.metrics
    return found
