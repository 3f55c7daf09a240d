"""``make benchmark-api``: requests a second of the HTTP API, beside deepface's own API with the same weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from benchmarks import Line, data_folder, explained, peers, report
from benchmarks.one_crop import ONE_CROP_SETTINGS
from pages.shared import limits
from pipeline import photo, storage
from pipeline.embedding.base import EmbeddingSettings
from pipeline.embedding.facenet import FACENET_SETTINGS, facenet_embedder
from pipeline.errors import UserError
from pipeline.gallery import building, layout
from pipeline.lookalikes import Models
from pipeline.sources import demonstration
from pipeline.sources.base import SourcePerson, source_people
from server.api import api_settings
from train.datasets.lfw import LFW

ROOT = Path(__file__).parents[1]
CLIENTS, PHOTOS, SECONDS, TIMES_MIN = (1, 8, 32), 32, 15, 10
BATCHES, ROUNDS = (1, 2, 8, 32), 5
FACENET, BOUNDARY = "facenet", "photo-of-a-face"
# An empty text is false to it, and "false" is true.
_DEEPFACE = {"model_name": "Facenet", "detector_backend": "mtcnn", "enforce_detection": ""}


@dataclass(frozen=True)
class Way:
    """A question to a server: its path, the names of its photos, and what is sent beside them."""

    server: str
    path: str
    photos: tuple[str, ...]
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Server:
    """A server that runs: its address and the id of its first process."""

    address: str
    process: int

    def core_seconds(self) -> float:
        """What it and the processes that it has started have taken of all cores."""
        running = _processes()
        known = {self.process}
        while more := {number for number, (parent, _) in running.items() if parent in known} - known:
            known |= more
        return sum(running[number][1] for number in known) / os.sysconf("SC_CLK_TCK")


def _processes() -> dict[int, tuple[int, int]]:
    """Of each process by its id: its parent, and the ticks that it has taken of all cores."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # It has ended.
            values = path.read_text(encoding="utf-8").rpartition(") ")[2].split()
            found[int(path.parent.name)] = int(values[1]), int(values[11]) + int(values[12])
    return found


HERE, HERE_ONE_CROP, DEEPFACE = "here", "here, one crop", "deepface"
# What serves the app, what FaceNet sees there, and the port.
_SERVED = {
    HERE: ("streamlit", FACENET_SETTINGS, 8571),
    HERE_ONE_CROP: ("benchmarks.one_crop", ONE_CROP_SETTINGS, 8573),
}
EMBED, COMPARE = "one photo to its embedding", "two photos compared"
QUESTIONS = {
    EMBED: (
        Way(HERE, "/v1/embed", ("photo",), {"gallery": FACENET}),
        Way(HERE_ONE_CROP, "/v1/embed", ("photo",), {"gallery": FACENET}),
        Way(DEEPFACE, "/represent", ("img",), {**_DEEPFACE, "max_faces": "1"}),
    ),
    COMPARE: (
        Way(HERE, "/v1/compare", ("photo", "other"), {"gallery": FACENET}),
        Way(HERE_ONE_CROP, "/v1/compare", ("photo", "other"), {"gallery": FACENET}),
        Way(DEEPFACE, "/verify", ("img1", "img2"), _DEEPFACE),
    ),
    "one photo to ranked people, networks as shipped": (Way(HERE, "/v1/find", ("photo",)),),
}


def main() -> None:
    """Measure photos that arrive together, then the servers in turns."""
    lfw, models = LFW(), Models.load()
    chosen = np.random.default_rng(1).choice(len(lfw), PHOTOS, replace=False)
    data = [lfw.paths[number].read_bytes() for number in chosen]
    together = _together(models, [photo.read(each) for each in data])
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        place = Path(folder)
        servers = {DEEPFACE: stack.enter_context(_deepface(place))}
        for name, (module, settings, port) in _SERVED.items():
            _galleries(place / name, models, settings)
            servers[name] = stack.enter_context(_here(place / name, module, port))
        for what, ways in QUESTIONS.items():
            for clients in CLIENTS:
                for way in ways:
                    found = _loaded(place, servers[way.server], way, data, clients)
                    rows.append({"question": what, "server": way.server, "clients": clients, **found})
    report(
        "api",
        {"Requests": rows, "Photos that arrive together": together},
        [_line(rows, what, clients, here) for what in (EMBED, COMPARE) for here in _SERVED for clients in CLIENTS],
    )


def _line(rows: Sequence[dict[str, Any]], what: str, clients: int, server: str) -> Line:
    here, beside = (
        next(row for row in rows if (row["question"], row["server"], row["clients"]) == (what, name, clients))
        for name in (server, DEEPFACE)
    )
    faster = here["requests a second"] / beside["requests a second"]
    texts = [f"{row['requests a second']:.1f}, p95 {row['p95, ms']:,.0f} ms" for row in (here, beside)]
    asked = "1 program asks" if clients == 1 else f"{clients} programs ask"
    crops = "one crop" if server == HERE_ONE_CROP else "four crops"
    text = f"HTTP API, requests a second: {what}, FaceNet on {crops}, {asked}"
    return Line(text, texts[0], f"deepface's API: {texts[1]}", faster, f"{TIMES_MIN} times", faster >= TIMES_MIN)


def _together(models: Models, photos: Sequence[NDArray[np.uint8]]) -> list[dict[str, Any]]:
    """Milliseconds a photo where so many are looked at together, and milliseconds of all cores."""
    pairs = [(pixels, found[0]) for pixels, found in zip(photos, models.detector(photos), strict=True) if found]
    photos = [pixels for pixels, _ in pairs]
    crops = [models.embedder.crops(*pair) for pair in pairs]
    rows: list[dict[str, Any]] = []
    for count in BATCHES:
        parts = [slice(start, start + count) for start in range(0, len(photos), count)]
        find = _fastest(lambda: [models.detector(photos[part]) for part in parts])  # noqa: B023
        embed = _fastest(lambda: [models.embedder(crops[part]) for part in parts])  # noqa: B023
        stages = {"finding faces": find, "embedding": embed, "both": find + embed}
        for_all = {
            f"{name}, ms (of all cores)": (1000 * both / len(photos)).tolist() for name, both in stages.items()
        }
        rows.append({"photos": count, **for_all})
    return rows


def _fastest(run: Callable[[], object]) -> NDArray[np.float64]:
    """The fewest seconds and the fewest seconds of all cores, of some rounds."""
    measured = []
    for _ in range(ROUNDS):
        begun = np.array([time.perf_counter(), time.process_time()])
        run()
        measured.append(np.array([time.perf_counter(), time.process_time()]) - begun)
    fewest: NDArray[np.float64] = np.min(measured, axis=0)
    return fewest


def _galleries(place: Path, models: Models, settings: EmbeddingSettings) -> None:
    """A data folder with the demonstration, and a gallery whose embedder has deepface's weights."""
    home = place / "home"
    (home / "galleries").mkdir(parents=True)
    for part in ("models", "photos", f"galleries/{layout.DEMONSTRATION}"):
        (home / part).symlink_to(storage.home() / part)
    people = [
        SourcePerson(name, name, tuple(paths[:2]), "Examples", "")
        for name, paths in demonstration.example_photos().items()
    ]
    with data_folder(home):
        building.build(FACENET, source_people(people), models.detector, facenet_embedder(settings))


@contextmanager
def _here(place: Path, module: str, port: int) -> Iterator[Server]:
    """The app as it is served, with limits that do not stop a measurement."""
    command = [sys.executable, "-m", module, "run", "streamlit_app.py", "--server.headless=true"]
    variables = {
        "LOOKSLIKEWHO_HOME": str(place / "home"),
        limits.VARIABLE: "",
        api_settings.VARIABLE: "on,embeddings",
        api_settings.KEYS_VARIABLE: "",
    }
    with _process([*command, f"--server.port={port}"], variables, ROOT, place / "here.log") as process:
        yield Server(_answering(f"http://127.0.0.1:{port}", "/ready"), process)


@contextmanager
def _deepface(place: Path) -> Iterator[Server]:
    """deepface's API by gunicorn, as its own container starts it."""
    command = [str(peers.python()), "-m", "gunicorn", "--workers=1", "--timeout=3600", "--bind=127.0.0.1:8572"]
    code = "import deepface, pathlib; print(pathlib.Path(deepface.__file__).parent / 'api' / 'src')"
    folder = subprocess.run([str(peers.python()), "-c", code], env=peers.variables(), capture_output=True, text=True)
    source = Path(folder.stdout.strip().splitlines()[-1])
    with _process([*command, "app:create_app()"], peers.variables(), source, place / "deepface.log") as process:
        yield Server(_answering("http://127.0.0.1:8572", "/"), process)


@contextmanager
def _process(command: list[str], variables: dict[str, str], folder: Path, log: Path) -> Iterator[int]:
    """A server that ends with the block: the id of its process."""
    with log.open("w") as words:
        started = subprocess.Popen(command, cwd=folder, env={**os.environ, **variables}, stdout=words, stderr=words)
        try:
            yield started.pid
        finally:
            started.terminate()
            started.wait(60)


def _answering(address: str, path: str, seconds: float = 300) -> str:
    """The address, once the server is ready. Raises RuntimeError if it never is."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if httpx.get(address + path, timeout=60).is_success:
                return address
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise RuntimeError(f"{address} does not answer.")


def _loaded(place: Path, server: Server, way: Way, photos: Sequence[bytes], clients: int) -> dict[str, Any]:
    """Requests a second and milliseconds a request, after one that is not measured."""
    bodies = []
    for number in range(len(photos)):
        several = [photos[(number + further) % len(photos)] for further in range(len(way.photos))]
        (place / f"body-{number}").write_bytes(_form(way, several))
        bodies.append(str(place / f"body-{number}"))
    given = place / "requests.json"
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    given.write_text(json.dumps({"path": way.path, "type": kind, "bodies": bodies}))
    content = Path(bodies[0]).read_bytes()
    httpx.post(
        server.address + way.path, content=content, headers={"Content-Type": kind}, timeout=600
    ).raise_for_status()
    command = [str(peers.python()), "-m", "locust", "--locustfile", str(ROOT / "benchmarks" / "load.py")]
    command += [
        "--headless",
        "--json",
        "--host",
        server.address,
        "--users",
        str(clients),
        "--spawn-rate",
        str(clients),
    ]
    command += ["--run-time", f"{SECONDS}s", "--stop-timeout", "120", "--only-summary"]
    variables = {**peers.variables(), "LOAD_REQUESTS": str(given)}
    before = server.core_seconds()
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    (found,) = json.loads(done.stdout)
    if found["num_failures"]:
        raise RuntimeError(f"{way.path} failed {found['num_failures']} times:\n{done.stderr}")
    busy = server.core_seconds() - before
    spread = sorted((float(ms), count) for ms, count in found["response_times"].items())
    all_times = np.repeat([ms for ms, _ in spread], [count for _, count in spread])
    seconds = found["last_request_timestamp"] - found["start_time"]
    middle, high = (float(np.percentile(all_times, share)) for share in (50, 95))
    return {
        "requests": found["num_requests"],
        "requests a second": found["num_requests"] / seconds,
        "p50, ms": middle,
        "p95, ms": high,
        "ms of all cores": 1000 * busy / found["num_requests"],
    }


def _form(way: Way, photos: Sequence[bytes]) -> bytes:
    """A form with photos and fields."""
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    parts = [f'{head}"{name}"\r\n\r\n{value}\r\n'.encode() for name, value in way.fields.items()]
    for name, data in zip(way.photos, photos, strict=True):
        start = f'{head}"{name}"; filename="photo.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        parts.append(start.encode() + data + b"\r\n")
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(explained(error))
