"""Building galleries with the real networks: reports, appending, resuming, unusual input."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import photo, storage
from pipeline.errors import GalleryError
from pipeline.faces.detector import DEFAULT_DETECTOR
from pipeline.gallery import building, checking, layout, managing, opening
from pipeline.gallery.building import BuildProgress, BuildReport, BuildSettings
from pipeline.gallery.screening import RejectionKind
from pipeline.sources import demonstration, folder
from pipeline.sources.base import SourcePeople, SourcePerson, source_people
from tests.conftest import LFW, cut_off, encoded, enlarged, put

BLANK = np.full((200, 200, 3), 127, np.uint8)


@pytest.fixture
def build(home, models):
    def build_(people: SourcePeople | Path, name: str = "mine", progress: Any = id, **settings: Any) -> BuildReport:
        people = folder.people_in_folder(people) if isinstance(people, Path) else people
        options = {"settings": BuildSettings(**settings), "progress": progress}
        return building.build(name, people, models.detector, models.embedder, **options)

    return build_


def rows(name: str = "mine") -> list[dict[str, Any]]:
    opened = opening.open_gallery(name)
    return [opened.row(row) for row in range(len(opened))]


def rejected(report: BuildReport) -> dict[str, str]:
    """Reasons by file name."""
    with report.report_path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len({line["original"] for line in lines}) == len(lines) == sum(report.rejected.values())
    return {Path(line["original"]).name: line["reason"] for line in lines}


def state(name: str) -> tuple[bytes, list[dict[str, Any]], list[bytes]]:
    """The contents of a gallery: embeddings, rows and crops."""
    opened = opening.open_gallery(name)
    crops = [opened.crop_path(row).read_bytes() for row in range(len(opened))]
    return np.ascontiguousarray(opened.embeddings).tobytes(), rows(name), crops


def test_a_photo_of_which_part_is_missing_is_added_and_reported(build, madonna, tmp_path):
    blank = np.full((300, 300, 3), 200, np.uint8)
    half_blank = encoded(blank, "BMP")[:-40_000]
    put(tmp_path / "all", {"Ann/whole.jpg": madonna, "Ann/blank.bmp": half_blank, "Bob/cut.jpg": cut_off(madonna)})
    report = build(tmp_path / "all")
    assert report.faces == 2
    assert report.incomplete == [tmp_path / "all" / "Bob" / "cut.jpg"]
    assert rejected(report) == {"blank.bmp": f"no face found: {photo.INCOMPLETE}"}


def test_a_gallery_holds_the_embedding_and_the_crop_of_each_photo(build, embed, examples, tmp_path):
    put(tmp_path / "in", {f"{name}/{path.name}": path for name, paths in examples.items() for path in paths[:1]})
    report = build(tmp_path / "in")
    assert (report.people, report.faces, report.faces_added, report.missing) == (5, 5, 5, [])
    opened = opening.open_gallery("mine")
    assert list(checking.problems(opened)) == []
    for row, (name, paths) in enumerate(sorted(examples.items())):
        columns = opened.row(row)
        assert (columns["name"], columns["source"]) == (name, "in")
        assert columns["sha256"] == storage.sha256(paths[0])
        assert opened.embeddings[row] @ embed(photo.read(paths[0])) == pytest.approx(1, abs=1e-4)
        assert photo.read(opened.crop_path(row)).shape[0] > 32
    assert opened.manifest["people"] == opened.manifest["faces"] == 5
    assert opened.manifest["detector"] == DEFAULT_DETECTOR


def test_every_rejected_photo_is_listed_with_its_reason(build, examples, madonna, tmp_path):
    whole = photo.read(madonna)
    face_in_the_corner = whole[100:, 110:]
    put(
        tmp_path / "in",
        {
            "Ann/good.jpg": madonna,
            "Ann/same.jpg": madonna,
            "Ann/empty.jpg": b"",
            "Ann/truncated.jpg": madonna.read_bytes()[:9000],
            "Ann/text.png": b"hello",
            "Ann/tiny.png": whole[:20, :20],
            "Ann/blank.png": BLANK,
            "Ann/cut.png": face_in_the_corner,
            "Bob/small.png": np.asarray(enlarged(whole, 0.26)),
            "Cid/nothing.txt": b"no photo",
            "Dan/blank.png": BLANK,
        },
    )
    report = build(tmp_path / "in")
    reasons = rejected(report)
    assert reasons.pop("cut.png") in ("no face found", "face cut by the frame")
    assert reasons == {
        "same.jpg": "duplicate: the same file as another photo of this person",
        "empty.jpg": "cannot be read: The file is empty. Choose another photo.",
        "truncated.jpg": "cannot be read: The photo is damaged or incomplete. Save or send it again.",
        "text.png": "cannot be read: This is not a photo. Use a JPEG, PNG, WebP, GIF or HEIC file.",
        "tiny.png": "cannot be read: The photo is only 20 x 20 pixels. Use a larger one.",
        "blank.png": "no face found",
    }
    assert sorted(report.missing) == ["Cid", "Dan"]
    # Bob's only face, about 38 pixels, passes only the last round.
    assert {row["name"]: row["round"] for row in rows()} == {"Ann": 2, "Bob": 5}


def test_photos_per_person_is_the_target(build, examples, tmp_path):
    put(tmp_path / "in", {f"Ann/{path.name}": path for paths in examples.values() for path in paths})
    report = build(tmp_path / "in", photos_per_person=3)
    assert report.faces == 3
    assert [row["round"] for row in rows()] == sorted(row["round"] for row in rows())


def test_unusual_names_survive_a_build(build, examples, madonna, tmp_path):
    names = ['Quote "Q" O\'Neil', "Comma, Jr.", "Émilie 🎭", "שרה כהן", "محمد", "line\nbreak", "=1+1", "Back\\slash"]
    put(tmp_path / "in", {f"{name}/face.jpg": madonna for name in names})
    put(tmp_path / "in", {f"{name}/blank {name}.png": BLANK for name in names})
    report = build(tmp_path / "in")
    assert {row["name"] for row in rows()} == {" ".join(name.split()) for name in names}
    assert report.shared == [sorted(" ".join(name.split()) for name in names)]
    assert set(rejected(report)) == {f"blank {name}.png" for name in names}
    assert build(tmp_path / "in").faces_added == 0


def test_file_names_that_are_not_unicode_are_accepted(build, madonna, tmp_path):
    files = {b"Zo\xeb/face.jpg": madonna, b"Zo\xeb/na\xefve.png": BLANK, b"Zo\xeb/empty \xe9.jpg": b""}
    try:
        place = put(tmp_path / "in", {os.fsdecode(name): content for name, content in files.items()})
    except OSError:
        pytest.skip("the file system does not allow such names")
    report = build(place)
    assert report.faces == 1
    assert rows()[0]["name"] == "Zo\\udceb"
    assert len(rejected(report)) == 2
    assert build(place).faces_added == 0


def test_people_of_one_name_are_one_within_a_source_and_two_in_two_sources(build, examples, tmp_path):
    flat = {"ann_lee_1.jpg": examples["Madonna"][1], "Ann Lee/1.jpg": examples["Mindy Kaling"][0]}
    assert build(put(tmp_path / "in", flat)).people == 1
    assert [row["name"] for row in rows()] == ["Ann Lee", "Ann Lee"]
    assert build(put(tmp_path / "friends", {"Ann Lee/2.jpg": examples["Elton John"][1]})).people == 2
    assert {row["person"] for row in rows()} == {"in/Ann Lee", "friends/Ann Lee"}


def test_a_gallery_of_an_earlier_version_keeps_its_people(build, models, examples, tmp_path):
    """It gave each spelling a key of its own, with the name of the folder as it was."""
    place = put(tmp_path / "in", {"Ann_Lee/1.jpg": examples["Madonna"][1], "ann lee/2.jpg": examples["Madonna"][0]})
    put(place, {"Jose\u0301/1.jpg": examples["Elton John"][1]})
    old = [
        SourcePerson("Ann_Lee", "Ann Lee", (place / "Ann_Lee" / "1.jpg",), "in", ""),
        SourcePerson("Jose\u0301", "Jos\u00e9", (place / "Jose\u0301" / "1.jpg",), "in", ""),
    ]
    build(source_people(old))
    before = rows()
    put(place, {"Jos\u00e9/2.jpg": examples["Elton John"][0], "Ann Lee/3.jpg": examples["Madonna"][2]})
    report = build(place)
    assert (report.people, report.faces_added) == (2, 3)
    table = rows()
    assert table[:2] == before
    assert {(row["person"], row["name"]) for row in table} == {
        ("in/Ann_Lee", "Ann Lee"),
        ("in/Jose\u0301", "Jos\u00e9"),
    }
    assert opening.open_gallery("mine").people_count == 2
    assert build(place).faces_added == 0


def test_what_a_walk_skips_is_listed_until_it_can_be_read(build, examples, madonna, tmp_path):
    place = put(tmp_path / "in", {"Ann/1.jpg": madonna, "___/1.jpg": madonna})
    os.mkfifo(place / "Ann" / "2.jpg")
    (place / "Bob").symlink_to(tmp_path / "bob")
    report = build(place)
    assert report.rejected == {RejectionKind.SKIPPED: 3}
    assert rejected(report) == {
        "2.jpg": "skipped: a pipe, not a photo",
        "Bob": "skipped: a broken link (No such file or directory)",
        "___": "skipped: no name that can be seen",
    }
    build(put(tmp_path / "other", {"Cid/1.jpg": examples["Elton John"][1]}))
    (place / "Ann" / "2.jpg").unlink()
    put(place, {"Ann/2.jpg": examples["Madonna"][0]})
    put(tmp_path / "bob", {"1.jpg": examples["Ben Affleck"][0]})
    report = build(place)
    assert (report.faces, report.faces_added) == (4, 2)
    assert list(rejected(report)) == ["___"]


def test_a_file_under_two_people_is_kept_and_told(build, madonna, examples, tmp_path):
    flat = dict.fromkeys(["Ann/1.jpg", "Ann/same.jpg", "Bob/2.jpg", "Cid/3.jpg"], madonna)
    place = put(tmp_path / "in", {**flat, "Bob/own.jpg": examples["Ben Affleck"][0]})
    report = build(place)
    assert (report.people, report.faces, report.shared) == (3, 4, [["Ann", "Bob", "Cid"]])
    assert build(place).shared == [["Ann", "Bob", "Cid"]]
    assert build(put(tmp_path / "more", {"ann/1.jpg": examples["Ben Affleck"][1]})).shared == report.shared


def test_a_build_without_a_usable_photo_fails(build, tmp_path):
    put(tmp_path / "in", {"Ann/blank.png": BLANK, "Bob/empty.jpg": b""})
    with pytest.raises(GalleryError, match="No photo is usable: 2 photos were rejected"):
        build(tmp_path / "in")
    with pytest.raises(GalleryError, match="not finished"):
        opening.open_gallery("mine")


def test_building_again_adds_only_what_is_new(build, examples, tmp_path):
    one, two, three = examples["Madonna"][:3]
    place = put(tmp_path / "in", {"Ann/1.jpg": one, "Ann/2.jpg": two, "Ann/blank.png": BLANK})
    build(place)
    before = state("mine")
    reports: list[BuildProgress] = []
    assert build(place, progress=reports.append).faces_added == 0
    assert reports[-1].photos == 0
    assert state("mine") == before

    put(place, {"Ann/3.jpg": three, "Bob/1.jpg": examples["Ben Affleck"][0], "Bob/blank 2.png": BLANK})
    report = build(place)
    assert (report.people, report.faces, report.faces_added) == (2, 4, 2)
    assert set(rejected(report)) == {"blank.png", "blank 2.png"}
    embeddings, table, crops = state("mine")
    assert embeddings.startswith(before[0])
    assert table[:2] == before[1]
    assert crops[:2] == before[2]
    assert [row["name"] for row in table] == ["Ann", "Ann", "Ann", "Bob"]
    assert list(checking.problems(opening.open_gallery("mine"))) == []
    assert {path.name for path in layout.folder_of("mine").iterdir() if not path.name.startswith(".")} == {
        "manifest.json",
        "rejected.csv",
        "crops",
        "faces-3.arrow",
        "embeddings-3.npy",
        "digests-3.npy",
    }


def test_a_larger_target_accepts_more_photos(build, examples, tmp_path):
    place = put(tmp_path / "in", {f"Ann/{path.name}": path for path in examples["Madonna"]})
    assert build(place, photos_per_person=1).faces == 1
    assert build(place, photos_per_person=5).faces == 5
    assert len({row["original"] for row in rows()}) == 5


def test_nothing_is_added_to_a_gallery_of_another_model(build, small, models, monkeypatch):
    monkeypatch.setattr(type(models.embedder), "identity", {"model": "another"})
    with pytest.raises(GalleryError, match="built with another model"):
        build(source_people([]), "small")


def test_a_build_started_with_another_model_is_refused(build, models, examples, tmp_path, monkeypatch):
    place = put(tmp_path / "in", {"Ann/blank.png": BLANK})
    with pytest.raises(GalleryError, match="No photo is usable"):
        build(place)
    monkeypatch.setattr(type(models.embedder), "identity", {"model": "another"})
    with pytest.raises(GalleryError, match="started with another model"):
        build(place)


def test_parts_of_an_earlier_version_are_inspected_again(build, tmp_path):
    place, parts = put(tmp_path / "in", {"Ann/blank.png": BLANK}), layout.folder_of("mine") / "building"
    reports: list[BuildProgress] = []
    for expected in (1, 0, 1):
        with pytest.raises(GalleryError, match="No photo is usable"):
            build(place, progress=reports.append)
        assert reports[-1].photos == expected
        if not expected:
            manifest = storage.read_manifest(parts) or {}
            storage.write_manifest(parts, {key: manifest[key] for key in ("embedding", "generation")})


def test_a_deleted_gallery_is_gone(small):
    managing.delete_gallery("small")
    assert layout.names() == []
    managing.delete_gallery("small")


def test_a_build_killed_during_clean_up_does_not_count_twice(build, examples, tmp_path, monkeypatch):
    place = put(tmp_path / "in", {"Ann/1.jpg": examples["Madonna"][1]})

    class KilledError(Exception):
        pass

    remove = shutil.rmtree

    def killed(path: Path, **options: Any) -> None:
        if path.name == layout.BUILDING:
            raise KilledError
        remove(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KilledError):
            build(place)
    whole = state("mine")
    report = build(place)
    assert (report.faces, report.faces_added) == (1, 0)
    assert state("mine") == whole


SCRIPT = """
import sys, time
from pipeline.gallery import building
from pipeline.lookalikes import Models
from tests.pipeline.gallery.test_building import SETTINGS, people

seen = {}

def stop(progress):
    # While the third part is screened; the second one may still be being written.
    if progress.people == 2 and progress.photos > seen.setdefault(2, progress.photos):
        print("middle", flush=True)
        time.sleep(600)

models = Models.load()
building.build("killed", people(), models.detector, models.embedder, settings=SETTINGS, progress=stop)
"""
SETTINGS = BuildSettings(photos_per_person=3, people_per_part=2)


def people() -> SourcePeople:
    """Three celebrities and three politicians, with at most six photos each."""
    chosen = list(demonstration.demonstration_people().people)[2:8]
    return source_people([replace(person, photos=person.photos[:6]) for person in chosen])


def test_a_killed_build_resumes_and_gives_the_same_gallery(build):
    whole: list[BuildProgress] = []
    script = subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True)
    try:
        build(people(), "whole", whole.append, photos_per_person=3, people_per_part=2)
        assert script.stdout is not None
        assert script.stdout.readline() == "middle\n"
        with pytest.raises(GalleryError, match="being built by another process"):
            build(people(), "killed")
        with pytest.raises(GalleryError, match="being built by another process"):
            managing.delete_gallery("killed")
        with pytest.raises(GalleryError, match="not finished"):
            opening.open_gallery("killed")
    finally:
        script.send_signal(signal.SIGKILL)
        script.wait()
    parts = sorted(path.name for path in (layout.folder_of("killed") / "building").glob("*.parquet"))
    assert parts in (["000000.parquet"], ["000000.parquet", "000001.parquet"])
    resumed: list[BuildProgress] = []
    report = build(people(), "killed", resumed.append, photos_per_person=3, people_per_part=2)
    assert report.faces == len(opening.open_gallery("whole"))
    # Photos of finished parts are not inspected again.
    assert resumed[-1].photos < whole[-1].photos
    assert state("killed") == state("whole")
    assert not (layout.folder_of("killed") / "building").exists()
    assert list(checking.problems(opening.open_gallery("killed"))) == []


@pytest.mark.parametrize("harm", ["cut", "noise", "other columns", "manifest"])
def test_parts_that_cannot_be_read_are_renamed_and_inspected_again(build, examples, tmp_path, caplog, harm):
    for name, paths in examples.items():
        put(tmp_path / "in", {f"{name}/{path.name}": path for path in paths[:2]})

    def stop(done: BuildProgress) -> None:
        if done.people == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(tmp_path / "in", progress=stop, people_per_part=1)
    parts = layout.folder_of("mine") / layout.BUILDING
    second = parts / "000001.parquet"
    before = second.read_bytes()
    assert (parts / "000002.parquet").exists()
    if harm == "other columns":
        pq.write_table(pa.table({"person": ["x"]}), second)
    elif harm == "manifest":
        (parts / storage.MANIFEST).write_text("{")
    else:
        second.write_bytes(before[:-100] if harm == "cut" else b"Dear diary" * 99)
    report = build(tmp_path / "in", people_per_part=1)
    assert (report.faces, report.faces_added) == (10, 10)
    build(tmp_path / "in", "whole", people_per_part=1)
    assert state("mine") == state("whole")
    told = [] if harm == "manifest" else ["000001.parquet", "000002.parquet"]
    assert [message.partition(" cannot be read")[0] for message in caplog.messages][: len(told)] == told


@pytest.mark.skipif(not LFW.is_dir(), reason="LFW is not here; LOOKSLIKEWHO_LFW names the folder that holds lfw/")
def test_lfw_people_are_found_by_their_other_photos(build, models, embed):
    chosen = [place for place in sorted(LFW.iterdir()) if len(list(place.iterdir())) >= 4][:12]

    def photos(place: Path) -> list[Path]:
        return sorted(place.iterdir())

    build(
        source_people(
            [SourcePerson(place.name, place.name, tuple(photos(place)[:2]), "LFW", "") for place in chosen]
        ),
        "lfw",
    )
    from pipeline.lookalikes import Lookalikes

    opened = Lookalikes.open("lfw", models=models)
    found = [opened.find(photo.read(photos(place)[3]), top=1).matches[0].name for place in chosen]
    assert sum(name == place.name for name, place in zip(found, chosen, strict=True)) >= 11
