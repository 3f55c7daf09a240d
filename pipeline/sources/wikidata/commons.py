"""Photos on Wikimedia Commons: where they are, whether they may be reused, and what a category holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from pipeline.sources.base import Credit
from pipeline.sources.wikidata.licences import credit_of

# One of the widths that Commons keeps ready: large enough for a face in a portrait of half a person.
WIDTH_PX = 500
TITLES_PER_REQUEST = 50
# The most that is looked at of a category.
CATEGORY_FILES_MAX = 50
_ASKED = {
    "action": "query",
    "prop": "imageinfo",
    "iiprop": "url|size|mime|mediatype|sha1|extmetadata",
    "iiurlwidth": str(WIDTH_PX),
    "iiextmetadatafilter": "LicenseShortName|License|LicenseUrl|UsageTerms|Artist|Attribution|NonFree",
    "iiextmetadatalanguage": "en",
}
# Photographs, by the type of the original. What is drawn (SVG) or moves is none.
_PHOTOS = {"image/jpeg": ".jpg", "image/png": ".png", "image/tiff": ".jpg", "image/webp": ".webp"}
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})

# Takes the parameters of a request and returns the answer.
Ask = Callable[[Mapping[str, str]], dict[str, Any]]


@dataclass(frozen=True)
class CommonsPhoto:
    """A photo that may be reused.

    title: of its page, "File:…". sha1: of the original, which changes with each upload. url: of the thumbnail.
    suffix: of the thumbnail's file.
    """

    title: str
    sha1: str
    url: str
    suffix: str
    credit: Credit


def photos(ask: Ask, file_names: Sequence[str]) -> dict[str, CommonsPhoto]:
    """The photos among files, by the name that was asked for; at most :data:`TITLES_PER_REQUEST`.

    Files that are gone, are no photos or may not be reused are left out.
    """
    pages, renamed = _pages(ask, {"titles": "|".join(f"File:{name}" for name in file_names), "redirects": "1"})
    found = {page["title"]: photo for page in pages if (photo := _photo(page))}
    wanted = {name: _followed(f"File:{name}", renamed) for name in file_names}
    return {name: found[title] for name, title in wanted.items() if title in found}


def category_photos(ask: Ask, category: str) -> list[CommonsPhoto]:
    """The photos in a category, not in those below it."""
    generator = {
        "generator": "categorymembers",
        "gcmtitle": f"Category:{category}",
        "gcmtype": "file",
        "gcmlimit": str(CATEGORY_FILES_MAX),
    }
    pages, _ = _pages(ask, generator, pages_max=CATEGORY_FILES_MAX)
    return [photo for page in sorted(pages, key=lambda page: str(page["title"])) if (photo := _photo(page))]


def _pages(
    ask: Ask, asked: Mapping[str, str], pages_max: int | None = None
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The pages of all parts of an answer, and which titles stand for which others.

    An answer that is too long comes in parts, where some pages still lack what a later part brings.
    """
    pages: dict[str, dict[str, Any]] = {}
    renamed: dict[str, str] = {}
    going_on: dict[str, str] = {}
    while True:
        answer = ask({**_ASKED, **asked, **going_on})
        query = answer.get("query", {})
        for kind in ("normalized", "redirects"):
            renamed |= {each["from"]: each["to"] for each in query.get(kind, [])}
        for page in query.get("pages", []):
            known = pages.setdefault(page["title"], page)
            if "imageinfo" in page:
                known["imageinfo"] = page["imageinfo"]
        going_on = {name: str(value) for name, value in answer.get("continue", {}).items()}
        complete = "batchcomplete" in answer
        if not going_on or (complete and pages_max is not None and len(pages) >= pages_max):
            return list(pages.values()), renamed


def _followed(title: str, renamed: Mapping[str, str]) -> str:
    """The title that a title stands for: it is normalised first, then a page may redirect to another."""
    for _ in range(5):
        if title not in renamed:
            break
        title = renamed[title]
    return title


def _photo(page: Mapping[str, Any]) -> CommonsPhoto | None:
    """The photo that a page describes, if it may be reused."""
    if page.get("missing") or not page.get("imageinfo"):
        return None
    about = page["imageinfo"][0]
    if "filemissing" in about or "filehidden" in about or about.get("mime") not in _PHOTOS:
        return None
    credit = credit_of(about.get("extmetadata") or {}, str(about.get("descriptionurl", "")))
    # Small originals have no thumbnail.
    url = about.get("thumburl") or about.get("url")
    if credit is None or not url or not about.get("sha1"):
        return None
    suffix = PurePosixPath(unquote(urlsplit(url).path)).suffix.lower()
    return CommonsPhoto(
        str(page["title"]), about["sha1"], url, suffix if suffix in _SUFFIXES else _PHOTOS[about["mime"]], credit
    )
