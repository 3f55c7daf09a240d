"""The curves of runs in TensorBoard's format: ``tensorboard --logdir FOLDER`` shows them."""

from __future__ import annotations

import io
import math
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline import tensorflow_loader
from train.runs import processes
from train.runs.catalogue import Run

# Both sides of a measure have the same tag in folders of their own, so that TensorBoard draws them in one chart.
_SIDES = ("held_out", "train")
_FILE = "events.out.tfevents"


def write_events(run: Run, folder: Path) -> None:
    """Write the history of a run below ``folder``: a folder for the run, in it one for each side.

    The step of a value is its epoch; its time is when the run began plus the seconds of training until then.
    """
    tf = tensorflow_loader.load_tensorflow()
    event, summary = tf.compat.v1.Event, tf.compat.v1.Summary
    begun = (processes.started_at(run.folder) or datetime.fromtimestamp(0, UTC)).timestamp()
    values: dict[str, list[tuple[float, dict[str, float]]]] = defaultdict(list)
    seconds = 0.0
    for row in run.history:
        known = row.get("seconds", math.nan)
        seconds += known if math.isfinite(known) else 0.0
        for side, columns in _by_side(row).items():
            values[side].append((begun + seconds, {"epoch": row["epoch"], **columns}))
    for side, rows in values.items():
        target = folder / run.key / side
        target.mkdir(parents=True, exist_ok=True)
        # The number keeps files of one folder apart.
        path = target / f"{_FILE}.{int(rows[0][0])}.lookslikewho"
        with tf.io.TFRecordWriter(str(path)) as writer:
            writer.write(event(wall_time=begun, file_version="brain.Event:2").SerializeToString())
            for time, columns in rows:
                step = int(columns.pop("epoch"))
                parts = [summary.Value(tag=tag, simple_value=value) for tag, value in columns.items()]
                writer.write(event(wall_time=time, step=step, summary=summary(value=parts)).SerializeToString())


def zipped_events(runs: Sequence[Run]) -> bytes:
    """A ZIP file of what :func:`write_events` writes for some runs."""
    buffer = io.BytesIO()
    with TemporaryDirectory() as name, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        folder = Path(name)
        for run in runs:
            write_events(run, folder)
        for path in sorted(folder.rglob(f"{_FILE}*")):
            archive.write(path, path.relative_to(folder))
    return buffer.getvalue()


def _by_side(row: dict[str, float]) -> dict[str, dict[str, float]]:
    """The values of a row by side and tag, "" for those of neither side."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for name, value in row.items():
        side = next((each for each in _SIDES if name.startswith(f"{each}_")), "")
        if name != "epoch" and math.isfinite(value):
            found[side][name.removeprefix(f"{side}_") if side else name] = value
    return found
