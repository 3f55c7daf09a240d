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

from pipeline import photo, storage
from pipeline.cli.app import main
from pipeline.embedding import registry
from pipeline.embedding.onnx import onnx_embedder
from pipeline.errors import GalleryError, NoFaceError, UserError, WeightsError
from pipeline.faces.face import Face
from pipeline.gallery import building, checking, opening
from pipeline.gallery.screening import RejectionKind
from pipeline.lookalikes import Lookalikes, Models
from pipeline.sources.base import SourcePerson, source_people
from pipeline.sources.folder import people_in_folder
from tests.conftest import HOME, put

SIDE_PX = 32
CROPS = np.random.default_rng(1).integers(0, 256, (5, SIDE_PX, SIDE_PX, 3), np.uint8)
TEMPLATE = ((10.9, 14.8), (21.0, 14.8), (16.0, 20.5), (11.9, 26.4), (20.2, 26.4))


def onnx_model(
    path: Path,
    settings: dict[str, Any],
    channels_first: bool = True,
    batch: int | str = "n",
    nan_if_bright: bool = False,
) -> Path:
    """A model that averages blocks of 4 x 4 pixels and subtracts the mean of all, with its settings beside it.

    nan_if_bright: for crops whose mean is above 0.4, rows are the root of a negative number.
    """
    shape = [batch, 3, SIDE_PX, SIDE_PX] if channels_first else [batch, SIDE_PX, SIDE_PX, 3]
    nodes = [] if channels_first else [helper.make_node("Transpose", ["crops"], ["first"], perm=[0, 3, 1, 2])]
    start = "crops" if channels_first else "first"
    nodes += [
        helper.make_node("AveragePool", [start], ["small"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Mul", ["small", "scale"], ["scaled"]),
        helper.make_node("ReduceMean", ["scaled"], ["mean"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Sub", ["scaled", "mean"], ["centred"]),
        helper.make_node("Flatten", ["centred"], ["rows" if not nan_if_bright else "flat"]),
    ]
    if nan_if_bright:
        nodes += [
            helper.make_node("ReduceMean", ["crops"], ["brightness"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("Sub", ["limit", "brightness"], ["left"]),
            helper.make_node("Sqrt", ["left"], ["root"]),
            helper.make_node("Unsqueeze", ["root", "one"], ["column"]),
            helper.make_node("Mul", ["flat", "column"], ["rows"]),
        ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("crops", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [batch, 192])],
        [
            numpy_helper.from_array(np.full((1, 3, 1, 1), 2, np.float32), "scale"),
            *([numpy_helper.from_array(np.array(0.4, np.float32), "limit")] if nan_if_bright else []),
            *([numpy_helper.from_array(np.array([1]), "one")] if nan_if_bright else []),
        ],
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
    embedder = onnx_embedder(path)
    crops = np.random.default_rng(1).integers(0, 256, (5, SIDE_PX, SIDE_PX, 3), np.uint8)
    values = (crops[..., ::-1].astype(np.float64) - 100) / 50 * 2
    blocks = values.reshape(5, 8, 4, 8, 4, 3).mean(axis=(2, 4)).transpose(0, 3, 1, 2).reshape(5, -1)
    expected = blocks - blocks.mean(axis=1, keepdims=True)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert embedder.rows(crops) == pytest.approx(expected, abs=1e-5)
    assert (embedder.dimensions, embedder.parameters) == (192, 3)


def test_a_model_to_which_openvino_gives_other_rows_is_run_by_onnxruntime(home, tmp_path):
    """A convolution of large numbers in bfloat16 leaves little of their differences."""
    home_models(home)
    path = onnx_model(tmp_path / "mine.onnx", {})
    expected = onnx_embedder(path).rows(CROPS)
    model = onnx.load(path)
    same = np.eye(3, dtype=np.float32)[:, :, None, None]
    model.graph.initializer.extend(
        [numpy_helper.from_array(np.array(3000, np.float32), "large"), numpy_helper.from_array(same, "same")]
    )
    detour = [
        helper.make_node("Add", ["scaled", "large"], ["far"]),
        helper.make_node("Conv", ["far", "same"], ["convolved"]),
        helper.make_node("Sub", ["convolved", "large"], ["back"]),
    ]
    nodes = list(model.graph.node)
    place = [node.op_type for node in nodes].index("ReduceMean")
    for node in nodes[place:]:
        node.input[:] = ["back" if name == "scaled" else name for name in node.input]
    del model.graph.node[:]
    model.graph.node.extend([*nodes[:place], *detour, *nodes[place:]])
    onnx.save(model, path)
    assert onnx_embedder(path).rows(CROPS) == pytest.approx(expected, abs=1e-3)


def home_models(home: Path) -> None:
    """Give the test its own folder of models, so that nothing is written into the user's."""
    (home / "models").unlink()
    (home / "models").mkdir()
    for path in (HOME / "models").iterdir():
        (home / "models" / path.name).symlink_to(path)


def test_the_mirror_image_is_averaged_unless_switched_off(home, tmp_path, noise, face):
    home_models(home)
    both = onnx_embedder(onnx_model(tmp_path / "both.onnx", {}))
    alone = onnx_embedder(onnx_model(tmp_path / "alone.onnx", {"mirrored": False}))
    crops = both.crops(noise, face)
    assert (crops[1] == crops[0][:, ::-1]).all()
    assert np.array_equal(alone.crops(noise, face), crops[:1])
    mean = both.rows(np.stack(crops)).mean(axis=0)
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
    (crop,) = onnx_embedder(path).crops(photo_of_points, rolled)
    assert crop.shape == (SIDE_PX, SIDE_PX, 3)
    assert all(crop[round(y), round(x), 0] > 128 for x, y in TEMPLATE)
    assert crop.mean() < 60


@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_mean_and_std_of_each_channel_are_those_of_red_green_and_blue(home, tmp_path, channels):
    home_models(home)
    mean, std = (120.0, 100.0, 80.0), (60.0, 50.0, 40.0)
    settings = {"mean": mean, "std": std, "channels": channels}
    crops = np.random.default_rng(1).integers(0, 256, (3, SIDE_PX, SIDE_PX, 3), np.uint8)
    found = onnx_embedder(onnx_model(tmp_path / "mine.onnx", settings)).rows(crops)
    values = ((crops - np.array(mean)) / np.array(std))[..., :: -1 if channels == "bgr" else 1]
    blocks = values.reshape(3, 8, 4, 8, 4, 3).mean(axis=(2, 4)).transpose(0, 3, 1, 2).reshape(3, -1)
    expected = blocks - blocks.mean(axis=1, keepdims=True)
    assert found == pytest.approx(expected / np.linalg.norm(expected, axis=1, keepdims=True), abs=1e-5)


def test_a_missing_model_is_refused(home, tmp_path):
    with pytest.raises(UserError, match=r"none\.onnx is missing\. An ONNX embedder is two files"):
        registry.load_embedder(str(tmp_path / "none.onnx"))


def test_a_gallery_goes_on_with_the_settings_it_was_built_with(home, tmp_path, examples, models):
    home_models(home)
    path = onnx_model(tmp_path / "mine.onnx", {"margin_ratio": 0.0})
    first = onnx_embedder(path)
    building.build("first", people_of(examples, 1), models.detector, first)
    path.with_suffix(".json").write_text('{"margin_ratio": 0.5, "mirrored": false}')
    second = onnx_embedder(path)
    building.build("second", people_of(examples, 1), models.detector, second)
    for name, embedder in (("first", first), ("second", second)):
        again = opening.embedder_of(opening.open_gallery(name))
        assert again.identity == embedder.identity
    # A number is the same number with or without a decimal point.
    path.with_suffix(".json").write_text('{"margin_ratio": 0, "mean": 127.5}')
    assert onnx_embedder(path).identity == first.identity


def test_a_damaged_copy_of_a_model_is_restored_from_the_model(home, tmp_path):
    home_models(home)
    path = onnx_model(tmp_path / "mine.onnx", {})
    identity = onnx_embedder(path).identity
    kept = home / "models" / identity["model"] / "model.onnx"
    kept.write_bytes(kept.read_bytes()[:100])
    entry = registry.entry_of(identity)
    assert entry
    with pytest.raises(WeightsError, match="Build the gallery again with the model's own file"):
        entry.load()
    onnx_embedder(path)
    assert entry.load().identity == identity


def test_a_gallery_of_an_earlier_version_keeps_its_model_and_settings(home, tmp_path, examples, models):
    """There the id was the hash of the model alone, and another build could replace the settings."""
    home_models(home)
    path = onnx_model(tmp_path / "mine.onnx", {"margin_ratio": 0})
    former = home / "models" / f"onnx-{storage.sha256(path)[:16]}"
    former.mkdir()
    for part in (path, path.with_suffix(".json")):
        (former / part.name.replace("mine", "model")).write_bytes(part.read_bytes())
    # The same settings find the former copy, so that the gallery can be added to.
    embedder = onnx_embedder(path)
    assert embedder.network.model == former.name
    building.build("mine", people_of(examples, 1), models.detector, embedder)
    (former / "model.json").write_text('{"margin_ratio": 0.5}')
    again = opening.embedder_of(opening.open_gallery("mine"))
    assert again.identity == embedder.identity
    assert again.identity["margin_ratio"] == 0
    assert onnx_embedder(path).network.model != former.name


def test_a_photo_that_the_model_cannot_embed_is_rejected(home, tmp_path, examples, models):
    home_models(home)
    path = onnx_model(tmp_path / "mine.onnx", {}, nan_if_bright=True)
    embedder = onnx_embedder(path)
    pixels = (photo.read(examples["Madonna"][1]) * 0.6).astype(np.uint8)
    bright = (255 - (255 - pixels.astype(float)) * 0.4).astype(np.uint8)
    folder = put(tmp_path / "photos", {"Ann.png": pixels, "Bea.png": bright})
    report = building.build("mine", people_in_folder(folder), models.detector, embedder)
    assert (report.people, report.missing, dict(report.rejected)) == (1, ["Bea"], {RejectionKind.NOT_COMPARABLE: 1})
    opened = opening.open_gallery("mine")
    assert (len(opened), list(checking.problems(opened))) == (1, [])
    lookalikes = Lookalikes(opened, Models(models.detector, embedder))
    assert lookalikes.find(pixels).matches[0].name == "Ann"
    with pytest.raises(NoFaceError, match="cannot be compared with the people of the gallery"):
        lookalikes.find(bright)


@pytest.mark.parametrize(
    "model", ["onnx-../../../../x", "onnx-0123456789ABCDEF", "", "../models/onnx-0123456789abcdef"]
)
def test_a_manifest_names_no_file_outside_the_kept_models(home, model):
    assert registry.entry_of({"model": model}) is None


def test_a_gallery_remembers_its_onnx_model_and_takes_no_other(home, tmp_path, examples, models, capsys):
    home_models(home)
    path = onnx_model(tmp_path / "mine.onnx", {"squareness": 1.0, "margin_ratio": 0.0})
    embedder = onnx_embedder(path)
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
    embedder = onnx_embedder(onnx_model(tmp_path / "mine.onnx", {}))
    building.build("mine", people_of(examples, 1), models.detector, embedder)
    for file in (home / "models" / embedder.network.model).iterdir():
        file.unlink()
    with pytest.raises(GalleryError, match=r"built with another model or other crops \(onnx-"):
        opening.embedder_of(opening.open_gallery("mine"))
