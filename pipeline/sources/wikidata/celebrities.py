"""The source ``wikidata``: its people, their photos and columns."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline import notices, photo, storage
from pipeline.errors import PhotoError, SourceError
from pipeline.sources.base import (
    Credit,
    Selection,
    Source,
    SourcePeople,
    SourcePerson,
    SourceReport,
    Value,
)
from pipeline.sources.wikidata import selection
from pipeline.sources.wikidata.answers import Answers
from pipeline.sources.wikidata.client import REQUESTS_MAX, Client, ClientSettings
from pipeline.sources.wikidata.commons import CommonsPhoto
from pipeline.sources.wikidata.planning import Planner
from pipeline.sources.wikidata.queries import Celebrity
from pipeline.sources.wikidata.selection import ANY, Balance, LeftOut

SOURCE, LICENCE = "Wikimedia Commons", "free, see the photo's page"
LEFT_OUT = "exclude.txt"
_UNUSABLE, _PAUSE = "unusable.json", "pause.json"
# People whose photos are fetched before they are asked for.
_AHEAD = 24
_SHOWN_MAX = 5


def folder() -> Path:
    """Where answers and photos are kept."""
    return storage.home() / "wikidata"


@dataclass
class Celebrities:
    """The chosen people, with the portrait and other photos of each. See ChosenPeople."""

    people: list[tuple[Celebrity, CommonsPhoto]]
    others: Mapping[str, list[CommonsPhoto]]
    wanted: Selection
    planner: Planner
    lock: FileLock
    source: str = SOURCE
    _paths: dict[str, dict[Path, CommonsPhoto]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for person, portrait in self.people:
            own = [portrait, *self.others.get(person.id, [])]
            self._paths[person.id] = {_path(person.id, each): each for each in own}

    def names(self) -> dict[str, str]:
        """The names of the people by key."""
        return {person.id: person.name for person, _ in self.people}

    def photos(self) -> dict[str, dict[Path, Credit]]:
        """Where the photos of each person will be, and whose they are; the portrait first."""
        return {key: {path: each.credit for path, each in own.items()} for key, own in self._paths.items()}

    def summary(self, people: Collection[str]) -> list[str]:
        """The shares of women, countries, decades and occupations among some of the people."""
        shares = selection.shares([person for person, _ in self.people if person.id in people])
        lines = [f"Women {shares['women'].get('women', 0):.1%}"]
        for kind, title in {"country": "Countries", "decade": "Born in the", "occupation": "Occupations"}.items():
            largest = islice(shares[kind].items(), _SHOWN_MAX)
            lines.append(f"{title} {', '.join(f'{name} {share:.1%}' for name, share in largest)}")
        return lines

    def listed(self) -> SourcePeople:
        """The people, each with the photos that could be fetched. Raises SourceError while listing."""
        people = [person for person, _ in self.people]
        return SourcePeople(self._fetched(people), len(people))

    def _fetched(self, people: list[Celebrity]) -> Iterator[SourcePerson]:
        """The people in order, while the photos of the next ones are fetched."""
        waiting: deque[Future[SourcePerson]] = deque()
        rest = iter(people)
        with ThreadPoolExecutor(REQUESTS_MAX) as threads:
            try:
                waiting.extend(threads.submit(self._person, person) for person in islice(rest, _AHEAD))
                while waiting:
                    yield waiting.popleft().result()
                    waiting.extend(threads.submit(self._person, person) for person in islice(rest, 1))
            finally:
                threads.shutdown(wait=False, cancel_futures=True)

    def _person(self, person: Celebrity) -> SourcePerson:
        own = self._paths[person.id]
        here = [path for path, each in own.items() if _is_here(path) or self._fetch(path, each)]
        portrait = next(iter(own))
        return SourcePerson(
            person.id,
            person.name,
            # Without the portrait, nobody knows who is on the others.
            tuple(here) if portrait in here else (),
            SOURCE,
            LICENCE,
            columns_of(person),
            {path: own[path].credit for path in here},
            portrait_first=True,
        )

    def _fetch(self, path: Path, wanted: CommonsPhoto) -> bool:
        """Fetch a photo. False if it is gone, or is none."""
        data = self.planner.client.file(wanted.url)
        try:
            photo.size(data or b"")
        except PhotoError:
            return False
        with storage.atomic_path(path) as temporary:
            temporary.write_bytes(data or b"")
        return True

    def replace(self, unusable: Collection[str], report: SourceReport) -> Celebrities | None:
        """Others in place of people without a usable photo; None if there are no others."""
        portraits = {person.id: portrait.sha1 for person, portrait in self.people}
        self.planner.unusable |= {(key, portraits[key]) for key in unusable if key in portraits}
        _write_unusable(self.planner.unusable)
        chosen = _chosen(self.planner, self.wanted, self.lock, report)
        return chosen if chosen.names().keys() - self.names().keys() else None

    def finish(self) -> None:
        """End the round of questions, and delete the photos of whoever is not among the people any more."""
        needed = {path for own in self._paths.values() for path in own}
        for path in (folder() / "photos").glob("*/*"):
            if path not in needed:
                path.unlink(missing_ok=True)
                if not any(path.parent.iterdir()):
                    path.parent.rmdir()
        self.planner.answers.finish()

    def close(self) -> None:
        """Let other processes choose people."""
        self.planner.answers.close()
        self.lock.release()


def _path(key: str, wanted: CommonsPhoto) -> Path:
    """Where a photo is kept: under the hash of its original, so that a new upload is a new photo."""
    return folder() / "photos" / key / f"{wanted.sha1[:20]}{wanted.suffix}"


def _is_here(path: Path) -> bool:
    return path.is_file()


def columns_of(person: Celebrity) -> dict[str, Value]:
    """The columns of a person, as Wikidata states them."""
    known: dict[str, Value] = {
        "sex": tuple(person.sex),
        "country": tuple(person.country),
        "occupation": tuple(person.occupation),
        "wikidata": (person.id,),
    }
    if person.born is not None:
        known["born"] = float(person.born)
    order = ("sex", "born", "country", "occupation", "wikidata")
    return {name: known[name] for name in order if known.get(name)}


def choose(wanted: Selection, report: SourceReport) -> Celebrities:
    """Choose people, and where their photos are. Raises SourceError, and UserError for impossible settings."""
    settings = ClientSettings.of_environment()
    if not settings.contact:
        notices.tell(
            "Wikimedia asks who sends many requests. Set LOOKSLIKEWHO_CONTACT to your address of mail, so that they "
            "can reach you."
        )
    lock = FileLock(folder() / ".lock", timeout=0)
    with storage.writing(folder()):
        folder().mkdir(parents=True, exist_ok=True)
    try:
        lock.acquire()
    except Timeout as error:
        raise SourceError("Another process is fetching celebrities. Wait until it is done.") from error
    try:
        left_out = LeftOut(f"{_left_out()}\n{wanted.left_out}")
        client = Client(settings, pause_path=folder() / _PAUSE)
        planner = Planner(client, Answers(folder()), left_out=left_out, unusable=_read_unusable())
        return _chosen(planner, wanted, lock, report)
    except BaseException:
        lock.release()
        raise


def _chosen(planner: Planner, wanted: Selection, lock: FileLock, report: SourceReport) -> Celebrities:
    balance = Balance() if wanted.balanced else ANY
    people = planner.choose(wanted.people, balance, report)
    if not people:
        raise SourceError("Wikidata has nobody to choose from. Ask for fewer people, or use --any.")
    others = planner.others(people, wanted.photos_per_person - 1, report)
    return Celebrities(people, others, wanted, planner, lock)


def _left_out() -> str:
    path = storage.home() / LEFT_OUT
    try:
        return path.read_text(encoding="utf-8-sig") if path.is_file() else ""
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read. Save it as text in UTF-8.") from error


def _read_unusable() -> set[tuple[str, str]]:
    values = storage.read_json(folder() / _UNUSABLE) or {}
    return {(str(key), str(sha1)) for key, sha1 in values.items()}


def _write_unusable(unusable: set[tuple[str, str]]) -> None:
    storage.write_json(folder() / _UNUSABLE, dict(sorted(unusable)))


def _no_folder(_: Path) -> SourcePeople:
    raise SourceError("The source wikidata takes no folder.", command="python -m pipeline build --source wikidata")


WIKIDATA = Source(
    "wikidata",
    "Wikidata",
    "celebrities from Wikidata and Wikimedia Commons",
    _no_folder,
    choose=choose,
    gallery="celebrities",
    of_rows=SOURCE,
)
