"""Building with workers in a real Ray: the same gallery as one process builds, whoever is killed on the way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import ray_cluster
from pipeline.errors import UserError
from pipeline.gallery import building, editing, layout, opening, shards
from pipeline.gallery.building import BuildReport, BuildSettings
from pipeline.gallery.shards import PartTask
from pipeline.gallery.workers import LoadNetworks, RayWorkers
from pipeline.sources import folder as folders
from pipeline.sources.base import SourcePerson, source_people
from tests import processes, ray_nodes, toys
from tests.conftest import default_dimensions, put
from tests.trust import work
from tests.trust.kills import contents

pytestmark = pytest.mark.slow

# Each part is a task.
SETTINGS = BuildSettings(people_per_part=2)
# Builds the toys' people in the data folder, as `--ray local` does.
BUILD = """
import sys
from pathlib import Path
from tests.pipeline.gallery import test_workers
from tests.trust import work
work.photos_folder = lambda: Path(sys.argv[1])
test_workers.build("local")
"""


def reachable() -> set[str]:
    """The sockets of this machine that listen to others, too: those of IPv4 and IPv6 that are not of its loopback."""
    lines = [
        line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    listening = {address for _, address, _, state, *_ in lines if state == "0A"}
    loopback = ("0100007F:", "0000000000000000FFFF00000100007F:", "00000000000000000000000001000000:")
    return {address for address in listening if not address.startswith(loopback)}


@pytest.fixture(scope="module")
def cluster():
    """A Ray of this machine with two workers, for all builds of the module. The sockets that others reach by then."""
    before = reachable()
    with ray_cluster.connected("local", 2):
        yield reachable() - before


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A data folder, in which photos are made at the same paths each time."""
    monkeypatch.setenv("LOOKSLIKEWHO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(work, "photos_folder", lambda: tmp_path / "photos")
    return tmp_path / "home"


def everybody(folder: Path) -> list[SourcePerson]:
    """People with all that a build must take care of, in six parts or more."""
    people = work.people(("Ann", "Bob", "Cid", "Dan", "Eve", "Fay", "Gus"), 100)
    junk = folder / "junk.jpg"
    junk.write_bytes(b"no photo")
    shutil.copyfile(people[1].photos[0], folder / "twice.jpg")
    return [
        *people,
        # Another spelling of a person of the first part, and a photo that another has.
        replace(people[0], key="ann", name="ann", photos=(people[6].photos[0], folder / "twice.jpg")),
        SourcePerson("Hal", "Hal", (junk, folder / "twice.jpg", people[2].photos[0]), "Toys", "none"),
        SourcePerson("Ida", "Ida", (folder / "gone.jpg",), "Toys", "none"),
        replace(people[3], key="Joe", name="Joe", photos=work.people(("Joe",), 300)[0].photos, portrait_first=True),
        replace(people[1], photos=(*people[1].photos, folder / "twice.jpg")),
    ]


def build(ray: str | None, people: list[SourcePerson] | None = None, load: Any = toys.load_networks) -> BuildReport:
    listed = everybody(work.photos_folder()) if people is None else people
    made = RayWorkers(ray, load) if ray else None
    return building.build("mine", source_people(listed), *toys.load_networks(1), settings=SETTINGS, workers=made)


def left(home: Path) -> dict[str, bytes]:
    """What a build has left, but for the time that is in no file of a gallery."""
    return contents(home)


def built(home: Path, **options: Any) -> dict[str, bytes]:
    """Build in a new data folder."""
    shutil.rmtree(home, ignore_errors=True)
    build(**options)
    return left(home)


def test_workers_of_this_machine_cannot_be_reached_from_others(cluster):
    assert not cluster


def test_the_gallery_is_that_of_one_process_byte_for_byte(cluster, place):
    alone = built(place, ray=None)
    assert built(place, ray="local") == alone
    assert sum(name.endswith(".jpg") for name in alone) > 10
    assert not [name for name in alone if "building" in name]


def test_so_is_a_gallery_that_is_added_to(cluster, place):
    found = []
    for ray in (None, "local"):
        shutil.rmtree(place, ignore_errors=True)
        people = everybody_at(place)
        build(None, people[:4])
        editing.add_photos("mine", [work.new_photo("Zoe", 900, 192)])
        report = build(ray, [*people, *editing.added_people("mine")])
        found.append((left(place), report.faces, report.faces_added, report.rejected, report.missing, report.shared))
    assert found[0] == found[1]


def everybody_at(home: Path) -> list[SourcePerson]:
    work.photos_folder().mkdir(parents=True, exist_ok=True)
    return everybody(work.photos_folder())


def load_and_die_once(mark: Path, threads: int) -> Any:
    """The toys' networks; the first worker that is to find a face is killed, and leaves a mark."""
    detector, embedder = toys.load_networks(threads)
    find = detector.network

    def find_or_die(photos: np.ndarray) -> Any:
        try:
            mark.touch(exist_ok=False)
        except FileExistsError:
            return find(photos)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    detector.network = find_or_die
    return detector, embedder


def test_a_worker_that_is_killed_is_replaced_and_nothing_lost(cluster, place, tmp_path):
    alone = built(place, ray=None)
    mark = tmp_path / "killed"
    assert built(place, ray="local", load=partial(load_and_die_once, mark)) == alone
    assert mark.exists()


def test_a_damaged_shard_is_made_again_and_a_whole_one_used(cluster, place, monkeypatch):
    alone = built(place, ray=None)
    shutil.rmtree(place)
    performed: list[PartTask] = []

    class Interrupted(RayWorkers):
        def perform(self, tasks):
            performed.extend(tasks)
            for task in tasks:
                shards.perform(task, *toys.load_networks(1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        people = source_people(everybody_at(place))
        networks, workers_there = toys.load_networks(1), Interrupted("local", toys.load_networks)
        building.build("mine", people, *networks, settings=SETTINGS, workers=workers_there)
    made = sorted((layout.folder_of("mine") / layout.BUILDING / shards.FOLDER).iterdir())
    assert made == sorted(task.place for task in performed)
    made[0].write_bytes(made[0].read_bytes()[:-100])
    again, perform = list[PartTask](), RayWorkers.perform

    def noted(self, tasks):
        again.extend(tasks)
        return perform(self, tasks)

    monkeypatch.setattr(RayWorkers, "perform", noted)
    build("local")
    assert [task.place for task in again] == made[:1]
    assert left(place) == alone


def test_a_build_that_is_killed_goes_on_and_ends_as_if_it_had_not_been(cluster, place):
    alone = built(place, ray=None)
    shutil.rmtree(place)
    command = [sys.executable, "-c", BUILD, str(work.photos_folder())]
    folder = layout.folder_of("mine") / layout.BUILDING / shards.FOLDER
    with subprocess.Popen(command, start_new_session=True) as driver:
        deadline = time.monotonic() + 120
        while driver.poll() is None and time.monotonic() < deadline and not made_in(folder):
            time.sleep(0.005)
        driver.kill()
    assert driver.returncode == -signal.SIGKILL
    build("local")
    assert left(place) == alone
    end(driver.pid)


def made_in(folder: Path) -> list[Path]:
    """The shards that are complete, and the parts that have been made of others."""
    return [*folder.glob("*.parquet"), *folder.parent.glob("*.parquet")]


def end(session: int) -> None:
    """Check that the workers of a session have ended, and end what takes Ray a minute."""
    for _ in range(300):
        running = processes.of_session(session)
        others = [number for number, command in running.items() if b"Agent" not in command]
        if not others:
            break
        time.sleep(0.1)
    for number in running:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    assert others == []


def test_without_ray_one_sentence_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match="needs the package ray") as refused:
        ray_cluster.load_ray(local=True)
    assert refused.value.command == 'pip install "lookslikewho[ray]"'


def test_a_worker_without_the_face_model_says_so():
    with pytest.raises(UserError, match="does not have the face model other"):
        LoadNetworks("mtcnn", {"model": "other"})(1)


# Here, because a cluster of several nodes listens on addresses that others could reach, as seen by the test above.
@pytest.mark.tensorflow
def test_two_nodes_build_what_one_process_builds(home, models, examples, tmp_path):
    photos = {f"{name}/{path.name}": path for name, paths in examples.items() for path in paths}
    people = folders.people_in_folder(put(tmp_path / "people", photos))
    # As by the command.
    settings = BuildSettings(photos_per_person=10)
    building.build("alone", people, models.detector, models.embedder, settings=settings)
    with ray_nodes.nodes(2) as address:
        command = [sys.executable, "-m", "pipeline", "build", tmp_path / "people", "--gallery", "shared"]
        done = subprocess.run([*command, "--ray", address], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "5 people, 25 faces" in done.stdout
    alone, shared = opening.open_gallery("alone"), opening.open_gallery("shared")
    assert shared.embeddings.shape == (25, default_dimensions())
    np.testing.assert_allclose(shared.embeddings, alone.embeddings, atol=1e-5)
    numeric = ["confidence", "face_side_px"]
    assert shared.faces.drop_columns(numeric).equals(alone.faces.drop_columns(numeric))
