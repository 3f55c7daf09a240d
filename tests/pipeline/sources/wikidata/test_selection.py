"""Whom a balanced selection takes, and whom it leaves out for ever."""

from __future__ import annotations

import random

import pytest

from pipeline.sources.wikidata import selection
from pipeline.sources.wikidata.queries import Celebrity
from pipeline.sources.wikidata.selection import ANY, Balance, LeftOut


def pool(count: int, seed: int = 0) -> list[Celebrity]:
    """Three in four are men, and six in ten from one country."""
    chance = random.Random(seed)
    return [
        Celebrity(
            f"Q{number}",
            count - number,
            f"Person {number}",
            born=chance.choice([1840, 1910, 1930, 1950, 1961, 1965, 1972, 1980, 1990]),
            sex=["male"] if chance.random() < 0.75 else ["female"],
            country=["A"] if chance.random() < 0.6 else [chance.choice("BCDEF")],
            occupation=chance.sample(["actor", "singer", "writer", "player", "judge"], 2),
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [1, 10, 97, 500])
def test_the_shares_hold(count):
    chosen = selection.select(pool(4000), count, Balance())
    shares = selection.shares(chosen)
    assert len(chosen) == count
    least = 1 / count
    assert shares["women"]["women"] >= 0.4 - least
    assert max(shares["country"].values()) <= max(0.25, least)
    assert min(person.born or 0 for person in chosen) >= 1850
    assert [person.sitelinks for person in chosen] == sorted((one.sitelinks for one in chosen), reverse=True)


def test_a_pool_that_is_too_small_gives_fewer_people_and_never_other_shares():
    people = [person for person in pool(400) if person.country == ["A"] or person.sitelinks % 3 == 0]
    chosen = selection.select(people, 300, Balance())
    shares = selection.shares(chosen)
    assert 0 < len(chosen) < 300
    assert shares["women"]["women"] >= 0.4
    assert max(shares["country"].values()) <= 0.25
    assert selection.select([], 10, Balance()) == []


def test_any_takes_the_best_known():
    people = pool(100)
    assert selection.select(people, 30, ANY) == people[:30]


def test_who_has_several_countries_counts_for_each():
    two = [Celebrity(f"Q{number}", 9, "x", sex=["female"], country=["A", "B"]) for number in range(8)]
    one = [Celebrity(f"Q{10 + number}", 9, "x", sex=["female"], country=[f"C{number}"]) for number in range(8)]
    chosen = selection.select(two + one, 8, Balance())
    assert len(chosen) == 8
    assert sum("A" in person.country for person in chosen) == 2


def test_people_who_ask_for_it_are_left_out_by_id_or_name():
    left_out = LeftOut("# asked on Monday\nq42 # by mail\n  José   Pérez\n\n")
    assert Celebrity("Q42", 1, "Somebody") in left_out
    assert Celebrity("Q7", 1, "JOSE\u0301 P\u00e9rez".title()) in left_out
    assert Celebrity("Q7", 1, "Ann") not in left_out
