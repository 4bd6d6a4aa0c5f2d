"""The collapsed network under decay, and a network below it."""

from service.core.ground.problems import Problem
from service.core.landscapes.networks.collapsed import SILENT_BIAS, collapsed_of
from service.core.landscapes.networks.trained import below
from service.core.landscapes.witnesses.claims import Construction, WitnessClaim


def held_by_decay(problem: Problem) -> Construction | None:
    """Weights of zero, hidden biases of zero, the best constant: two hidden layers or more."""
    return _constructed(problem, "W15", "R56", 0.0, "all weights zero, the best constant as output")


def silent_under_decay(problem: Problem) -> Construction | None:
    """Weights of zero, every unit silenced by its bias, the best constant."""
    return _constructed(problem, "W16", "R57", SILENT_BIAS, "all weights zero, every unit silent")


def _constructed(problem: Problem, name: str, rule: str, hidden_bias: float, title: str) -> Construction | None:
    found = collapsed_of(problem)
    better = None if found is None else below(problem, found.loss)
    if found is None or better is None:
        return None
    point = found.point(problem, hidden_bias)
    return Construction(name, title, rule, WitnessClaim.SPURIOUS_MINIMUM, point, better[0])
