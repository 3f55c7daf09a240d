"""How much each setting matters for what runs reach: functional ANOVA (Hutter et al. 2014), by Optuna."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

# Fewer runs say nothing about which setting made the difference.
RUNS_MIN = 8
_WIDE_FACTOR = 20


def importance(settings: Sequence[dict[str, Any]], scores: Sequence[float]) -> dict[str, float]:
    """The share of the variance of ``scores`` that each setting explains, the most important first.

    settings: of each run; those that are the same in all runs are left out. Empty with fewer than ``RUNS_MIN`` runs,
    or if all scores are the same.
    """
    if len(settings) < RUNS_MIN or len(set(scores)) < 2:
        return {}
    import optuna

    names = dict.fromkeys(name for each in settings for name in each)
    columns = {name: [each.get(name) for each in settings] for name in names}
    known = {name: _distribution(values) for name, values in columns.items() if len(set(map(repr, values))) > 1}
    if not known:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    for row, score in enumerate(scores):
        values = {name: columns[name][row] for name in known}
        parameters = {
            name: value if isinstance(known[name], optuna.distributions.FloatDistribution) else repr(value)
            for name, value in values.items()
        }
        study.add_trial(optuna.trial.create_trial(params=parameters, distributions=known, value=score))
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(share) for name, share in found.items()}


def _distribution(values: list[Any]) -> optuna.distributions.BaseDistribution:
    """Numbers as a range, logarithmic if it is wide; anything else, or a setting that some runs lack, as a choice."""
    import optuna

    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        low, high = min(values), max(values)
        return optuna.distributions.FloatDistribution(low, high, log=low > 0 and high / low > _WIDE_FACTOR)
    return optuna.distributions.CategoricalDistribution(sorted(set(map(repr, values))))
