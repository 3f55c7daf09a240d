"""Choosing celebrities and fetching their photos, from a real server with its faults."""

from __future__ import annotations

import itertools
import json

import pytest

from pipeline import storage
from pipeline.errors import SourceError
from pipeline.sources.base import Credit
from pipeline.sources.wikidata import answers, celebrities, queries
from pipeline.sources.wikidata.client import QueryTimeoutError
from tests.cases import wikimedia

ODD = ("svg", "deleted", "no file")


def test_everybody_chosen_has_a_free_portrait_and_the_etiquette_is_kept(choose, small_world):
    with wikimedia.serving(small_world) as server:
        chosen = choose(server, 60)
        people = list(chosen.listed().people)
        seen = server.etiquette
    assert len(people) == 60
    assert len({person.key for person in people}) == 60
    assert (seen.most_at_once, seen.early, len(seen.agents)) == (2, 0, 1)
    assert next(iter(seen.agents)).startswith("LooksLikeWho/")
    for person in people:
        stated = small_world.people[person.key]
        portrait = stated.files[0]
        assert portrait.kind not in ODD
        assert "NC" not in portrait.licence
        assert person.name == stated.name
        assert person.columns["wikidata"] == (person.key,)
        assert person.columns["country"] == tuple(wikimedia.LABELS[code] for code in stated.countries)
        assert person.columns.get("born") == (float(stated.born[:4]) if stated.precision > 8 else None)
        assert person.portrait_first
        if portrait.kind != "broken":
            assert person.photos[0].read_bytes() == portrait.content
            author = "unknown author" if portrait.kind == "no author" else "Ann & Bob"
            credit = person.credit(person.photos[0])
            assert (credit.author, credit.licence) == (author, portrait.licence)
            assert credit.page.startswith("https://commons.wikimedia.org/wiki/File:")
        else:
            assert person.photos == ()
    assert max(len(person.photos) for person in people) >= max(
        len(person.files) for person in small_world.people.values()
    )


def test_the_photos_are_asked_for_once_and_answers_are_kept_until_the_round_ends(choose, small_world):
    with wikimedia.serving(small_world, faults=False) as server:
        first = choose(server, 40)
        photos = first.photos()
        list(first.listed().people)
        asked = server.etiquette.requests.total()
        again = choose(server, 40)
        assert again.photos() == photos
        people = list(again.listed().people)
        broken = sum(not person.photos for person in people)
        # Only what is no photo is asked for again.
        assert server.etiquette.requests.total() - asked <= 5 * broken
        again.finish()
        before = server.etiquette.requests["sparql"]
        choose(server, 40)
        assert server.etiquette.requests["sparql"] > before


def test_others_take_the_place_of_people_without_a_usable_photo(choose, small_world):
    with wikimedia.serving(small_world, faults=False) as server:
        chosen = choose(server, 30)
        unusable = list(chosen.names())[:3]
        other = chosen.replace(unusable, lambda *_, **__: None)
        assert other is not None
        assert len(other.people) == 30
        assert not set(unusable) & other.names().keys()
        other.finish()
        assert not set(unusable) & choose(server, 30).names().keys()
        # A new portrait is another chance.
        for key in unusable:
            small_world.people[key].files[0].version += 1
        choose(server, 30).finish()
        assert set(unusable) & choose(server, 30).names().keys()


def test_people_in_exclude_txt_are_left_out(choose, small_world, empty_home):
    with wikimedia.serving(small_world, faults=False) as server:
        chosen = choose(server, 20)
        first, second = list(chosen.names().items())[:2]
        chosen.finish()
        (empty_home / "exclude.txt").write_text(f"{first[0]}\n{second[1]}\n")
        names = choose(server, 20).names()
        assert first[0] not in names
        assert second[0] not in names


def test_photos_that_nobody_needs_are_deleted_at_the_end_of_a_round(choose, small_world):
    with wikimedia.serving(small_world, faults=False) as server:
        chosen = choose(server, 20)
        list(chosen.listed().people)
        portrait = next(iter(next(iter(chosen.photos().values()))))
        stranger = celebrities.folder() / "photos" / "Q1" / "x.jpg"
        stranger.parent.mkdir()
        stranger.touch()
        chosen.finish()
        assert portrait.is_file()
        assert not stranger.parent.exists()


def test_a_second_process_waits_its_turn(choose, small_world):
    with wikimedia.serving(small_world, faults=False) as server:
        chosen = choose(server, 5)
        with pytest.raises(SourceError, match="Another process is fetching celebrities"):
            celebrities.choose(chosen.wanted, lambda *_, **__: None)


def test_a_query_that_takes_too_long_is_split():
    asked = []

    def ask(query: str) -> queries.Rows:
        asked.append(query)
        low, high = (int(part) for part in query.split(">= ")[1].split(")")[0].split(" && ?sitelinks < "))
        if high - low > 2 and "P21" not in query:
            raise QueryTimeoutError("The query takes too long.")
        return [
            {"person": {"value": f"http://www.wikidata.org/entity/Q{number}"}, "sitelinks": {"value": str(number)}}
            for number in range(low, high)
        ]

    assert queries.famous(ask, 10, 20) == [(f"Q{number}", number) for number in range(19, 9, -1)]
    low_high = list(queries.bands())
    assert all(first[0] == second[1] for first, second in itertools.pairwise(low_high))
    assert (low_high[0][1], low_high[-1][0]) == (queries.SITELINKS_MAX, queries.SITELINKS_MIN)


def test_what_is_unknown_or_has_no_name_is_left_out():
    def row(
        code: str, value: str, label: str = "", kind: str = "uri", precision: str = ""
    ) -> dict[str, dict[str, str]]:
        found = {
            "person": {"type": "uri", "value": "http://www.wikidata.org/entity/Q1"},
            "personLabel": {"type": "literal", "value": "Ann Lee"},
            "property": {"type": "uri", "value": f"http://www.wikidata.org/prop/direct/{code}"},
            "value": {"type": kind, "value": value},
        }
        found |= {"valueLabel": {"type": "literal", "value": label}} if label else {}
        return found | ({"precision": {"type": "literal", "value": precision}} if precision else {})

    rows = [
        row("P18", "http://commons.wikimedia.org/wiki/Special:FilePath/Ann%20Lee%20%28a%29.jpg"),
        row("P18", "http://commons.wikimedia.org/wiki/Special:FilePath/Other.jpg"),
        row("P27", "http://www.wikidata.org/.well-known/genid/1", "t1"),
        row("P27", "t2", "t2", kind="bnode"),
        row("P106", "http://www.wikidata.org/entity/Q9", "Q9"),
        row("P106", "http://www.wikidata.org/entity/Q33999", "actor"),
        row("P569", "1900-01-01T00:00:00Z", precision="7", kind="literal"),
        row("P569", "1981-01-01T00:00:00Z", precision="9", kind="literal"),
        row("P569", "1980-05-01T00:00:00Z", precision="11", kind="literal"),
    ]
    (found,) = queries.described(lambda _: rows, [("Q1", 5), ("Q2", 4)])
    assert (found.name, found.image, found.country, found.occupation) == ("Ann Lee", "Ann Lee (a).jpg", [], ["actor"])
    assert found.born == 1980


def test_answers_survive_a_kill_and_end_with_the_round(tmp_path):
    kept = answers.Answers(tmp_path)
    assert kept.get("a", lambda: [1]) == [1]
    # Not closed, as by a kill.
    assert answers.Answers(tmp_path).get("a", lambda: [2]) == [1]
    kept.finish()
    assert answers.Answers(tmp_path).get("a", lambda: [2]) == [2]


def test_a_list_of_unusable_people_that_cannot_be_read_is_begun_anew(empty_home):
    storage.write_json(celebrities.folder() / "unusable.json", {"Q1": "abc"})
    assert celebrities._read_unusable() == {("Q1", "abc")}
    (celebrities.folder() / "unusable.json").write_text("[")
    assert celebrities._read_unusable() == set()
    assert json.loads(json.dumps(Credit().__dict__))["author"] == ""
