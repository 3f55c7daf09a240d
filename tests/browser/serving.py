"""The real app in a real browser: what the browser tests and the screenshots share."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright import sync_api
from playwright.sync_api import Browser, Error, Page, Playwright, sync_playwright

from pipeline import photo
from pipeline.gallery import layout
from tests.conftest import HOME, encoded, enlarged

ROOT = Path(__file__).parent.parent.parent
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def own_home(place: Path) -> Path:
    """A new data folder for galleries and runs, with the weights, the photos and the demonstration."""
    (place / "galleries").mkdir(parents=True)
    for part in ("models", "photos", f"galleries/{layout.DEMONSTRATION}"):
        (place / part).symlink_to(HOME / part)
    return place


@contextmanager
def app(home: Path, temporary: Path, script: str = "streamlit_app.py") -> Iterator[str]:
    """The app on a free port with a data folder and a folder for temporary files: its address."""
    with process(home, temporary, script) as (address, _):
        yield address


@contextmanager
def process(
    home: Path, temporary: Path, script: str = "streamlit_app.py", before: Callable[[], None] | None = None
) -> Iterator[tuple[str, int]]:
    """The app as above: its address and the id of its process, which calls ``before`` first."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = (sys.executable, "-m", "streamlit", "run", script, "--server.headless=true")
    options = (f"--server.port={port}", "--server.address=127.0.0.1")
    variables = {**os.environ, "LOOKSLIKEWHO_HOME": str(home), "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
    log = temporary.parent / "app.log"
    with log.open("w", encoding="utf-8") as output:
        started = subprocess.Popen(
            (*command, *options), cwd=ROOT, env=variables, stdout=output, stderr=output, preexec_fn=before
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(address, started, log)
            yield address, started.pid
        finally:
            started.terminate()
            try:
                started.wait(10)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()


def _wait(address: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"The app did not start:\n{log.read_text(encoding='utf-8')}")


@contextmanager
def chromium(webcam: Path) -> Iterator[Browser]:
    """A real Chromium, the system's or Playwright's own, whose webcam shows a film of MJPEG."""
    camera = (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={webcam}",
    )
    system = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = _launch(playwright, system, [*_FLAGS, *camera])
        try:
            yield browser
        finally:
            browser.close()


def _launch(playwright: Playwright, system: str | None, flags: list[str]) -> Browser:
    try:
        return playwright.chromium.launch(executable_path=system, args=flags)
    except Error as error:
        reason = error.message.splitlines()[0]
        raise RuntimeError(f"There is no Chromium that starts ({reason}). Get one: make chromium") from None


def wait_until(page: Page, expression: str, argument: Any = None, seconds: float = 60) -> None:
    """Wait until JavaScript says so. Playwright's own wait would need a page that may evaluate text."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression, argument):
        if time.monotonic() > end:
            raise sync_api.TimeoutError(f"Not within {seconds:g} seconds: {expression}")
        page.wait_for_timeout(50)


def film(face: Path, target: Path) -> Path:
    """A second of a face in front of a webcam, as MJPEG."""
    frame = np.full((480, 640, 3), 150, np.uint8)
    picture = photo.read(face)
    picture = enlarged(picture, 400 / picture.shape[0])
    frame[40:440, 320 - picture.shape[1] // 2 :][:, : picture.shape[1]] = picture
    target.write_bytes(encoded(frame, "JPEG", quality=92) * 30)
    return target


def group(faces: list[Path], height: int = 400) -> Image.Image:
    """Photos of people side by side, as one photo."""
    pictures = [photo.read(face) for face in faces]
    return Image.fromarray(np.hstack([enlarged(picture, height / picture.shape[0]) for picture in pictures]))
