"""Embedders as published, compared by cosine."""

from __future__ import annotations

from pathlib import Path

from pipeline.embedding import registry
from train.systems.system import System, SystemInputs, TrainedSystem


def embedder_system(name: str) -> System:
    """An embedder by its ``--embedder`` name, or an ONNX file."""

    def make(inputs: SystemInputs, _: Path) -> TrainedSystem:
        return TrainedSystem(inputs.rows(name), *inputs.cost(name))

    slug = Path(name).stem.lower()
    title = registry.EMBEDDERS[name].title if name in registry.EMBEDDERS else slug
    return System(f"embedder-{slug}", f"{title}, cosine", "embedder", make, {"embedder": name})


SYSTEMS = tuple(map(embedder_system, registry.EMBEDDERS))
