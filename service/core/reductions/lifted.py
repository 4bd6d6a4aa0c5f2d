"""The answer about a plain network as one about the problem that was reduced to it, certified on its own exact loss."""

from dataclasses import replace

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix, Parameters
from service.core.ground.problems import Problem
from service.core.ground.results import (
    GlobalMinimum,
    Minima,
    Origin,
    Solution,
    StationaryPoint,
    Terms,
    Thresholds,
)
from service.core.ground.rules import Finding, Judgement
from service.core.losses.expected import fit_of
from service.core.reductions.certified import certified
from service.core.reductions.graph import end_map, without_weights
from service.core.reductions.objective import seen_problem
from service.core.reductions.own_loss import OwnLoss, evaluated, root_of_weights
from service.core.reductions.step import Weights, dense_factor, zero
from service.core.reductions.table import Reduction
from service.core.several_outputs.weights.layers import biases_of
from service.vocabulary import Evidence, PointClass, PointKind, SkipKind, Status

THEOREM = "linear-reductions"
NUMBERS = "belongs to the coordinates of the reduced network, not to these weights"


def lifted(reduction: Reduction, plain: Minima) -> Minima:
    """The answer for the problem of ``reduction`` from that for its plain network."""
    minimum, found = _minimum(reduction, plain.solution.minimum)
    certificate = certified(reduction, minimum, plain.certificate, found)
    origin, at_origin = _origin(reduction, plain.solution.origin)
    points = [*at_origin]
    if not minimum.trivial and minimum.parameters is not None:
        points += [_minimum_point(minimum, point) for point in _best(plain.solution)]
    solution = Solution(
        plain.solution.solver,
        (*plain.solution.theorems, THEOREM),
        minimum,
        tuple(points),
        "not complete: the origin and the global minimum; "
        "other stationary points of the reduced network are not listed",
        _thresholds(reduction, plain.solution.thresholds),
        origin,
    )
    findings = [Finding(f"reduction: {step.name}", Judgement(True, step.evidence)) for step in reduction.steps]
    return Minima(
        plain.status if certificate.holds else Status.BOUNDED,
        solution,
        certificate,
        (*findings, *plain.hypotheses),
        plain.condition_number,
        plain.rank_tolerance,
        tuple(step.name for step in reduction.steps),
    )


def _offset(problem: Problem, product: FloatArray) -> FloatArray:
    data = problem.data
    if not problem.network.bias_layers or data.centred or data.x_mean is None or data.y_mean is None:
        return np.zeros(product.shape[0])
    best: FloatArray = data.y_mean - product @ data.x_mean
    return best


def _minimum(reduction: Reduction, plain: GlobalMinimum) -> tuple[GlobalMinimum, OwnLoss | None]:
    """The minimum with what its weights cost, where it has any."""
    found: OwnLoss | None = None
    problem = reduction.problem
    product = reduction.lift_map(plain.end_to_end_map)
    singular = np.asarray(np.linalg.svd(product, compute_uv=False), dtype=np.float64)
    kept = singular > 1e-10 * max(float(singular[0]), 1e-300)
    seen, steps = seen_problem(problem)
    if plain.parameters is None:
        parameters = None
        inner = product if not steps else np.diag(np.diag(root_of_weights(seen))) @ product
        offset = _offset(seen, inner)
        offset = offset / np.diag(root_of_weights(seen)) if steps else offset
        loss = plain.loss + reduction.constant
        terms = Terms(loss - plain.terms.noise - plain.terms.decay - reduction.constant, plain.terms.noise, 0.0)
        terms = replace(terms, decay=loss - terms.fit - terms.noise)
    else:
        weights = reduction.lift(Weights(plain.parameters.weights), plain.end_to_end_map)
        found = evaluated(problem, weights)
        terms, offset = found.terms, found.offset
        parameters = Parameters(weights.layers, biases_of(problem.network, offset), weights.skips)
        loss = terms.loss
    minimum = GlobalMinimum(
        loss=loss,
        terms=terms,
        trivial=not np.any(product),
        attained=plain.attained,
        rank=int(np.count_nonzero(kept)) if np.any(product) else 0,
        end_to_end_map=product,
        output_offset=offset,
        singular_values=singular,
        parameters=parameters,
        prediction_variance=terms.noise,
        uniqueness=f"of the reduced network: {plain.uniqueness}",
        evaluation_fit=None if problem.evaluation is None else fit_of(problem.evaluation, product, offset),
    )
    return minimum, found


def _best(solution: Solution) -> list[StationaryPoint]:
    """The global minimum in the list of the plain network, with what is known of it."""
    best = [
        point
        for point in solution.stationary_points
        if point.point_class is PointClass.GLOBAL_MINIMUM and point.kind is not PointKind.ORIGIN
    ]
    return best[:1]


def _minimum_point(minimum: GlobalMinimum, plain: StationaryPoint) -> StationaryPoint:
    norm = 0.0 if minimum.parameters is None else minimum.parameters.norm
    length = float(np.linalg.norm(minimum.singular_values))
    return replace(plain, loss=minimum.loss, norm=length, parameter_norm=norm, label={"rank": minimum.rank})


def _origin(reduction: Reduction, plain: Origin) -> tuple[Origin, list[StationaryPoint]]:
    """All trained weights zero, where the reduced network is then at zero, too; else whether that is stationary."""
    problem = reduction.problem
    reasons = dict.fromkeys(("least_hessian_eigenvalue", "barrier_height", "escape_norm"), NUMBERS)
    widths = [problem.data.inputs, *(layer.width for layer in problem.network.layers)]
    layers = tuple(
        _given(layer.frozen_weights, widths[index + 1], widths[index])
        for index, layer in enumerate(problem.network.layers)
    )
    skips = tuple(
        None if skip.kind is SkipKind.IDENTITY else zero(widths[skip.target], widths[skip.source])
        for skip in problem.network.skips
    )
    weights = without_weights(problem, Weights(layers, skips))
    found = evaluated(problem, weights)
    moving = found.slope > 1e-12 * found.slope_size
    kind = plain.point_class
    if not all(step.keeps_origin for step in reduction.steps):
        kind = PointClass.NOT_STATIONARY if moving else PointClass.DEGENERATE
    elif not all(step.keeps_decays for step in reduction.steps):
        # the skip that was eliminated is not zero where the rest is
        kind = PointClass.NOT_STATIONARY if moving else kind
    origin = Origin(kind, None, None, None, reasons)
    if kind in (PointClass.NOT_STATIONARY, PointClass.DEGENERATE):
        return origin, []
    product = end_map(problem.network, weights, problem.data.inputs)
    return origin, [
        StationaryPoint(PointKind.ORIGIN, found.terms.loss, kind, Evidence.PROVED, float(np.linalg.norm(product)), 0.0)
    ]


def _given(frozen: FloatArray | None, rows: int, columns: int) -> FactoredMatrix:
    return zero(rows, columns) if frozen is None else dense_factor(frozen)


def _thresholds(reduction: Reduction, plain: Thresholds) -> Thresholds:
    reasons = dict(plain.reasons)
    noise = "not known through a reduction"
    reasons |= {"critical_noise_variance": noise, "critical_noise_scale": noise}
    reasons["transitions"] = "norms along the transitions belong to the reduced network"
    if not all(step.keeps_decays for step in reduction.steps):
        why = "the decay of a skip that was eliminated changes the data of the reduced network"
        names = ("critical_decay_scale", "metastable_up_to_decay_scale", "transition_order")
        return Thresholds.none(reasons | dict.fromkeys(names, why))
    return Thresholds(
        plain.critical_decay_scale,
        plain.metastable_up_to_decay_scale,
        None,
        None,
        plain.transition_order,
        (),
        reasons,
    )
