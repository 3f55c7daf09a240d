"""Whose photo is looked at: a few at a time, in the order in which they came."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from pages.shared.limits import limits

_POLL_SECONDS = 0.25


class Turns:
    """At most ``at_once`` turns at the same time; the others wait in line.

    is_ending: set when the server is about to end. Whoever has a turn or waits for one still gets it.
    """

    def __init__(self, at_once: int) -> None:
        self.is_ending = False
        self._at_once = at_once
        self._running = 0
        self._line: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, on_wait: Callable[[int], None]) -> Iterator[None]:
        """Wait for a turn and take it. on_wait: called several times a second with how many come before."""
        ticket = object()
        with self._changed:
            self._line.append(ticket)
        try:
            while (before := self._before(ticket)) > 0:
                on_wait(before)  # Ends the wait by an exception when the visitor has left.
        except BaseException:
            with self._changed:
                self._line.remove(ticket)
                self._changed.notify_all()
            raise
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def is_idle(self) -> bool:
        """Whether nobody has a turn or waits for one."""
        with self._changed:
            return not self._running and not self._line

    def _before(self, ticket: object) -> int:
        """How many come before. 0: the turn is taken."""
        with self._changed:
            if self._is_next(ticket) or (self._changed.wait(_POLL_SECONDS) and self._is_next(ticket)):
                self._line.popleft()
                self._running += 1
                self._changed.notify_all()
                return 0
            return self._line.index(ticket) + 1

    def _is_next(self, ticket: object) -> bool:
        return self._running < self._at_once and self._line[0] is ticket


@cache
def turns() -> Turns:
    """The turns of all sessions."""
    return Turns(limits().looks_at_once)
