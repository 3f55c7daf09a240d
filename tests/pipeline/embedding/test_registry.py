"""The embedders by name, an ONNX model that the tests make, and galleries that remember what made them."""

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
from pipeline.__main__ import main
from pipeline.embedding import imagenet, registry
from pipeline.embedding.base import Embedder, EmbeddingSettings
from pipeline.embedding.pair import FACENET_512, FACENET_PAIR, Pair, side_by_side
from pipeline.errors import GalleryError, UserError, WeightsError
from pipeline.faces.face import Face
from pipeline.gallery import building, checking, opening
from pipeline.lookalikes import Lookalikes, Models
from pipeline.similarity import scorers
from pipeline.sources.base import Person, listed
from tests.conftest import HOME, put, unit_rows

SIDE_PX = 32
TEMPLATE = ((10.9, 14.8), (21.0, 14.8), (16.0, 20.5), (11.9, 26.4), (20.2, 26.4))


def onnx_model(path: Path, settings: dict[str, Any], channels_first: bool = True, batch: int | str = "n") -> Path:
    """A model that averages blocks of 4 x 4 pixels and takes the mean of all off, with its settings beside it."""
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
    return listed([Person(name, name, tuple(paths[:count]), "Examples", "") for name, paths in examples.items()])


def test_the_default_is_facenet_with_the_identity_that_galleries_have_had(models):
    assert registry.NAMES[0] == registry.DEFAULT
    assert models.embedder.identity == EmbeddingSettings().identity
    assert (models.embedder.dimensions, models.embedder.parameters) == (128, 22_808_144)
    assert registry.name_of(EmbeddingSettings().identity) == registry.DEFAULT


def test_an_unknown_name_lists_the_known_ones(empty_home):
    with pytest.raises(
        UserError, match=r"There is no embedder nothing\. Choose one of facenet, facenet-512,.*\.onnx"
    ):
        registry.load("nothing")


@pytest.mark.parametrize("channels_first", [True, False])
@pytest.mark.parametrize("batch", ["n", 1])
def test_an_onnx_model_gives_the_unit_rows_that_its_formula_gives(home, tmp_path, channels_first, batch):
    home_models(home)
    path = onnx_model(tmp_path / "mine.onnx", {"mean": 100, "std": 50, "channels": "bgr"}, channels_first, batch)
    embedder = registry.load(str(path))
    crops = np.random.default_rng(1).integers(0, 256, (5, SIDE_PX, SIDE_PX, 3), np.uint8)
    values = (crops[..., ::-1].astype(np.float64) - 100) / 50 * 2
    blocks = values.reshape(5, 8, 4, 8, 4, 3).mean(axis=(2, 4)).transpose(0, 3, 1, 2).reshape(5, -1)
    expected = blocks - blocks.mean(axis=1, keepdims=True)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert embedder.rows(crops) == pytest.approx(expected, abs=1e-5)
    assert (embedder.dimensions, embedder.parameters) == (192, 3)


def home_models(home: Path) -> None:
    """A folder of models of the test's own: what is kept there must not reach the user's."""
    (home / "models").unlink()
    (home / "models").mkdir()
    for path in (HOME / "models").iterdir():
        (home / "models" / path.name).symlink_to(path)


def test_the_mirror_image_is_averaged_unless_the_settings_say_no(home, tmp_path, noise, face):
    home_models(home)
    both = registry.load(str(onnx_model(tmp_path / "both.onnx", {})))
    alone = registry.load(str(onnx_model(tmp_path / "alone.onnx", {"mirrored": False})))
    crops = both.crops(noise, face)
    assert (crops[1] == crops[0][:, ::-1]).all()
    assert (alone.crops(noise, face) == crops[:1]).all()
    mean = both.rows(crops).mean(axis=0)
    assert both([crops])[0] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
    assert both.identity != alone.identity


def test_landmarks_are_laid_onto_the_template(home, tmp_path, face):
    home_models(home)
    photo_of_points = np.zeros((200, 200, 3), np.uint8)
    # Turned and enlarged, so that nothing lies where it should before it is aligned.
    matrix = 2.2 * np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    landmarks = np.array(TEMPLATE) @ matrix.T + (70, 40)
    for x, y in landmarks.round().astype(int):
        photo_of_points[y - 2 : y + 3, x - 2 : x + 3] = 255
    rolled = Face(face.box, tuple(map(tuple, landmarks)), 1.0)
    path = onnx_model(tmp_path / "aligned.onnx", {"landmarks": TEMPLATE, "mirrored": False})
    (crop,) = registry.load(str(path)).crops(photo_of_points, rolled)
    assert crop.shape == (SIDE_PX, SIDE_PX, 3)
    assert all(crop[round(y), round(x), 0] > 128 for x, y in TEMPLATE)
    assert crop.mean() < 60


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"landmarks": [[1, 2]]}, "settings of the ONNX model cannot be used"),
        ({"channels": "hsv"}, "settings of the ONNX model cannot be used"),
        ({"side": 112}, "JSON object of: landmarks, squareness"),
        ({"std": 0}, "settings of the ONNX model cannot be used"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_in_one_sentence(home, tmp_path, settings, message):
    home_models(home)
    with pytest.raises(WeightsError, match=message):
        registry.load(str(onnx_model(tmp_path / "mine.onnx", settings)))


def test_a_file_that_is_no_model_and_one_without_settings_are_refused(home, tmp_path):
    home_models(home)
    path = tmp_path / "none.onnx"
    with pytest.raises(UserError, match=r"none\.onnx is missing"):
        registry.load(str(path))
    path.write_bytes(b"no model")
    with pytest.raises(UserError, match=r"none\.json is missing\. An ONNX embedder is two files"):
        registry.load(str(path))
    path.with_suffix(".json").write_text("{}")
    with pytest.raises(WeightsError, match="cannot be read as an ONNX model"):
        registry.load(str(path))


def test_a_gallery_remembers_its_onnx_model_and_is_never_mixed(home, tmp_path, examples, models, capsys):
    home_models(home)
    path = onnx_model(tmp_path / "mine.onnx", {"squareness": 1.0, "margin_ratio": 0.0})
    embedder = registry.load(str(path))
    building.build("mine", people_of(examples, 2), models.detector, embedder)
    opened = opening.open_gallery("mine")
    assert opened.embeddings.shape == (10, 192)
    assert list(checking.problems(opened)) == []
    # The user's files may go: the gallery's model is kept.
    path.unlink()
    path.with_suffix(".json").unlink()
    again = opening.embedder_of(opened)
    assert again.identity == embedder.identity
    probe_photo = examples["Madonna"][0]
    found = Lookalikes(opened, Models(models.detector, again)).find(photo.read(probe_photo))
    assert (found.matches[0].name, found.matches[0].copy) == ("Madonna", True)
    assert all(np.isnan(match.resemblance) for match in found.matches)
    with pytest.raises(GalleryError, match=r"made with another model .*--gallery mine --fresh"):
        building.build("mine", people_of(examples, 3), models.detector, models.embedder)
    with pytest.raises(GalleryError, match="made with another model"):
        opening.open_gallery("mine", models.embedder.identity)
    # By the command line: found by its own embedder, without a resemblance, and added to with the same one.
    assert main(["find", str(probe_photo), "--gallery", "mine", "--top", "1"]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"1  Madonna \(the same photo\) +–  ", printed)
    assert "the trained network and the resemblance are for the default embedder" in printed
    assert main(["find", str(probe_photo), "--gallery", "mine", "--top", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["matches"][0]["resemblance"] is None
    folder = put(tmp_path / "more", {"Somebody.jpg": examples["Elton John"][3]})
    assert main(["build", str(folder), "--gallery", "mine"]) == 0
    assert len(opening.open_gallery("mine", embedder.identity)) == 11


def test_a_gallery_whose_model_is_gone_says_so(home, tmp_path, examples, models):
    home_models(home)
    embedder = registry.load(str(onnx_model(tmp_path / "mine.onnx", {})))
    building.build("mine", people_of(examples, 1), models.detector, embedder)
    for file in (home / "models" / embedder.network.model).iterdir():
        file.unlink()
    with pytest.raises(GalleryError, match=r"made with another model or other crops \(onnx-"):
        opening.embedder_of(opening.open_gallery("mine"))


def test_network_and_calibration_are_for_the_default_embedder_only():
    assert scorers.fitting(EmbeddingSettings().identity).name == "network"
    assert scorers.fitting(None).name == "network"
    other = scorers.fitting({"model": FACENET_PAIR})
    rows = unit_rows(4, dimensions=640)
    distances = other.distances(rows[0], other.prepare(rows))
    assert (other.name, other.digest) == ("cosine", "")
    assert distances == pytest.approx((1 - rows @ rows[0]) / 2, abs=1e-6)
    assert np.isnan(other.calibration.resemblance(distances)).all()


def test_the_cosine_of_a_pair_is_a_weighted_mean_of_both_cosines():
    first, second = unit_rows(3), unit_rows(3, seed=1, dimensions=512)
    pair = side_by_side(first, second, 0.5)
    expected = (first[0] @ first[1] + 0.25 * second[0] @ second[1]) / 1.25
    assert pair[0] @ pair[1] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", imagenet.IMAGENET)
def test_a_network_of_imagenet_is_loaded_from_its_file_and_gives_what_keras_gives(name, empty_home, monkeypatch):
    import importlib

    import keras

    module_name, class_name = imagenet.IMAGENET[name]
    module = importlib.import_module(f"keras.applications.{module_name}")
    keras.utils.set_random_seed(3)
    made = getattr(module, class_name)(weights=None, include_top=False, pooling="avg", input_shape=(160, 160, 3))
    path = imagenet.imagenet_weights(name)
    path.parent.mkdir(parents=True)
    made.save_weights(path)
    crops = np.random.default_rng(2).integers(0, 256, (2, 160, 160, 3), np.uint8)
    expected = np.asarray(made(module.preprocess_input(crops.astype(np.float32))))
    embedder = registry.load(name)
    lengths = np.linalg.norm(expected, axis=1, keepdims=True)
    assert embedder.rows(crops) == pytest.approx(expected / lengths, abs=2e-4)
    assert embedder.parameters == made.count_params()
    assert registry.name_of(json.loads(json.dumps(embedder.identity))) == name
    path.write_bytes(b"damaged")
    with pytest.raises(WeightsError, match=f"weights of {class_name} in models/.* are damaged"):
        registry.load(name)


def test_both_facenets_of_the_packages_agree_on_the_examples(home, examples, models):
    second = registry.load(FACENET_512)
    photos = [photo.read(paths[place]) for paths in examples.values() for place in (0, 1)]
    found = [models.faces(picture)[0] for picture in photos]
    crops = [second.crops(picture, face) for picture, face in zip(photos, found, strict=True)]
    rows = second(crops)
    assert rows.shape == (10, 512)
    # What was frozen for one crop gives the same for many.
    assert np.concatenate([second([crop]) for crop in crops]) == pytest.approx(rows, abs=1e-5)
    cosines = rows @ rows.T - 2 * np.eye(10)
    assert (cosines.argmax(axis=1) // 2 == np.arange(10) // 2).mean() >= 0.9
    pair = Pair(models.embedder, second)
    both = pair([pair.crops(picture, face) for picture, face in zip(photos, found, strict=True)])
    first = models.embedder(
        [models.embedder.crops(picture, face) for picture, face in zip(photos, found, strict=True)]
    )
    assert both == pytest.approx(side_by_side(first, rows), abs=1e-5)
    assert isinstance(pair, Embedder)
    assert registry.name_of(json.loads(json.dumps(pair.identity))) == FACENET_PAIR
    assert storage.home() == home
