"""Weight decay on every layer and white inputs: any depth, any widths, unequal decays.

The singular values of the target separate; each is a scalar problem with a threshold below which its direction is
not learned.  See ``docs/theory/factorisation.md``.
"""

import numpy as np

from service.core.ground.problems import Problem
from service.core.ground.results import GlobalMinimum, Solution, Thresholds
from service.core.ground.roles import Solver
from service.core.several_outputs import hypotheses as needs
from service.core.several_outputs.singular_values.lanes import TIE_TOLERANCE, Lanes
from service.core.several_outputs.singular_values.points import points
from service.core.several_outputs.singular_values.shrinkage import Shrinkage
from service.core.several_outputs.singular_values.transitions import barrier_of, transitions_of
from service.core.several_outputs.squared_error.quadratic import Quadratic, quadratic_of
from service.core.several_outputs.squared_error.ranks import rank_bound
from service.core.several_outputs.weights.layers import aligned_layers
from service.core.several_outputs.weights.minimum import UNIQUE, ZERO_UNIQUE, global_minimum
from service.core.several_outputs.weights.origin import origin_of, origin_points
from service.vocabulary import Status


def lanes_of(problem: Problem, quadratic: Quadratic) -> Lanes:
    """The separate scalar problems of a decayed network on white inputs.

    Notes
    -----
    Scaling the first layer makes the inputs white with unit variance and divides the first decay by theirs.
    """
    decays = problem.network.weight_decays
    scale = float(np.sqrt(quadratic.mean_square))
    effective = decays.copy()
    effective[0] /= scale**2
    return Lanes(
        Shrinkage.of(effective),
        tuple(quadratic.svd[1].tolist()),
        rank_bound(problem, quadratic),
        quadratic.residual,
        scale,
        float(np.sum(1.0 / decays)),
    )


def solve(problem: Problem) -> Solution:
    """Global minimum, all stationary points, thresholds and origin of a decayed network on white inputs."""
    quadratic = quadratic_of(problem)
    lanes = lanes_of(problem, quadratic)
    minimum = _minimum(problem, quadratic, lanes)
    barrier, reason = barrier_of(lanes)
    origin = origin_of(problem, quadratic, not lanes.active, barrier, reason)
    listed, completeness = points(lanes)
    return Solution(
        "factorisation",
        SOLVER.theorems,
        minimum,
        (*origin_points(quadratic, origin), *listed),
        completeness,
        _thresholds(lanes),
        origin,
    )


def _minimum(problem: Problem, quadratic: Quadratic, lanes: Lanes) -> GlobalMinimum:
    network = problem.network
    left, targets, right = quadratic.svd
    count = len(lanes.active)
    left = left[:, :count]
    right = quadratic.expand(right[:, :count])
    products = np.array([root.product for root in lanes.active])
    shares = np.array([root.lane for root in lanes.active])
    singular = products / lanes.scale
    values = [shares / np.sqrt(decay) for decay in network.weight_decays]
    offset = quadratic.offset((left * singular) @ right.T)
    parameters = aligned_layers(network, left, values, right, offset)
    fit = quadratic.residual + float(np.sum((products - targets[:count]) ** 2)) + float(np.sum(targets[count:] ** 2))
    decay = network.n_layers * float(np.sum(shares**2))
    svd = (left, singular, right)
    return global_minimum(problem, quadratic, svd, parameters, _uniqueness(lanes), decay=decay, fit=fit)


def _uniqueness(lanes: Lanes) -> str:
    targets, threshold, count = lanes.targets, lanes.shrinkage.global_threshold, len(lanes.active)
    near = [abs(target - threshold) <= TIE_TOLERANCE * threshold for target in targets[: lanes.bound]]
    if lanes.shrinkage.n_layers > 2 and any(near):
        return "not unique: a singular value sits at its threshold, where keeping and dropping it cost the same"
    cut = count == lanes.bound and count < len(targets)
    if cut and targets[count - 1] - targets[count] <= TIE_TOLERANCE * targets[0]:
        return "not unique: singular values tie at the bottleneck, a continuum of end-to-end maps is optimal"
    return UNIQUE if count else ZERO_UNIQUE


def _thresholds(lanes: Lanes) -> Thresholds:
    layers = lanes.shrinkage.n_layers
    reasons = {"critical_noise_scale": "no noise on hidden layers"}
    if layers == 2:
        reasons["critical_noise_variance"] = "never: with one hidden layer noise does not move the threshold"
    else:
        reasons["critical_noise_variance"] = "not known for several outputs and more than one hidden layer"
    transitions = transitions_of(lanes)
    if not transitions:
        why = "the targets do not correlate with the inputs: the zero map is always the minimum"
        for name in ("critical_decay_scale", "metastable_up_to_decay_scale", "transition_order"):
            reasons[name] = why
        return Thresholds.none(reasons)
    last = None
    if layers == 2:
        reasons["metastable_up_to_decay_scale"] = (
            "two layers: no stationary point but the origin outlives the transition"
        )
    else:
        last = lanes.shrinkage.scale_reaching(lanes.targets[0], lanes.shrinkage.existence_threshold)
    return Thresholds(transitions[-1].decay_scale, last, None, None, transitions[-1].order, transitions, reasons)


SOLVER = Solver(
    name="factorisation",
    theorems=("deep-factorisation",),
    status=Status.EXACT,
    hypotheses=(
        *needs.COMMON,
        needs.layers_at_least(2),
        needs.NO_HIDDEN_NOISE,
        needs.ALL_DECAYED,
        needs.WHITE_INPUTS,
    ),
    solve=solve,
)
