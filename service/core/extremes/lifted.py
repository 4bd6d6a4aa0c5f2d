"""The answer without free inputs as one with them: weights by lanes, and its own certificate.

Derivation: ``docs/theory/extreme-inputs.md``.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from service.core.extremes.free import FreeInputs
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import Parameters, columns_of
from service.core.ground.problems import Problem
from service.core.ground.results import (
    THRESHOLDS,
    Certificate,
    Check,
    GlobalMinimum,
    Minima,
    Origin,
    Solution,
    StationaryPoint,
    Thresholds,
)
from service.core.ground.roles import Certifier
from service.core.ground.rules import Finding, Judgement
from service.core.losses.enclosed import EnclosedLoss, loss_of_weights
from service.core.losses.expected import fit_of
from service.core.losses.narrow import dense_or_narrow
from service.core.several_outputs.singular_values.common_decay import common_decay
from service.core.several_outputs.weights.layers import aligned_layers
from service.core.several_outputs.weights.minimum import minimum_point, padded
from service.vocabulary import Evidence, PointClass, PointKind, Status

NAME: Final = "inputs so large that their weights are free are explained first"
FREE_METHOD: Final = "of the network without the inputs whose weights are free, less the rounding of taking them out"
LEAST: Final = 1e-13
"""Singular values of the map of the other inputs, relative to the largest, up to which they count as zero."""
CARRIED: Final = ("claimed_loss", "terms_sum", "end_to_end_map", "weights_given")
"""Checks of the rest that say nothing of these weights, or are made anew."""
SEARCHED: Final = 1e6
"""Norms up to which the bound holds where free inputs are dependent, as a multiple of the norm found."""
WHY: Final = "not known beside inputs whose weights are free"


def with_free_inputs(found: FreeInputs, solve: Callable[[Problem], Minima]) -> Minima:
    """Global minimum of the problem of ``found`` by way of the rest.

    Parameters
    ----------
    found : FreeInputs
    solve : callable
        Answers the rest.
    """
    rest, problem = solve(found.rest), found.problem
    plain = rest.solution.minimum
    parameters, whole, rank = _weights(found, plain.end_to_end_map)
    network, dense = dense_or_narrow(problem.network, parameters)
    loss = loss_of_weights(problem, network, dense, parameters)
    offset = np.zeros(problem.data.outputs) if parameters.biases[-1] is None else parameters.biases[-1].dense()[:, 0]
    singular = np.asarray(np.linalg.svd(whole, compute_uv=False), dtype=np.float64)
    minimum = replace(
        plain,
        loss=loss.terms.loss,
        terms=loss.terms,
        trivial=rank == 0,
        rank=rank,
        end_to_end_map=whole,
        output_offset=offset,
        singular_values=padded(singular, min(whole.shape)),
        parameters=parameters,
        uniqueness=f"of the other inputs: {plain.uniqueness}",
        evaluation_fit=None if problem.evaluation is None else fit_of(problem.evaluation, whole, offset),
    )
    certificate = _certificate(found, loss, whole, plain.end_to_end_map, rest.certificate)
    origin = _origin(network.n_layers, trivial=rank == 0)
    solution = Solution(
        rest.solution.solver,
        rest.solution.theorems,
        minimum,
        _points(problem, minimum, origin),
        "not complete: the origin and the global minimum",
        _no_thresholds(),
        origin,
    )
    spectrum = problem.data.spectrum
    return Minima(
        rest.status if certificate.holds else Status.BOUNDED,
        solution,
        certificate,
        (Finding(NAME, Judgement(True, {"inputs": int(np.count_nonzero(found.free))})), *rest.hypotheses),
        spectrum.condition_number,
        spectrum.rank_tolerance,
        (NAME,),
    )


def certified(found: FreeInputs, solution: Solution, certifier: Certifier) -> Certificate:
    """The certificate of any weights of the problem, its bound from what they are on the other inputs.

    Parameters
    ----------
    found : FreeInputs
    solution : Solution
        With weights.
    certifier : callable
        Of the rest.
    """
    problem, minimum = found.problem, solution.minimum
    if minimum.parameters is None:
        raise ArithmeticError("the minimum is attained, but no weights are given")
    network, dense = dense_or_narrow(problem.network, minimum.parameters)
    loss = loss_of_weights(problem, network, dense, minimum.parameters)
    rest_map = np.where(found.free, 0.0, minimum.end_to_end_map)
    first, *others = minimum.parameters.weights
    right = np.where(found.free[:, None], 0.0, columns_of(first.right))
    inner = Parameters((replace(first, right=right), *others), (None,) * found.rest.network.n_layers)
    narrow, dense = dense_or_narrow(found.rest.network, inner)
    terms = loss_of_weights(found.rest, narrow, dense, inner).terms
    own = replace(
        minimum,
        loss=terms.loss,
        terms=terms,
        trivial=not rest_map.any(),
        end_to_end_map=rest_map,
        output_offset=np.zeros(rest_map.shape[0]),
        singular_values=np.asarray(np.linalg.svd(rest_map, compute_uv=False), dtype=np.float64),
        parameters=inner,
    )
    rest = certifier(found.rest, replace(solution, minimum=own))
    return _certificate(found, loss, minimum.end_to_end_map, rest_map, rest)


def _certificate(
    found: FreeInputs, loss: EnclosedLoss, whole: FloatArray, rest_map: FloatArray, rest: Certificate
) -> Certificate:
    problem = found.problem
    off, limit = found.rounding(rest_map), rest.norm_limit
    if found.dropped > 0.0:
        # along dependent free inputs nothing but a limit keeps weights short
        reached = SEARCHED * float(np.linalg.norm(whole[:, found.free]))
        limit = reached if limit is None else min(limit, reached)
        moved = found.dropped * float(found.sizes[: found.free.size][found.free].max()) * reached
        off += moved * (2.0 * float(np.sqrt(problem.data.yy)) + moved)
    lower, unit = max(rest.lower_bound - off, 0.0), problem.unit(loss.upper)
    checks = [check for check in rest.checks if check.name not in (*CARRIED, "bounds_in_order")]
    checks.append(Check("bounds_in_order", float(max(0.0, lower - loss.upper) / unit), 0.0))
    return Certificate(
        upper_bound=loss.upper,
        lower_bound=lower,
        relative_gap=float((loss.upper - lower) / unit),
        tolerance=rest.tolerance,
        method=f"upper bound: the weights in the exact expected loss; lower bound: {FREE_METHOD} ({rest.method})",
        rounding_allowance=loss.error + off + rest.rounding_allowance,
        checks=tuple(checks),
        terms=loss.terms,
        norm_limit=limit,
    )


def _weights(found: FreeInputs, rest_map: FloatArray) -> tuple[Parameters, FloatArray, int]:
    """Weights with the whole map, as far as the widths have lanes for it; that map, and its rank.

    Lanes carry the map of the other inputs, and beside it what free inputs need in these directions of the outputs;
    what they need in others goes through lanes of its own, whose values are of the size of these weights.  Each part
    has its own decomposition, since one of both would round the small part to the size of the large one.
    """
    network, data = found.problem.network, found.problem.data
    rest_map = np.where(found.free, 0.0, rest_map)
    whole = found.whole_map(rest_map)
    free_map = np.where(found.free, whole, 0.0)
    most = min([*network.hidden_widths, *whole.shape])
    left, values, right = np.linalg.svd(rest_map, full_matrices=False)
    kept = (values > LEAST * max(float(values[0]), 1e-300)) & (np.arange(values.size) < most)
    left, values, right = left[:, kept], values[kept], right[kept].T
    right = np.where(found.free[:, None], (free_map.T @ left) / values, right)
    across = free_map - left @ (left.T @ free_map)
    more, own, inner = np.linalg.svd(across, full_matrices=False)
    seen = (own > LEAST * max(float(np.max(np.abs(free_map), initial=0.0)), 1e-300)) & (
        np.arange(own.size) < most - values.size
    )
    left, values = np.concatenate((left, more[:, seen]), axis=1), np.concatenate((values, own[seen]))
    right = np.concatenate((right, np.where(found.free[:, None], inner[seen].T, 0.0)), axis=1)
    whole = (left * values) @ right.T
    layers, decays = network.n_layers, network.weight_decays
    shares = [(values ** (1.0 / layers)) * np.sqrt(common_decay(decays) / decay) for decay in decays]
    offset = np.zeros(data.outputs)
    if network.bias_layers and data.x_mean is not None and data.y_mean is not None:
        offset = data.y_mean - whole @ data.x_mean
    if values.size == 0:
        left, right, shares = np.zeros((data.outputs, 1)), np.zeros((data.inputs, 1)), [np.zeros(1)] * layers
    return aligned_layers(network, left, shares, right, offset), whole, int(values.size)


def _origin(layers: int, *, trivial: bool) -> Origin:
    """All weights zero.

    One layer has no other point at rest than its minimum.  With two the penalty is the nuclear norm, convex, so that
    zero is a saddle where it is not a minimum; with three decay alone has a second derivative there.
    """
    reasons = dict.fromkeys(("least_hessian_eigenvalue", "barrier_height", "escape_norm"), WHY)
    kind = {1: PointClass.NOT_STATIONARY, 2: PointClass.STRICT_SADDLE}.get(layers, PointClass.LOCAL_MINIMUM)
    return Origin(PointClass.GLOBAL_MINIMUM if trivial else kind, None, None, None, reasons)


def _points(problem: Problem, minimum: GlobalMinimum, origin: Origin) -> tuple[StationaryPoint, ...]:
    found = () if minimum.trivial else (minimum_point(minimum, Evidence.OBSERVED),)
    if origin.point_class is PointClass.NOT_STATIONARY:
        return found
    at = StationaryPoint(PointKind.ORIGIN, problem.spread, origin.point_class, Evidence.PROVED, 0.0, 0.0)
    return (at, *found)


def _no_thresholds() -> Thresholds:
    return Thresholds.none(dict.fromkeys((*THRESHOLDS, "transitions"), WHY))
