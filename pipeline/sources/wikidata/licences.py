"""Which photos may be reused, and whose they are, by the ``extmetadata`` of Wikimedia Commons."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from pipeline import names
from pipeline.sources.base import Credit

UNKNOWN_AUTHOR = "unknown author"
_FREE = re.compile(
    r"cc0|pd|public domain|cc[- ]by|cc[- ]sa|gfdl|gnu free|fal\b|free art|attribution\b|copyrighted free use|"
    r"no restrictions|ogl|open government|kogl|godl|gplv?\d?|lgpl|mit\b|apache|beerware|free use|dl-de",
    re.IGNORECASE,
)
# Commons should have none of them, and does for a while.
_FORBIDS = re.compile(r"\b(nc|nd)\b|non-?commercial|no ?deriv|non-?free|fair use|all rights reserved", re.IGNORECASE)
_TEXT_MAX = 200


def credit_of(metadata: Mapping[str, Any], page: str) -> Credit | None:
    """Whose a photo is, from its ``extmetadata``. None if it does not say that the photo may be reused."""
    licence = text_of(metadata, "LicenseShortName") or text_of(metadata, "UsageTerms")
    code = text_of(metadata, "License")
    if text_of(metadata, "NonFree").lower() in ("true", "1") or not licence:
        return None
    stated = f"{licence} {code} {text_of(metadata, 'UsageTerms')}"
    if _FORBIDS.search(stated.replace("-", " ").replace("_", " ")) or not (_FREE.match(licence) or _FREE.match(code)):
        return None
    author = text_of(metadata, "Attribution") or text_of(metadata, "Artist") or UNKNOWN_AUTHOR
    address = text_of(metadata, "LicenseUrl")
    return Credit(author, licence, address if address.startswith(("https://", "http://")) else "", page)


def text_of(metadata: Mapping[str, Any], name: str) -> str:
    """A field of the metadata as plain text: it may be HTML. "" if it is missing."""
    entry = metadata.get(name)
    value = entry.get("value", "") if isinstance(entry, dict) else ""
    if not isinstance(value, str):
        return str(value)
    reader = _Text()
    reader.feed(value)
    reader.close()
    text = names.clean(reader.text)
    return text if len(text) <= _TEXT_MAX else f"{text[: _TEXT_MAX - 1]}…"


class _Text(HTMLParser):
    """The text of HTML, without what is hidden."""

    _VOID = ("br", "img", "hr", "wbr", "meta", "link", "input")

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        style = (dict(attrs).get("style") or "").replace(" ", "")
        if tag in self._VOID:
            self.text += " "
        elif self._hidden or tag in ("style", "script") or "display:none" in style:
            self._hidden += 1

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        if self._hidden and tag not in self._VOID:
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        """Take text."""
        if not self._hidden:
            self.text += data
