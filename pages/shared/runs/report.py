"""A report of the chosen runs as one HTML file, to send to somebody: it needs no server and fetches nothing."""

from __future__ import annotations

import html
from datetime import UTC, datetime

from pages.shared import run_settings
from pages.shared.plots import evaluation
from pages.shared.plots.curves import CurveOptions, curves
from pages.shared.plots.measures import MAIN_MEASURES, MORE_MEASURES, more_measures
from pages.shared.runs import comparison, run_notices
from pages.shared.runs.comparison import Groups
from pages.shared.runs.selection import ChosenRuns
from train.runs.evaluations import read_evaluation

_STYLE = """body { font-family: system-ui, sans-serif; color: #0d1614; }
body { max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.75rem; } h2 { font-size: 1.25rem; margin-top: 2rem; } p { max-width: 80ch; }
.differs { overflow-x: auto; } table { border-collapse: collapse; font-size: 0.875rem; }
th, td { padding: 0.25rem 1rem 0.25rem 0; text-align: left; white-space: nowrap; border-bottom: 1px solid #d5dfdd; }
small { color: #5b6765; }"""
_NOTE = (
    "Solid: held-out people; the ring marks the best epoch. Dotted: people trained on. Dashed: plain cosine. Figures "
    "are of held-out people."
)


def report(chosen: ChosenRuns, groups: Groups) -> bytes:
    """The report: what stands out, settings, figures, curves, evaluation, lineage. groups: what is drawn as one."""
    values = run_settings.values_by_name([run_settings.effective(run.settings) for run, _ in chosen.runs])
    measures = [*MAIN_MEASURES, *MORE_MEASURES, *more_measures([run for run, _ in chosen.runs])]
    drawn = [curves(measures, groups, CurveOptions())]
    evaluated = [(run, its, stored) for run, its in chosen.runs if (stored := read_evaluation(run.folder))]
    if evaluated:
        drawn += [evaluation.cmc(evaluated), evaluation.roc(evaluated)]
    titles = ("Curves", "CMC", "ROC")
    figures = [(title, figure) for title, figure in zip(titles, drawn, strict=False) if figure is not None]
    parts = [
        _notes(chosen),
        _section("What stands out", _said(chosen)),
        _section("Settings", comparison.settings_table(chosen, list(values))),
        _section("Best and last value", comparison.figures_table(groups)),
        *(
            # The library is in the file once.
            _section(title, figure.to_html(full_html=False, include_plotlyjs=not place))
            for place, (title, figure) in enumerate(figures)
        ),
        f"<p><small>{_NOTE}</small></p>",
        _section("Lineage", comparison.lineage_table(chosen)),
    ]
    title = f"Training: {html.escape(chosen.names)}"
    head = f"<meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>{title}</title>"
    date = f"<p><small>LooksLikeWho, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC</small></p>"
    body = f"<body><h1>{title}</h1>{date}{''.join(parts)}</body>"
    return f"<!doctype html><html lang='en'><head>{head}<style>{_STYLE}</style></head>{body}</html>".encode()


def _section(title: str, text: str) -> str:
    return f"<section><h2>{title}</h2>{text}</section>" if text else ""


def _notes(chosen: ChosenRuns) -> str:
    """What the owner says of the runs."""
    said = [(run.name, run.notes) for run, _ in chosen.runs if run.notes.note or run.notes.tags]
    return "".join(
        f"<p><b>{html.escape(name)}</b> {html.escape(', '.join(notes.tags))} {html.escape(notes.note)}</p>"
        for name, notes in said
    )


def _said(chosen: ChosenRuns) -> str:
    """The alerts, as a list."""
    found = run_notices.alerts_by_text(chosen).items()
    items = [f"<li><b>{html.escape(', '.join(names))}</b>: {html.escape(text)}</li>" for (_, text), names in found]
    return f"<ul>{''.join(items)}</ul>" if items else ""
