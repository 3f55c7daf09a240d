"""Nothing of a library reaches the terminal."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline import photo
from tests.conftest import JUNK_EXIF, encoded, put


def ran(*command: object) -> tuple[str, str]:
    """The output and the errors of a command that succeeds."""
    run = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout, run.stderr


@pytest.mark.parametrize(("options", "lines"), [((), 0), (("-W", "default"), 1)])
def test_warnings_and_log_messages_of_libraries_are_dropped_unless_asked_for(options, lines):
    code = (
        "import logging, warnings; from pipeline.quiet import silence_libraries; silence_libraries();"
        "warnings.warn('a warning', RuntimeWarning); logging.getLogger('library').error('a message');"
    )
    _, errors = ran(*options, "-c", code)
    assert errors.count("a warning") == lines
    assert "a message" not in errors


def test_decoders_print_nothing_about_damaged_tiffs(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for compression in ("group4", "tiff_lzw", "tiff_deflate", "jpeg"):
        mode = "1" if compression == "group4" else "RGB"
        data = bytearray(encoded(Image.fromarray(picture).convert(mode), "TIFF", compression=compression))
        for number in range(40):
            damaged = data.copy()
            damaged[number * len(data) // 40] ^= 0x55
            (tmp_path / f"{compression}_{number}.tif").write_bytes(damaged)
    code = (
        "import sys; from contextlib import suppress; from pathlib import Path; from pipeline import errors, photo\n"
        "from pipeline.quiet import silence_libraries; silence_libraries()\n"
        "for path in Path(sys.argv[1]).iterdir():\n"
        "    with suppress(errors.PhotoError): photo.read(path)"
    )
    assert ran("-c", code, tmp_path) == ("", "")


@pytest.mark.tensorflow
def test_commands_over_photos_of_many_sizes_print_only_our_lines(small, examples, tmp_path):
    people = [photo.read(path) for paths in examples.values() for path in paths[3:]]
    sides = (170, 190, 200, 300, 450, 700, 1000, 1300)
    resized = [Image.fromarray(picture).resize((side, side)) for side, picture in zip(sides, people, strict=False)]
    files: dict[str, Any] = {f"Person {picture.width}.png": np.asarray(picture) for picture in resized}
    # Pillow warns of these.
    files |= {
        "Junk.jpg": encoded(resized[3], "JPEG", exif=JUNK_EXIF),
        "Deep.tif": encoded(resized[3], "TIFF", dpi=(0, 0)),
    }
    put(tmp_path / "photos", files)
    output, errors = ran(
        "-m", "pipeline", "find", *sorted((tmp_path / "photos").iterdir()), "--gallery", "small", "--top", 1
    )
    assert output.count("rank ") == len(files)
    assert [line for line in errors.splitlines() if not line.startswith("Face 1 of ")] == []
    output, errors = ran("-m", "pipeline", "build", tmp_path / "photos", "--gallery", "sizes")
    assert output.startswith("Gallery sizes: ")
    assert [line for line in errors.splitlines() if not line.startswith("Building sizes")] == []
    _, errors = ran("-m", "pipeline", "map", "--gallery", "sizes")
    titles = ("Finding", "Fitting", "Checking", "Placing")
    assert [line for line in errors.splitlines() if not line.startswith(titles)] == []
