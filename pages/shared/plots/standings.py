"""How far each system is behind the leader, with what chance explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pages.shared.palette import BLUE, GREY, ORANGE
from pages.shared.plots.figure import escape_html
from train.systems.standings import Standing

if TYPE_CHECKING:
    import plotly.graph_objects as go

_ROW_PX = 40


def behind(standings: Sequence[Standing], titles: Mapping[str, str], measure: str) -> go.Figure:
    """A dot for each system, the leader at the top: percentage points behind it, with 95 % intervals."""
    import plotly.graph_objects as go

    figure = go.Figure()
    groups = {
        "as good as the leader, as far as can be told": ([each for each in standings if not each.is_apart], BLUE),
        "behind the leader": ([each for each in standings if each.is_apart], ORANGE),
    }
    for name, (group, colour) in groups.items():
        if group:
            figure.add_scatter(
                x=[-100 * each.behind for each in group],
                y=[escape_html(titles[each.name]) for each in group],
                error_x={"array": [100 * each.spread for each in group], "thickness": 1.5, "width": 4},
                mode="markers",
                marker={"size": 10, "color": colour},
                name=name,
                customdata=[each.value for each in group],
                hovertemplate=f"%{{y}}: {measure} %{{customdata:.4f}}, %{{x:+.2f}} points<extra></extra>",
            )
    figure.add_vline(0, line={"color": GREY, "width": 1.5, "dash": "dash"})
    names = [escape_html(titles[each.name]) for each in standings][::-1]
    figure.update_yaxes(
        categoryorder="array", categoryarray=names, showticklabels=False, range=[-0.7, len(names) - 0.3]
    )
    for name in names:
        # Above its dot, where there is room on a phone, too.
        figure.add_annotation(
            text=name, x=0, xref="paper", xanchor="left", y=name, yshift=14, showarrow=False, font={"size": 13}
        )
    figure.update_xaxes(title=f"{measure}: percentage points from the leader", ticksuffix=" ")
    return figure.update_layout(
        height=130 + _ROW_PX * len(names),
        margin={"l": 8, "r": 16, "t": 8, "b": 8},
        legend={"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0},
        hovermode="closest",
    )
