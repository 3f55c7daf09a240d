"""Fitting a gallery's map from the app, by a process of its own: the libraries that do so would stay in memory."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import streamlit as st

from pages import drawing
from pipeline.errors import MapError
from pipeline.gallery.gallery import Gallery

_ROOT = Path(__file__).parents[2]


@dataclass
class _Fitting:
    """A process that fits a map. complaints: what it has to say when it fails."""

    gallery: str
    complaints: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    begun: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        command = [sys.executable, "-m", "pipeline", "map", "--gallery", self.gallery]
        self.process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.DEVNULL, stderr=self.complaints)

    def complaint(self) -> str:
        """The last line of what it said."""
        self.complaints.seek(0)
        lines = self.complaints.read().decode(errors="replace").strip().splitlines()
        lines = [line for line in lines if not line.startswith("Run: ")]
        return lines[-1] if lines else "It was stopped."


@st.cache_resource(show_spinner=False)
def _fittings() -> dict[str, _Fitting]:
    """What is being fitted, by the gallery's folder, for all sessions together."""
    return {}


def offer(opened: Gallery, error: MapError) -> None:
    """The state without a map that can be used: why, and a button that fits one."""
    known = _fittings()
    fitting = known.get(str(opened.folder))
    with st.container(border=True, width=640):
        st.subheader(":material/map: The map has to be fitted", anchor=False)
        st.markdown(drawing.literal(str(error)))
        if fitting and fitting.process.poll() is None:
            _wait(opened, fitting)
            return
        if fitting and fitting.process.returncode:
            st.error(drawing.literal(fitting.complaint()), title="The map could not be fitted")
        st.button("Fit the map", type="primary", icon=":material/map:", on_click=_begin, args=(opened,))
        st.caption(
            f"It takes about {_expected(len(opened))}; you can use the other pages meanwhile. The same by hand:"
        )
        st.code(error.command, language="bash")


def _begin(opened: Gallery) -> None:
    """Start, unless another session has done so."""
    fitting = _fittings().get(str(opened.folder))
    if fitting is None or fitting.process.poll() is not None:
        _fittings()[str(opened.folder)] = _Fitting(opened.name)


@st.fragment(run_every=1)
def _wait(opened: Gallery, fitting: _Fitting) -> None:
    if fitting.process.poll() is not None:
        if not fitting.process.returncode:
            _fittings().pop(str(opened.folder), None)
        st.rerun()
    seconds = time.monotonic() - fitting.begun
    st.status(f"Fitting the map of {drawing.literal(opened.name)} · {seconds:.0f} s")


def _expected(faces: int) -> str:
    return "half a minute" if faces < 5_000 else f"{2 + faces // 20_000} minutes"
