"""Embedders as published, compared by cosine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline import storage
from pipeline.embedding import registry
from train.systems.system import System, SystemInputs, TrainedSystem


def embedder_system(name: str) -> System:
    """An embedder by its ``--embedder`` name, or an ONNX file."""

    def make(inputs: SystemInputs, _: Path) -> TrainedSystem:
        return TrainedSystem(inputs.rows(name), *inputs.cost(name))

    # Another model or other settings in the same place are another system.
    settings: dict[str, Any] = {"embedder": name}
    if name not in registry.EMBEDDERS:
        parts = (Path(name), Path(name).with_suffix(".json"))
        settings["sha256"] = [storage.sha256(part) for part in parts if part.is_file()]
    slug = Path(name).stem.lower()
    title = registry.EMBEDDERS[name].title if name in registry.EMBEDDERS else slug
    return System(f"embedder-{slug}", f"{title}, cosine", "embedder", make, settings)


SYSTEMS = tuple(map(embedder_system, registry.EMBEDDERS))
