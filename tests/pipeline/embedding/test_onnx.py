"""ONNX models as embedders, with a small model made by the tests, and galleries that remember theirs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pipeline import photo
from pipeline.cli.app import main
from pipeline.embedding import registry
from pipeline.errors import GalleryError, UserError, WeightsError
from pipeline.faces.face import Face
from pipeline.gallery import building, checking, opening
from pipeline.lookalikes import Lookalikes, Models
from pipeline.sources.base import SourcePerson, source_people
from tests.conftest import HOME, put

SIDE_PX = 32
TEMPLATE = ((10.9, 14.8), (21.0, 14.8), (16.0, 20.5), (11.9, 26.4), (20.2, 26.4))


def onnx_model(path: Path, settings: dict[str, Any], channels_first: bool = True, batch: int | str = "n") -> Path:
    """A model that averages blocks of 4 x 4 pixels and subtracts the mean of all, with its settings beside it."""
    shape = [batch, 3, SIDE_PX, SIDE_PX] if channels_first else [batch, SIDE_PX, SIDE_PX, 3]
    nodes = [] if channels_first else [helper.make_node("Transpose", ["crops"], ["first"], perm=[0, 3, 1, 2])]
    start = "crops" if channels_first else "first"
    nodes += [
        helper.make_node("AveragePool", [start], ["small"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Mul", ["small", "scale"], ["scaled"]),
        helper.make_node("ReduceMean", ["scaled"], ["mean"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Sub", ["scaled", "mean"], ["centred"]),
        helper.make_node("Flatten", ["centred"], ["rows"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("crops", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [batch, 192])],
        [numpy_helper.from_array(np.full((1, 3, 1, 1), 2, np.float32), "scale")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    path.with_suffix(".json").write_text(json.dumps(settings))
    return path


@pytest.fixture
def face():
    return Face((60, 50, 80, 100), ((80, 90), (120, 90), (100, 115), (85, 130), (115, 130)), 1.0)


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)


def people_of(examples: dict[str, list[Path]], count: int) -> Any:
    return source_people(
        [SourcePerson(name, name, tuple(paths[:count]), "Examples", "") for name, paths in examples.items()]
    )


@pytest.mark.parametrize("channels_first", [True, False])
@pytest.mark.parametrize("batch", ["n", 1])
def test_an_onnx_model_gives_the_unit_rows_of_its_formula(home, tmp_path, channels_first, batch):
    home_models(home)
    path = onnx_model(tmp_path / "mine.onnx", {"mean": 100, "std": 50, "channels": "bgr"}, channels_first, batch)
    embedder = registry.load_embedder(str(path))
    crops = np.random.default_rng(1).integers(0, 256, (5, SIDE_PX, SIDE_PX, 3), np.uint8)
    values = (crops[..., ::-1].astype(np.float64) - 100) / 50 * 2
    blocks = values.reshape(5, 8, 4, 8, 4, 3).mean(axis=(2, 4)).transpose(0, 3, 1, 2).reshape(5, -1)
    expected = blocks - blocks.mean(axis=1, keepdims=True)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert embedder.rows(crops) == pytest.approx(expected, abs=1e-5)
    assert (embedder.dimensions, embedder.parameters) == (192, 3)


def home_models(home: Path) -> None:
    """Give the test its own folder of models, so that nothing is written into the user's."""
    (home / "models").unlink()
    (home / "models").mkdir()
    for path in (HOME / "models").iterdir():
        (home / "models" / path.name).symlink_to(path)


def test_the_mirror_image_is_averaged_unless_switched_off(home, tmp_path, noise, face):
    home_models(home)
    both = registry.load_embedder(str(onnx_model(tmp_path / "both.onnx", {})))
    alone = registry.load_embedder(str(onnx_model(tmp_path / "alone.onnx", {"mirrored": False})))
    crops = both.crops(noise, face)
    assert (crops[1] == crops[0][:, ::-1]).all()
    assert (alone.crops(noise, face) == crops[:1]).all()
    mean = both.rows(crops).mean(axis=0)
    assert both([crops])[0] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
    assert both.identity != alone.identity


def test_landmarks_are_aligned_to_the_template(home, tmp_path, face):
    home_models(home)
    photo_of_points = np.zeros((200, 200, 3), np.uint8)
    # Turned and enlarged, so that only alignment brings the points to the template.
    matrix = 2.2 * np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    landmarks = np.array(TEMPLATE) @ matrix.T + (70, 40)
    for x, y in landmarks.round().astype(int):
        photo_of_points[y - 2 : y + 3, x - 2 : x + 3] = 255
    rolled = Face(face.box, tuple(map(tuple, landmarks)), 1.0)
    path = onnx_model(tmp_path / "aligned.onnx", {"landmarks": TEMPLATE, "mirrored": False})
    (crop,) = registry.load_embedder(str(path)).crops(photo_of_points, rolled)
    assert crop.shape == (SIDE_PX, SIDE_PX, 3)
    assert all(crop[round(y), round(x), 0] > 128 for x, y in TEMPLATE)
    assert crop.mean() < 60


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"landmarks": [[1, 2]]}, "settings of the ONNX model are invalid"),
        ({"channels": "hsv"}, "settings of the ONNX model are invalid"),
        ({"side": 112}, "JSON object with the keys landmarks, squareness"),
        ({"std": 0}, "settings of the ONNX model are invalid"),
    ],
)
def test_invalid_settings_are_refused(home, tmp_path, settings, message):
    home_models(home)
    with pytest.raises(WeightsError, match=message):
        registry.load_embedder(str(onnx_model(tmp_path / "mine.onnx", settings)))


def test_missing_and_unreadable_files_are_refused(home, tmp_path):
    home_models(home)
    path = tmp_path / "none.onnx"
    with pytest.raises(UserError, match=r"none\.onnx is missing"):
        registry.load_embedder(str(path))
    path.write_bytes(b"no model")
    with pytest.raises(UserError, match=r"none\.json is missing\. An ONNX embedder is two files"):
        registry.load_embedder(str(path))
    path.with_suffix(".json").write_text("{}")
    with pytest.raises(WeightsError, match="cannot be read as an ONNX model"):
        registry.load_embedder(str(path))


def test_a_gallery_remembers_its_onnx_model_and_takes_no_other(home, tmp_path, examples, models, capsys):
    home_models(home)
    path = onnx_model(tmp_path / "mine.onnx", {"squareness": 1.0, "margin_ratio": 0.0})
    embedder = registry.load_embedder(str(path))
    building.build("mine", people_of(examples, 2), models.detector, embedder)
    opened = opening.open_gallery("mine")
    assert opened.embeddings.shape == (10, 192)
    assert list(checking.problems(opened)) == []
    # The gallery's copy of the model survives the user's files.
    path.unlink()
    path.with_suffix(".json").unlink()
    again = opening.embedder_of(opened)
    assert again.identity == embedder.identity
    probe_photo = examples["Madonna"][0]
    found = Lookalikes(opened, Models(models.detector, again)).find(photo.read(probe_photo))
    assert (found.matches[0].name, found.matches[0].copy) == ("Madonna", True)
    assert all(np.isnan(match.resemblance) for match in found.matches)
    with pytest.raises(GalleryError, match="built with another model") as raised:
        building.build("mine", people_of(examples, 3), models.detector, models.embedder)
    assert raised.value.command is not None and raised.value.command.endswith("--gallery mine --fresh")
    with pytest.raises(GalleryError, match="built with another model"):
        opening.open_gallery("mine", models.embedder.identity)
    # The command line finds and builds with the gallery's embedder, and shows no resemblance.
    assert main(["find", str(probe_photo), "--gallery", "mine", "--top", "1"]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"1  Madonna \(the same photo\) +–  ", printed)
    assert "people are ranked by cosine" in printed
    assert main(["find", str(probe_photo), "--gallery", "mine", "--top", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["matches"][0]["resemblance"] is None
    folder = put(tmp_path / "more", {"Somebody.jpg": examples["Elton John"][3]})
    assert main(["build", str(folder), "--gallery", "mine"]) == 0
    assert len(opening.open_gallery("mine", embedder.identity)) == 11


def test_a_gallery_without_its_model_is_refused(home, tmp_path, examples, models):
    home_models(home)
    embedder = registry.load_embedder(str(onnx_model(tmp_path / "mine.onnx", {})))
    building.build("mine", people_of(examples, 1), models.detector, embedder)
    for file in (home / "models" / embedder.network.model).iterdir():
        file.unlink()
    with pytest.raises(GalleryError, match=r"built with another model or other crops \(onnx-"):
        opening.embedder_of(opening.open_gallery("mine"))
