"""Progress of a slow step by step task: named stages with their times, in place of what a column showed before."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from streamlit.delta_generator import DeltaGenerator

from pages.shared.turns import turns


class Stages:
    """Stages of the work on a photo. times: seconds by stage."""

    def __init__(self, column: DeltaGenerator) -> None:
        self.times: dict[str, float] = {}
        self._column = column
        self._place = column.empty()
        self._status: DeltaGenerator | None = None
        self._rest: DeltaGenerator | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[], None]]:
        """One stage. Call what it yields to update the time on the screen."""
        line = self._line()
        begun = time.perf_counter()

        def update() -> None:
            line.markdown(f":material/hourglass_top: {name} · {time.perf_counter() - begun:.0f} s")

        update()
        yield update
        self.times[name] = time.perf_counter() - begun
        line.markdown(f":material/check: {name} · {self.times[name]:.1f} s")

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait in line until fewer photos are being looked at. How many come before is on the screen."""
        lines: list[DeltaGenerator] = []

        def show(before: int) -> None:
            if not lines:
                lines.append(self._line())
            come = "1 photo comes" if before == 1 else f"{before} photos come"
            lines[0].markdown(f":material/groups: {come} before yours")

        with turns().turn(show):
            for line in lines:
                line.empty()
            yield

    def _line(self) -> DeltaGenerator:
        """A new line below the others."""
        if self._status is None:
            self._status = self._place.status("Looking for look-alikes", expanded=True)
            self._rest = self._column.empty()
        return self._status.empty()

    def done(self) -> DeltaGenerator:
        """Remove the stages from the screen and return the place for the result."""
        self._place.empty()
        # Without any stage nothing is emptied first: that would flicker and take the focus from a slider.
        return (self._rest or self._column).container()
