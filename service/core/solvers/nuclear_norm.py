"""Two layers with weight decay on any inputs, wide enough: a convex nuclear-norm problem.

See ``docs/theory/nuclear-norm.md``.
"""

import numpy as np

from service.core.linear import hypotheses as needs
from service.core.linear.answer import UNIQUE, ZERO_UNIQUE, global_minimum
from service.core.linear.layers import aligned_layers
from service.core.linear.nuclear import NuclearSolution, minimise
from service.core.linear.origin import origin_of, origin_points
from service.core.linear.quadratic import Quadratic, quadratic_of
from service.core.problems import Problem
from service.core.results import GlobalMinimum, Solution, StationaryPoint, Thresholds, Transition
from service.core.rules import Hypothesis, Verdict
from service.core.solver import Solver
from service.vocabulary import Evidence, PointClass, PointKind, Status


def solve(problem: Problem) -> Solution:
    """Global minimum of a two-layer network with decay, with the origin and the threshold of collapse."""
    quadratic = quadratic_of(problem)
    decays = problem.network.weight_decays
    mu = float(np.sqrt(decays[0] * decays[1]))
    found = minimise(quadratic, mu)
    minimum = two_layer_minimum(problem, quadratic, found)
    origin = origin_of(problem, quadratic, minimum.trivial, 0.0)
    points = origin_points(quadratic, origin)
    if not minimum.trivial:
        points.append(minimum_point(minimum))
    return Solution(
        "nuclear_norm",
        SOLVER.theorems,
        minimum,
        tuple(points),
        "not complete: every local minimum is global (proved); saddles other than the origin are not listed",
        collapse_thresholds(quadratic, mu),
        origin,
    )


def two_layer_minimum(problem: Problem, quadratic: Quadratic, found: NuclearSolution) -> GlobalMinimum:
    """Balanced layers of the map of a nuclear-norm solution, as a result."""
    decays = problem.network.weight_decays
    mu = float(np.sqrt(decays[0] * decays[1]))
    right = quadratic.expand(found.right)
    shares = np.sqrt(mu * found.values)
    end_map = (found.left * found.values) @ right.T
    values = [shares / np.sqrt(decay) for decay in decays]
    parameters = aligned_layers(problem.network, found.left, values, right, quadratic.offset(end_map))
    uniqueness = UNIQUE if found.values.size else ZERO_UNIQUE
    svd = (found.left, found.values, right)
    decay = 2.0 * mu * float(np.sum(found.values))
    return global_minimum(problem, quadratic, svd, parameters, uniqueness, decay=decay)


def minimum_point(minimum: GlobalMinimum, evidence: Evidence = Evidence.CERTIFIED) -> StationaryPoint:
    """The minimum found numerically as an entry of the list of stationary points."""
    norm = 0.0
    if minimum.parameters is not None:
        norm = float(np.sqrt(sum(np.sum(weight.values**2) for weight in minimum.parameters.weights)))
    return StationaryPoint(
        PointKind.SINGULAR_SUBSET,
        minimum.loss,
        PointClass.GLOBAL_MINIMUM,
        evidence,
        float(np.linalg.norm(minimum.singular_values)),
        norm,
        {"rank": minimum.rank},
    )


def collapse_thresholds(quadratic: Quadratic, mu: float) -> Thresholds:
    """Two layers vanish where ``mu`` reaches the norm of ``E[y x^T]``; earlier losses of rank have no formula."""
    reasons = {
        "metastable_up_to_decay_scale": "two layers: no minimum but zero outlives the transition",
        "critical_noise_variance": "never: with one hidden layer noise does not move the threshold",
        "critical_noise_scale": "no noise on hidden layers",
        "transitions": "only the last is listed: earlier losses of rank have no closed form on these inputs",
    }
    if quadratic.correlation_norm == 0.0:
        reasons["critical_decay_scale"] = "inputs and targets are uncorrelated: zero is optimal at every decay"
        reasons["transition_order"] = reasons["critical_decay_scale"]
        return Thresholds(None, None, None, None, None, (), reasons)
    scale = quadratic.correlation_norm / mu
    return Thresholds(scale, None, None, None, 2, (Transition(scale, 2, 0.0, 0.0),), reasons)


def _wide_enough(problem: Problem) -> Verdict:
    if problem.moments is None:
        return Verdict(None, {}, "no data are given")
    needed = min(problem.network.outputs, problem.data.inputs)
    width = min(problem.network.hidden_widths, default=0)
    holds = width >= needed
    return Verdict(holds, {"width": width, "needed": needed}, "" if holds else "a hidden layer is a bottleneck")


WIDE_ENOUGH = Hypothesis("hidden layer at least as wide as inputs or outputs", _wide_enough)

SOLVER = Solver(
    name="nuclear_norm",
    theorems=("srebro-2005", "recht-fazel-parrilo-2010"),
    status=Status.CERTIFIED,
    hypotheses=(*needs.COMMON, needs.layers_exactly(2), needs.NO_HIDDEN_NOISE, needs.ALL_DECAYED, WIDE_ENOUGH),
    solve=solve,
)
