"""Releasing a run: its network and resemblance are used for every gallery of its embedder."""

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.embedding.pair import FACENET_PAIR
from pipeline.errors import UserError
from pipeline.gallery.gallery import Gallery
from pipeline.similarity import registry
from pipeline.similarity.files import read_network
from tests.train.test_fit import SMALL, clustered
from train.fit import fit
from train.options import COHORT
from train.releasing import release_run
from train.runs.files import run_folder
from train.runs.networks import shipped_network
from train.sampling import split_people

IDENTITY = {"model": FACENET_PAIR.model}


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """A finished run on a gallery of 120 people; its name, the gallery and the names of the gallery's rows."""
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path))
    embeddings, labels = clustered(people=120, spread=1.5)
    names = np.array([f"Person {label}" for label in labels])
    settings = dataclasses.replace(SMALL, network=COHORT, epochs=1)
    held_out = split_people(labels, settings.held_out_share, settings.seed)
    about = {"embedding": IDENTITY, "trained_on": sorted(set(names[~held_out].tolist()))}
    fit(run_folder("mine"), embeddings, labels, settings, held_out=held_out, about=about)
    faces = pa.table({"person": pa.array(names).dictionary_encode()})
    return "mine", Gallery(Path("others"), {"embedding": IDENTITY}, faces, embeddings), names


def test_a_released_run_ranks_every_gallery_of_its_embedder(trained):
    run, opened, names = trained
    assert np.isnan(registry.scorer_for(IDENTITY).calibration.middle)
    released = release_run(run, opened, names)
    assert released.people == 24
    scorer, cosine = registry.scorer_for(IDENTITY), registry.scorer_for(IDENTITY, "cosine")
    assert (scorer.name, cosine.name) == ("network", "cosine")
    network, trained_on = shipped_network(IDENTITY)
    held_out = ~np.isin(names, trained_on)
    assert len(set(names[held_out])) == 24
    assert network.steepness == read_network(run_folder(run), IDENTITY).steepness
    rows, people = opened.embeddings[held_out], names[held_out]
    for one in (scorer, cosine):
        resemblance = one.calibration.same_person(one.distances(rows[0], one.prepare(rows[1:])))
        same = people[1:] == people[0]
        assert resemblance[same].mean() > 50 > resemblance[~same].mean()


def test_a_release_needs_twenty_people_whom_the_run_was_not_trained_on(trained):
    run, opened, names = trained
    strangers = np.array([f"{name} again" if number < 50 else name for number, name in enumerate(names)])
    few = np.isin(names, sorted(set(names))[:10])
    less = Gallery(opened.folder, opened.manifest, opened.faces.filter(pa.array(few)), opened.embeddings[few])
    with pytest.raises(UserError, match=r"20 people with several photos .* the gallery others has 10"):
        release_run(run, less, np.char.add(names[few], " again"))
    assert registry.scorer_for(IDENTITY).name == "cosine"
    assert release_run(run, opened, strangers).people > 24


def test_a_run_is_not_released_for_another_embedder(trained):
    run, opened, names = trained
    other = Gallery(opened.folder, {"embedding": {"model": "sface-2021dec"}}, opened.faces, opened.embeddings)
    with pytest.raises(UserError, match="trained for another embedder"):
        release_run(run, other, names)
