"""Where the global minimum of a decayed network collapses to zero, for inputs that are not white.

See ``docs/theory/rank-one.md``.
"""

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.results import Thresholds, Transition
from service.core.several_outputs.rank_one.objective import RankOneObjective
from service.core.several_outputs.rank_one.search import minimise
from service.core.several_outputs.singular_values.shrinkage import Shrinkage
from service.core.several_outputs.squared_error.quadratic import Quadratic

ROUNDS = 60


def collapse_scale(objective: RankOneObjective) -> float:
    """Factor on all decays at which zero becomes optimal among maps of rank one.

    Notes
    -----
    Every direction has a collapse scale in closed form; the largest is wanted.  At a trial scale the minimiser, if it
    is not zero, points in a direction with a larger scale, which becomes the next trial (Dinkelbach's method).
    """
    _, _, right = np.linalg.svd(objective.quadratic.correlation, full_matrices=False)
    scale = _scale_along(objective, right[0])
    if objective.shrinkage.n_layers == 2:
        return scale
    for _ in range(ROUNDS):
        found = minimise(RankOneObjective(objective.quadratic, objective.shrinkage.scaled(scale)), 1e-13).right
        if not np.any(found):
            break
        following = _scale_along(objective, found)
        if following <= scale * (1.0 + 1e-13):
            break
        scale = following
    return scale


def _scale_along(objective: RankOneObjective, direction: FloatArray) -> float:
    """Collapse scale of the maps whose input direction is fixed."""
    unit = direction / float(np.linalg.norm(direction))
    pull = float(np.linalg.norm(objective.quadratic.correlation @ unit))
    square = float(np.sum((objective.quadratic.scales * unit) ** 2))
    layers = objective.shrinkage.n_layers
    alone = Shrinkage(layers, objective.shrinkage.log_decay - layers * float(np.log(square)))
    return alone.scale_reaching(pull / square, alone.global_threshold)


def rank_one_thresholds(objective: RankOneObjective) -> Thresholds:
    """Thresholds of a network whose map has rank at most one."""
    layers = objective.shrinkage.n_layers
    reasons = {
        "metastable_up_to_decay_scale": "has no closed form for several outputs and inputs that are not white",
        "critical_noise_scale": "no noise on hidden layers",
        "critical_noise_variance": "not known for several outputs and more than one hidden layer",
        "transitions": "only the last is listed: jumps between maps other than the zero map are not searched for",
    }
    if layers == 2:
        reasons["critical_noise_variance"] = "never: with one hidden layer noise does not move the threshold"
    if objective.quadratic.correlation_norm == 0.0:
        reasons["critical_decay_scale"] = (
            "the targets do not correlate with the inputs: the zero map is always the minimum"
        )
        reasons["transition_order"] = reasons["critical_decay_scale"]
        return Thresholds.none(reasons)
    scale = collapse_scale(objective)
    before = RankOneObjective(objective.quadratic, objective.shrinkage.scaled(scale * (1.0 - 1e-9)))
    norm = 0.0 if layers == 2 else float(np.linalg.norm(minimise(before).right))
    order = 2 if layers == 2 else 1
    return Thresholds(scale, None, None, None, order, (Transition(scale, order, norm, 0.0),), reasons)


def collapse_thresholds(quadratic: Quadratic, mu: float) -> Thresholds:
    """Two layers vanish where ``mu`` reaches the norm of ``E[y x^T]``; earlier losses of rank have no formula."""
    reasons = {
        "metastable_up_to_decay_scale": "two layers: no minimum but the origin outlives the transition",
        "critical_noise_variance": "never: with one hidden layer noise does not move the threshold",
        "critical_noise_scale": "no noise on hidden layers",
        "transitions": "only the last is listed: earlier losses of rank have no closed form on these inputs",
    }
    if quadratic.correlation_norm == 0.0:
        reasons["critical_decay_scale"] = (
            "the targets do not correlate with the inputs: the zero map is always the minimum"
        )
        reasons["transition_order"] = reasons["critical_decay_scale"]
        return Thresholds.none(reasons)
    scale = quadratic.correlation_norm / mu
    return Thresholds(scale, None, None, None, 2, (Transition(scale, 2, 0.0, 0.0),), reasons)
