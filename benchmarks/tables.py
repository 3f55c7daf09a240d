"""``make tables``: fill the tables in ``docs/`` from recorded results, without measuring anything.

A table stands between ``<!-- NAME -->`` and ``<!-- /NAME -->``. Its rows are dictionaries from heading to cell.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import LINES, Line
from pipeline.embedding.registry import DEFAULT_EMBEDDER, EMBEDDERS
from train.systems import results

DOCS = Path(__file__).parents[1] / "docs"
RESULTS = Path(__file__).parent / "results"
# What the table of the frontier shows of FaceNet and SFace side by side; the plot shows all.
SHOWN = "FaceNet (A and its mirror image) + SFace, "
SPEED = ("find", "build", "detect", "scoring", "scale", "batch", "training", "map", "start", "api")

Row = dict[str, str]


def main() -> None:
    """Fill every table."""
    fill(*TABLES)


def fill(*names: str) -> None:
    """Rewrite the named tables in their documents."""
    for name in names:
        document, rows = TABLES[name]
        path = DOCS / document
        path.write_text(filled(path.read_text(encoding="utf-8"), name, rows()), encoding="utf-8")


def filled(text: str, name: str, rows: Sequence[Row]) -> str:
    """A document's text with the table called ``name`` replaced. Raises ValueError if its markers are missing."""
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, found_start, rest = text.partition(start)
    _, found_end, after = rest.partition(end)
    if not (found_start and found_end):
        raise ValueError(f"The document has no markers for the table {name}.")
    return before + start + markdown(rows) + end + after


def markdown(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table, one line each."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def recorded(name: str, title: str) -> list[dict[str, Any]]:
    """The rows of the table whose title begins so, in ``benchmarks/results/NAME.json``."""
    tables = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return next((rows for key, rows in tables.items() if key.startswith(title)), [])


def _speed() -> list[Row]:
    return [
        {
            "what": line.what,
            "LooksLikeWho": line.here,
            "compared with": line.beside,
            "times faster": _times(line.times),
            "target": f"{line.aim}: {'reached' if line.reached else '**missed**'}",
            "command": f"`make benchmark-{name}`",
        }
        for name in SPEED
        if (RESULTS / f"{name}.json").is_file()
        for line in (Line(**row) for row in recorded(name, LINES))
    ]


def _times(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _systems() -> list[Row]:
    rows = results.sorted_rows(
        [results.read_system(config.parent) for config in results.RECORDED_SYSTEMS.glob("*/config.json")]
    )
    return [dict(zip(results.HEAD, results.cells(row), strict=True)) for row in rows if "rank_1" in row]


def _published() -> list[Row]:
    """Figures that others published for such systems, beside ours for the same kind."""

    def verified(name: str) -> str:
        row = results.read_system(results.RECORDED_SYSTEMS / name)
        return f"F1 {row['f1']:.4f}, accuracy {row['accuracy']:.4f}"

    nearest = results.read_curves(results.RECORDED_SYSTEMS / "scratch-final")["k_nearest"]
    of_each_k = ", ".join(
        f"{accuracy:.3f} (k = {k:.0f})" for k, accuracy in zip(nearest["k"], nearest["accuracy"], strict=True)
    )
    return [
        {"published": published, "here": here}
        for published, here in (
            ("Inception-ResNet v1 unchanged, on LFW: F1 0.9953", verified("embedder-facenet")),
            ("its last layer, contrastive loss: F1 0.6277, accuracy 0.53", verified("last-layer-contrastive")),
            ("its last layer, triplet loss: F1 0.7592, accuracy 0.83", verified("last-layer-triplet")),
            ("the 60 px network of 842,624 parameters: accuracy 0.6132 on LFW", verified("scratch-final")),
            (
                "its k-NN accuracy on a small subset: 0.8333 (k = 1 and 3), 0.7916 (5), 0.7083 (7)",
                f"among 610 people: {of_each_k}",
            ),
        )
    ]


def _plain(name: str, title: str) -> list[Row]:
    """A recorded table as it is."""
    return [{heading: _cell(cell) for heading, cell in row.items()} for row in recorded(name, title)]


def _cell(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _protocols() -> list[Row]:
    """View 2 of LFW; of each tier, the ranking by a person's nearest photo, which is how the app ranks."""
    rows = recorded("similarity", "View 2")
    return [
        row | {"protocol": row["protocol"].replace(", min", "")} for row in rows if "average" not in row["protocol"]
    ]


def _runtimes() -> list[Row]:
    """Each network by each runtime; the batches side by side."""

    def joined(row: dict[str, Any], start: str) -> str:
        return " / ".join(f"{value:.1f}" for heading, value in row.items() if heading.startswith(start))

    return [
        {
            "network": row["network"],
            "runtime": row["runtime"],
            "ms a crop, batches of 1 / 4 / 32": joined(row, "ms a crop"),
            "times faster": joined(row, "times faster"),
            "cosine to float32: smallest, mean": f"{row['smallest cosine']:.5f}, {row['mean cosine']:.5f}",
            "loaded after": f"{row['loaded after, s']:.1f} s",
            "memory": f"{row['memory, MB']:,} MB",
        }
        for row in recorded("runtime", "A crop")
    ]


def _crops() -> list[Row]:
    """The best three choices for each number of passes through the network, by the larger list of people."""
    rows = sorted(recorded("crop", "Crops"), key=lambda row: str(row["4,038 people"]), reverse=True)
    best = [
        row
        for passes in sorted({row["passes"] for row in rows})
        for row in [row for row in rows if row["passes"] == passes][:3]
    ]
    return [{heading: _cell(cell) for heading, cell in row.items()} for row in best]


def _resemblance(row: dict[str, Any]) -> Row:
    """The columns of identity and resemblance that the frontier and the embedders on view 2 share."""

    def cells(*names: str) -> str:
        return ", ".join(_short(row[name]) for name in names)

    return {
        "identity": str(_cell(row["rank_1"])),
        "women: first, three": cells("women_first", "women_three"),
        "men: first, three": cells("men_first", "men_three"),
        "balanced, women": cells("balanced_women_first", "balanced_women_three"),
        "balanced, men": cells("balanced_men_first", "balanced_men_three"),
        "same three: one photo, three": cells("stability", "stability_three"),
        "skin tone": _short(row["skin_tone_degrees"], 1),
        "age": _short(row["age_years"], 1),
    }


def _short(value: float | str, digits: int = 3) -> str:
    """A figure, or the mean of one with its spread, in fewer digits."""
    return f"{float(str(value).partition(' ')[0]):.{digits}f}"


def _frontier() -> list[Row]:
    """Each network alone, and the settings side by side that are worth a choice."""
    chosen = [
        row
        for row in recorded("resemblance", "Frontier")
        if not row["sface"] or not row["facenet"] or row["rows"].startswith(SHOWN)
    ]
    return [
        {"rows": row["rows"], "by": row["by"], "ms a face": f"{row['ms a face']:.0f}"} | _resemblance(row)
        for row in chosen
    ]


def _strangers_of_embedders() -> list[Row]:
    return [
        {"embedder": f"`{row['embedder']}`", "by": row["by"], "verification": row["verification"]}
        | {"DIR at FAR 0.01": row["dir"]}
        | _resemblance(row)
        for row in recorded("resemblance", "Embedders")
    ]


def _chance() -> list[Row]:
    return [
        {name: value if name == "of" else _short(value, 1) for name, value in row.items()}
        for row in recorded("resemblance", "Chance")
    ]


def _by_sex() -> list[Row]:
    """Identity by sex, and how far apart the two are."""
    return [
        {
            "embedder": f"`{row['embedder']}`",
            "by": row["by"],
            "all": row["rank_1"],
            "women": row["rank_1_women"],
            "men": row["rank_1_men"],
            "men minus women": f"{_mean(row['rank_1_men']) - _mean(row['rank_1_women']):+.4f}",
        }
        for row in recorded("resemblance", "Embedders")
    ]


def _mean(spread: str) -> float:
    return float(spread.partition(" ")[0])


def _embedders() -> list[Row]:
    names = {name: f"`{name}`{' (default)' if name == DEFAULT_EMBEDDER else ''}" for name in EMBEDDERS}
    rows = [{"embedder": names[name], "model": entry.help} for name, entry in EMBEDDERS.items()]
    return [*rows, {"embedder": "the path of an ONNX file", "model": "any face model"}]


def _turned() -> list[Row]:
    """Turned photos, small faces and cut faces in one table."""
    kinds = {
        "turned": ("turned by", "turned by {}"),
        "by the face's side": ("face", "the face {} high"),
        "by the share": ("outside", "{} of the face outside the frame"),
    }
    return [
        {"LFW photos": text.format(row[column])}
        | {heading: _cell(cell) for heading, cell in row.items() if heading != column}
        for kind, (column, text) in kinds.items()
        for row in recorded("turned", f"Right faces {kind}")
    ]


def _requests() -> list[Row]:
    """Requests to both servers, side by side."""
    return [
        {
            "question": row["question"],
            "asked of": row["server"].replace("here", "LooksLikeWho"),
            "programs at once": str(row["clients"]),
            "requests a second": f"{row['requests a second']:.1f}",
            "p50": f"{row['p50, ms']:,.0f} ms",
            "p95": f"{row['p95, ms']:,.0f} ms",
            "time of all cores a request": f"{row['ms of all cores']:,.0f} ms",
        }
        for row in recorded("api", "Requests")
    ]


def _arriving() -> list[Row]:
    """Photos that are looked at together; in brackets, the time of all cores."""
    return [
        {
            heading: str(cell) if isinstance(cell, int) else "{:.1f} ({:.1f})".format(*cell)
            for heading, cell in row.items()
        }
        for row in recorded("api", "Photos that arrive")
    ]


TABLES: dict[str, tuple[str, Callable[[], list[Row]]]] = {
    "embedders": ("guide.md", _embedders),
    "speed": ("speed.md", _speed),
    "systems": ("systems.md", _systems),
    "published": ("systems.md", _published),
    "protocols": ("quality.md", _protocols),
    "crops": ("quality.md", _crops),
    "templates": ("quality.md", lambda: _plain("similarity", "Several photos")),
    "frontier": ("quality.md", _frontier),
    "chance": ("quality.md", _chance),
    "embedders-strangers": ("quality.md", _strangers_of_embedders),
    "sex": ("quality.md", _by_sex),
    "calibration": ("quality.md", lambda: _plain("calibration", "Calibration")),
    "strangers": ("quality.md", lambda: _plain("strangers", "What strangers")),
    "attempts": ("training.md", lambda: _plain("similarity", "View 1")),
    "runtimes": ("speed.md", _runtimes),
    "together": ("quality.md", lambda: _plain("together", "Several photos")),
    "somebody-else": ("quality.md", lambda: _plain("together", "Whether another")),
    "by-hand": ("quality.md", lambda: _plain("by_hand", "Faces in boxes")),
    "turned": ("quality.md", _turned),
    "turned-examples": ("quality.md", lambda: _plain("turned", "Example photos")),
    "celebrities": ("quality.md", lambda: _plain("celebrities", "Celebrities")),
    "review": ("quality.md", lambda: _plain("review", "The first")),
    "families": ("quality.md", lambda: _plain("families", "Families of")),
    "filters": ("speed.md", lambda: _plain("filters", "One probe")),
    "ray": ("scale.md", lambda: _plain("ray", "The first")),
    "ray-simulated": ("scale.md", lambda: _plain("ray", "A simulated")),
    "milvus": ("scale.md", lambda: _plain("milvus", "One probe")),
    "requests": ("api.md", _requests),
    "arriving": ("api.md", _arriving),
    "app": ("speed.md", lambda: _plain("app", "The explorer")),
    "plots": ("speed.md", lambda: _plain("plots", "The explorer's plot")),
}

if __name__ == "__main__":
    main()
