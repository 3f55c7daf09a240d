"""Invisible buttons over the faces of a photo: a tap on a face chooses it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from pipeline.faces.face import Face

# The key of the container that begins with the picture.
PLACE = "picture-of-faces"
_STYLE = """
.st-key-{place} {{ position: relative; }}
.st-key-face-buttons {{ position: absolute; top: 0; left: 0; width: 100%; aspect-ratio: {aspect}; overflow: hidden; }}
.st-key-face-buttons [class*="st-key-tap-face-"] {{ position: absolute; width: auto; }}
.st-key-face-buttons [data-testid="stButton"], .st-key-face-buttons button {{ width: 100%; height: 100%; }}
.st-key-face-buttons button {{ background: none; border-color: transparent; }}
.st-key-face-buttons button:hover {{ background: none; border-color: white; }}
.st-key-face-buttons button * {{ opacity: 0; }}
"""
_FACE = ".st-key-face-buttons .st-key-tap-face-{number} {{ {sides} }}"


def draw(faces: Sequence[Face], size: tuple[float, float], on_click: Callable[[int], None]) -> None:
    """Draw them in the container ``PLACE``. size: of the photo, in the pixels of the faces' boxes."""
    with st.container(key="face-buttons"):
        for number in range(1, len(faces) + 1):
            label = f"Look up face {number}"
            st.button(label, key=f"tap-face-{number}", on_click=on_click, args=(number,), width="stretch")
    rules = [_STYLE.format(place=PLACE, aspect=f"{size[0]:.1f} / {size[1]:.1f}")]
    rules += [_FACE.format(number=number, sides=_sides(face, size)) for number, face in enumerate(faces, start=1)]
    st.html(f"<style>{''.join(rules)}</style>")


def _sides(face: Face, size: tuple[float, float]) -> str:
    """Where a face is in the picture, as CSS."""
    x, y, width, height = face.box
    shares = {"left": x / size[0], "top": y / size[1], "width": width / size[0], "height": height / size[1]}
    return " ".join(f"{side}: {100 * share:.2f}%;" for side, share in shares.items())
