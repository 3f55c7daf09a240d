"""``make benchmark-app``: the explorer with 100,000 faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from pipeline import __version__, gallery, store
from pipeline.embedding import EmbeddingSettings, unit

FACES, PHOTOS_PER_PERSON, GROUPS = 100_000, 10, 12


def synthetic(name: str, faces: int = FACES, seed: int = 0) -> None:
    """Write a gallery with the structure of a real one: groups of people, and ten photos of each person.

    Cosines are those of FaceNet on real photos: about 0.75 within a person, 0.2 within a group, 0.05 beyond.
    """
    random = np.random.default_rng(seed)
    people = np.arange(faces) // PHOTOS_PER_PERSON
    count = int(people[-1]) + 1
    group_of = np.sort(random.integers(GROUPS, size=count))
    common, groups, persons = (unit(random.normal(size=(size, 128))) for size in (1, GROUPS, count))
    centres = unit(0.22 * common + 0.4 * groups[group_of] + persons)
    embeddings = np.concatenate(
        [
            unit(centres[part] + random.normal(scale=0.58 / 128**0.5, size=(len(part), 128)))
            for part in np.array_split(people, 20)
        ]
    )
    folder = gallery.folder_of(name)
    folder.mkdir(parents=True)
    side = np.clip(random.normal(130, 50, faces), 32, 400).astype(np.float32)
    table = pa.table(
        {
            "person": [f"person {person}" for person in people],
            "name": [_name(person) for person in people.tolist()],
            "source": [f"Group {group + 1}" for group in group_of[people].tolist()],
            "licence": pa.array(["none: made by a computer"] * faces),
            "original": [f"{row}.jpg" for row in range(faces)],
            "sha256": [f"{row:064x}" for row in range(faces)],
            "confidence": (1 - random.exponential(0.01, faces)).clip(0.8).astype(np.float32),
            "face_side_px": side,
            "short_side_px": (side * 2).astype(np.int32),
            "round": np.zeros(faces, np.int8),
        }
    )
    pq.write_table(table, folder / "faces-1.parquet")
    np.save(folder / "embeddings-1.npy", embeddings)
    _crops(folder, faces, random)
    store.write_manifest(
        folder,
        {
            "format": gallery.FORMAT,
            "generation": 1,
            "made_by": f"lookslikewho {__version__}",
            "embedding": EmbeddingSettings().identity,
            "build": {"photos_per_person": PHOTOS_PER_PERSON},
            "people": count,
            "faces": faces,
            "rejected": 0,
            "files": {
                "faces": {"name": "faces-1.parquet", "sha256": store.sha256(folder / "faces-1.parquet")},
                "embeddings": {"name": "embeddings-1.npy", "sha256": store.sha256(folder / "embeddings-1.npy")},
            },
        },
    )


def _name(person: int) -> str:
    """A name like Baluka Derino, unlike for each person."""
    syllables = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
    parts = []
    for _ in range(3):
        person, place = divmod(person, len(syllables))
        parts.append(syllables[place])
    return f"{parts[0]}{parts[1]}ka {parts[2]}rino".title()


def _crops(folder: Path, faces: int, random: np.random.Generator) -> None:
    """A picture for each row: links to a hundred files, as only their number and size matter."""
    for row in range(faces):
        path = gallery.crop_path(folder, row)
        path.parent.mkdir(parents=True, exist_ok=True)
        if row < 100:
            small = Image.fromarray(random.integers(0, 255, (6, 6, 3), np.uint8))
            small.resize((224, 224), Image.Resampling.BICUBIC).save(path, quality=90)
        else:
            path.hardlink_to(gallery.crop_path(folder, row % 100))
