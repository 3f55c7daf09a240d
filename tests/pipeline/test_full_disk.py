"""A disk that is full, or read-only: a small file system of its own, which is filled to the last block but a few."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import HOME
from tests.processes import may_unshare

ROOT = Path(__file__).parents[2]

# Mounts the file system over the data folder, in a name space of its own, so that nobody else sees it.
SCRIPT = """
set -e
mount -t tmpfs -o size=40m none "$LOOKSLIKEWHO_HOME"
cp -r "$GALLERIES" "$LOOKSLIKEWHO_HOME/galleries"
cp -r "$SHARED/galleries/demonstration" "$LOOKSLIKEWHO_HOME/galleries/"
rm -f "$LOOKSLIKEWHO_HOME"/galleries/demonstration/prepared-*
for part in models downloads photos; do ln -s "$SHARED/$part" "$LOOKSLIKEWHO_HOME/$part"; done
if [ "$FREE" = read-only ]; then
  mount -o remount,ro "$LOOKSLIKEWHO_HOME"
else
  kilobytes=$(df --output=avail -k "$LOOKSLIKEWHO_HOME" | tail -1)
  dd if=/dev/zero of="$LOOKSLIKEWHO_HOME/filler" bs=1k count=$((kilobytes - FREE)) status=none
fi
code=0
"$@" || code=$?
find "$LOOKSLIKEWHO_HOME" -name '.*.part'
exit $code
"""


UNSHARED = may_unshare("--mount", "mount", "-t", "tmpfs", "none", "/mnt")

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(not UNSHARED, reason="this machine lets nobody mount a disk"),
]


@pytest.fixture
def on_full_disk(small, tmp_path):
    """Runs a command where so many kB are free, or the disk is read-only: exit code, output, errors."""

    def run(free: str, *arguments: object) -> tuple[int, str, str]:
        data_folder = tmp_path / "full"
        data_folder.mkdir(exist_ok=True)
        places = {"LOOKSLIKEWHO_HOME": data_folder, "GALLERIES": small.parent, "SHARED": HOME, "FREE": free}
        command = ["unshare", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh", sys.executable, "-m"]
        done = subprocess.run(
            [*command, *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, **{name: str(place) for name, place in places.items()}},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.mark.parametrize("free", ["200", "read-only"])
def test_find_works_without_keeping_what_it_prepared(on_full_disk, madonna, free):
    code, output, errors = on_full_disk(free, "pipeline", "find", madonna, "--top", "1")
    assert (code, errors) == (0, "")
    assert "Madonna" in output
    assert ".part" not in output


@pytest.mark.parametrize(
    ("free", "reason"), [("a little", "No space left on device"), ("read-only", "Read-only file system")]
)
def test_what_has_to_be_written_ends_in_one_sentence(on_full_disk, examples, tmp_path, free, reason):
    for name, paths in examples.items():
        (tmp_path / "people" / name).mkdir(parents=True)
        for path in paths:
            shutil.copy(path, tmp_path / "people" / name)
    for kilobytes, *arguments in (
        ("64", "pipeline", "build", tmp_path / "people"),
        ("64", "pipeline", "build", tmp_path / "people", "--gallery", "small"),
        ("4", "pipeline", "map", "--gallery", "small"),
        ("64", "train", "fit", "--gallery", "demonstration", "--epochs", "1", "--run", "one"),
    ):
        code, output, errors = on_full_disk(kilobytes if free == "a little" else free, *arguments)
        sentence = errors.strip().splitlines()[-1]
        assert (code, "Traceback" in errors) == (1, False), (arguments, output, errors)
        assert f" cannot be written: {reason}. Free some space, or set LOOKSLIKEWHO_HOME" in sentence, arguments
        assert "/galleries" in sentence or "/runs" in sentence, arguments
        assert ".part" not in output + sentence, arguments
