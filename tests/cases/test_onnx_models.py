"""Awkward ONNX models over the whole door: each it builds a gallery and finds in it, or is refused in a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import photo, storage
from pipeline.cli.app import main
from pipeline.embedding import registry
from pipeline.embedding.onnx import onnx_embedder
from pipeline.errors import UserError
from pipeline.faces.detector import load_detector
from pipeline.faces.face import Face
from pipeline.gallery import building, checking, layout, opening
from pipeline.lookalikes import Lookalikes, Models
from pipeline.runtime import AGREEMENT_MIN
from pipeline.sources.base import SourcePerson, source_people
from tests.cases.onnx_models import CASES, write_models

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

WORKS = ""
_INVALID = "The settings of the ONNX model are invalid:"
_INPUT = "It must have one input for crops of one size: [photos, 3, height, width] or [photos, height, width, 3]."
_CHECK = "Check mean and std in its settings, or use another model."
_ROW = f"The ONNX model gives a test picture a row that is zero or not a number. {_CHECK}"
_SETTINGS = "The settings are landmarks, squareness, margin_ratio, mirrored, mean, std, channels."
_STD = "It must be a number above 0, or three for red, green and blue."
_LANDMARKS = (
    f"{_INVALID} the landmarks do not lie as a face in a crop of 112 x 112 pixels. "
    "They must be the eye on the left, the eye on the right, the nose, and both corners of the mouth."
)
OUTCOMES = {
    "nchw": WORKS,
    "nhwc": WORKS,
    "float16": WORKS,
    "double": WORKS,
    "uint8": WORKS,
    "uint8-mean": "The ONNX model takes whole numbers from 0 to 255. Leave mean and std out of its settings.",
    "int32": "The ONNX model takes tensor(int32). It must take float, float16, double or uint8.",
    "rectangle": WORKS,
    "rectangle-landmarks": WORKS,
    "tiny": "The ONNX model cannot be run on a crop. Use another model.",
    "dynamic": f"The ONNX model takes ['photos', 3, 'height', 'width']. {_INPUT}",
    "grey": f"The ONNX model takes ['photos', 1, 112, 112]. {_INPUT}",
    "batch-1": WORKS,
    "batch-4": WORKS,
    "batch-1-undeclared": WORKS,
    "two-outputs": WORKS,
    "whole-numbers": (
        "The ONNX model's first output is int64 [1, 16]. It must be decimal numbers, one row for each crop."
    ),
    "nan": _ROW,
    "infinite": _ROW,
    "zero": _ROW,
    "huge": WORKS,
    "minute": WORKS,
    "external": WORKS,
    "external-below": WORKS,
    "external-missing": (
        "external-missing.onnx keeps its weights in external-missing.onnx.data, which is missing. "
        "Put it beside the model."
    ),
    "external-outside": (
        "external-outside.onnx keeps its weights in ../outside.data, outside its folder. "
        "Save it again with them beside it."
    ),
    "external-damaged": (
        "The weights of external-damaged.onnx in external.onnx.data cannot be read. Copy the file again."
    ),
    "byte-order-mark": WORKS,
    "list": f"{_INVALID} the file must hold an object, such as {{}}. {_SETTINGS}",
    "no-json": "The settings of the ONNX model cannot be read: no-json.json is not valid JSON.",
    "without-settings": (
        "{folder}/without-settings.json is missing. "
        "An ONNX embedder is two files: MODEL.onnx and MODEL.json beside it."
    ),
    "unknown": f"{_INVALID} there is no setting side. {_SETTINGS}",
    "mean-of-each-channel": WORKS,
    "mean-text": f"{_INVALID} mean is '127.5'. It must be a number, or three for red, green and blue.",
    "std-text": f"{_INVALID} std is '127.5'. {_STD}",
    "std-of-two": f"{_INVALID} std is (1, 2). {_STD}",
    "std-nan": f"{_INVALID} std is nan. {_STD}",
    "std-zero": f"{_INVALID} std is (58.4, 0, 57.4). {_STD}",
    "std-huge": _ROW,
    "margin-negative": f"{_INVALID} margin_ratio is -0.6. It must be a number from -0.4 to 3.",
    "margin-text": f"{_INVALID} margin_ratio is 'a'. It must be a number from -0.4 to 3.",
    "mirrored-text": f"{_INVALID} mirrored is 'no'. It must be true or false.",
    "channels": f"{_INVALID} channels is 'hsv'. It must be rgb or bgr.",
    "landmarks-one": f"{_INVALID} landmarks is ((1, 2),). It must be a list of five points [x, y].",
    "landmarks-same": _LANDMARKS,
    "landmarks-outside": _LANDMARKS,
    "upper": WORKS,
    "text": "{folder}/text.onnx cannot be read as an ONNX model. Copy it again, or use another one.",
    "cut": "{folder}/cut.onnx cannot be read as an ONNX model. Copy it again, or use another one.",
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The path of each model."""
    folder = tmp_path_factory.mktemp("models") / "in"
    folder.mkdir()
    return write_models(folder)


@pytest.fixture(scope="module")
def detector():
    """The real detector; each photo is searched once for all models."""
    detect = load_detector()
    known: dict[bytes, list[Face]] = {}

    def remembering(photos):
        new = {pixels.tobytes(): pixels for pixels in photos if pixels.tobytes() not in known}
        known.update(zip(new, detect(list(new.values())), strict=True))
        return [known[pixels.tobytes()] for pixels in photos]

    remembering.name = detect.name  # type: ignore[attr-defined]
    return remembering


@pytest.fixture(scope="module")
def three(examples):
    """Three people with a photo each."""
    return source_people(
        [SourcePerson(name, name, tuple(paths[:1]), "Examples", "") for name, paths in list(examples.items())[:3]]
    )


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("name", OUTCOMES)
@pytest.mark.filterwarnings("error")
def test_a_model_works_or_is_refused_in_a_sentence(name, models, detector, three, examples, own_home):
    path = models[name]
    expected = OUTCOMES[name].replace("{folder}", str(path.parent))
    if expected:
        with pytest.raises(UserError) as refused:
            registry.load_embedder(str(path))
        assert str(refused.value) == expected
        assert not list(storage.home().glob("models/*"))
        return
    embedder = registry.load_embedder(str(path))
    building.build("mine", three, detector, embedder)
    opened = opening.open_gallery("mine")
    assert (opened.people_count, list(checking.problems(opened))) == (3, [])
    again = opening.embedder_of(opened)
    assert again.identity == embedder.identity
    probe, name_of_probe = photo.read(next(iter(examples.values()))[0]), next(iter(examples))
    matches = Lookalikes(opened, Models(detector, again)).find(probe).matches
    assert (matches[0].name, matches[0].copy, len(matches)) == (name_of_probe, True, 3)
    assert matches[0].distance == pytest.approx(0, abs=1e-5)


def test_every_case_has_an_outcome(models):
    assert OUTCOMES.keys() == models.keys() >= CASES.keys()


def test_models_of_the_same_weights_agree(models, own_home):
    """The layout, type, batch and place of the weights change nothing."""
    crops = np.random.default_rng(0).integers(0, 256, (5, 112, 112, 3), np.uint8)
    rows = onnx_embedder(models["nchw"]).rows(crops)
    same = ("nhwc", "double", "batch-1", "batch-4", "batch-1-undeclared", "two-outputs", "external", "huge", "minute")
    for name in (*same, "float16"):
        cosines = np.sum(onnx_embedder(models[name]).rows(crops) * rows, axis=1)
        assert cosines.min() >= AGREEMENT_MIN, name


def test_a_refused_model_ends_the_command_before_anything_is_built(models, own_home, examples, capsys):
    folder = next(iter(examples.values()))[0].parent
    assert main(["build", str(folder), "--gallery", "mine", "--embedder", str(models["std-text"])]) == 1
    assert capsys.readouterr().err.strip().endswith(OUTCOMES["std-text"])
    assert not (layout.folder_of("mine") / storage.MANIFEST).exists()
    assert not list((storage.home() / "models").glob("onnx-*"))
