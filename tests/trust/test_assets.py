"""Harm to what ships, and to what a user released: a sentence, or the same figures as before."""

from __future__ import annotations

import shutil

import pytest

from pipeline.embedding.registry import EMBEDDERS
from pipeline.errors import UserError
from pipeline.similarity import files, network_scorer, shipped
from tests.trust.damage import harms

HARMS = 40
IDENTITY = EMBEDDERS["sface"].identity


def figures() -> list[object]:
    scorer = network_scorer.scorer_of_embedder(IDENTITY)
    return [scorer.digest, scorer.calibration, shipped.cosine_calibration(IDENTITY)]


@pytest.mark.parametrize("name", ["cosine.json", "manifest.json", "network.npz"])
def test_a_damaged_file_that_ships_is_a_sentence(tmp_path, monkeypatch, name):
    whole = figures()
    place = tmp_path / "similarity"
    shutil.copytree(files.SHIPPED / "sface", place / "sface")
    monkeypatch.setattr(files, "SHIPPED", place)
    path = place / "sface" / name
    data = path.read_bytes()
    for harm in harms(data, HARMS):
        path.unlink(missing_ok=True)
        if harm.harmed is not None:
            path.write_bytes(harm.harmed)
        try:
            found = figures()
        except UserError as error:
            assert "Reinstall this version" in str(error), harm.kind
            assert str(tmp_path) not in str(error)
        else:
            same = [whole[0], whole[1], found[2] if harm.harmed is None else whole[2]]
            assert found == same, harm.kind
