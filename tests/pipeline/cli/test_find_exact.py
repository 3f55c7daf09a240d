"""``find`` gives what :class:`Lookalikes` gives, with and without ``--exact``."""

from __future__ import annotations

import json

import pytest

from pipeline.cli.app import main
from pipeline.embedding.registry import DEFAULT_EMBEDDER, default_identity
from pipeline.lookalikes import Lookalikes, Models
from pipeline.search.search import SearchSettings
from pipeline.similarity import files
from pipeline.similarity.registry import SCORERS
from tests.conftest import default_dimensions
from tests.pipeline.similarity.test_scorers import CURVE, network

OF_DEFAULT = {"embedding": default_identity()}

FEW = SearchSettings(candidates=1)


@pytest.fixture
def find(small, models, monkeypatch, tmp_path, capsys):
    """Run ``find --json`` with few candidates and a network that disagrees with the cosine, which chooses them."""
    monkeypatch.setattr(Models, "load", lambda: models)
    files.write_network(
        tmp_path / "network" / DEFAULT_EMBEDDER, network(length=default_dimensions()), CURVE, OF_DEFAULT
    )
    monkeypatch.setattr(files, "SHIPPED", tmp_path / "network")
    # The default of the keyword argument, which the command line does not give.
    monkeypatch.setitem(Lookalikes.open.__func__.__kwdefaults__, "settings", FEW)  # type: ignore[attr-defined]

    def find_(*arguments: object) -> list[list[tuple[str, float]]]:
        assert main(["find", *map(str, arguments), "--gallery", "small", "--top", "1", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        photos = found if isinstance(found, list) else [found]
        return [[(match["name"], match["distance"]) for match in photo["matches"]] for photo in photos]

    return find_


@pytest.mark.parametrize("scorer", SCORERS)
def test_find_ranks_as_the_app_does_with_and_without_exact(find, models, examples, scorer):
    photos = [path for paths in examples.values() for path in paths[3:]]
    lookalikes = Lookalikes.open("small", models=models, scorer=scorer)
    probes = [lookalikes.look(photo)[1] for photo in photos]
    found = {}
    for exact, options in ((False, ()), (True, ("--exact",))):
        ranked = lookalikes.rank(probes, top=1, exact=exact)
        expected = [[(match.name, match.distance) for match in matches] for matches in ranked]
        found[exact] = find(*photos, "--scorer", scorer, *options)
        assert found[exact] == expected
        # A photo alone gets the same answer.
        assert find(photos[0], "--scorer", scorer, *options) == expected[:1]
    if scorer == "network":
        assert found[True] != found[False]
