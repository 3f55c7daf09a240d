"""Keeping and sharing a result: its card as a file, in the shapes of a post and of a story."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import streamlit as st

from pages.shared import card
from pipeline.lookalikes import Match, Probe

_LOCAL = ("", "localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104
_SHARER, _CARD = "sharer", "card to share"
_CSS = """
button { width: 100%; min-height: 2.75rem; border: 0; border-radius: var(--st-button-radius); font: inherit;
  font-weight: 600; color: var(--st-background-color); background: var(--st-primary-color); cursor: pointer; }
button:focus-visible { outline: 3px solid var(--st-text-color); outline-offset: 2px; }
"""


def draw_share(probe: Probe, match: Match) -> None:
    """A button for the phone's share sheet, where there is one. The visitor chooses there where the card goes."""
    ready = getattr(st.session_state.get(_SHARER), "can", False)
    data = _data(probe, match) if ready else None
    with st.container(key="share", height="content"):
        _component("share")(key=_SHARER, data=data, default={"can": False}, on_can_change=lambda: None)
    if not ready:
        st.html("<style>.st-key-share { display: none; }</style>")


def draw_save(probe: Probe, match: Match) -> None:
    """Buttons that save the card."""
    with st.popover("Save as picture", icon=":material/download:"):
        st.fragment(_draw_shapes)(probe, match)


def _draw_shapes(probe: Probe, match: Match) -> None:
    """The card is drawn when it is asked for, and is part of the page: a download would have an address."""
    for shape, (width, height) in card.SHAPES.items():
        label, icon = f"{shape}, {width} × {height}", ":material/image:"
        if st.button(label, icon=icon, key=f"save {shape}", width="stretch"):
            _component("save")(key="saver", data={"id": uuid4().hex, **_card(probe, match, shape)})


def _card(probe: Probe, match: Match, shape: str) -> dict[str, str]:
    """The card of a shape, as PNG in base64, and the name of its file."""
    address = address_of(st.context.url)
    picture = card.render(probe.portrait, match, size=card.SHAPES[shape], address=address)
    return {"card": base64.b64encode(picture).decode(), "name": f"looks-like-who-{shape.lower()}.png"}


def address_of(url: str | None) -> str:
    """Where the app is, as people write it; empty on the visitor's own machine."""
    parts = urlsplit(url or "")
    return "" if (parts.hostname or "") in _LOCAL else parts.netloc


def _data(probe: Probe, match: Match) -> dict[str, str]:
    """What the button shares: the card as a post, drawn once for a result."""
    kept = st.session_state.get(_CARD)
    if not kept or kept[0] is not probe or kept[1] != match:
        text = f"I look like {match.name}, says LooksLikeWho. {address_of(st.context.url)}".strip()
        data = _card(probe, match, next(iter(card.SHAPES))) | {"text": text}
        kept = st.session_state[_CARD] = (probe, match, data)
    shared: dict[str, str] = kept[2]
    return shared


@cache
def _component(name: str) -> Any:
    script = Path(__file__).with_name(f"{name}.js")
    return st.components.v2.component(name, js=script.read_text(encoding="utf-8"), css=_CSS)
