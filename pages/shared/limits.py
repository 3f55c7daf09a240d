"""How much of the server a visitor may use: settings of whoever runs it, and what holds visitors to them."""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import dataclass, fields
from functools import cache
from threading import Lock

import streamlit as st

from pipeline import settings
from pipeline.errors import UserError
from pipeline.settings import setting, whole

# Values by name, such as "photos_a_minute=20,looks_at_once=4".
VARIABLE = "LOOKSLIKEWHO_LIMITS"
_MINUTE = 60.0


class BusyError(UserError):
    """The visitor has to wait. seconds: how long, at least."""

    def __init__(self, text: str, *, seconds: int = 1) -> None:
        super().__init__(text)
        self.seconds = seconds


@dataclass(frozen=True)
class Limits:
    """The limits, with what holds for a server that does not set them.

    photos_a_minute: of one session. photos_a_minute_from_an_address: of all sessions of one network address.
    photos_a_minute_with_a_key: of one program that uses the API with a key.
    looks_at_once: photos in which faces are found and measured at the same time; the others wait in line.
    megabytes_kept: of the photos of one session; the oldest ones go first. trainings_at_once: of all visitors.
    """

    photos_a_minute: int = setting(60, whole(1, 100_000))
    photos_a_minute_from_an_address: int = setting(300, whole(1, 1_000_000))
    photos_a_minute_with_a_key: int = setting(600, whole(1, 1_000_000))
    looks_at_once: int = setting(2, whole(1, 256))
    megabytes_kept: int = setting(200, whole(50, 100_000))
    trainings_at_once: int = setting(2, whole(1, 1_000))


@cache
def limits() -> Limits:
    """The limits of this server. Raises UserError when the variable cannot be understood."""
    values = {}
    known = [field.name for field in fields(Limits)]
    for part in filter(None, os.environ.get(VARIABLE, "").replace(" ", "").split(",")):
        name, _, value = part.partition("=")
        if name not in known or not value.isdecimal():
            raise UserError(
                f"{VARIABLE} has “{part}”. It must list limits such as photos_a_minute=20: {', '.join(known)}."
            )
        values[name] = int(value)
    found = Limits(**values)
    settings.check(found)
    return found


class Rate:
    """At most so many events within any minute, for each key."""

    def __init__(self, a_minute: int) -> None:
        self._a_minute = a_minute
        self._times: dict[str, deque[float]] = {}
        self._lock = Lock()

    def count(self, key: str) -> None:
        """Count an event. Raises BusyError, and counts nothing, when there were too many."""
        now = time.monotonic()
        with self._lock:
            # Nobody is remembered for longer than a minute.
            for other in [known for known, times in self._times.items() if times[-1] < now - _MINUTE]:
                del self._times[other]
            times = self._times.setdefault(key, deque())
            while times and times[0] < now - _MINUTE:
                times.popleft()
            if len(times) >= self._a_minute:
                seconds = max(1, round(times[0] + _MINUTE - now))
                text = f"That is more than fits into a minute here. Try again in {seconds} seconds."
                raise BusyError(text, seconds=seconds)
            times.append(now)


@cache
def _rates() -> tuple[Rate, Rate, Rate]:
    known = limits()
    return (
        Rate(known.photos_a_minute),
        Rate(known.photos_a_minute_from_an_address),
        Rate(known.photos_a_minute_with_a_key),
    )


def count_photo() -> None:
    """Count a photo of this visitor. Raises BusyError when there were too many within a minute."""
    of_session, of_address, _ = _rates()
    of_session.count(session_key())
    if address := st.context.ip_address:  # None on the visitor's own machine.
        of_address.count(address)


def count_photo_of_program(key: str | None, address: str | None) -> None:
    """Count a photo that a program sends. Raises BusyError when there were too many within a minute.

    key: the name of its key; the photos of programs without one count as those of visitors with the same address.
    address: None on the server's own machine.
    """
    _, of_address, of_key = _rates()
    if key:
        of_key.count(key)
    elif address:
        of_address.count(address)


def session_key() -> str:
    """What tells this session from others."""
    key: str = st.session_state.setdefault("session key", os.urandom(16).hex())
    return key
