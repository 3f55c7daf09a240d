"""Opening a gallery: every problem is reported in plain words with the command that fixes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import storage
from pipeline.errors import GalleryError
from pipeline.gallery import building, checking, layout, managing, opening, rows
from pipeline.sources.base import SourcePerson, source_people


def change_manifest(folder: Path, **values: Any) -> None:
    manifest = storage.read_manifest(folder)
    assert manifest
    storage.write_manifest(folder, manifest | values)


def test_an_open_gallery_knows_its_rows_and_people(small, models):
    opened = opening.open_gallery("small", models.embedder.identity)
    assert (len(opened), opened.people_count, opened.name) == (15, 5, "small")
    assert opened.person_of_row.tolist() == [person for person in range(5) for _ in range(3)]
    assert list(opened.row(3)) == rows.ROW.names
    assert opened.row(3)["name"] == "Elton John"
    assert opened.crop_path(3) == small / "crops" / "000" / "000003.jpg"
    assert list(checking.problems(opened)) == []


def files(folder: Path) -> dict[str, Path]:
    manifest = storage.read_manifest(folder) or {}
    return {key: folder / file["name"] for key, file in manifest["files"].items()}


@pytest.mark.parametrize("part", ["faces", "embeddings"])
@pytest.mark.parametrize("harm", ["empty", "missing", "cut", "noise"])
def test_a_damaged_file_is_reported_with_the_command_that_fixes_it(small, part, harm):
    path = files(small)[part]
    data = path.read_bytes()
    path.unlink()
    if harm != "missing":
        path.write_bytes({"empty": b"", "cut": data[: len(data) // 2], "noise": b"\x93NUMPY\xff" * 99}[harm])
    with pytest.raises(GalleryError, match=r"small is damaged \(.+\)\. Rebuild it\.$") as caught:
        opening.open_gallery("small")
    assert caught.value.command == "python -m pipeline build FOLDER --gallery small --fresh"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"{}"])
def test_a_gallery_with_a_damaged_manifest_is_neither_opened_nor_built(small, models, content):
    (small / storage.MANIFEST).write_bytes(content)
    with pytest.raises(GalleryError, match=r"small") as caught:
        opening.open_gallery("small")
    assert caught.value.command and caught.value.command.endswith("--fresh")
    nobody = SourcePerson("x", "x", (), "x", "x")
    with pytest.raises(GalleryError, match=r"small .*Rebuild it"):
        building.build("small", source_people([nobody]), models.detector, models.embedder)
    assert [path.name for path in small.glob("faces-*")] == ["faces-1.arrow"]


@pytest.mark.parametrize("key", ["generation", "build", "embedding", "files", "faces", "generation=x", "build=3"])
def test_a_manifest_that_lacks_an_entry_is_damage(small, key):
    manifest = storage.read_manifest(small) or {}
    name, changed, value = key.partition("=")
    if changed:
        manifest[name] = value
    else:
        del manifest[name]
    storage.write_manifest(small, manifest)
    with pytest.raises(GalleryError, match=r"small is damaged \(.+\)\. Rebuild it\.$"):
        opening.open_gallery("small")


@pytest.mark.parametrize("entry", ["name", "sha256"])
@pytest.mark.parametrize("to_repair", [False, True])
def test_so_is_one_that_lacks_what_it_says_of_a_file(small, entry, to_repair):
    whole = storage.read_manifest(small) or {}
    for key, file in whole["files"].items():
        lacking = {name: value for name, value in file.items() if name != entry}
        storage.write_manifest(small, whole | {"files": whole["files"] | {key: lacking}})
        with pytest.raises(GalleryError, match=r"small is damaged \(.+\)\. Rebuild it\.$"):
            opening.read_gallery("small", to_repair=to_repair)


def test_a_manifest_in_which_a_value_was_changed_is_damage_also_to_a_check(small):
    path = small / storage.MANIFEST
    path.write_text(path.read_text().replace('"faces": 15', '"faces": 16'))
    for to_repair in (False, True):
        with pytest.raises(GalleryError, match=r"damaged \(manifest.json has changed since it was written\)"):
            opening.read_gallery("small", to_repair=to_repair)


def test_counts_that_do_not_match_are_damage(small):
    change_manifest(small, faces=14)
    with pytest.raises(GalleryError, match="15 faces, 15 embeddings, 14 expected"):
        opening.open_gallery("small")


def test_embeddings_of_another_shape_are_damage(small):
    np.save(files(small)["embeddings"], np.zeros((15, 64), np.float32))
    with pytest.raises(GalleryError, match="damaged"):
        opening.open_gallery("small")


def test_another_format_is_reported_with_both_numbers(small):
    change_manifest(small, format=99)
    with pytest.raises(GalleryError, match=r"format 99; this version reads 2\. Rebuild it"):
        opening.open_gallery("small")


@pytest.mark.parametrize("change", [{"model": "other-net"}, {"level_over_degrees": 77}, {"views": []}])
def test_a_gallery_of_another_model_or_other_crops_is_refused(small, models, change):
    change_manifest(small, embedding=models.embedder.identity | change)
    assert len(opening.open_gallery("small")) == 15
    with pytest.raises(GalleryError, match=r"built with another model or other crops \(.+\).*Rebuild it"):
        opening.open_gallery("small", models.embedder.identity)


def test_an_empty_gallery_is_refused(home):
    managing.create_gallery("empty")
    with pytest.raises(GalleryError, match="has no people yet"):
        opening.open_gallery("empty")


def test_a_check_names_the_file_and_the_row(small):
    embeddings = files(small)["embeddings"]
    rows = np.load(embeddings)
    rows[4] *= 2
    rows[5] = np.nan
    np.save(embeddings, rows)
    crops = small / "crops" / "000"
    (crops / "000001.jpg").unlink()
    (crops / "000002.jpg").write_bytes(b"")
    whole = (crops / "000003.jpg").read_bytes()
    (crops / "000003.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(GalleryError, match=r"embeddings-1\.npy has changed since it was written"):
        opening.open_gallery("small")
    found = list(checking.problems(opening.read_gallery("small", to_repair=True)))
    assert found[:3] == [
        "embeddings-1.npy has changed since it was written",
        "row 4 (Elton John): its embedding is not of unit length",
        "row 5 (Elton John): its embedding is not of unit length",
    ]
    assert [line.split(" (")[0] for line in found[3:]] == ["row 1", "row 2", "row 3"]
    assert all("its crop cannot be read" in line for line in found[3:])


def test_a_missing_gallery_is_reported_with_the_existing_ones(small):
    with pytest.raises(GalleryError, match=r"no gallery other \(existing galleries: small\)") as caught:
        opening.open_gallery("other")
    assert caught.value.command == "python -m pipeline build FOLDER --gallery other"
    with pytest.raises(GalleryError, match=r"demonstration gallery has not been set up yet") as caught:
        opening.open_gallery(layout.DEMONSTRATION)
    assert caught.value.command == "python -m pipeline setup"


def test_the_demonstration_comes_first_in_the_list(small):
    for name in ("aaa", layout.DEMONSTRATION):
        folder = layout.folder_of(name)
        folder.mkdir()
        (folder / storage.MANIFEST).write_text(json.dumps({}), encoding="utf-8")
    (layout.folder_of("unfinished") / "building").mkdir(parents=True)
    assert layout.names() == [layout.DEMONSTRATION, "aaa", "small"]


@pytest.mark.parametrize("name", ["my-family", "Émilie 2.0", "家族", "x" * 100, "家" * 80, "परिवार"])
def test_a_valid_name_is_the_name_of_the_folder(home, name):
    assert layout.folder_of(name) == home / "galleries" / name


@pytest.mark.parametrize(
    ("text", "name"), [("x ", "x"), ("a\nb", "a b"), ("Jose\u0301", "Jos\u00e9"), ("a\0b", "ab")]
)
def test_a_name_is_cleaned(home, text, name):
    assert layout.folder_of(text) == home / "galleries" / name


def test_a_gallery_opens_in_any_spelling_of_its_name(small):
    decomposed = small.with_name("Jose\u0301")
    small.rename(decomposed)
    assert opening.open_gallery("JOSÉ").folder == decomposed
    assert opening.open_gallery("Jose\u0301").name == "Jose\u0301"


@pytest.mark.parametrize(
    "name", ["", " ", "\u200b", ".", "..", "a/b", "../x", "a\\b", "x.", "-x", "x" * 101, "家" * 90, "🎭"]
)
def test_an_invalid_name_is_refused_in_two_sentences(home, name):
    with pytest.raises(GalleryError, match=r"( is empty|not a valid gallery name| is too long)\. Use ") as caught:
        layout.folder_of(name)
    assert caught.value.command is None
