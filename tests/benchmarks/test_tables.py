"""The documentation's tables match what they are filled from."""

from __future__ import annotations

from benchmarks import tables


def test_the_guide_lists_the_embedders_of_the_registry():
    document, rows = tables.TABLES["embedders"]
    text = (tables.DOCS / document).read_text(encoding="utf-8")
    assert tables.filled(text, "embedders", rows()) == text
