"""How the server begins and ends."""

from __future__ import annotations

import asyncio
import ctypes
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import FrameType

import streamlit as st
from streamlit import config

from pages.shared import public, streamlit_fixes
from pages.shared.limits import limits
from pages.shared.turns import turns
from pipeline.errors import UserError
from server import logs, protection
from server.api.api_settings import api_settings
from server.api.keys import KeyFile

# How long a photo that is being looked at may go on after the server was asked to end.
_END_SECONDS = 10
_SWEEP_SECONDS = 10
# In <malloc.h>.
_M_ARENA_MAX = -8


def share_memory() -> None:
    """Let all threads allocate from two heaps, before there are threads.

    Each run of a page is a thread, and glibc gives nearly every thread a heap of its own. What visitors who have left
    held lies scattered over all of them, and is not given back to the system.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):  # Not glibc.
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def check_settings() -> None:
    """End with a sentence when a setting cannot be understood."""
    try:
        limits()
        api = api_settings()
        if api.is_on and api.keys:
            KeyFile(api.keys)
    except UserError as error:
        sys.exit(str(error))


@asynccontextmanager
async def run(app: st.App) -> AsyncIterator[None]:
    """Let the looks that have begun end before the server does."""
    streamlit_fixes.answer_at_once(asyncio.get_running_loop())
    logs.begin()
    logs.event("begin", public=public.is_server_public(), address=config.get_option("server.address"))
    if not public.is_server_public() and not protection.is_local():
        logs.event("open", advice=f"Other machines can change everything. Set {public.VARIABLE} for strangers.")
    _end_after_looks()
    sweeping = asyncio.create_task(_sweep())
    yield
    sweeping.cancel()
    logs.event("end")


async def _sweep() -> None:
    """Forget visitors who have left, all the time."""
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        streamlit_fixes.forget_left_sessions()


def _end_after_looks() -> None:
    """Let the signal to end wait until nobody's photo is being looked at."""
    if threading.current_thread() is not threading.main_thread():
        return
    end_now = signal.getsignal(signal.SIGTERM)

    def wait_and_end(number: int, frame: FrameType | None) -> None:
        last = time.monotonic() + _END_SECONDS
        while not turns().is_idle() and time.monotonic() < last:
            time.sleep(0.05)
        if callable(end_now):
            end_now(number, frame)

    def begin_to_end(number: int, frame: FrameType | None) -> None:
        turns().is_ending = True
        # Not here: this is the thread that sends the results.
        threading.Thread(target=wait_and_end, args=(number, frame), daemon=True).start()

    signal.signal(signal.SIGTERM, begin_to_end)
