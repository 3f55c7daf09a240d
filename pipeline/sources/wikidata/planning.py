"""Choosing celebrities: ask by fame until the limits can be met, then check the licences of the portraits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from pipeline.sources.base import SourceReport
from pipeline.sources.wikidata import commons, queries, selection
from pipeline.sources.wikidata.answers import Answers
from pipeline.sources.wikidata.client import REQUESTS_MAX, Client
from pipeline.sources.wikidata.commons import CommonsPhoto
from pipeline.sources.wikidata.queries import Celebrity, Rows
from pipeline.sources.wikidata.selection import Balance, LeftOut

ASKING, CHECKING, LOOKING = "Asking Wikidata", "Checking licences", "Looking for more photos"
# Of each photo more that is wanted, so many are looked at.
_LOOKED_AT = 3
_Item = TypeVar("_Item")
_Found = TypeVar("_Found")


class Planner:
    """Chooses people with what was asked before and what it asks itself.

    unusable: ids and portraits (sha1) of people without a usable photo.
    """

    def __init__(
        self, client: Client, answers: Answers, *, left_out: LeftOut, unusable: set[tuple[str, str]]
    ) -> None:
        self.client, self.answers, self.left_out, self.unusable = client, answers, left_out, unusable
        self._pool: list[Celebrity] = []
        self._bands = queries.bands()
        self._portraits: dict[str, CommonsPhoto | None] = {}

    def choose(self, count: int, balance: Balance, report: SourceReport) -> list[tuple[Celebrity, CommonsPhoto]]:
        """People and their portraits, the best known first. Raises SourceError."""
        while True:
            pool = [person for person in self._pool if self._is_usable(person)]
            if not selection.is_complete(pool, count, balance) and self._grow(report):
                continue
            chosen = selection.select(pool, count, balance)
            unknown = [person for person in chosen if person.id not in self._portraits]
            if not unknown:
                return [(person, portrait) for person in chosen if (portrait := self._portraits[person.id])]
            self._fetch_portraits(unknown, report)

    def _is_usable(self, person: Celebrity) -> bool:
        if person in self.left_out:
            return False
        if person.id not in self._portraits:
            return True
        portrait = self._portraits[person.id]
        return portrait is not None and (person.id, portrait.sha1) not in self.unusable

    def _grow(self, report: SourceReport) -> bool:
        """Add the next less known people to the pool. False if there are none."""
        band = next(self._bands, None)
        if band is None:
            return False
        report(ASKING, detail=f"{len(self._pool):,} people")
        people = queries.famous(self._query, *band)
        parts = _parts(people, queries.PEOPLE_PER_QUERY)
        for part in parallel(lambda part: queries.described(self._query, part), parts):
            self._pool += part
            report(ASKING, detail=f"{len(self._pool):,} people")
        return True

    def _query(self, sparql: str) -> Rows:
        """The answer to a query. Parts of a query that took too long are kept, not the whole."""
        found: Rows = self.answers.get({"sparql": sparql}, lambda: self.client.query(sparql))
        return found

    def _fetch_portraits(self, people: Sequence[Celebrity], report: SourceReport) -> None:
        done = 0
        parts = _parts(people, commons.TITLES_PER_REQUEST)
        report(CHECKING, done, len(people), f"{done:,} of {len(people):,} portraits")
        fetch: Callable[[Sequence[Celebrity]], dict[str, CommonsPhoto]] = lambda part: commons.photos(  # noqa: E731
            self._commons, [person.image for person in part]
        )
        for part, found in zip(parts, parallel(fetch, parts), strict=True):
            self._portraits |= {person.id: found.get(person.image) for person in part}
            done += len(part)
            report(CHECKING, done, len(people), f"{done:,} of {len(people):,} portraits")

    def _commons(self, parameters: Any) -> dict[str, Any]:
        asked = dict(parameters)
        found: dict[str, Any] = self.answers.get({"commons": asked}, lambda: self.client.commons(asked))
        return found

    def others(
        self, people: Sequence[tuple[Celebrity, CommonsPhoto]], wanted: int, report: SourceReport
    ) -> dict[str, list[CommonsPhoto]]:
        """More photos of people, from their categories, by id: those first whose titles have the name."""
        asked = [(person, portrait) for person, portrait in people if person.category]
        found: dict[str, list[CommonsPhoto]] = {}
        if wanted < 1:
            return found
        each = parallel(lambda one: commons.category_photos(self._commons, one[0].category), asked)
        for done, ((person, portrait), photos) in enumerate(zip(asked, each, strict=True), start=1):
            own = {photo.sha1: photo for photo in photos if photo.sha1 != portrait.sha1}
            words = person.name.casefold().split()
            ranked = sorted(own.values(), key=lambda photo: not all(word in photo.title.casefold() for word in words))
            found[person.id] = ranked[: wanted * _LOOKED_AT]
            report(LOOKING, done, len(asked), f"{done:,} of {len(asked):,} people")
        return found


def _parts(items: Sequence[_Item], size: int) -> list[Sequence[_Item]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def parallel(work: Callable[[_Item], _Found], items: Sequence[_Item]) -> Iterator[_Found]:
    """``work`` of each item, in order, as many at a time as the services allow. Stops at the first error."""
    with ThreadPoolExecutor(REQUESTS_MAX) as threads:
        futures = [threads.submit(work, item) for item in items]
        try:
            for future in futures:
                yield future.result()
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
