"""What the plots of the training page share: how a run looks, and the empty figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pages.shared.palette import LINE_COLOURS

if TYPE_CHECKING:
    import plotly.graph_objects as go

_SYMBOLS = {"circle": "●", "square": "■", "diamond": "◆", "triangle-up": "▲", "star": "★"}
_HEIGHT_PX = 300


@dataclass(frozen=True)
class Look:
    """How a run is drawn in every plot and table: its colour, and its marker for when there are many runs."""

    colour: str
    symbol: str

    @property
    def sign(self) -> str:
        """The marker as a character."""
        return _SYMBOLS[self.symbol]


def look(number: int) -> Look:
    """The look of the run with this number; negative numbers use the last looks first."""
    symbols = list(_SYMBOLS)
    return Look(LINE_COLOURS[number % len(LINE_COLOURS)], symbols[number // len(LINE_COLOURS) % len(symbols)])


def empty_figure(x: str, y: str) -> go.Figure:
    """A figure with titled axes. Its zoom survives new data."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.update_layout(
        height=_HEIGHT_PX,
        margin={"l": 8, "r": 8, "t": 24, "b": 8},
        hovermode="closest",
        legend={"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0},
        uirevision="kept",
    )
    figure.update_xaxes(title=x)
    return figure.update_yaxes(title=y)


def escape_html(text: str) -> str:
    """Text that Plotly shows exactly as written."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def shorten(text: str, length: int = 30) -> str:
    """Text of at most ``length`` characters."""
    return text if len(text) <= length else text[: length - 1] + "…"
