"""The compared systems: their protocol, their networks, what they learn, and how they are run and read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest

from pipeline import storage
from pipeline.embedding.base import unit
from pipeline.errors import WeightsError
from tests.conftest import unit_rows
from train.__main__ import main
from train.runs import files
from train.runs.history import read_history
from train.systems import compare, embedding_systems, last_layer, protocol, scratch, siamese, similarity_nets, thin
from train.systems.protocol import Budget, ComparisonProtocol
from train.systems.siamese import SiameseSettings
from train.systems.system import enrolled, rows_of

SMALL = Budget(steps=6, epochs=3, people=8, photos=3)


def pairs(people: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of one person and of two, of people with two photos or three."""
    random = np.random.default_rng(seed)
    some = np.flatnonzero(np.isin(people, np.flatnonzero(np.isin(np.bincount(people), (2, 3)))))
    drawn = random.choice(some, (200 * count, 2))
    drawn = drawn[drawn[:, 0] != drawn[:, 1]]
    same = people[drawn[:, 0]] == people[drawn[:, 1]]
    kept = np.r_[np.flatnonzero(same)[:count], np.flatnonzero(~same)[: 2 * count]]
    return drawn[kept], same[kept]


@dataclass(frozen=True)
class Synthetic:
    """People as bright spots at places of their own in noisy pictures, and as directions in noisy rows."""

    budget: Budget = field(default_factory=lambda: SMALL)

    @cached_property
    def people(self) -> np.ndarray:
        return np.repeat(np.arange(72), np.r_[np.full(24, 6), np.full(24, 3), np.full(24, 1)])

    @cached_property
    def protocol(self) -> ComparisonProtocol:
        return protocol.draw_comparison(self.people, pairs(self.people, 40, 1), pairs(self.people, 40, 2))

    def rows(self, embedder: str) -> np.ndarray:
        if embedder == "vgg16":
            raise WeightsError("There are no weights.")
        noise = np.random.default_rng(5).normal(0, 0.06, (len(self.people), 128))
        return unit(unit_rows(72)[self.people] + noise)[self.protocol.photos]

    def views(self) -> np.ndarray:
        return np.stack([self.rows("facenet")] * 2, axis=1)

    def _crops(self, seed: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        crops = random.normal(100, 20, (len(self.people), 60, 60, 3))
        for photo, person in enumerate(self.people):
            y, x = 6 * (person // 9) + 2, 6 * (person % 9) + 2
            crops[photo, y : y + 8, x : x + 8] += 120
        return np.clip(crops, 0, 255).astype(np.uint8)

    def crops(self) -> np.ndarray:
        return self._crops(6)[self.protocol.photos]

    def variants(self) -> np.ndarray:
        learn = self.protocol.learn.ravel()
        return np.stack([self._crops(seed)[learn] for seed in (6, 7)], axis=1)

    def cost(self, embedder: str) -> tuple[int, float]:
        return 22_808_144, 100.0


def test_nobody_who_is_learned_from_is_in_a_pair_and_no_photo_has_two_parts():
    given = Synthetic().protocol
    assert given.learn.shape == (24, 3)
    assert len(given.probes) == 24 * 3
    assert sorted(given.people[given.unknown]) == list(range(24, 72))
    learned = given.people[given.learn[:, 0]]
    assert (given.people[given.learn] == learned[:, None]).all()
    assert set(given.people[given.probes]) == set(learned)
    assert not set(given.probes) & set(given.learn.ravel())
    for part in (given.choose, given.report):
        assert not np.isin(given.people[part.photos], learned).any()
        assert part.same.sum() * 2 == len(part.same) == 80
        assert ((given.people[part.photos[:, 0]] == given.people[part.photos[:, 1]]) == part.same).all()
    assert (given.photos[rows_of(given, given.learn)] == given.learn).all()


def test_the_protocol_is_the_same_for_the_same_seed_and_another_for_another():
    inputs = Synthetic()
    again = protocol.draw_comparison(inputs.people, pairs(inputs.people, 40, 1), pairs(inputs.people, 40, 2))
    other = protocol.draw_comparison(inputs.people, pairs(inputs.people, 40, 1), pairs(inputs.people, 40, 2), seed=1)
    assert (again.learn == inputs.protocol.learn).all()
    assert (other.learn != inputs.protocol.learn).any()


def test_the_published_network_has_its_layers_and_842624_parameters():
    model = scratch.scratch_network()
    assert model.count_params() == 842_624
    shapes = [layer.output.shape[1:] for layer in model.layers if "conv2d" in layer.name]
    assert shapes == [(30, 30, 64), (15, 15, 128), (8, 8, 64), (4, 4, 64)]
    assert [layer.units for layer in model.layers if "dense" in layer.name] == [512, 256, 128]
    for pooling in ("average", "none"):
        assert (
            scratch.scratch_network(scratch.ScratchSettings(pooling=pooling, dropout=0.3)).count_params() == 842_624
        )
    assert (
        scratch.scratch_network(scratch.ScratchSettings(batch_normalisation=True)).count_params() == 842_624 + 4 * 320
    )


def test_each_anchor_has_four_positives_and_four_negatives_each_with_each():
    found = siamese.triplets(5, 3, 4, 4, np.random.default_rng(0))
    person = np.arange(15) // 3
    assert len(found) == 15 * 16
    anchor, near, far = found.T
    assert (person[anchor] == person[near]).all()
    assert (anchor != near).all()
    assert (person[anchor] != person[far]).all()
    assert found.min() == 0
    assert found.max() == 14
    # Every photo of other people can be drawn.
    many = siamese.triplets(5, 3, 1, 2000, np.random.default_rng(0))
    assert set(many[many[:, 0] == 0][:, 2]) == set(range(3, 15))


@pytest.mark.parametrize(
    "loss", ["triplet", "contrastive", "binary", "similar_different", "n_pairs", "cluster", "softmax"]
)
def test_a_layer_learns_by_each_loss_what_tells_people_apart(loss, tmp_path):
    """Only eight of the numbers say who it is; the others are louder and say nothing."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(40), 8)
    rows = np.concatenate([random.normal(size=(40, 8))[labels], 3 * random.normal(size=(320, 24))], axis=1)
    rows = unit(rows + 0.05 * random.normal(size=rows.shape))
    half = labels < 20
    drawn, same = pairs_among(labels[~half])
    margin = {"triplet": 0.3, "contrastive": 1.0, "similar_different": 1.0}.get(loss, 1.0)
    budget = Budget(steps=30, epochs=4, people=10, photos=3)
    model = siamese.train_siamese(
        last_layer.layer(32),
        rows[half][:, None],
        labels[half],
        (rows[~half], drawn, same),
        SiameseSettings(loss, margin, learning_rate=5e-3),
        budget,
        tmp_path,
    )
    history = read_history(tmp_path)
    assert [row["epoch"] for row in history] == [0, 1, 2, 3, 4]
    if loss == "softmax":
        # What classes ask for can be learned by their own layer alone.
        assert history[-1]["train_loss"] < 0.9 * history[1]["train_loss"]
    else:
        assert max(row["held_out_auc"] for row in history[1:]) > history[0]["held_out_auc"] + 0.05
    codes = siamese.embed_photos(model, rows)
    values = model.distances()(codes[:5], codes)
    assert values.shape == (5, 320)
    assert ((values >= -1e-6) & (values <= 1 + 1e-6)).all()


def pairs_among(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    one, other = np.triu_indices(len(labels), 1)
    same = labels[one] == labels[other]
    return np.stack([one, other], axis=1), same


def test_the_manhattan_distance_is_symmetric_and_grows_with_every_difference(tmp_path):
    rows, labels = unit_rows(24, dimensions=16), np.repeat(np.arange(8), 3)
    choose = rows, *pairs_among(labels)
    budget = Budget(steps=1, epochs=1, people=4, photos=3)
    model = siamese.train_siamese(
        last_layer.layer(16), rows[:, None], labels, choose, SiameseSettings("binary"), budget, tmp_path
    )
    values = model.distances()(rows, rows)
    assert values == pytest.approx(values.T, abs=1e-6)
    assert (values.diagonal() <= values.min(axis=1) + 1e-6).all()


def test_learning_that_was_stopped_ends_as_if_it_never_was(tmp_path, monkeypatch):
    rows, labels = unit_rows(24, dimensions=16), np.repeat(np.arange(8), 3)
    choose = rows, *pairs_among(labels)
    budget = Budget(steps=2, epochs=4, people=4, photos=3)

    def learned(folder: Path) -> np.ndarray:
        folder.mkdir(exist_ok=True)
        trunk = last_layer.layer(16)
        return siamese.embed_photos(
            siamese.train_siamese(trunk, rows[:, None], labels, choose, SiameseSettings(), budget, folder), rows
        )

    whole = learned(tmp_path / "whole")
    written = siamese.EpochRecorder.on_epoch_begin

    def killed(self: siamese.EpochRecorder, epoch: int, logs: dict[str, float] | None = None) -> None:
        if epoch == 2:
            raise KeyboardInterrupt
        written(self, epoch, logs)

    with monkeypatch.context() as patch:
        patch.setattr(siamese.EpochRecorder, "on_epoch_begin", killed)
        with pytest.raises(KeyboardInterrupt):
            learned(tmp_path / "stopped")
    assert len(read_history(tmp_path / "stopped")) == 3
    assert learned(tmp_path / "stopped") == pytest.approx(whole, abs=1e-6)
    without_seconds = [
        [{name: value for name, value in row.items() if name != "seconds"} for row in read_history(tmp_path / name)][
            1:
        ]
        for name in ("whole", "stopped")
    ]
    assert without_seconds[0] == without_seconds[1]


CHEAP = ("embedder-facenet", "embedder-vgg16", "knn", "svm", "centroid", "last-layer-triplet")


def test_systems_are_run_once_ranked_and_written_as_runs(empty_home):
    known = compare.systems()
    told: list[str] = []
    rows = compare.compare([known[name] for name in CHEAP], Synthetic(), told.append)
    assert len(told) == len(CHEAP)
    assert [row["name"] for row in rows][-1] == "embedder-vgg16"
    assert rows[-1]["reason"] == "There are no weights."
    figures = {row["name"]: row for row in rows[:-1]}
    assert all(figures[name]["rank_1"] > 0.9 for name in figures)
    assert all(figures[name]["dir_at_far_1e-2"] > 0.5 for name in figures)
    assert figures["embedder-facenet"]["accuracy"] > 0.9
    assert "accuracy" not in figures["svm"]
    assert compare.cells(figures["svm"])[2] == "–"
    assert figures["last-layer-triplet"]["steps"] == 18
    place = compare.folder() / "last-layer-triplet"
    assert sorted(path.name for path in place.iterdir()) == [
        "config.json",
        "curves.json",
        "history.csv",
        "result.json",
    ]
    curves = json.loads((place / "curves.json").read_text())
    assert set(curves) == {"threshold", "roc", "histogram", "k_nearest"}
    assert set(curves["threshold"]) == {"threshold", "accuracy", "precision", "recall", "f1"}
    # Again: only what could not run is tried.
    told.clear()
    assert compare.compare([known[name] for name in CHEAP], Synthetic(), told.append) == rows
    assert told == [f"2 of {len(CHEAP)}: VGG16 (ImageNet), cosine"]
    # Another budget is another run.
    compare.compare([known["centroid"]], Synthetic(replace(SMALL, epochs=2)), told.append)
    assert told[-1] == "1 of 1: FaceNet 128, nearest centroid"


def test_a_system_that_was_killed_is_run_from_its_beginning(empty_home):
    known = compare.systems()["centroid"]
    compare.compare([known], Synthetic())
    place = compare.folder() / "centroid"
    (place / compare.CURVES).unlink()
    told: list[str] = []
    compare.compare([known], Synthetic(), told.append)
    assert told
    assert (place / compare.CURVES).is_file()


def test_a_classifier_knows_people_and_not_pairs(tmp_path):
    inputs = Synthetic()
    made = embedding_systems.CLASSIFIERS[1].make(inputs, tmp_path)
    photos, people = enrolled(inputs)
    assert made.people is not None
    values = made.people(made.rows[photos])
    assert values.shape == (72, 24)
    assert (values.argmin(axis=1) == people).all()


@pytest.mark.parametrize("system", [*scratch.SYSTEMS[:1], *thin.SYSTEMS[:2], *similarity_nets.SYSTEMS[-1:]])
def test_a_network_learns_people_from_their_pictures(system, empty_home, tmp_path):
    budget = Budget(steps=20, epochs=2, people=12, photos=3)
    inputs = Synthetic(budget)
    (row,) = compare.compare([system], inputs, lambda _: None)
    assert row["rank_1"] > 0.5
    assert row["train_seconds"] > 0
    assert row["steps"] == 40
    assert read_history(compare.folder() / system.name)


def test_last_layers_of_the_thin_network_share_one_classification(empty_home, monkeypatch):
    budget = Budget(steps=3, epochs=1, people=6, photos=3)
    one, other = thin.SYSTEMS[1:3]
    compare.compare([one], Synthetic(budget), lambda _: None)
    weights = compare.folder() / "thin-classification" / "network.weights.h5"
    before = storage.sha256(weights)
    compare.compare([other, thin.CLASSIFICATION], Synthetic(budget), lambda _: None)
    assert storage.sha256(weights) == before


def test_the_command_lists_the_systems_and_refuses_unknown_ones(capsys, tmp_path):
    assert main(["compare", "--list"]) == 0
    listed = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[0] for line in listed] == list(compare.systems())
    assert main(["compare", "nothing"]) == 1
    assert capsys.readouterr().err.endswith("There is no system nothing.\nRun: python -m train compare --list\n")
    assert main(["compare", "centroid", "--lfw", str(tmp_path)]) == 1
    assert "LFW is not in" in capsys.readouterr().err


def test_every_system_has_a_name_of_its_own_and_what_is_recorded_is_known():
    known = compare.systems(["mine/Model.onnx"])
    assert len({system.title for system in known.values()}) == len(known)
    assert "embedder-model" in known
    recorded = {path.parent.name for path in compare.RECORDED.glob(f"*/{files.CONFIG}")}
    assert recorded <= set(compare.systems())


def test_what_is_recorded_is_small_and_complete():
    rows = {row["name"]: row for row in compare.all_systems()}
    finished = [name for name, row in rows.items() if "rank_1" in row]
    assert len(finished) >= 15
    assert all("reason" in row for name, row in rows.items() if name not in finished)
    assert sum(path.stat().st_size for path in compare.RECORDED.rglob("*") if path.is_file()) < 1_000_000
    assert rows["scratch-final"]["parameters"] == 842_624


def test_a_folder_with_damaged_files_is_a_system_without_figures(tmp_path: Path):
    (tmp_path / "config.json").write_text("{")
    assert "has not finished" in compare.read_system(tmp_path)["reason"]
