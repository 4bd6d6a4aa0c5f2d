"""Degrees of freedom, and errors without each sample, where there are several outputs.

The minimum is a map of some rank; small changes of the targets keep that rank.  On the maps of the rank the second
derivatives are those of the squared error, of the penalty of the singular values, and of the bend of these maps times
the residual.  Derivation: ``docs/theory/selection.md``.
"""

from collections.abc import Sequence

import numpy as np

from service.core.asked.selection.leave_one_out import left_out
from service.core.asked.selection.response import Minimisers
from service.core.asked.selection.shown import Held
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Moments, Problem
from service.core.ground.results import GlobalMinimum
from service.vocabulary import Loss

MOST_DIRECTIONS = 1_500
"""Dimension of the maps of a rank up to which second derivatives are formed."""
ROUNDING = 1e-10
"""Share of the largest second derivative below which a direction is free: the data do not see it."""
NOISE = "degrees of freedom are known for several outputs without noise"
NOT_PLAIN = "degrees of freedom are known for plain networks without decayed biases under squared loss"
TOO_MANY = f"the maps of this rank have more than {MOST_DIRECTIONS} directions"


def freedom_of_several(problems: Sequence[Problem], minima: Sequence[GlobalMinimum]) -> tuple[FloatArray | None, str]:
    """Degrees of freedom (m,) of problems that differ in one thing, or why they are not known."""
    first = problems[0]
    network = first.network
    noisy = network.input_noise_variance > 0.0 or any(
        layer.noise_variance > 0.0 for problem in problems for layer in problem.network.layers
    )
    if noisy:
        return None, NOISE
    decayed = any(network.bias_weight_decays[index] for index in network.bias_layers if network.bias_weight_decays)
    if decayed or network.skips or first.loss is not Loss.SQUARED or not _is_plain(first):
        return None, NOT_PLAIN
    free = network.has_bias(network.n_layers - 1)
    seen = _seen(first)
    rank = max(minimum.rank for minimum in minima)
    if network.n_hidden and rank * (network.outputs + seen.inputs - rank) > MOST_DIRECTIONS:
        return None, TOO_MANY
    added = float(network.outputs) if free else 0.0
    own = [_freedom(problem, seen, minimum) for problem, minimum in zip(problems, minima, strict=True)]
    return np.array(own) + added, ""


def _is_plain(problem: Problem) -> bool:
    return all(layer.frozen_weights is None for layer in problem.network.layers)


def _seen(problem: Problem) -> Moments:
    network, data = problem.network, problem.data
    free = network.has_bias(network.n_layers - 1) and data.x_mean is not None and data.y_mean is not None
    return data.central if free else data


def _freedom(problem: Problem, seen: Moments, minimum: GlobalMinimum) -> float:
    """``tr(H^-1 P)`` over the maps of the rank of the minimum."""
    decays = problem.network.weight_decays
    layers = len(decays)
    if layers == 1:
        values = seen.spectrum.values[seen.spectrum.active]
        return problem.network.outputs * float(np.sum(values / (values + decays[0])))
    u, sigma, vt = np.linalg.svd(minimum.end_to_end_map)
    rank = int(np.count_nonzero(sigma > 1e-9 * sigma[0])) if sigma[0] > 0.0 else 0
    if not rank:
        return 0.0
    decay = float(np.exp(np.mean(np.log(decays)))) if np.all(decays > 0.0) else 0.0
    power = 2.0 / layers
    slope = 2.0 * decay * sigma[:rank] ** (power - 1.0)
    curvature = 2.0 * decay * (power - 1.0) * sigma[:rank] ** (power - 2.0)
    normal = 2.0 * (minimum.end_to_end_map @ seen.xx - seen.xy.T)
    fitted, bent = _second_derivatives(u, sigma[:rank], vt.T, seen.xx, slope, curvature, normal)
    return _trace_of_quotient(fitted, fitted + bent)


def _second_derivatives(
    u: FloatArray,
    sigma: FloatArray,
    v: FloatArray,
    xx: FloatArray,
    slope: FloatArray,
    curvature: FloatArray,
    normal: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Half the second derivatives of the squared error, and what penalty and bend add, over the tangent directions.

    Directions are ``U M V'``, ``U_1 X V'`` and ``U Y' V_1'`` with U_1 and V_1 orthogonal to the map.
    """
    outputs, inputs, rank = len(u), len(v), len(sigma)
    inner, upper, lower = rank * rank, (outputs - rank) * rank, (inputs - rank) * rank
    total = inner + upper + lower
    shifted = v.T @ xx @ v
    moves = np.zeros((total, outputs, inputs))
    rows, columns = np.divmod(np.arange(inner), rank)
    moves[np.arange(inner), rows, columns] = 1.0
    above, own = np.divmod(np.arange(upper), rank)
    moves[inner + np.arange(upper), rank + above, own] = 1.0
    beside, other = np.divmod(np.arange(lower), rank)
    moves[inner + upper + np.arange(lower), other, rank + beside] = 1.0
    flat = moves.reshape(total, -1)
    fitted = flat @ (moves @ shifted).reshape(total, -1).T
    bent = np.zeros((total, total))
    # symmetric and antisymmetric parts of M see divided differences and divided sums of the slope
    apart = sigma[:, None] - sigma
    near = np.abs(apart) <= 1e-7 * (sigma[:, None] + sigma)
    differences = np.where(
        near, 0.5 * (curvature[:, None] + curvature), (slope[:, None] - slope) / np.where(near, 1.0, apart)
    )
    sums = (slope[:, None] + slope) / (sigma[:, None] + sigma)
    same, swapped = np.arange(inner), columns * rank + rows
    bent[same, same] += 0.25 * (differences + sums)[rows, columns]
    bent[same, swapped] += 0.25 * (differences - sums)[rows, columns]
    half = 0.5 * slope / sigma
    bent[inner + np.arange(upper), inner + np.arange(upper)] = half[own]
    bent[inner + upper + np.arange(lower), inner + upper + np.arange(lower)] = half[other]
    # the bend of the maps of a rank: X sigma^-1 Y' along the part of the slope that no direction sees
    rest = (u.T @ normal @ v)[rank:, rank:]
    for place in range(rank):
        at = inner + np.arange(outputs - rank) * rank + place
        to = inner + upper + np.arange(inputs - rank) * rank + place
        bent[np.ix_(at, to)] = 0.5 * rest / sigma[place]
        bent[np.ix_(to, at)] = 0.5 * rest.T / sigma[place]
    return fitted, bent


def _trace_of_quotient(fitted: FloatArray, whole: FloatArray) -> float:
    values, vectors = np.linalg.eigh(0.5 * (whole + whole.T))
    seen = np.abs(values) > ROUNDING * float(np.abs(values).max())
    turned = vectors[:, seen].T @ fitted @ vectors[:, seen]
    return float(np.sum(np.diagonal(turned) / values[seen]))


def left_out_of_one_layer(problem: Problem, held: Held, decays: FloatArray) -> FloatArray:
    """Squared errors (m,) on samples left out by a single layer, whose outputs are problems of their own."""
    assert problem.samples is not None  # noqa: S101 - of which `held` is made
    spectrum = _seen(problem).spectrum
    values = np.repeat(np.where(spectrum.active, spectrum.values, 0.0)[None, :], decays.size, axis=0)
    denominators = values + decays[:, None]
    zero = np.zeros(decays.size)
    total = np.zeros(decays.size)
    for output in range(problem.network.outputs):
        seen = spectrum.active & (denominators > 0.0)
        maps = np.where(seen, spectrum.projections[:, output] / np.where(seen, denominators, 1.0), 0.0)
        norms = np.linalg.norm(maps, axis=1)
        found = Minimisers(spectrum.vectors, values, maps, decays, norms, decays, zero > 0.0, 2.0)
        one = Held(held.x, problem.samples.y[:, output], held.bias, 0.0, held.summed)
        total += left_out(one, found, zero, None).error
    return total
