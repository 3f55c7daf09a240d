"""A server that speaks as Wikidata's query service and Wikimedia Commons do, with their faults and limits.

``python -m tests.cases.wikimedia FOLDER PEOPLE`` serves the photos in a folder of people, and prints its address.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import select
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

MALE, FEMALE, TRANS_WOMAN = "Q6581097", "Q6581072", "Q1052281"
LABELS = {
    **{MALE: "male", FEMALE: "female", TRANS_WOMAN: "trans woman"},
    **{"Q30": "United States", "Q145": "United Kingdom", "Q142": "France", "Q668": "India", "Q155": "Brazil"},
    **{"Q17": "Japan", "Q884": "South Korea", "Q183": "Germany", "Q38": "Italy", "Q1033": "Nigeria"},
    **{"Q33999": "actor", "Q177220": "singer", "Q82955": "politician", "Q937857": "association football player"},
    **{"Q36180": "writer", "Q11774891": "ice hockey player", "Q2526255": "film director", "Q901": "scientist"},
}
_COUNTRIES, _OCCUPATIONS = list(LABELS)[3:13], list(LABELS)[13:]
_YEARS = (1845, 1921, 1937, 1948, 1956, 1961, 1967, 1975, 1983, 1988, 1994)
_SCRIPTS = ("Владимир {}", "山田 {}", "محمد {}", "अमिताभ {}", "José {}", "Ελένη {}", "김{}", "{} O'Neil, Jr.")
_JPEG = b"\xff\xd8"
_RETRY_AFTER_SECONDS = 1
_HANG_SECONDS = 6
_ON_THE_WAY_SECONDS = 0.1
_PAGES_PER_ANSWER = 20
# A range with more people than that takes too long.
_FAME_MAX = 700


@dataclass
class File:
    """A file on Commons. path: of the photo that is served. kind: what is odd about it."""

    title: str
    path: Path
    kind: str = ""
    licence: str = "CC BY-SA 4.0"
    version: int = 0

    @property
    def sha1(self) -> str:
        return hashlib.sha1(f"{self.title} {self.version}".encode()).hexdigest()

    @property
    def content(self) -> bytes:
        """The photo with a comment: no two files on Commons are the same, nor two versions of one."""
        data, comment = self.path.read_bytes(), self.sha1.encode()
        if not data.startswith(_JPEG):
            return data + comment
        return _JPEG + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + data[len(_JPEG) :]


@dataclass
class Person:
    """A person on Wikidata. files: the portrait first, then those of the category."""

    id: str
    name: str
    sitelinks: int
    sex: list[str]
    born: str
    precision: int
    countries: list[str]
    occupations: list[str]
    files: list[File]
    planted: list[File] = field(default_factory=list)


@dataclass
class World:
    """All that the server knows."""

    people: dict[str, Person]

    @cached_property
    def files(self) -> dict[str, File]:
        return {each.title: each for person in self.people.values() for each in (*person.files, *person.planted)}

    @cached_property
    def by_name(self) -> dict[str, Person]:
        return {person.name: person for person in self.people.values()}


def world_of(photos: Sequence[Sequence[Path]], count: int, *, seed: int = 0, planted: float = 0.0) -> World:
    """People made of photos, where each sequence shows one face.

    Three in four are men, and half are from one country. planted: the share of files of somebody else in a category.
    """
    chance = random.Random(seed)
    people = {}
    for number in range(count):
        own = photos[number % len(photos)]
        name = _name(number)
        files = [File(f"File:{name} {place}.jpg", path) for place, path in enumerate(own)]
        _make_odd(files[0], number)
        country = "Q30" if chance.random() < 0.5 else chance.choice(_COUNTRIES)
        more = [chance.choice(_COUNTRIES)] if chance.random() < 0.1 else []
        person = Person(
            id=f"Q{1000 + number}",
            name=name,
            sitelinks=max(9, round(330 / (1 + number / 400))),
            sex=[MALE if chance.random() < 0.75 else TRANS_WOMAN if chance.random() < 0.02 else FEMALE],
            born=f"{chance.choice(_YEARS)}-05-17T00:00:00Z",
            precision=11 if number % 50 else 8,
            countries=list(dict.fromkeys([country, *more])),
            occupations=chance.sample(_OCCUPATIONS, chance.choice((1, 1, 2))),
            files=files,
        )
        for place in range(1, len(files)):
            if chance.random() < planted:
                stranger = photos[(number + 1 + chance.randrange(len(photos) - 1)) % len(photos)]
                person.planted.append(File(f"File:{name} with others {place}.jpg", stranger[0]))
        people[person.id] = person
    return World(people)


def _name(number: int) -> str:
    pattern = _SCRIPTS[number // 7 % len(_SCRIPTS)] if number % 7 == 3 else "Person {}"
    return pattern.format(number)


def _make_odd(portrait: File, number: int) -> None:
    kinds = {11: "svg", 23: "tiff", 31: "no author", 37: "deleted", 41: "no file", 43: "small", 47: "broken"}
    for every, kind in kinds.items():
        if number % every == every - 1:
            portrait.kind = kind
    if number % 29 == 28:
        portrait.licence = "CC BY-NC-SA 2.0"
    elif number % 13 == 12:
        portrait.licence = "Public domain"


@dataclass
class Etiquette:
    """What the server has seen of its clients. early: requests that came before a pause was over."""

    agents: set[str] = field(default_factory=set)
    requests: Counter[str] = field(default_factory=Counter)
    at_once: int = 0
    most_at_once: int = 0
    early: int = 0
    asked_for_pause: float = 0.0
    seen: Counter[str] = field(default_factory=Counter)


class WikimediaServer(ThreadingHTTPServer):
    """Serves a world. faults: whether some requests fail the first time."""

    daemon_threads = True

    def __init__(self, world: World, *, faults: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.world, self.faults = world, faults
        self.etiquette = Etiquette()
        self.lock = threading.Lock()
        # Requests that are not answered yet.
        self.waiting: list[_Handler] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """What makes the source ask this server."""
        return {
            "LOOKSLIKEWHO_WIKIDATA_URL": f"{self.address}/sparql",
            "LOOKSLIKEWHO_COMMONS_URL": f"{self.address}/w/api.php",
            "LOOKSLIKEWHO_CONTACT": "tests@example.org",
            "LOOKSLIKEWHO_WIKIMEDIA_READ_SECONDS": "3",
            "LOOKSLIKEWHO_WIKIMEDIA_PAUSE_SECONDS": "0.2",
        }

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no error."""


@contextmanager
def serving(world: World, *, faults: bool = True) -> Iterator[WikimediaServer]:
    """A server in a thread."""
    server = WikimediaServer(world, faults=faults)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: WikimediaServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""

    def do_GET(self) -> None:
        self._serve(urlsplit(self.path).query)

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

    def _serve(self, query: str) -> None:
        etiquette = self.server.etiquette
        place = urlsplit(self.path).path
        with self.server.lock:
            for other in [each for each in self.server.waiting if each.is_given_up]:
                other.end()
            etiquette.agents.add(self.headers.get("User-Agent", ""))
            etiquette.requests[place.split("/")[1]] += 1
            self.server.waiting.append(self)
            etiquette.at_once = len(self.server.waiting)
            etiquette.most_at_once = max(etiquette.most_at_once, etiquette.at_once)
            waited = time.monotonic() - etiquette.asked_for_pause
            # A request that was on its way already could not know.
            etiquette.early += _ON_THE_WAY_SECONDS < waited < _RETRY_AFTER_SECONDS - _ON_THE_WAY_SECONDS
            key = f"{place}?{query}"
            etiquette.seen[key] += 1
            first = etiquette.seen[key] == 1
        try:
            if not (first and self.server.faults and self._fail(key, place)):
                self._answer(place, {name: values[0] for name, values in parse_qs(query).items()})
        finally:
            with self.server.lock:
                self.end()

    @property
    def is_given_up(self) -> bool:
        """Whether the client waits no longer: it has closed the connection."""
        return bool(select.select([self.connection], [], [], 0)[0])

    def end(self) -> None:
        """Count the request as answered, before the client can ask again. The caller holds the lock."""
        if self in self.server.waiting:
            self.server.waiting.remove(self)
            self.server.etiquette.at_once = len(self.server.waiting)

    def _fail(self, key: str, place: str) -> bool:
        """Fail in some way, or not, which depends on the request alone."""
        number = int(hashlib.md5(key.encode()).hexdigest()[:6], 16) % 120
        if number in (0, 1):
            self._send(b"Too many requests", status=429, headers={"Retry-After": str(_RETRY_AFTER_SECONDS)})
            with self.server.lock:
                self.server.etiquette.asked_for_pause = time.monotonic()
        elif number in (2, 3):
            self._send(b"upstream error", status=500 if number == 2 else 503)
        elif number == 4:
            # Until the client has had enough.
            select.select([self.connection], [], [], _HANG_SECONDS)
            self.close_connection = True
        elif number in (5, 6, 7):
            self._send(b'{"results": {"bindings": [', cut=True)
        elif number in (8, 9) and place.startswith("/photos/"):
            self._send(b"", status=302, headers={"Location": f"{self.server.address}/moved{place}"})
        else:
            return False
        return True

    def _answer(self, place: str, asked: dict[str, str]) -> None:
        if place == "/sparql":
            self._sparql(asked["query"])
        elif place == "/w/api.php":
            self._json(_commons(self.server.world, asked, self.server.address))
        else:
            self._photo(unquote(place.removeprefix("/moved").removeprefix("/photos/")))

    def _sparql(self, query: str) -> None:
        people = self.server.world.people
        found = re.search(r">= (\d+) && \?sitelinks < (\d+)", query)
        if not found:
            ids = re.findall(r"wd:(Q\d+)", query.partition("VALUES ?property")[0])
            self._json(_bindings([row for each in ids if each in people for row in _facts(people[each])]))
            return
        low, high = map(int, found.groups())
        within = [person for person in people.values() if low <= person.sitelinks < high]
        if len(within) > _FAME_MAX and "P21" not in query:
            self._send(b"java.util.concurrent.TimeoutException: Query deadline is expired.", status=500)
            return
        if "NOT EXISTS { ?person wdt:P21" in query:
            within = [person for person in within if FEMALE not in person.sex]
        elif "P21" in query:
            within = [person for person in within if FEMALE in person.sex]
        rows = [{"person": _entity(each.id), "sitelinks": _number(each.sitelinks)} for each in within]
        self._json(_bindings(rows))

    def _photo(self, name: str) -> None:
        file = self.server.world.files.get(f"File:{name}")
        if file is None or file.kind == "deleted":
            self._send(b"not found", status=404)
        elif file.kind == "broken":
            self._send(b"<html>no photo</html>")
        else:
            self._send(file.content)

    def _json(self, values: dict[str, Any]) -> None:
        self._send(json.dumps(values, ensure_ascii=False).encode())

    def _send(
        self, body: bytes, *, status: int = 200, headers: dict[str, str] | None = None, cut: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) + (1000 if cut else 0)))
        with self.server.lock:
            self.end()
        self.end_headers()
        self.wfile.write(body)
        if cut:
            self.close_connection = True


# Wikidata -----------------------------------------------------------------------------------------------------------


def _bindings(rows: list[dict[str, Any]]) -> dict[str, Any]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {"head": {"vars": names}, "results": {"bindings": rows}}


def _entity(code: str) -> dict[str, str]:
    return {"type": "uri", "value": f"http://www.wikidata.org/entity/{code}"}


def _number(value: int) -> dict[str, str]:
    return {"datatype": "http://www.w3.org/2001/XMLSchema#integer", "type": "literal", "value": str(value)}


def _text(value: str) -> dict[str, str]:
    return {"xml:lang": "en", "type": "literal", "value": value}


def _facts(person: Person) -> Iterator[dict[str, Any]]:
    common = {"person": _entity(person.id), "personLabel": _text(person.name)}

    def row(code: str, value: dict[str, str], label: str = "", **more: Any) -> dict[str, Any]:
        named = {"type": "uri", "value": f"http://www.wikidata.org/prop/direct/{code}"}
        return {
            **common,
            "property": named,
            "value": value,
            **({"valueLabel": _text(label)} if label else {}),
            **more,
        }

    file = quote(person.files[0].title.removeprefix("File:"))
    yield row("P18", {"type": "uri", "value": f"http://commons.wikimedia.org/wiki/Special:FilePath/{file}"})
    for code, values in (("P21", person.sex), ("P27", person.countries), ("P106", person.occupations)):
        for value in values:
            yield row(code, _entity(value), LABELS[value])
    yield row("P27", {"type": "uri", "value": "http://www.wikidata.org/.well-known/genid/3f1b"}, "t3f1b")
    if len(person.files) + len(person.planted) > 1:
        yield row("P373", {"type": "literal", "value": person.name}, person.name)
    date = {"datatype": "http://www.w3.org/2001/XMLSchema#dateTime", "type": "literal", "value": person.born}
    yield row("P569", date, person.born, precision=_number(person.precision))


# Wikimedia Commons --------------------------------------------------------------------------------------------------


def _commons(world: World, asked: dict[str, str], address: str) -> dict[str, Any]:
    if asked.get("formatversion") != "2" or asked.get("action") != "query":
        return {"error": {"code": "badvalue", "info": "The tests speak version 2."}}
    if asked.get("generator") == "categorymembers":
        return _category(world, asked, address)
    titles = asked["titles"].split("|")
    normalized = [(title, " ".join(title.replace("_", " ").split())) for title in titles]
    wanted = [new for _, new in normalized]
    start = wanted.index(asked["iicontinue"].partition("|")[0]) if "iicontinue" in asked else 0
    end = start + _PAGES_PER_ANSWER
    pages = [
        _page(world, title, address, complete=start <= place < end)
        for place, title in enumerate(dict.fromkeys(wanted))
    ]
    answer: dict[str, Any] = {"query": {"pages": pages}}
    if changed := [{"fromencoded": False, "from": old, "to": new} for old, new in normalized if old != new]:
        answer["query"]["normalized"] = changed
    if end < len(wanted):
        answer["continue"] = {"iicontinue": f"{wanted[end]}|20200101000000", "continue": "||"}
    else:
        answer["batchcomplete"] = True
    return answer


def _category(world: World, asked: dict[str, str], address: str) -> dict[str, Any]:
    name = asked["gcmtitle"].removeprefix("Category:")
    person = world.by_name.get(name)
    titles = sorted(each.title for each in (*person.files, *person.planted)) if person else []
    start = int(asked.get("gcmcontinue", "file|0").partition("|")[2])
    size = min(int(asked["gcmlimit"]), 3)
    answer: dict[str, Any] = {"batchcomplete": True}
    if pages := [_page(world, title, address) for title in titles[start : start + size]]:
        answer["query"] = {"pages": pages}
    if start + size < len(titles):
        answer["continue"] = {"gcmcontinue": f"file|{start + size}", "continue": "gcmcontinue||"}
    return answer


def _page(world: World, title: str, address: str, *, complete: bool = True) -> dict[str, Any]:
    file = world.files.get(title)
    if file is None or file.kind == "deleted":
        return {"ns": 6, "title": title, "missing": True}
    page: dict[str, Any] = {"pageid": abs(hash(title)) % 10**8, "ns": 6, "title": title, "imagerepository": "local"}
    if complete:
        page["imageinfo"] = [{"filemissing": True} if file.kind == "no file" else _image_info(file, address)]
    return page


def _image_info(file: File, address: str) -> dict[str, Any]:
    name = file.title.removeprefix("File:")
    mime = {"svg": "image/svg+xml", "tiff": "image/tiff"}.get(file.kind, "image/jpeg")
    about: dict[str, Any] = {
        "size": 123_456,
        "width": 400 if file.kind == "small" else 2400,
        "height": 500 if file.kind == "small" else 3000,
        "url": f"{address}/photos/{quote(name)}",
        "descriptionurl": f"https://commons.wikimedia.org/wiki/{quote(file.title.replace(' ', '_'), safe=':')}",
        "sha1": file.sha1,
        "mime": mime,
        "mediatype": "DRAWING" if file.kind == "svg" else "BITMAP",
        "extmetadata": _metadata(file),
    }
    if file.kind != "small":
        about |= {"thumburl": f"{address}/photos/{quote(name)}", "thumbwidth": 500, "thumbheight": 625}
    return about


def _metadata(file: File) -> dict[str, Any]:
    def entry(value: str) -> dict[str, str]:
        return {"value": value, "source": "commons-desc-page"}

    code = re.sub(r"[ ]", "-", file.licence.lower())
    found = {"LicenseShortName": entry(file.licence), "License": entry("pd" if code.startswith("public") else code)}
    if file.licence.startswith("CC"):
        found["LicenseUrl"] = entry(f"https://creativecommons.org/licenses/{code.removeprefix('cc-')}")
    if file.kind != "no author":
        found["Artist"] = entry('<a href="//commons.wikimedia.org/wiki/User:Ann" title="User:Ann">Ann &amp; Bob</a>')
    return found


def main() -> None:
    """Serve a folder of people until interrupted."""
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    photos = [sorted(place.glob("*.jpg")) for place in sorted(folder.iterdir()) if place.is_dir()]
    photos.sort(key=lambda own: -len(own))
    with serving(world_of([own[:4] for own in photos if own], count, planted=0.1)) as server:
        for name, value in server.environment.items():
            print(f"export {name}={value}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
