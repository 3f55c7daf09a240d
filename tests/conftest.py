"""What the tests share: the real networks, loaded once, real photos, and data folders of their own."""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from pipeline import storage
from pipeline.embedding import facenet_weights as weights
from pipeline.embedding.facenet import facenet_embedder
from pipeline.embedding.registry import DEFAULT_EMBEDDER, EMBEDDERS
from pipeline.gallery import building
from pipeline.lookalikes import Models
from pipeline.sources import demonstration
from pipeline.sources.base import SourcePerson, source_people

settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")

HOME = storage.home()
LFW = Path(os.environ.get("LOOKSLIKEWHO_LFW") or Path(__file__).parent.parent.parent / "shared" / "faces") / "lfw"

# Pillow warns of it: the first directory is said to have many entries, and has none.
JUNK_EXIF = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12"

# Markers of the tests that `--fast` leaves out.
SLOW_MARKERS = ("tensorflow", "app", "browser", "slow")
# How to tell from a test module's text that all of its tests belong to a marker.
_MODULE_MARKERS = {
    "tensorflow": re.compile(
        r"^(?:import|from) (?:tensorflow|keras|train\.(?:losses|systems|fit|finetune|networks|steps)\b)"
        r"|^pytestmark = pytest\.mark\.tensorflow",
        re.MULTILINE,
    ),
    "app": re.compile(r"\bAppTest\b"),
    "slow": re.compile(r"^pytestmark = pytest\.mark\.slow", re.MULTILINE),
}


def pytest_addoption(parser):
    parser.addoption("--fast", action="store_true", help="only tests without TensorFlow, app and browser")


def pytest_ignore_collect(collection_path, config):
    """With ``--fast``, leave out whole modules and folders before they, or their conftest, are imported."""
    module = collection_path / "conftest.py" if collection_path.is_dir() else collection_path
    is_ours = module.is_file() and module.parent != Path(__file__).parent and module.suffix == ".py"
    return True if config.getoption("fast") and is_ours and _markers_of(module) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Mark tests by their folder, module and fixtures. With ``--fast``, deselect those that are marked."""
    for item in items:
        for marker in _markers_of(item.path):
            item.add_marker(marker)
        if {"models", "facenet", "facenet_128"} & set(item.fixturenames):
            item.add_marker("tensorflow")
    if config.getoption("fast"):
        if "tensorflow" in sys.modules:
            raise pytest.UsageError("A test module loads TensorFlow: give it pytestmark = pytest.mark.tensorflow.")
        marked = {item for item in items if any(map(item.get_closest_marker, SLOW_MARKERS))}
        config.hook.pytest_deselected(items=list(marked))
        items[:] = [item for item in items if item not in marked]


@pytest.fixture(autouse=True)
def _no_unmarked_tensorflow(request):
    """With ``--fast``, fail a test that loads TensorFlow without the marker."""
    loaded = "tensorflow" in sys.modules
    yield
    if request.config.getoption("fast") and not loaded and "tensorflow" in sys.modules:
        pytest.fail("This test loads TensorFlow: mark it with pytest.mark.tensorflow.")


@cache
def _markers_of(module: Path) -> set[str]:
    text = module.read_text(encoding="utf-8")
    found = {marker for marker, pattern in _MODULE_MARKERS.items() if pattern.search(text)}
    return found | ({"browser"} if "browser" in module.parts else set())


@pytest.fixture(scope="session")
def models():
    return Models.load()


@pytest.fixture(scope="session")
def facenet():
    """The network with its weights, as Keras has it."""
    return weights.load_facenet()


@pytest.fixture(scope="session")
def facenet_128():
    """FaceNet as the embedder ``facenet``."""
    return facenet_embedder()


@pytest.fixture(scope="session")
def examples():
    """Five photos of each of the five celebrities, none of them in the demonstration gallery."""
    return demonstration.example_photos()


@pytest.fixture(scope="session")
def madonna(examples):
    """The path of a photo of 300 x 300 pixels with one face of 146."""
    return examples["Madonna"][1]


@pytest.fixture(scope="session")
def embed(models):
    """The embedding of the most prominent face of a photo."""
    return lambda picture: models.probe(picture, models.faces(picture)[0]).embedding


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A data folder with the weights and the photos, but without galleries."""
    return _data_folder(tmp_path / "home", monkeypatch)


@pytest.fixture
def empty_home(tmp_path, monkeypatch):
    """A data folder with nothing in it, and no way to fetch anything."""
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path / "nothing"))
    for name, value in {"PIP_NO_INDEX": "1", "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_FIND_LINKS": ""}.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "nothing"


@pytest.fixture(scope="session")
def _small_home(tmp_path_factory, models, examples):
    """A gallery "small" of the five celebrities, the first three examples of each."""
    with pytest.MonkeyPatch.context() as patch:
        folder = _data_folder(tmp_path_factory.mktemp("small"), patch)
        people = [SourcePerson(name, name, tuple(paths[:3]), "Examples", "") for name, paths in examples.items()]
        building.build("small", source_people(people), models.detector, models.embedder)
        return folder


@pytest.fixture
def small(_small_home, home):
    """The folder of a copy of the gallery "small", in a data folder of its own."""
    return shutil.copytree(_small_home / "galleries" / "small", home / "galleries" / "small")


def _data_folder(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    folder.mkdir(exist_ok=True)
    for part in ("models", "photos"):
        (folder / part).symlink_to(HOME / part)
    patch.setenv("LOOKSLIKEWHO_HOME", str(folder))
    return folder


def encoded(picture: Any, form: str = "PNG", **options: Any) -> bytes:
    """The bytes of an array or a Pillow image as a file."""
    buffer = io.BytesIO()
    (Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture).save(buffer, form, **options)
    return buffer.getvalue()


def cut_off(photo: Path) -> bytes:
    """A JPEG without its last rows, but with the face."""
    data = photo.read_bytes()
    return data[: int(len(data) * 0.9)]


def beside(*pictures: np.ndarray, background: int = 128) -> np.ndarray:
    """Photos from left to right on one canvas."""
    height, width = max(part.shape[0] for part in pictures), sum(part.shape[1] for part in pictures)
    canvas = np.full((height, width, 3), background, np.uint8)
    left = 0
    for part in pictures:
        canvas[: part.shape[0], left : left + part.shape[1]] = part
        left += part.shape[1]
    return canvas


def enlarged(picture: np.ndarray, factor: float) -> np.ndarray:
    height, width = picture.shape[:2]
    size = (round(width * factor), round(height * factor))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def half_hidden(picture: np.ndarray, face: Any) -> np.ndarray:
    """A photo whose face is hidden below the eyes, as behind a cup: no detector finds Madonna's second one so."""
    x, y, width, height = map(round, face.box)
    hidden = picture.copy()
    hidden[y + height // 2 : y + height + 10, max(x - 10, 0) : x + width + 10] = 120
    return hidden


def default_dimensions() -> int:
    """The length of the default embedder's rows."""
    length = EMBEDDERS[DEFAULT_EMBEDDER].dimensions
    assert length
    return length


def unit_rows(count: int, seed: int = 0, dimensions: int = 128) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def put(folder: Path, files: dict[str, Any]) -> Path:
    """Write photos: the name below ``folder`` to a path that is copied, bytes, or an array."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copyfile(content, path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else encoded(content))
    return folder


@pytest.fixture(scope="session")
def browser(tmp_path_factory, examples):
    """A real Chromium with Jerry Seinfeld in front of its webcam."""
    from tests.browser import serving

    webcam = serving.film(examples["Jerry Seinfeld"][0], tmp_path_factory.mktemp("webcam") / "face.mjpeg")
    with serving.chromium(webcam) as started:
        yield started
