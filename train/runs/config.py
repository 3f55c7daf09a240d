"""The settings of a run: ``config.json``, written once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline import storage
from pipeline.errors import UserError
from train.runs.files import CONFIG

_DIFFERENCES_SHOWN = 3
_VALUE_LETTERS = 40
_NOT_SET = object()


def store_config(folder: Path, config: dict[str, Any], defaults: dict[str, Any] | None = None) -> None:
    """Store the settings of a new run.

    defaults: the values of settings that runs of earlier versions do not have.

    Raises UserError, with the settings that differ, if the folder holds a run with others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = json.loads(json.dumps(config))
    path = folder / CONFIG
    known = storage.read_json(path)
    if known is None and path.is_file():
        storage.set_aside(path, "it is not valid JSON")
    if known is not None:
        known = _completed(known, {"settings": json.loads(json.dumps(defaults or {}))})
    if known is not None and known != config:
        raise UserError(
            f"The run {folder.name} already exists with other settings: {_differences(known, config)}. "
            "Use the same settings, or choose another name."
        )
    if known is None:
        storage.write_json(path, config)


def _completed(known: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Settings with the defaults of those that are missing in parts that are there."""
    parts = {
        name: _completed(known[name], value)
        for name, value in defaults.items()
        if isinstance(value, dict) and isinstance(known.get(name), dict)
    }
    return {**{name: value for name, value in defaults.items() if not isinstance(value, dict)}, **known, **parts}


def _differences(known: dict[str, Any], config: dict[str, Any]) -> str:
    """Which settings differ, with both values."""
    before, now = dict(_flat(known)), dict(_flat(config))
    differ = [name for name in before | now if before.get(name, _NOT_SET) != now.get(name, _NOT_SET)]
    shown = [
        f"{name} was {_shown(before.get(name, _NOT_SET))} and is {_shown(now.get(name, _NOT_SET))} now"
        for name in differ[:_DIFFERENCES_SHOWN]
    ]
    more = len(differ) - len(shown)
    return ", ".join(shown) + (f", and {more} more" if more else "")


def _flat(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The settings by name, those of a part under its name: ``network.dropout``."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, "" if name == "settings" and not prefix else f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _shown(value: Any) -> str:
    if value is _NOT_SET:
        return "not set"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, list) and len(text) > _VALUE_LETTERS:
        return f"a list of {len(value)}"
    return text if len(text) <= _VALUE_LETTERS else f"{text[:_VALUE_LETTERS]}…"
