"""The answer about a plain network as one about the problem that was reduced to it, certified on its own exact loss."""

from dataclasses import dataclass, replace

import numpy as np

from service.core.ground.enclosures.sources import UNIT
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix, Parameters, squared_norm
from service.core.ground.problems import Problem
from service.core.ground.results import (
    Certificate,
    Check,
    GlobalMinimum,
    Minima,
    Origin,
    Solution,
    StationaryPoint,
    Terms,
    Thresholds,
)
from service.core.ground.rules import Finding, Judgement
from service.core.losses.enclosed import EnclosedLoss
from service.core.losses.expected import fit_of
from service.core.reductions.enclosed import best_offset, enclosed_weights
from service.core.reductions.graph import end_map, gradient_norm, without_weights
from service.core.reductions.objective import seen_problem, without_biases
from service.core.reductions.step import Step, Weights, dense_factor, zero
from service.core.reductions.table import Reduction
from service.core.several_outputs.weights.layers import biases_of
from service.vocabulary import Evidence, PointClass, PointKind, SkipKind, Status

THEOREM = "linear-reductions"
CARRIED = ("negative_curvature",)
"""Checks of the plain network that say the same of the problem."""
SEARCHED = 1e6
"""Norms up to which a bound holds where a frozen matrix may have lost a rank to rounding, relative to that found."""
NUMBERS = "belongs to the coordinates of the reduced network, not to these weights"


def lifted(reduction: Reduction, plain: Minima) -> Minima:
    """The answer for the problem of ``reduction`` from that for its plain network."""
    minimum, found = _minimum(reduction, plain.solution.minimum)
    certificate = _certificate(reduction, minimum, plain.certificate, found)
    origin, at_origin = _origin(reduction, plain.solution.origin)
    points = [*at_origin]
    if not minimum.trivial and minimum.parameters is not None:
        points += [_minimum_point(minimum, point) for point in _best(plain.solution)]
    solution = Solution(
        plain.solution.solver,
        (*plain.solution.theorems, THEOREM),
        minimum,
        tuple(points),
        "not complete: zero and the global minimum; other stationary points of the reduced network are not listed",
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


@dataclass(frozen=True)
class Evaluation:
    """The problem's own loss at some weights, with its error.

    ``slope`` is the norm of the gradient, ``slope_size`` that of its terms; ``offset`` is what the biases add up to.
    """

    loss: EnclosedLoss
    slope: float
    slope_size: float
    offset: FloatArray

    @property
    def terms(self) -> Terms:
        """Nearest values."""
        return self.loss.terms


def evaluated(problem: Problem, weights: Weights, offset: FloatArray | None = None) -> Evaluation:
    """Loss and gradient of the problem's own; free biases are at their best where no offset (k,) is given."""
    seen, inner, roots = _unweighted(problem, weights)
    if offset is None:
        offset = free_offset(problem, weights)
    loss = enclosed_weights(seen, inner, offset, roots)
    share = sum(step.share for step in seen_problem(problem)[1])
    loss = replace(loss, error=loss.error + share * loss.upper)
    centred = without_biases(seen)
    slope, size = gradient_norm(centred.problem if isinstance(centred, Step) else seen, inner)
    return Evaluation(loss, slope, size, offset)


def free_offset(problem: Problem, weights: Weights) -> FloatArray:
    """What free biases (k,) add to every prediction at their best; zero without any."""
    seen, inner, roots = _unweighted(problem, weights)
    if not seen.network.bias_layers or seen.data.centred:
        return np.zeros(seen.data.outputs)
    best = best_offset(seen, inner)
    return best if roots is None else best / roots


def _unweighted(problem: Problem, weights: Weights) -> tuple[Problem, Weights, FloatArray | None]:
    """The problem with an unweighted error, its weights, and the roots of the weights of outputs, if there are any."""
    seen, steps = seen_problem(problem)
    for step in steps:
        weights = step.project(weights)
    return seen, weights, np.diag(_last(seen)) if steps else None


def _offset(problem: Problem, product: FloatArray) -> FloatArray:
    data = problem.data
    if not problem.network.bias_layers or data.centred or data.x_mean is None or data.y_mean is None:
        return np.zeros(product.shape[0])
    best: FloatArray = data.y_mean - product @ data.x_mean
    return best


def _minimum(reduction: Reduction, plain: GlobalMinimum) -> tuple[GlobalMinimum, Evaluation | None]:
    """The minimum with what its weights cost, where it has any."""
    found: Evaluation | None = None
    problem = reduction.problem
    product = reduction.lift_map(plain.end_to_end_map)
    singular = np.asarray(np.linalg.svd(product, compute_uv=False), dtype=np.float64)
    kept = singular > 1e-10 * max(float(singular[0]), 1e-300)
    seen, steps = seen_problem(problem)
    if plain.parameters is None:
        parameters = None
        inner = product if not steps else np.diag(np.diag(_last(seen))) @ product
        offset = _offset(seen, inner)
        offset = offset / np.diag(_last(seen)) if steps else offset
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


def _last(problem: Problem) -> FloatArray:
    matrix = problem.network.layers[-1].frozen_weights
    return np.eye(problem.network.outputs) if matrix is None else matrix


def certificate_of(reduction: Reduction, minimum: GlobalMinimum, plain: Certificate) -> Certificate:
    """The bound of the plain network beside the problem's own loss of the weights as they were given back."""
    found: Evaluation | None = None
    if minimum.parameters is not None:
        bias = minimum.parameters.biases[-1]
        weights = Weights(minimum.parameters.weights, minimum.parameters.skips)
        found = evaluated(reduction.problem, weights, None if bias is None else bias.dense()[:, 0])
    return _certificate(reduction, minimum, plain, found)


def _certificate(
    reduction: Reduction, minimum: GlobalMinimum, plain: Certificate, found: Evaluation | None
) -> Certificate:
    problem, constant = reduction.problem, reduction.constant
    upper, checks, error = plain.upper_bound + constant, list(plain.checks), plain.rounding_allowance
    terms = None
    if minimum.parameters is not None and found is not None:
        weights = Weights(minimum.parameters.weights, minimum.parameters.skips)
        upper, error, terms = found.loss.upper, found.loss.error, found.terms
        checks = _checks(problem, minimum, weights, found, seen_problem(problem)[0].unit(upper))
        checks += [check for check in plain.checks if check.name in CARRIED]
    unit = seen_problem(problem)[0].unit(upper)
    # steps that are exact but for rounding: of decays, of constants, of weights of the error
    off = reduction.lost(upper) + (reduction.share + 64.0 * UNIT) * upper + 256.0 * UNIT * abs(constant)
    lower = max(plain.lower_bound + constant - off, 0.0)
    # two ways to the same loss: on the plain network, and on the problem's own
    both = abs(plain.upper_bound + constant - upper) / unit
    checks.append(Check("loss_of_reduced_network", both, 1e-9 + 8.0 * (error + plain.rounding_allowance) / unit))
    checks.append(Check("bounds_in_order", float(max(0.0, lower - upper) / unit), 0.0))
    return Certificate(
        upper,
        lower,
        float((upper - lower) / unit),
        plain.tolerance,
        f"the weights in the problem's own loss; lower bound: of the reduced network ({plain.method})",
        error + plain.rounding_allowance + off,
        tuple(checks),
        terms,
        _norm_limit(reduction, minimum, plain, upper),
    )


def _norm_limit(reduction: Reduction, minimum: GlobalMinimum, plain: Certificate, upper: float) -> float | None:
    limit = None if plain.norm_limit is None else reduction.limit(plain.norm_limit, upper)
    if not reduction.searched:
        return limit
    searched = SEARCHED * float(np.linalg.norm(minimum.end_to_end_map))
    return searched if limit is None else min(limit, searched)


def _checks(
    problem: Problem,
    minimum: GlobalMinimum,
    weights: Weights,
    found: Evaluation,
    unit: float,
) -> list[Check]:
    network, data = problem.network, problem.data
    product = end_map(network, weights, data.inputs) - minimum.end_to_end_map
    length, rounding = max(float(minimum.singular_values[0]), 1e-300), found.loss.error / unit
    return [
        Check("gradient_norm", found.slope, 1e-8 * found.slope_size, True),
        Check("claimed_loss", abs(minimum.loss - found.terms.loss) / unit, 1e-9 + 4.0 * rounding),
        Check("terms_sum", abs(minimum.terms.loss - minimum.loss) / unit, 1e-9 + 4.0 * rounding),
        Check("end_to_end_map", float(np.linalg.norm(product)) / length, 1e-9),
    ]


def _best(solution: Solution) -> list[StationaryPoint]:
    """The global minimum in the list of the plain network, with what is known of it."""
    best = [
        point
        for point in solution.stationary_points
        if point.point_class is PointClass.GLOBAL_MINIMUM and point.kind is not PointKind.ORIGIN
    ]
    return best[:1]


def _minimum_point(minimum: GlobalMinimum, plain: StationaryPoint) -> StationaryPoint:
    parameters = minimum.parameters
    matrices = [] if parameters is None else [*parameters.weights, *parameters.skips]
    norm = float(np.sqrt(sum(squared_norm(own) for own in matrices if own is not None)))
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
        return Thresholds(None, None, None, None, None, (), reasons | dict.fromkeys(names, why))
    return Thresholds(
        plain.critical_decay_scale,
        plain.metastable_up_to_decay_scale,
        None,
        None,
        plain.transition_order,
        (),
        reasons,
    )
