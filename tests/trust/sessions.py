"""Many visitors at once, by protocol and by browser, a fifth of them hostile: what others get, and at what cost."""

from __future__ import annotations

import itertools
import os
import random
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
from playwright.sync_api import Browser, Page
from playwright.sync_api import Error as BrowserError

from pages.shared import public
from pipeline.gallery import layout
from pipeline.sources import demonstration
from tests.browser import serving
from tests.browser.conftest import visit
from tests.browser.test_finder import best, give
from tests.browser.test_setting_up import memory
from tests.conftest import HOME, encoded
from tests.trust import photos
from tests.trust.visitors import Visitor

# How often somebody looks, and how long the server waits for whoever has left to come back, in seconds.
_PAUSE, _BOMBS_PAUSE, _TO_COME_BACK = (15, 25), (10, 20), 30
_GROWTH_MAX, _ABOVE_IDLE_MAX = 1.05, 1.15
_HARMFUL = ("WebP bomb", "transparent PNG bomb", "AVIF bomb", "JPEG of many scans", "large CMYK JPEG")


class Crowd(NamedTuple):
    """How many sessions by protocol and how many browsers there are, a fifth of each hostile, and for how long."""

    sessions: int = 50
    browsers: int = 10
    seconds: float = 300


@dataclass
class Looks:
    """What visitors who mean well got: the seconds that each look took, and errors."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        if not self.seconds:
            return "no look"
        half, most = np.percentile(self.seconds, (50, 95))
        return f"p50 {half:.1f} s, p95 {most:.1f} s"


@dataclass
class Memory:
    """The server's memory in bytes: before anybody came, after a minute, at the end, a minute after all have left."""

    idle: int = 0
    after_a_minute: int = 0
    at_the_end: int = 0
    afterwards: int = 0

    def __str__(self) -> str:
        values = (self.idle, self.after_a_minute, self.at_the_end, self.afterwards)
        return "idle {} MB, after a minute {}, at the end {}, a minute later {}".format(
            *(round(value / 1e6) for value in values)
        )

    def losses(self) -> list[str]:
        """What grew too much."""
        lost = []
        if self.at_the_end > _GROWTH_MAX * self.after_a_minute:
            lost.append("it grew by more than 5 per cent after the first minute")
        if self.afterwards > _ABOVE_IDLE_MAX * self.idle:
            lost.append("it is more than 15 per cent above idle a minute after all have left")
        return lost


class _Examples:
    """Photos whose most similar person is known, never the same twice in a row."""

    def __init__(self, seed: object) -> None:
        self.random = random.Random(str(seed))
        self._all = [
            (name, path.read_bytes()) for name, paths in demonstration.example_photos().items() for path in paths
        ]
        self.random.shuffle(self._all)

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        while True:
            yield from self._all


# By protocol --------------------------------------------------------------------------------------------------------


def _looks(address: str, number: int, looks: Looks) -> Generator[None]:
    """Look at examples, and wait a little after each."""
    examples = _Examples(number)
    time.sleep(examples.random.uniform(0, _PAUSE[1]))
    try:
        with Visitor(address) as visitor:
            for name, photo in examples:
                begun = time.monotonic()
                found = visitor.look(photo)
                looks.seconds.append(time.monotonic() - begun)
                if found != name:
                    looks.errors.append(f"{name}: {found or 'nothing'}")
                time.sleep(examples.random.uniform(*_PAUSE))
                yield
    except Exception as error:
        looks.errors.append(f"{type(error).__name__}: {error}")


def _go_on(visit: Generator[None], end: float) -> None:
    """Look until the end, and leave."""
    for _ in visit:
        if time.monotonic() > end:
            visit.close()


def _harm(address: str, number: int, end: float) -> None:
    """Send bombs, random bytes and mutated photos, and leave half-way, until the end."""
    source = random.Random(number)
    bombs = {name: photos.BOMBS[name]() for name in _HARMFUL}
    mutated = [data for _, data in photos.mutated("JPEG", 100)]
    ways: list[Callable[[Visitor], object]] = [
        lambda visitor: visitor.look(bombs[source.choice(_HARMFUL)]),
        lambda visitor: visitor.begin_look(bombs[source.choice(_HARMFUL)]),
        lambda visitor: visitor.look(source.choice(mutated)),
        lambda visitor: visitor.look(source.randbytes(100_000)),
        lambda visitor: visitor.upload_half(source.randbytes(5_000_000)),
        lambda visitor: visitor.send(source.randbytes(1_000)),
    ]
    while time.monotonic() < end:
        # What the server answers does not matter here, only what others get.
        with suppress(Exception), Visitor(address) as visitor:
            source.choice(ways)(visitor)
        time.sleep(source.uniform(*_BOMBS_PAUSE))


# By browser ---------------------------------------------------------------------------------------------------------


class _Windows:
    """Windows of a browser, a fifth of them hostile, open until the stack ends."""

    def __init__(self, address: str, browser: Browser, count: int, stack: ExitStack) -> None:
        hostile = count // 5
        self._address = address
        self._pages = [stack.enter_context(visit(address, browser)) for _ in range(count - hostile)]
        self._examples = [iter(_Examples(f"browser {number}")) for number in range(len(self._pages))]
        self._others = [browser.new_context().new_page() for _ in range(hostile)]
        for page in self._others:
            stack.callback(page.context.close)

    def look(self, looks: Looks) -> None:
        """Look at an example in one window after the other."""
        for page, own in zip(self._pages, self._examples, strict=True):
            name, photo = next(own)
            begun = time.monotonic()
            try:
                give(page, photo)
                best(page, name)
            except (BrowserError, AssertionError) as error:
                looks.errors.append(str(error))
            else:
                looks.seconds.append(time.monotonic() - begun)

    def harm(self) -> None:
        """Send a bomb from each hostile window."""
        for number, page in enumerate(self._others):
            with suppress(BrowserError):
                _harm_by_browser(self._address, page, number)


def _harm_by_browser(address: str, page: Page, number: int) -> None:
    """Send a bomb, and leave without waiting for what comes of it."""
    page.goto(address)
    page.locator("input[type=file]").first.wait_for(state="attached", timeout=20_000)
    give(page, photos.BOMBS[_HARMFUL[number % len(_HARMFUL)]]())
    page.wait_for_timeout(300)
    page.goto("about:blank")


# Together -----------------------------------------------------------------------------------------------------------


class _Watch:
    """The memory of a process and those that it has started, by time."""

    def __init__(self, process: int) -> None:
        self._samples: list[tuple[float, int]] = []
        self._process, self._over = process, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(1):
            self._samples.append((time.monotonic(), memory(self._process)))

    def between(self, begin: float, end: float) -> int:
        """The median, bytes: what decodes a photo comes and goes."""
        return int(np.median([size for at, size in self._samples if begin <= at <= end] or [0]))

    def end(self) -> None:
        self._over.set()
        self._thread.join()


def run(place: Path, crowd: Crowd = Crowd()) -> tuple[Looks, Looks, Memory]:
    """Serve the demonstration to a crowd, from the folder ``place``.

    Returns what sessions and browsers that meant well got, and the server's memory.
    """
    by_protocol, by_browser = Looks(), Looks()
    (place / "temporary").mkdir()
    settings = {
        public.VARIABLE: layout.DEMONSTRATION,
        "STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": str(_TO_COME_BACK),
    }
    with (
        patch.dict(os.environ, settings),
        serving.process(HOME, place / "temporary") as (address, process),
        serving.chromium(serving.film(demonstration.example_photos()["Madonna"][0], place / "face.mjpeg")) as browser,
    ):
        host = address.removeprefix("http://")
        _warm(host)
        watch = _Watch(process)
        try:
            time.sleep(20)
            alone, hostile = time.monotonic(), crowd.sessions // 5
            with ExitStack() as stack, ThreadPoolExecutor(crowd.sessions) as pool:
                windows = _Windows(address, browser, crowd.browsers, stack)
                visits = [_looks(host, number, by_protocol) for number in range(crowd.sessions - hostile)]
                # The first minute begins when everybody is there: each visitor has memory of its own.
                list(pool.map(lambda visit: next(visit, None), visits))
                windows.look(by_browser)
                begun = time.monotonic()
                end = begun + crowd.seconds
                working = [pool.submit(_go_on, each, end) for each in visits]
                working += [pool.submit(_harm, host, number, end) for number in range(hostile)]
                while time.monotonic() < end:
                    windows.harm()
                    windows.look(by_browser)
                for each in working:
                    each.result()  # Raises what was raised there: a crowd without harm would prove nothing.
            time.sleep(60)
            now, minute = time.monotonic(), crowd.seconds / 5
            return (
                by_protocol,
                by_browser,
                Memory(
                    watch.between(0, alone),
                    watch.between(begun + minute, begun + 2 * minute),
                    watch.between(end - minute, end),
                    watch.between(now - 5, now),
                ),
            )
        finally:
            watch.end()


def _warm(host: str) -> None:
    """Let the server take what it keeps, by visitors who leave and are forgotten.

    Networks keep the memory of the largest photos that were looked at together, which are those without a face; and
    as many processes stay as have decoded photos at once. After 60 looks, this does not grow any more.
    """
    large = encoded(np.full((960, 1280, 3), 128, np.uint8), "JPEG")
    examples = [photo for _, photo in itertools.islice(_Examples("warm"), 60)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda photo: _look_once(host, photo), [large] * 8 + examples))
    time.sleep(_TO_COME_BACK + 15)


def _look_once(host: str, photo: bytes) -> None:
    with Visitor(host) as visitor:
        visitor.look(photo)
