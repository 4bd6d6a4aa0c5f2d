"""Lower bounds where no closed form is known: decay on any inputs and depth, noise and decay together.

Proof: ``docs/theory/deep-bounds.md``.
"""

from service.core.bounds.linear_checks import GAP_TOLERANCE
from service.core.bounds.quadratic_below import Below
from service.core.several_outputs.concave_penalty.guided import slack_of
from service.core.several_outputs.concave_penalty.penalised import Penalised
from service.core.several_outputs.concave_penalty.rank_branches import branched_bound
from service.core.several_outputs.concave_penalty.reweighted import settle
from service.core.several_outputs.noise.decay_dual import DecayDual
from service.core.several_outputs.noise.water_filling import effective_noise
from service.core.several_outputs.singular_values.common_decay import common_decay
from service.core.several_outputs.squared_error.ranks import rank_bound


def convex_bound(below: Below) -> float:
    """Bound of two layers with noise and decay: both penalties at once, the decay by its dual."""
    network, quadratic = below.problem.network, below.quadratic
    gam = common_decay(network.weight_decays)
    dual = DecayDual(quadratic, effective_noise(network), gam, rank_bound(below.problem, quadratic))
    goal = below.claimed.loss - 0.1 * GAP_TOLERANCE * below.unit
    return dual.best(below.end_map, goal) - below.arithmetic


def decay_bound(below: Below, norm: float) -> float:
    """Bound with decay on every layer; noise enters by its tangent at the nuclear norm ``norm`` in white coordinates.

    Notes
    -----
    ``nu T^2 >= 2 nu norm T - nu norm^2`` and T is at least the least scale times the nuclear norm of the map.
    """
    problem, quadratic = below.problem, below.quadratic
    if not quadratic.rank:
        return quadratic.residual
    noise = effective_noise(problem.network)
    linear = 2.0 * noise * norm * quadratic.least_scale
    objective = Penalised.of(quadratic, problem.network.weight_decays, rank_bound(problem, quadratic), linear)
    start, shift = below.end_map, noise * norm**2
    goal = below.claimed.loss + shift - 0.1 * GAP_TOLERANCE * below.unit
    bound = objective.lower_bound(start)
    if bound < goal and quadratic.correlation_norm > 0.0:
        # the surrogate of the noise is stationary elsewhere
        near = settle(objective, start) if linear else start
        bound = max(bound, branched_bound(objective, near, slack_of(objective, objective.value(near)), goal))
    return bound - shift - below.arithmetic
