"""The systems there are. A new family of systems is one module with ``SYSTEMS`` and one line here."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from train.systems.system import System

FAMILIES = (
    "train.systems.embedders",
    "train.systems.classifiers",
    "train.systems.similarity_nets",
    "train.systems.last_layer",
    "train.systems.scratch",
    "train.systems.thin",
)


def systems(onnx: Sequence[str] = ()) -> dict[str, System]:
    """All systems by name, with an embedder for each ONNX file of the user."""
    from train.systems.embedders import embedder_system

    families = [import_module(family).SYSTEMS for family in FAMILIES]
    found = [system for family in families for system in family] + list(map(embedder_system, onnx))
    return {system.name: system for system in found}
