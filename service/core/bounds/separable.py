"""Lower bounds that separate over singular values: no decay, decay on white inputs, and noise.

Von Neumann's inequality pairs the singular values of any map with those of the target in order; what is left are
scalar problems, bounded here by tangents or in closed form.  Proofs: ``docs/theory/reduced-rank.md``,
``docs/theory/factorisation.md`` and ``docs/theory/dropout.md``.
"""

import numpy as np

from service.core.bounds.quadratic_below import Below
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.spectrum import EPSILON
from service.core.several_outputs.noise.water_filling import effective_noise
from service.core.several_outputs.singular_values.common_decay import common_decay
from service.core.several_outputs.singular_values.scalar_bounds import scalar_bounds
from service.core.several_outputs.squared_error.quadratic import Quadratic
from service.core.several_outputs.squared_error.ranks import rank_bound


def undecayed_bound(below: Below) -> float:
    """Least squared error of any map of the rank that the widths allow."""
    quadratic = below.quadratic
    left_out = lowered_values(quadratic)[rank_bound(below.problem, quadratic) :]
    return quadratic.residual + float(np.sum(left_out**2))


def separated_bound(below: Below) -> float:
    """One scalar problem for each singular value that fits through the widths; the others cost their squares.

    Notes
    -----
    A scalar problem costs the more the larger its target is, so that singular values are rounded down.  All else is a
    sum of terms that are not negative, each right to some eps of itself: at its point `scalar_bounds` has one
    subtraction, that of two doubles, and a slope that is off by some eps of its own terms, times a width of the size of
    the target; together no more than the penalty of the target, or its square where zero is as good.
    """
    quadratic, network = below.quadratic, below.problem.network
    values = lowered_values(quadratic)
    bound, layers = rank_bound(below.problem, quadratic), network.n_layers
    # inputs that are white to rounding: the largest second moment bounds the decay of the first layer from below
    logarithms = np.append(np.log(network.weight_decays), -2.0 * np.log(quadratic.largest_scale))
    exponent, off = float(np.sum(logarithms)) / layers, EPSILON * float(np.sum(np.abs(logarithms)))
    penalty = layers * float(np.exp(exponent)) * (1.0 - 8.0 * EPSILON - 2.0 * off)
    inside, left_out = values[:bound], float(np.sum(values[bound:] ** 2))
    found = scalar_bounds(inside, penalty, 2.0 / layers)
    sizes = np.minimum(penalty * inside ** (2.0 / layers), inside**2)
    rounding = 64.0 * EPSILON * (abs(quadratic.residual) + left_out + 2.0 * float(np.sum(sizes)))
    return quadratic.residual + left_out + float(np.sum(found)) - rounding


def dropout_bound(below: Below) -> float:
    """Bound of the loss under noise, by the tangent at a nuclear norm, after which the singular values separate.

    Notes
    -----
    ``nu T^2 >= 2 l T - l^2 / nu`` for every T and every level l.  With c the level and the decay a singular value y of
    the target leaves ``c (2 y - c)`` where it is above c, else ``y^2``: terms that grow with y and are not negative,
    each right to some eps of itself.  The level of the claimed map is the best one but for rounding, which may be all
    there is of a map under great noise; so the levels at which each number of directions is kept are tried as well.
    """
    quadratic, network = below.quadratic, below.problem.network
    values = lowered_values(quadratic)
    bound = rank_bound(below.problem, quadratic)
    noise, decays = effective_noise(network), network.weight_decays
    decay = 0.0
    if network.n_layers == 2 and np.all(decays > 0.0):
        decay = common_decay(decays) / quadratic.largest_scale * (1.0 - 8.0 * EPSILON)
    inside, left_out = values[:bound], float(np.sum(values[bound:] ** 2))
    levels = np.zeros(1)
    if noise > 0.0:
        kept = np.cumsum(inside - decay) / (np.arange(1.0, inside.size + 1.0) + 1.0 / noise)
        levels = np.concatenate((levels, [noise * nuclear_norm(below)], np.maximum(kept, 0.0)))
    cuts = levels[:, None] + decay
    costs = np.where(inside > cuts, cuts * (2.0 * inside - cuts), inside**2)
    tangents = levels * (levels / noise) if noise > 0.0 else np.zeros(1)
    sizes = abs(quadratic.residual) + left_out + 2.0 * np.sum(costs, axis=1) + tangents
    found = quadratic.residual + left_out + np.sum(costs, axis=1) - tangents - 64.0 * EPSILON * sizes
    return float(np.max(found))


def nuclear_norm(below: Below) -> float:
    """Nuclear norm of the claimed map in white coordinates."""
    coordinates = below.quadratic.coordinates(below.claimed.end_to_end_map)
    return float(np.sum(np.linalg.svd(coordinates, compute_uv=False)))


def target_values(quadratic: Quadratic) -> FloatArray:
    """Singular values (min(k, r),) of the target, descending, without vectors."""
    return np.asarray(np.linalg.svd(quadratic.target, compute_uv=False), dtype=np.float64)


def lowered_values(quadratic: Quadratic) -> FloatArray:
    """`target_values` (min(k, r),), rounded down: they are right to some eps of the largest."""
    values = target_values(quadratic)
    off = 4.0 * sum(quadratic.target.shape) * EPSILON * float(np.max(values, initial=0.0))
    return np.maximum(values - off, 0.0)
