"""Whether photos surely show the person of a portrait, many at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.gallery import inspection, portraits
from pipeline.gallery.screening import RejectionKind


@pytest.fixture
def calls(models, monkeypatch):
    """The number of photos of each call of the embedder."""
    counted: list[int] = []
    embed = type(models.embedder).__call__

    def counting(self, crops):
        counted.append(len(crops))
        return embed(self, crops)

    monkeypatch.setattr(type(models.embedder), "__call__", counting)
    return counted


@pytest.fixture(scope="module")
def found(models, examples):
    """Two photos of each of three people, detected but not embedded."""
    photos = [
        inspection.decode(path)
        for name in ("Elton John", "Jerry Seinfeld", "Mindy Kaling")
        for path in examples[name][:2]
    ]
    return inspection.measure(photos, models.detector, models.embedder)


def test_the_photos_of_a_batch_are_embedded_together(models, found, calls):
    anchors = [each.embedding for each in inspection.embed(found[::2], models.embedder)]
    own, others = found[1::2], [found[3], found[5], found[1]]
    checked = portraits.checked([*own, *others], [*anchors, *anchors], models.embedder)
    assert calls == [3, 6]
    kinds = [each.quality.flaw and each.quality.flaw.kind for each in checked]
    assert kinds == [None] * 3 + [RejectionKind.NOT_SURE] * 3
    for one, each, anchor in zip([*own, *others], checked, [*anchors, *anchors], strict=True):
        (alone,) = portraits.checked([one], [anchor], models.embedder)
        assert alone.quality == each.quality
        assert alone.embedding.tobytes() == each.embedding.tobytes()


def test_what_cannot_count_is_not_embedded(models, found, calls):
    (anchor,) = (each.embedding for each in inspection.embed(found[:1], models.embedder))
    several, unreadable = replace(found[1], faces=2), replace(found[1], crops=())
    checked = portraits.checked([several, found[1], unreadable], [anchor, None, anchor], models.embedder)
    assert [str(each.quality.flaw) for each in checked[:2]] == [
        "perhaps somebody else: several faces",
        "perhaps somebody else: no portrait to compare with",
    ]
    assert checked[2] == unreadable
    assert calls == [1, 0]
