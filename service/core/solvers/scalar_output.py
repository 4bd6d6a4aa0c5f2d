"""Deep linear networks with one output: the exact global minimum at any depth, width, noise and decay.

Generalises Ziyin, Li, Meng, "Exact Solutions of a Deep Linear Network" (NeurIPS 2022) and Ziyin, Ueda,
"Exact Phase Transitions in Deep Learning" (2022); what goes beyond them is derived in
``docs/theory/scalar-output.md``.
"""

from collections.abc import Callable
from math import exp, inf, log

import numpy as np

from service.core.ground.hypotheses import ALL_TRAINED, BIAS_COVERED, DATA, LINEAR, NO_SKIPS, ONE_OUTPUT, SQUARED_LOSS
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.spectrum import length_of
from service.core.ground.problems import Moments, Network, Problem
from service.core.ground.results import THRESHOLDS, GlobalMinimum, Solution, StationaryPoint, Terms, Thresholds
from service.core.ground.roles import Solver
from service.core.losses.expected import fit_of
from service.core.one_output.branches import Branch, Branches, parameter_norm
from service.core.one_output.origin import origin
from service.core.one_output.reduced import ReducedProblem, log_decay_of, reduced_of
from service.core.one_output.refinement import beats_zero, refined
from service.core.one_output.thresholds import thresholds
from service.core.one_output.weights import balanced_parameters, output_offset
from service.vocabulary import Evidence, PointClass, PointKind, Status

THEOREMS = ("scalar-output", "scalar-output-roots", "scalar-output-norm-bound")

COMPLETE = (
    "the origin and one point for each root are all stationary points of the reduced problem (proved); "
    "with noise, narrower networks embedded in this one add strict saddles of kind subnetwork; "
    "that nothing else exists in the full problem is not proved"
)
TWO_LAYERS_OR_LESS = "every stationary map of the objective is listed (proved)"
NOT_DECAYED = "only the minimum and the origin are listed: without decay stationary points come in continua"


def solve(problem: Problem) -> Solution:
    """Global minimum, stationary points, thresholds and origin of a one-output deep linear network.

    Parameters
    ----------
    problem : Problem
        For which `SOLVER.hypotheses` hold.

    Returns
    -------
    Solution

    Notes
    -----
    One eigendecomposition, O(d^3), then O(d) for each evaluation of the secular equation.
    """
    return _solved(problem, thresholds)


def _without_thresholds(problem: Problem) -> Solution:
    """`solve` but for the thresholds."""
    return _solved(problem, _not_asked)


def _not_asked(_network: Network, _moments: Moments, _reduced: ReducedProblem, _branches: Branches) -> Thresholds:
    return Thresholds.none(dict.fromkeys(THRESHOLDS, "not asked for"))


def _solved(problem: Problem, found: Callable[[Network, Moments, ReducedProblem, Branches], Thresholds]) -> Solution:
    network, moments = problem.network, problem.data
    reduced = reduced_of(problem)
    branches = Branches(reduced)
    minimum, points = _minimum_and_points(problem, reduced, branches)
    described = origin(network, moments, reduced, branches, minimum.trivial)
    if described.point_class is not PointClass.NOT_STATIONARY:
        points = (_origin_point(reduced, described.point_class), *points)
    return Solution(
        solver=SOLVER.name,
        theorems=THEOREMS,
        minimum=minimum,
        stationary_points=points,
        completeness=_completeness(network),
        thresholds=found(network, moments, reduced, branches),
        origin=described,
    )


def _minimum_and_points(
    problem: Problem, reduced: ReducedProblem, branches: Branches
) -> tuple[GlobalMinimum, tuple[StationaryPoint, ...]]:
    network = problem.network
    undecayed = not any(layer.weight_decay for layer in network.layers)
    if not reduced.values.size:
        return _at_map(problem, reduced, np.zeros(problem.data.inputs), reduced.variance), ()
    if reduced.n_hidden == 0 or reduced.log_kappa == -np.inf:
        ridge = float(network.weight_decays[0]) if reduced.n_hidden == 0 else 0.0
        end_to_end_map, loss = reduced.map_at(ridge), ridge_loss(reduced, ridge)
        attained = undecayed or reduced.n_hidden == 0
        end_to_end_map = refined(problem, reduced, end_to_end_map, lambda _: ridge)
        minimum = _at_map(problem, reduced, end_to_end_map, loss, attained=attained)
        return minimum, (_minimum_point(minimum),) if attained else ()
    best = branches.best
    zero = found = np.zeros(problem.data.inputs)
    if best is not None:
        found = refined(problem, reduced, reduced.map_at(exp(best.log_ridge)), reduced.ridge_of)
        if not beats_zero(problem, reduced, found, _least_decay(network, length_of(found))):
            best, found = None, zero
    minimum = _at_map(problem, reduced, found, reduced.variance if best is None else best.loss)
    return minimum, tuple(_branch_point(network, reduced, branch, branch is best) for branch in branches.all)


def ridge_loss(reduced: ReducedProblem, ridge: float) -> float:
    """``min w'Qw - 2c.w + v + ridge ||w||^2``, from terms that do not cancel."""
    if ridge == 0.0:
        return reduced.undecayed_loss
    values, squares = reduced.values, reduced.squares
    excess = float(np.sum(squares / (values * (values + ridge)))) * ridge
    return reduced.undecayed_loss + excess * exp(-reduced.log_factor)


def _at_map(
    problem: Problem, reduced: ReducedProblem, end_to_end_map: FloatArray, loss: float, attained: bool = True
) -> GlobalMinimum:
    """The minimum with all that follows from its end-to-end map."""
    network, moments = problem.network, problem.data
    norm = length_of(end_to_end_map)
    noise = reduced.prediction_variance(end_to_end_map) if norm > 0.0 else 0.0
    decay = _least_decay(network, norm) if attained else 0.0
    offset = output_offset(network, moments, end_to_end_map)
    row = end_to_end_map[None, :]
    return GlobalMinimum(
        loss=loss,
        terms=Terms(loss - noise - decay, noise, decay),
        trivial=norm == 0.0,
        attained=attained,
        rank=int(norm > 0.0),
        end_to_end_map=row,
        output_offset=offset,
        singular_values=np.array([norm]),
        parameters=balanced_parameters(network, moments, end_to_end_map) if attained else None,
        prediction_variance=noise,
        uniqueness=_uniqueness(network, moments, norm, attained),
        evaluation_fit=None if problem.evaluation is None else fit_of(problem.evaluation, row, offset),
    )


def _least_decay(network: Network, norm: float) -> float:
    """``(D+1) G ||w||^q``, the least total decay of weights with product w."""
    if norm == 0.0 or log_decay_of(network) == -inf:
        return 0.0
    return network.n_layers * exp(log_decay_of(network) + 2.0 / network.n_layers * log(norm))


def _uniqueness(network: Network, moments: Moments, norm: float, attained: bool) -> str:
    if not attained:
        return "no minimiser: the loss approaches the infimum as the undecayed layers grow without bound"
    if norm == 0.0:
        decayed = all(layer.weight_decay for layer in network.layers)
        return "unique: all weights are zero" if decayed else "the zero map; its weights are not unique"
    if network.n_hidden == 0:
        unique = bool(network.weight_decays[0] > 0.0) or moments.spectrum.rank == moments.inputs
        return "unique" if unique else "the shortest of all minimisers; they differ in directions without data"
    noisy = sum(layer.noise_variance > 0.0 for layer in network.layers[:-1])
    signs = f"a vector of equal moduli and free signs in each of the {noisy} layers with noise" if noisy else ""
    units = "any unit vector in each hidden layer without noise" if noisy < network.n_hidden else ""
    hidden = "; ".join(part for part in (signs, units) if part)
    scales = "" if any(layer.weight_decay for layer in network.layers) else " and any layer norms with the same product"
    return f"all minimisers have this end-to-end map and rank-one aligned layers, up to: {hidden}{scales}"


def _minimum_point(minimum: GlobalMinimum) -> StationaryPoint:
    norm = float(minimum.singular_values[0])
    parameters = minimum.parameters
    total = 0.0 if parameters is None else sum(float(weight.values[0]) ** 2 for weight in parameters.weights)
    return StationaryPoint(
        PointKind.BRANCH, minimum.loss, PointClass.GLOBAL_MINIMUM, Evidence.PROVED, norm, float(np.sqrt(total))
    )


def _origin_point(reduced: ReducedProblem, point_class: PointClass) -> StationaryPoint:
    return StationaryPoint(PointKind.ORIGIN, reduced.variance, point_class, Evidence.PROVED, 0.0, 0.0)


def _branch_point(network: Network, reduced: ReducedProblem, branch: Branch, best: bool) -> StationaryPoint:
    point_class = PointClass.LOCAL_MINIMUM if branch.is_minimum else PointClass.STRICT_SADDLE
    if best:
        point_class = PointClass.GLOBAL_MINIMUM
    size = parameter_norm(branch.log_norm, reduced.log_decay, network.weight_decays, reduced.power)
    return StationaryPoint(PointKind.BRANCH, branch.loss, point_class, Evidence.PROVED, exp(branch.log_norm), size)


def _completeness(network: Network) -> str:
    if network.n_hidden == 0:
        return TWO_LAYERS_OR_LESS
    if not all(layer.weight_decay for layer in network.layers):
        return NOT_DECAYED
    return COMPLETE


SOLVER = Solver(
    name="scalar_output",
    theorems=THEOREMS,
    status=Status.EXACT,
    hypotheses=(DATA, SQUARED_LOSS, LINEAR, ONE_OUTPUT, ALL_TRAINED, NO_SKIPS, BIAS_COVERED),
    solve=solve,
    one_curve=True,
    without_thresholds=_without_thresholds,
)
