"""Who of the best-known people is chosen, so that a gallery is not one of men from one country."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pipeline import names
from pipeline.sources.wikidata.queries import Celebrity

# What Wikidata calls the sex or gender of women.
WOMEN = frozenset({"female", "trans woman", "cisgender woman"})


@dataclass(frozen=True)
class Balance:
    """Limits of a selection, as shares of all people chosen.

    women_min: women. country_max, decade_max, occupation_max: people of one country, born in one decade, and of one
    occupation; who has several counts for each. born_min: portraits of people born earlier are mostly paintings.
    """

    women_min: float = 0.4
    country_max: float = 0.25
    decade_max: float = 0.2
    occupation_max: float = 0.25
    born_min: int | None = 1850


# Whoever is best known.
ANY = Balance(0, 1, 1, 1, None)


def select(pool: Iterable[Celebrity], count: int, balance: Balance) -> list[Celebrity]:
    """The best known of a pool, who are listed with the best known first, within the limits; ``count`` at most.

    Where the pool has too few, the limits on decades and occupations are dropped, then fewer people are chosen: the
    shares of women and of countries hold in any case.
    """
    pool = list(pool)
    chosen = _chosen(pool, count, balance)
    if len(chosen) < count:
        relaxed = replace(balance, decade_max=1, occupation_max=1)
        chosen = _chosen(pool, count, relaxed)
        while 0 < len(chosen) < count:
            count = len(chosen)
            chosen = _chosen(pool, count, relaxed)
    return chosen


def is_complete(pool: Sequence[Celebrity], count: int, balance: Balance) -> bool:
    """Whether a pool has enough people for all limits."""
    return len(_chosen(pool, count, balance)) == count


def _chosen(pool: Iterable[Celebrity], count: int, balance: Balance) -> list[Celebrity]:
    most = {
        "other": count - _least(balance.women_min, count),
        "country": _most(balance.country_max, count),
        "decade": _most(balance.decade_max, count),
        "occupation": _most(balance.occupation_max, count),
    }
    taken: Counter[tuple[str, str]] = Counter()
    chosen: list[Celebrity] = []
    for person in pool:
        if len(chosen) == count:
            break
        if balance.born_min is not None and person.born is not None and person.born < balance.born_min:
            continue
        groups = list(_groups(person))
        if all(taken[group] < most[group[0]] for group in groups):
            taken.update(groups)
            chosen.append(person)
    return chosen


def _most(share: float, count: int) -> int:
    return max(1, int(share * count + 1e-9))


def _least(share: float, count: int) -> int:
    return -int(-share * count // 1)


def _groups(person: Celebrity) -> Iterator[tuple[str, str]]:
    """What a person counts for."""
    if not is_woman(person):
        yield "other", ""
    yield from (("country", country) for country in person.country)
    yield from (("occupation", occupation) for occupation in person.occupation)
    if person.born is not None:
        yield "decade", decade(person.born)


def is_woman(person: Celebrity) -> bool:
    """Whether Wikidata states so."""
    return bool(WOMEN & set(person.sex))


def decade(year: int) -> str:
    """The decade of a year, as in "1980s"."""
    return f"{year // 10 * 10}s"


# People who asked to be left out ------------------------------------------------------------------------------------


class LeftOut:
    """Who is left out for ever, by id or name. text: a line for each; what follows a # is a comment."""

    def __init__(self, text: str) -> None:
        lines = [line.partition("#")[0].strip() for line in text.splitlines()]
        self._ids = {line.upper() for line in lines if line}
        self._names = {names.person_key(line) for line in lines if line}

    def __contains__(self, person: Celebrity) -> bool:
        return person.id in self._ids or names.person_key(person.name) in self._names


def shares(people: Collection[Celebrity]) -> dict[str, dict[str, float]]:
    """The shares of women, countries, decades of birth and occupations, the largest first."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("women", "country", "decade", "occupation")}
    for person in people:
        counts["women"]["women"] += is_woman(person)
        for kind, value in _groups(person):
            if kind in counts:
                counts[kind][value] += 1
    total = max(len(people), 1)
    return {kind: {name: number / total for name, number in of.most_common()} for kind, of in counts.items()}
