"""What is known of a person and of a photo, in one line each."""

from __future__ import annotations

from collections.abc import Mapping

from pages.shared.text import escape
from pipeline.sources.base import Credit, Value

_OCCUPATIONS_MAX = 2
_WIKIDATA = "https://www.wikidata.org/wiki/"


def person_line(columns: Mapping[str, Value]) -> str:
    """Occupation, year of birth and country as Markdown, with a link to the person's page; "" if nothing is known."""
    parts = [", ".join(_texts(columns, "occupation")[:_OCCUPATIONS_MAX])]
    born = columns.get("born")
    parts.append(f"born {born:.0f}" if isinstance(born, float) else "")
    parts.append(", ".join(_texts(columns, "country")[:1]))
    shown = " · ".join(filter(None, parts))
    shown = escape(shown[:1].upper() + shown[1:])
    address = page_of(columns)
    if not address:
        return shown
    return f"{shown} · [About]({address})" if shown else f"[About]({address})"


def page_of(columns: Mapping[str, Value]) -> str:
    """The address of the person's page: in the column ``link``, or on Wikidata; "" if there is none."""
    link = next(iter(_texts(columns, "link")), "")
    if link.startswith(("https://", "http://")):
        return _address(link)
    key = next(iter(_texts(columns, "wikidata")), "")
    return f"{_WIKIDATA}{key}" if key[:1] == "Q" and key[1:].isdecimal() else ""


def credit_line(credit: Credit) -> str:
    """Whose a photo is, as Markdown; "" if no more than the licence is known."""
    if not (credit.author or credit.page):
        return ""
    licence = escape(credit.licence)
    if credit.licence_url:
        licence = f"[{licence}]({_address(credit.licence_url)})"
    author = escape(credit.author or "unknown author")
    author = f"[{author}]({_address(credit.page)})" if credit.page else author
    return f"Photo: {author}, {licence}"


def credit_text(source: str, credit: Credit) -> str:
    """The same as plain text, with the source."""
    if not credit.author:
        return f"{source}. {credit.licence}"
    return f"{credit.author}, {credit.licence}, {source}"


def _texts(columns: Mapping[str, Value], name: str) -> tuple[str, ...]:
    value = columns.get(name, ())
    return value if isinstance(value, tuple) else ()


def _address(text: str) -> str:
    """An address that does not end the Markdown link around it."""
    return text.replace("(", "%28").replace(")", "%29").replace(" ", "%20").replace("<", "%3C").replace(">", "%3E")
