"""The real app over a gallery whose files are damaged while it is served, and over a folder that it cannot write."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pages.shared import public
from pipeline.gallery import layout
from tests.browser import serving
from tests.conftest import HOME
from tests.permissions import obey_permissions
from tests.trust.visitors import Visitor

pytestmark = pytest.mark.slow
DAMAGED = ("map.npz", "prepared-*.npy", "digests-*.npy", "rejected.csv", "crops/000/000001.jpg", "faces-*.arrow")


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    """A data folder with a copy of the demonstration gallery."""
    monkeypatch.setenv(public.VARIABLE, layout.DEMONSTRATION)
    for part in ("models", "photos"):
        (tmp_path / "home").mkdir(exist_ok=True)
        (tmp_path / "home" / part).symlink_to(HOME / part)
    gallery = Path("galleries") / layout.DEMONSTRATION
    shutil.copytree(HOME / gallery, tmp_path / "home" / gallery)
    (tmp_path / "temporary").mkdir()
    return tmp_path / "home"


@contextmanager
def served(home: Path, **options) -> Iterator[str]:
    with serving.process(home, home.parent / "temporary", **options) as (address, _):
        yield address.removeprefix("http://")


def test_files_that_are_damaged_while_they_are_served_show_nobody_more_than_a_sentence(own_home, examples):
    gallery = own_home / "galleries" / layout.DEMONSTRATION
    photos = {name: paths[0].read_bytes() for name, paths in examples.items()}
    with served(own_home) as address, Visitor(address) as before:
        assert before.look(photos["Madonna"]) == "Madonna"
        for pattern in DAMAGED:
            for path in sorted(gallery.glob(pattern)):
                path.write_bytes(random.Random(0).randbytes(path.stat().st_size))
            with Visitor(address) as visitor:
                for each, name in ((before, "Elton John"), (visitor, "Madonna"), (before, "Mindy Kaling")):
                    seen = each.look(photos[name])
                    assert seen == name or seen.startswith("alert: "), pattern
                    assert "fault of the app" not in seen, pattern
                    assert str(own_home) not in seen, pattern


def test_a_folder_that_cannot_be_written_serves_as_any_other(own_home, examples):
    for path in sorted(own_home.rglob("*"), reverse=True):
        if not path.is_symlink():
            path.chmod(0o555 if path.is_dir() else 0o444)
    own_home.chmod(0o555)
    try:
        with served(own_home, before=obey_permissions) as address, Visitor(address) as visitor:
            assert visitor.look(examples["Madonna"][0].read_bytes()) == "Madonna"
            assert visitor.look(examples["Elton John"][0].read_bytes()) == "Elton John"
    finally:
        for path in (own_home, *own_home.rglob("*/")):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
