import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from pipeline.embedding.facenet import FACENET_128
from pipeline.embedding.registry import default_identity
from pipeline.errors import UserError, WeightsError
from pipeline.similarity import registry
from pipeline.similarity.files import network_digest, read_network
from pipeline.similarity.network_scorer import finished_runs
from pipeline.storage import MANIFEST
from tests.train.test_sampling import labels_of_people
from train import usage
from train.batches import FitBatches
from train.fit import fit
from train.networks import Similarity
from train.options import COHORT, LOSSES, MINING, RESIDUAL, WCCN
from train.runs import evaluations, files, geometry
from train.runs.history import best_epoch, read_history
from train.runs.networks import network_is_readable, read_model, shipped_network, trained_network
from train.runs.results import read_result
from train.sampling import split_people
from train.settings import FitSettings, NetworkSettings

SMALL = FitSettings(NetworkSettings(dropout=0.0), epochs=6, steps_per_epoch=40, batch_size=64, patience_epochs=20)


def clustered(people=40, photos=5, spread=1.0):
    """Embeddings structured like faces: people as clusters of unit rows."""
    random = np.random.default_rng(0)
    centres = np.repeat(random.normal(size=(people, 128)), photos, axis=0)
    rows = centres + spread * random.normal(size=centres.shape)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), np.repeat(range(people), photos)


def fitted(folder, settings, spread=1.0):
    embeddings, labels = clustered(spread=spread)
    return fit(folder, embeddings, labels, settings)


def untrained(settings):
    keras.utils.set_random_seed(0)
    similarity = Similarity(settings)
    similarity([np.zeros((1, 128), np.float32)] * 2)
    return similarity


COSINE = untrained(NetworkSettings(encoder_residual=True, metric="product")).to_numpy()
ENCODER_LOSSES = ("n_pairs", "cluster", "softmax")
ENCODER = NetworkSettings(encoder_units=(64,), metric="product", metric_units=(), dropout=0.0)


@pytest.mark.parametrize("loss", LOSSES)
def test_training_with_each_loss_ranks_better_than_the_untrained_network(loss, tmp_path):
    network = ENCODER if loss in ENCODER_LOSSES else SMALL.network
    settings = dataclasses.replace(SMALL, loss=loss, network=network, epochs=3)
    fitted(tmp_path / loss, settings, spread=2.0 if loss in ENCODER_LOSSES else 1.0)
    history = read_history(tmp_path / loss)
    assert [row["epoch"] for row in history] == [0, 1, 2, 3]
    assert {row["held_out_probes"] for row in history} == {8}
    assert history[-1]["train_mrr"] > history[0]["train_mrr"] + (0.05 if loss in ENCODER_LOSSES else 0.2)


@pytest.mark.parametrize("loss", ENCODER_LOSSES)
def test_loss_of_codes_cannot_train_a_similarity_net(loss, tmp_path):
    with pytest.raises(UserError, match="trains the encoder alone"):
        fitted(tmp_path, dataclasses.replace(SMALL, loss=loss))


@pytest.mark.parametrize("mining", ["neighbours", "semi_hard", "batch_hard"])
def test_mined_quadruplets_are_harder_and_have_the_right_people(mining):
    embeddings, labels = clustered(spread=1.5)
    settings = dataclasses.replace(SMALL, mining=mining, neighbours=10, batch_size=64)
    cosine = untrained(NetworkSettings(encoder_residual=True, metric="product"))
    hardness = {}
    for settings_of in (SMALL, settings):
        batches = FitBatches(embeddings[:, None], labels, settings_of)
        (rows,) = batches.quadruplets(1, np.random.default_rng(0), cosine.to_numpy())
        assert rows.shape == (64, 4)
        anchor, positive, first, second = labels[rows].T
        assert (anchor == positive).all() and (rows[:, 0] != rows[:, 1]).all()
        assert ((anchor != first) & (anchor != second) & (first != second)).all()
        hardness[settings_of.mining] = np.einsum("ij,ij->i", embeddings[rows[:, 0]], embeddings[rows[:, 2]]).mean()
    assert hardness[mining] > hardness["random"] + 0.02


@pytest.mark.parametrize("mining", MINING)
@given(labels=labels_of_people, seed=st.integers(0, 100), same=st.booleans())
def test_quadruplets_of_small_galleries_have_real_negatives(mining, labels, seed, same):
    rows = np.random.default_rng(seed).normal(size=(len(labels), 128)).astype(np.float32)
    embeddings = np.ones_like(rows) if same else rows
    settings = dataclasses.replace(SMALL, mining=mining, batch_size=8)
    batches = FitBatches((embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True))[:, None], labels, settings)
    (photos,) = batches.quadruplets(1, np.random.default_rng(seed), COSINE)
    assert photos.shape == (8, 4)
    assert photos.min() >= 0 and photos.max() < len(labels)
    anchor, positive, first, second = labels[photos].T
    assert (anchor == positive).all() and (photos[:, 0] != photos[:, 1]).all()
    assert ((anchor != first) & (anchor != second) & (first != second)).all()


def test_cohort_people_are_not_trained_on(tmp_path):
    settings = dataclasses.replace(SMALL, network=dataclasses.replace(COHORT, cohort=10), epochs=1)
    best = fitted(tmp_path / "run", settings, spread=2.0)
    assert best["held_out_rank_1"] >= best["held_out_cosine_rank_1"]
    model = keras.saving.load_model(tmp_path / "run" / files.MODEL)
    embeddings, labels = clustered(spread=2.0)
    cohort = ops.convert_to_numpy(model.cohort)
    people = labels[np.argmax(cohort @ embeddings.T, axis=1)]
    assert len(set(people)) == 10
    assert not set(people) & set(labels[split_people(labels, settings.held_out_share, settings.seed)])


def test_run_starts_from_the_best_weights_of_another(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path))
    short = dataclasses.replace(SMALL, epochs=2)
    fitted(files.run_folder("first"), short)
    fitted(files.run_folder("second"), dataclasses.replace(short, start="first"))
    first, second = (read_history(files.run_folder(name)) for name in ("first", "second"))
    assert second[0]["held_out_mrr"] == pytest.approx(best_epoch(files.run_folder("first"))["held_out_mrr"])
    assert first[0]["held_out_mrr"] != second[0]["held_out_mrr"]
    with pytest.raises(UserError, match="no finished run nobody"):
        fitted(files.run_folder("third"), dataclasses.replace(short, start="nobody"))
    with pytest.raises(UserError, match="another shape"):
        fitted(files.run_folder("fourth"), dataclasses.replace(short, start="first", network=RESIDUAL))


def test_residual_network_never_ends_below_cosine(tmp_path):
    settings = dataclasses.replace(SMALL, network=RESIDUAL, epochs=2, learning_rate=0.1)
    best = fitted(tmp_path / "run", settings, spread=2.0)
    assert best["held_out_rank_1"] >= best["held_out_cosine_rank_1"]


def test_split_separates_people_and_both_sides_can_be_measured():
    labels = np.repeat(np.arange(30), [1, 3] * 15)
    held_out = split_people(labels, 0.2, seed=0)
    assert not set(labels[held_out]) & set(labels[~held_out])
    assert len(set(labels[held_out])) == 6
    with pytest.raises(UserError, match="too few"):
        split_people(np.array([0, 0, 1, 2]), 0.2, seed=0)


def test_run_with_other_settings_is_not_resumed(tmp_path):
    short = dataclasses.replace(SMALL, epochs=1)
    fitted(tmp_path / "run", short)
    with pytest.raises(UserError, match="other settings"):
        fitted(tmp_path / "run", dataclasses.replace(short, alpha=0.5))


# With dropout, and with a learning rate that is halved on the way.
KILLED = dataclasses.replace(SMALL, network=NetworkSettings(), patience_epochs=3)


def test_killed_run_resumes_with_the_history_of_an_uninterrupted_one(tmp_path):
    script = (
        "import sys; from pathlib import Path; from tests.train.test_fit import KILLED, fitted; "
        "fitted(Path(sys.argv[1]), KILLED)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "killed")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(read_history(tmp_path / "killed")) < 4:
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    fitted(tmp_path / "killed", KILLED)
    fitted(tmp_path / "whole", KILLED)
    killed, whole = (read_history(tmp_path / name) for name in ("killed", "whole"))
    assert [row["epoch"] for row in killed] == list(range(7))
    for one, other in zip(killed, whole, strict=True):
        for name in usage.COLUMNS:
            one.pop(name, None), other.pop(name, None)
        assert one == pytest.approx(other, rel=1e-4, nan_ok=True)
    assert whole[-1]["learning_rate"] < KILLED.learning_rate
    assert list(geometry.read_geometry(tmp_path / "killed")) == list(range(7))
    assert (
        json.loads((tmp_path / "killed" / files.RESULT).read_text())["epoch"]
        == best_epoch(tmp_path / "whole")["epoch"]
    )


FINISHED = dataclasses.replace(KILLED, epochs=4, steps_per_epoch=20)
EMBEDDINGS, LABELS = clustered()
NAMES = [f"Person {label}" for label in LABELS]


@pytest.fixture(scope="module")
def _finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "run"
    fit(folder, EMBEDDINGS, LABELS, FINISHED, names=NAMES)
    return folder


@pytest.fixture
def finished(_finished, tmp_path):
    """The folder of a finished run of four epochs."""
    return Path(shutil.copytree(_finished, tmp_path / "run"))


def cut(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("file", [files.CHECKPOINT, files.BEST_WEIGHTS])
def test_a_stopped_run_with_half_a_file_ends_as_it_would_have(file, finished, caplog):
    history = read_history(finished)
    for name in (files.RESULT, files.MODEL):
        (finished / name).unlink()
    cut(finished / file)
    fit(finished, EMBEDDINGS, LABELS, FINISHED)
    for row, before in zip(read_history(finished), history, strict=True):
        same = dict.fromkeys(usage.COLUMNS, 0)
        assert row | same == pytest.approx(before | same, nan_ok=True)
    assert f"{file} cannot be read" in caplog.text
    assert (finished / f"{file.removesuffix('.npz')}-unreadable-1.npz").is_file()


@pytest.mark.parametrize(
    "file", [files.MODEL, files.RESULT, files.EVALUATION, files.GEOMETRY, "network.npz", MANIFEST]
)
def test_a_finished_run_writes_its_damaged_file_again(file, finished):
    best, history = read_result(finished), read_history(finished)
    cut(finished / file)
    if file == files.GEOMETRY:
        (finished / file).write_text("{")
        (finished / files.EVALUATION).unlink()
    assert fit(finished, EMBEDDINGS, LABELS, FINISHED, names=NAMES) == pytest.approx(best, nan_ok=True)
    assert len(read_history(finished)) == len(history)
    assert read_result(finished) == pytest.approx(best, nan_ok=True)
    assert read_model(finished).to_numpy().encoder and network_is_readable(finished)
    assert evaluations.read_evaluation(finished) and geometry.read_geometry(finished)


def test_a_finished_run_needs_no_history(finished):
    best = read_result(finished)
    (finished / files.HISTORY).write_text("epoch;held_out_rank_1\n0;0,5\n")
    assert fit(finished, EMBEDDINGS, LABELS, FINISHED) == pytest.approx(best, nan_ok=True)


def test_half_a_network_is_a_sentence_with_the_command_that_writes_it_again(finished, tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path))
    files.run_folder("first").parent.mkdir()
    finished.rename(files.run_folder("first"))
    cut(files.run_folder("first") / files.MODEL)
    with pytest.raises(UserError, match="The network of the run first cannot be read") as refused:
        trained_network("first")
    assert refused.value.command == "python -m train fit --run first"
    cut(files.run_folder("first") / files.CONFIG)
    with pytest.raises(UserError, match="The settings of the run first cannot be read"):
        trained_network("first")
    with pytest.raises(UserError, match="The network of the run first cannot be read"):
        fitted(files.run_folder("second"), dataclasses.replace(FINISHED, start="first"))


def test_a_training_that_diverges_stops_and_keeps_its_last_good_checkpoint(tmp_path):
    settings = dataclasses.replace(SMALL, learning_rate=1e30)
    for _ in range(2):
        with pytest.raises(UserError, match=r"grew without limit\. Start another run with a learning rate"):
            fitted(tmp_path / "run", settings)
        assert [row["epoch"] for row in read_history(tmp_path / "run")] == [0]
        with np.load(tmp_path / "run" / files.CHECKPOINT) as saved:
            assert all(np.isfinite(saved[name]).all() for name in saved.files)
    assert not (tmp_path / "run" / files.RESULT).exists() and not (tmp_path / "run" / files.MODEL).exists()


@pytest.mark.parametrize("network", [RESIDUAL, COHORT, WCCN])
def test_a_network_that_starts_as_the_cosine_takes_rows_of_any_length(network, tmp_path):
    fit(tmp_path / "run", EMBEDDINGS[:, :16], LABELS, dataclasses.replace(SMALL, network=network, epochs=1))
    made = read_network(tmp_path / "run", FACENET_128.identity)
    assert made.codes(EMBEDDINGS[:3, :16]).shape == (3, 16 + (made.cohort is not None))
    again = read_model(tmp_path / "run").to_numpy()
    assert network_digest(again) == network_digest(made)


def test_a_network_is_measured_only_on_rows_of_its_embedder(finished, tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path))
    files.run_folder("first").parent.mkdir()
    finished.rename(files.run_folder("first"))
    assert trained_network("first", FACENET_128.identity)[0].encoder
    with pytest.raises(UserError, match="The run first was trained for another embedder"):
        trained_network("first", {"model": "onnx-0123456789abcdef"})
    with pytest.raises(UserError, match="no network for this gallery's embedder"):
        shipped_network({"model": "onnx-0123456789abcdef"})


def test_a_network_that_is_not_a_number_is_refused(finished, tmp_path, monkeypatch):
    """As earlier versions wrote it."""
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path))
    files.run_folder("first").parent.mkdir()
    finished.rename(files.run_folder("first"))
    model = read_model(files.run_folder("first"))
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    model.save(files.run_folder("first") / files.MODEL)
    with pytest.raises(UserError, match="The training of the run first diverged"):
        trained_network("first")


def test_a_small_gallery_has_a_small_cohort(tmp_path):
    embeddings, labels = clustered(people=8)
    settings = dataclasses.replace(SMALL, network=COHORT, epochs=1, held_out_share=0.4)
    fit(tmp_path / "run", embeddings, labels, settings)
    assert len(read_model(tmp_path / "run").to_numpy().cohort) == 2


def test_evaluation_agrees_with_the_history_and_is_added_to_older_runs(tmp_path):
    embeddings, labels = clustered()
    given = (tmp_path / "run", embeddings, labels, dataclasses.replace(SMALL, epochs=2))
    best = fit(*given, names=[f"Person {label}" for label in labels])
    kept = evaluations.read_evaluation(tmp_path / "run")
    assert kept is not None
    for way, name in (("network", "held_out_rank_1"), ("cosine", "held_out_cosine_rank_1")):
        assert kept["ways"][way]["rank_k"]["share"][0] == pytest.approx(best[name], abs=1e-3)
    whole = geometry.read_geometry(tmp_path / "run")
    for file in (files.EVALUATION, files.GEOMETRY):
        (tmp_path / "run" / file).unlink()
    written = (tmp_path / "run" / files.MODEL).stat().st_mtime_ns
    fit(*given)
    assert evaluations.read_evaluation(tmp_path / "run") is None
    fit(*given, names=[f"Person {label}" for label in labels])
    assert (tmp_path / "run" / files.MODEL).stat().st_mtime_ns == written
    assert evaluations.read_evaluation(tmp_path / "run") == kept
    (again,) = geometry.read_geometry(tmp_path / "run").items()
    assert again == (best["epoch"], {"held_out": whole[int(best["epoch"])]["held_out"]})


def test_training_uses_all_variants_and_measures_the_originals(tmp_path):
    embeddings, labels = clustered()
    variants = np.stack([embeddings, -embeddings, np.roll(embeddings, 64, axis=1)], axis=1)
    batches = FitBatches(variants, labels, SMALL)
    ((rows, _, seeds),) = batches.blocks(0)
    shown = batches.table[rows[0]]
    kinds = [(np.abs(shown[:, :, None] - variants[:, place]).max(axis=3) == 0).any(axis=2) for place in range(3)]
    assert (np.sum(kinds, axis=0) == 1).all()
    assert np.mean(kinds, axis=(1, 2)) == pytest.approx([1 / 3] * 3, abs=0.1)
    ((again, _, seeds_again),) = batches.blocks(0)
    assert (again == rows).all() and (seeds_again == seeds).all()
    short = dataclasses.replace(SMALL, epochs=1)
    histories = {}
    for name, shown in {"plain": embeddings, "one": embeddings[:, None], "three": variants}.items():
        fit(tmp_path / name, shown, labels, short)
        histories[name] = read_history(tmp_path / name)
    measured = [name for name in histories["plain"][0] if name not in (*usage.COLUMNS, "train_loss")]
    for name in measured:
        assert histories["one"][1][name] == pytest.approx(histories["plain"][1][name], rel=1e-3)
        assert histories["three"][0][name] == pytest.approx(histories["plain"][0][name], rel=1e-3)
    assert histories["three"][1]["held_out_loss"] != pytest.approx(histories["plain"][1]["held_out_loss"], rel=1e-3)


@pytest.mark.parametrize("identity", [None, {"model": "another"}], ids=["default embedder", "another embedder"])
def test_a_finished_run_is_a_scorer_for_the_embedder_it_was_trained_on(tmp_path, monkeypatch, identity):
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path))
    embeddings, labels = clustered(people=120, spread=2.0)
    about = {"embedding": identity or default_identity()}
    settings = dataclasses.replace(SMALL, network=RESIDUAL, epochs=1)
    fit(files.run_folder("mine"), embeddings, labels, settings, about=about)
    scorer = registry.load_scorer("mine", identity)
    assert scorer.name == "mine"
    held_out = split_people(labels, settings.held_out_share, settings.seed)
    rows, people = embeddings[held_out], labels[held_out]
    distances = scorer.distances(rows[0], scorer.prepare(rows[1:]))
    resemblance, same = scorer.calibration.same_person(distances), people[1:] == people[0]
    assert resemblance[same].mean() > 50 > resemblance[~same].mean()
    assert finished_runs(identity) == ["mine"] and finished_runs({"model": "third"}) == []
    with pytest.raises(WeightsError, match="trained on embeddings of another model"):
        registry.load_scorer("mine", {"model": "third"})


def test_a_run_with_few_people_held_out_has_no_calibration(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path))
    fitted(files.run_folder("small"), dataclasses.replace(SMALL, epochs=1))
    assert np.isnan(registry.load_scorer("small", FACENET_128.identity).calibration.same_person([0.1])).all()


def test_profiling_times_the_forward_pass_and_changes_nothing_else(tmp_path):
    embeddings, labels = clustered()
    short = dataclasses.replace(SMALL, epochs=2)
    for name, profile in (("plain", False), ("profiled", True)):
        fit(tmp_path / name, embeddings, labels, short, profile=profile)
    plain, profiled = (read_history(tmp_path / name) for name in ("plain", "profiled"))
    assert all(row["forward_seconds"] > 0 for row in profiled)
    assert "forward_seconds" not in plain[0]
    for one, other in zip(plain, profiled, strict=True):
        same = dict.fromkeys(usage.COLUMNS, 0)
        assert {**one, **same} == pytest.approx({**other, **same}, rel=1e-4, nan_ok=True)
