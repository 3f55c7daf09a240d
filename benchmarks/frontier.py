"""``python -m benchmarks.frontier``: draw identity and resemblance as recorded, for ``docs/quality.md``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import tables

PLOT = Path(__file__).parents[1] / "docs" / "frontier.svg"
# What is drawn upwards, by the name of its figure.
PANELS = {
    "women_three": "three most similar strangers of a woman: women",
    "balanced_men_three": "of a man, as many women as men: men",
    "stability": "same three strangers for another photo",
}
Row = dict[str, Any]
# Settings with one colour and marker; those that differ in weight alone are joined.
GROUPS: dict[str, tuple[str, Callable[[Row], bool]]] = {
    "FaceNet alone": ("o", lambda row: not row["sface"]),
    "SFace alone": ("s", lambda row: not row["facenet"]),
    "both, 1 pass of FaceNet": (".-", lambda row: row["sface"] and row["facenet"] == 1),
    "both, 2 passes": (".-", lambda row: row["sface"] and row["facenet"] == 2),
    "both, 4 passes": (".-", lambda row: row["sface"] and row["facenet"] == 4),
}


def draw_frontier(rows: Sequence[Row]) -> None:
    """Write the plot: a panel for each proxy, identity to the right, resemblance upwards. rows: as recorded.

    Rows after the map are drawn with hollow markers and dashed lines.
    """
    import matplotlib

    matplotlib.use("svg")
    # Text stays text, and the same figures give the same file.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "frontier", "font.size": 9})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(PANELS), figsize=(11, 4.2), layout="constrained")
    for axis, (name, title) in zip(axes, PANELS.items(), strict=True):
        for number, (group, (marker, belongs)) in enumerate(GROUPS.items()):
            for by in ("cosine", "map"):
                chosen = [row for row in rows if row["by"] == by and belongs(row)]
                for line, some in enumerate(_lines(chosen)):
                    axis.plot(
                        [row["rank_1"] for row in some],
                        [row[name] for row in some],
                        marker if by == "cosine" else marker.replace("-", "--"),
                        color=f"C{number}",
                        mfc=f"C{number}" if by == "cosine" else "none",
                        lw=0.8,
                        label=group if by == "cosine" and not line else None,
                    )
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("identity: one-shot rank-1; hollow: after the map")
        axis.grid(alpha=0.3)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(GROUPS))
    figure.savefig(PLOT, metadata={"Date": None})
    pyplot.close(figure)


def _lines(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows of the same views, in the order of their weights."""
    views = dict.fromkeys(row["rows"].partition(", weight")[0] for row in rows)
    return [[row for row in rows if row["rows"].partition(", weight")[0] == name] for name in views]


if __name__ == "__main__":
    draw_frontier(tables.recorded("resemblance", "Frontier"))
