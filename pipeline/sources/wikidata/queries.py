"""What Wikidata is asked, and the people in its answers.

First for people by their number of sitelinks, which lead to the articles about them in all languages: that is the
measure of fame. Then for what it states of them. Each query asks for little enough to end within the service's time
limit, and is split if it does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from pipeline import names
from pipeline.sources.wikidata.client import QueryTimeoutError

Rows = list[dict[str, dict[str, str]]]
# Takes a query and returns its rows.
Ask = Callable[[str], Rows]

# Nobody has more sitelinks. Below the lowest number, people are hardly known outside one country.
SITELINKS_MAX, SITELINKS_MIN = 1000, 8
PEOPLE_PER_QUERY = 150
_LANGUAGES = "en,mul,es,fr,de,it,pt,pl,nl,sv,tr,ru,uk,ja,zh,ko,ar,fa,hi,he"
# The statements that are asked for, by the name of the field.
_PROPERTIES = {"image": "P18", "sex": "P21", "country": "P27", "occupation": "P106", "category": "P373"}
_YEAR_PRECISION = 9
_ENTITY = re.compile(r"https?://www\.wikidata\.org/entity/(Q\d+)")
_YEAR = re.compile(r"([+-]?\d{1,6})-\d\d-\d\d")


@dataclass
class Celebrity:
    """What Wikidata states of a person; several values where it states several.

    id: Q and a number. image: the name of a file on Commons. category: on Commons, without "Category:". born: a year.
    """

    id: str
    sitelinks: int
    name: str = ""
    image: str = ""
    category: str = ""
    born: int | None = None
    sex: list[str] = field(default_factory=list)
    country: list[str] = field(default_factory=list)
    occupation: list[str] = field(default_factory=list)


# By fame ------------------------------------------------------------------------------------------------------------


def fame_query(low: int, high: int, sex: str = "") -> str:
    """Asks for people with a portrait and a number of sitelinks from ``low`` up to, but not including, ``high``."""
    only = {"": "", "other": "FILTER NOT EXISTS { ?person wdt:P21 wd:Q6581072 }"}.get(
        sex, f"?person wdt:P21 wd:{sex} ."
    )
    return f"""SELECT ?person ?sitelinks WHERE {{
  ?person wikibase:sitelinks ?sitelinks .
  hint:Prior hint:rangeSafe true .
  FILTER(?sitelinks >= {low} && ?sitelinks < {high})
  ?person wdt:P31 wd:Q5 .
  {only}
  FILTER EXISTS {{ ?person wdt:P18 [] }}
}}"""


def bands() -> Iterator[tuple[int, int]]:
    """Ranges of sitelinks, the most famous first: narrower where there are more people."""
    high = SITELINKS_MAX
    while high > SITELINKS_MIN:
        low = max(SITELINKS_MIN, min(high - 1, round(high * 0.85)))
        yield low, high
        high = low


def famous(ask: Ask, low: int, high: int) -> list[tuple[str, int]]:
    """Ids and numbers of sitelinks of the people in a range, the most famous first."""
    found: dict[str, int] = {}
    for row in _split(ask, low, high):
        match = _ENTITY.fullmatch(row.get("person", {}).get("value", ""))
        if match:
            found[match[1]] = int(float(row["sitelinks"]["value"]))
    return sorted(found.items(), key=lambda item: (-item[1], int(item[0][1:])))


def _split(ask: Ask, low: int, high: int) -> Rows:
    """The rows of a range: in halves, or women and all others apart, where the service runs out of time."""
    try:
        return ask(fame_query(low, high))
    except QueryTimeoutError:
        if high - low > 1:
            middle = (low + high) // 2
            return _split(ask, middle, high) + _split(ask, low, middle)
        return ask(fame_query(low, high, "Q6581072")) + ask(fame_query(low, high, "other"))


# What is stated of them ---------------------------------------------------------------------------------------------


def facts_query(ids: Sequence[str]) -> str:
    """Asks for the statements about people, one in a row, and of the birth for its precision as well."""
    people = " ".join(f"wd:{each}" for each in ids)
    properties = " ".join(f"wdt:{name}" for name in _PROPERTIES.values())
    return f"""SELECT ?person ?personLabel ?property ?value ?valueLabel ?precision WHERE {{
  VALUES ?person {{ {people} }}
  {{
    VALUES ?property {{ {properties} }}
    ?person ?property ?value .
  }} UNION {{
    ?person p:P569 ?statement .
    ?statement a wikibase:BestRank ; psv:P569 ?time .
    ?time wikibase:timeValue ?value ; wikibase:timePrecision ?precision .
    BIND(wdt:P569 AS ?property)
  }}
  SERVICE wikibase:label {{ bd:serviceParam wikibase:language "{_LANGUAGES}" . }}
}}"""


def described(ask: Ask, people: Sequence[tuple[str, int]]) -> list[Celebrity]:
    """What is stated of people, given by id and number of sitelinks, who have a name and a portrait."""
    found = {person: Celebrity(person, sitelinks) for person, sitelinks in people}
    for row in _halved(ask, list(found)):
        match = _ENTITY.fullmatch(row.get("person", {}).get("value", ""))
        if match and match[1] in found:
            _take(found[match[1]], row)
    return [each for each in found.values() if each.name and each.image]


def _halved(ask: Ask, ids: Sequence[str]) -> Rows:
    try:
        return ask(facts_query(ids))
    except QueryTimeoutError:
        if len(ids) == 1:
            return []
        middle = len(ids) // 2
        return _halved(ask, ids[:middle]) + _halved(ask, ids[middle:])


def _take(person: Celebrity, row: dict[str, dict[str, str]]) -> None:
    """Add what a row states."""
    label = row.get("personLabel", {}).get("value", "")
    # The service gives the id where there is no name in these languages.
    if not person.name and label != person.id:
        person.name = names.person(label)[: names.LENGTH_MAX]
    value, label = row["value"], row.get("valueLabel", {}).get("value", "")
    text = value["value"]
    # What is known to be unknown is a node without a name.
    if value.get("type") == "bnode" or "/.well-known/genid/" in text:
        return
    match row["property"]["value"].rpartition("/")[2]:
        case "P18":
            person.image = person.image or file_name(text)
        case "P373":
            person.category = person.category or text
        case "P569":
            _take_birth(person, text, row.get("precision", {}).get("value", ""))
        case code:
            values = next((getattr(person, name) for name, known in _PROPERTIES.items() if known == code), None)
            if values is not None and label and not re.fullmatch(r"Q\d+", label) and label not in values:
                values.append(names.clean(label))


def _take_birth(person: Celebrity, text: str, precision: str) -> None:
    """Take the year of birth, unless only the decade or century is known; of several, the earliest."""
    found = _YEAR.match(text)
    if found and precision.isdecimal() and int(precision) >= _YEAR_PRECISION:
        year = int(found[1])
        person.born = year if person.born is None else min(person.born, year)


def file_name(address: str) -> str:
    """The name of a file on Commons, from the address by which Wikidata states it."""
    return unquote(address.rpartition("/")[2]).replace("_", " ")
