"""``build --source wikidata`` with the real networks, against a server that speaks as Wikimedia does."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.gallery import opening, reassigning, removing
from pipeline.map.files import open_map
from pipeline.sources.wikidata import celebrities
from tests.cases import wikimedia
from tests.cases.wikimedia import World
from tests.conftest import LFW
from tests.pipeline.cli.conftest import one_sentence
from tests.pipeline.sources.wikidata.conftest import photos_by_person

PEOPLE = 12
BUILD = ("build", "--source", "wikidata", "--people", str(PEOPLE), "--photos-per-person", "2")


@pytest.fixture
def world():
    return wikimedia.world_of(photos_by_person(), 250)


@pytest.fixture
def server(world, home, monkeypatch):
    with wikimedia.serving(world, faults=False) as serving:
        for name, value in serving.environment.items():
            monkeypatch.setenv(name, value)
        yield serving


def ids() -> list[str]:
    """Who is in the gallery, by id."""
    keys = opening.open_gallery("celebrities").faces["person"].unique().to_pylist()
    return [key.removeprefix(f"{celebrities.SOURCE}/") for key in keys]


def test_celebrities_have_columns_and_credits_and_can_be_filtered(server, run_loaded, world, home, madonna):
    code, output, _ = run_loaded(*BUILD)
    assert code == 0
    opened = opening.open_gallery("celebrities")
    assert opened.people_count == len(ids()) == PEOPLE
    assert f"Gallery celebrities: {PEOPLE} people" in output
    assert "Women 4" in output
    assert len(open_map(opened).clusters) == len(opened)
    check_credits(world, home / "galleries" / "celebrities")
    women = {key for key in ids() if wikimedia.MALE not in world.people[key].sex}
    assert len(women) >= 5
    found = find(run_loaded, madonna, "--where", "sex=female|trans woman")
    assert {match["columns"]["wikidata"][0] for match in found} == women
    years = find(run_loaded, madonna, "--where", "born=1940..1979")
    assert 0 < len(years) < PEOPLE
    assert all(1940 <= match["columns"]["born"] <= 1979 for match in years)
    assert all(match["credit"]["author"] and match["credit"]["page"] for match in found)
    said = one_sentence(*run_loaded("find", madonna, "--gallery", "celebrities", "--where", "occupation=actr"))
    assert said.startswith("Nobody in the gallery celebrities has occupation=actr.")
    assert not [each for each in server.etiquette.agents if "LooksLikeWho" not in each]


def find(run_loaded, photo, *options):
    code, output, _ = run_loaded("find", photo, "--gallery", "celebrities", "--top", 50, "--json", *options)
    assert code == 0
    return json.loads(output)["matches"]


def check_credits(world: World, folder: Path) -> None:
    """Every photo's author and licence is in the gallery and in ``attribution.csv``."""
    opened = opening.open_gallery("celebrities")
    with (folder / "attribution.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(opened)
    for row, line in enumerate(lines):
        stated = world.people[opened.row(row)["person"].partition("/")[2]].files
        credit = opened.credit(row)
        assert opened.row(row)["licence"] == credit.licence == line["licence"]
        assert credit.licence in {file.licence for file in stated}
        assert line["author"] == credit.author != ""
        assert line["page"] == credit.page
        assert (folder / "crops" / "000" / line["crop"]).is_file()


def test_building_again_brings_the_gallery_up_to_date(server, run_loaded, world, home):
    assert run_loaded(*BUILD, "--any")[0] == 0
    before = ids()
    deleted, forbidden, changed, asked, named = (world.people[key] for key in before[:5])
    kept = {row["person"]: row["sha256"] for row in rows()}
    deleted.files[0].kind = "deleted"
    forbidden.files[0].licence = "CC BY-NC 2.0"
    changed.files[0].version += 1
    named.files[0].licence = "CC BY 4.0"
    (home / "exclude.txt").write_text(f"{asked.id}\n")
    digest = opening.open_gallery("celebrities").digest
    code, output, _ = run_loaded(*BUILD, "--any", "--dry-run")
    assert code == 0
    assert output.splitlines()[0] == f"Gallery celebrities would have {PEOPLE} people:"
    assert "       3  taken out" in output
    assert "       1  with another portrait" in output
    assert "       1  photos with another author or licence" in output
    assert output.endswith("Nothing was changed.\n")
    assert opening.open_gallery("celebrities").digest == digest
    assert run_loaded(*BUILD, "--any")[0] == 0
    after = ids()
    assert len(after) == PEOPLE
    assert not {deleted.id, forbidden.id, asked.id} & set(after)
    assert {changed.id, named.id, *before[5:]} <= set(after)
    same = [row for row in rows() if row["person"] in kept and row["person"].partition("/")[2] in before[4:]]
    assert all(row["sha256"] == kept[row["person"]] for row in same)
    assert {row["licence"] for row in rows() if row["person"].endswith(f"/{named.id}")} >= {"CC BY 4.0"}
    check_credits(world, home / "galleries" / "celebrities")
    # Nothing has changed since.
    digest = opening.open_gallery("celebrities").digest
    assert "(0 new)" in run_loaded(*BUILD, "--any")[1]
    assert opening.open_gallery("celebrities").digest == digest


def test_a_refresh_exchanges_nobody_and_leaves_out_who_was_removed(server, run_loaded, home):
    assert run_loaded(*BUILD)[0] == 0
    before, digest = ids(), opening.open_gallery("celebrities").digest
    code, output, _ = run_loaded(*BUILD)
    assert code == 0
    assert "(0 new)" in output
    assert opening.open_gallery("celebrities").digest == digest
    removed, back = before[0], before[1]
    key = f"{celebrities.SOURCE}/{removed}"
    code, output, _ = run_loaded("remove", key, "--gallery", "celebrities")
    assert code == 0
    left_out = home / "galleries" / "celebrities" / "exclude.txt"
    assert f"A refresh does not bring {key} back: {left_out} has {removed}." in output
    # What is undone is forgotten.
    photos = removing.remove_person("celebrities", f"{celebrities.SOURCE}/{back}")
    assert [line.split()[0] for line in left_out.read_text().splitlines()] == [removed, back]
    assert removing.restore("celebrities", photos) > 0
    assert [line.split()[0] for line in left_out.read_text().splitlines()] == [removed]
    assert run_loaded(*BUILD)[0] == 0
    after = ids()
    assert len(after) == PEOPLE
    assert removed not in after
    # Somebody else comes in, and nobody else goes but to keep the shares.
    assert len(set(before) - set(after)) <= 3
    # Nor does a gallery that is made anew have the person.
    assert run_loaded(*BUILD, "--fresh")[0] == 0
    assert set(ids()) == set(after)


def test_a_refresh_does_not_bring_back_a_photo_that_was_removed(server, run_loaded):
    build = (*BUILD, "--any")
    assert run_loaded(*build)[0] == 0
    before = opening.open_gallery("celebrities")
    several = np.flatnonzero(np.bincount(before.person_of_row) > 1)
    removed = set()
    for number, person in enumerate(several[:2].tolist()):  # A portrait, and another photo.
        row = before.row(int(np.flatnonzero(before.person_of_row == person)[number]))
        assert len(removing.remove_person("celebrities", row["person"], row["sha256"])) == 1
        removed.add((row["person"], row["sha256"]))
    assert "       0  with another portrait" in run_loaded(*build, "--dry-run")[1]
    assert run_loaded(*build)[0] == 0
    after = opening.open_gallery("celebrities").faces.select(["person", "sha256"]).to_pylist()
    assert not removed & {(row["person"], row["sha256"]) for row in after}


def test_a_refresh_leaves_people_merged_and_photos_moved(server, run_loaded):
    build = (*BUILD, "--any")
    assert run_loaded(*build)[0] == 0
    one, other = (f"{celebrities.SOURCE}/{key}" for key in ids()[:2])
    reassigning.merge_people("celebrities", one, other)
    last = rows()[-1]
    reassigning.move_photo("celebrities", last["person"], last["sha256"], "Somebody Else")
    merged = opening.open_gallery("celebrities")
    output = run_loaded(*build, "--dry-run")[1]
    assert "       0  new" in output
    assert "       0  taken out" in output
    assert "(0 new)" in run_loaded(*build)[1]
    assert opening.open_gallery("celebrities").faces.equals(merged.faces)


def rows():
    opened = opening.open_gallery("celebrities")
    first: dict[str, dict[str, Any]] = {}
    for row in range(len(opened)):
        first.setdefault(opened.row(row)["person"], opened.row(row))
    return list(first.values())


@pytest.mark.skipif(not LFW.is_dir(), reason="needs LFW for several photos of one face")
def test_planted_photos_of_others_are_left_out_and_own_ones_are_kept(home, run_loaded, monkeypatch):
    world = wikimedia.world_of([own[:3] for own in photos_by_person()[:200]], 200, planted=1.0)
    with wikimedia.serving(world, faults=False) as serving:
        for name, value in serving.environment.items():
            monkeypatch.setenv(name, value)
        build = ("build", "--source", "wikidata", "--people", "12", "--photos-per-person", "3", "--any")
        assert run_loaded(*build)[0] == 0
    opened = opening.open_gallery("celebrities")
    pages = [opened.credit(row).page for row in range(len(opened))]
    assert not [page for page in pages if "with_others" in page]
    assert len(pages) > 1.5 * opened.people_count
    reasons = (home / "galleries" / "celebrities" / "rejected.csv").read_text()
    assert reasons.count("perhaps somebody else") >= 12


def test_options_of_celebrities_are_for_them_alone(run_loaded, home, tmp_path):
    for option in (("--any",), ("--people", "5"), ("--dry-run",)):
        said = one_sentence(*run_loaded("build", tmp_path, *option))
        assert said == f"{option[0]} is for the source wikidata, which chooses people."
    assert "takes no folder" in one_sentence(*run_loaded("build", tmp_path, "--source", "wikidata"))


@pytest.mark.slow
def test_a_build_that_is_killed_five_times_loses_and_doubles_nothing(home, monkeypatch, models):
    world = wikimedia.world_of([own[:2] for own in photos_by_person()], 1200)
    with wikimedia.serving(world) as serving:
        environment = {**os.environ, **serving.environment}
        command = [sys.executable, "-m", "pipeline", "build", "--source", "wikidata", "--people", "100"]
        command += ["--photos-per-person", "2"]
        for number in range(5):
            process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
            seen = serving.etiquette.requests.total()
            deadline = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < deadline:
                if serving.etiquette.requests.total() > seen + 20 + 15 * number:
                    break
                time.sleep(0.05)
            if process.poll() is None:
                time.sleep(number)
                process.send_signal(signal.SIGKILL)
            process.wait()
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        seen_by_server = serving.etiquette
    assert len(ids()) == len(set(ids())) == 100
    opened = opening.open_gallery("celebrities")
    originals = Counter(opened.faces["original"].to_pylist())
    assert max(originals.values()) == 1
    check_credits(world, home / "galleries" / "celebrities")
    assert (seen_by_server.most_at_once, seen_by_server.early, len(seen_by_server.agents)) == (2, 0, 1)
