"""How strongly the data pull on one rectified unit at the origin, against what the decay of two layers costs it."""

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, Samples
from service.core.losses.nonlinear import data_loss
from service.core.relu.planar import PLANE, largest_on_plane
from service.core.relu.rows import Span, WeightedRows
from service.core.relu.search import ConeSearch
from service.core.relu.spectral import spectral_bound
from service.vocabulary import Activation, Loss

_CONES: Final = 1_000
_MOST_RANK: Final = 4
_RTOL: Final = 1e-9


@dataclass(frozen=True, slots=True)
class RectifiedPull:
    """The largest length of ``sum_i e_i phi(x_i.u)`` over units of length one, e the slopes of the loss at zero.

    Attributes
    ----------
    value : float
        Attained by a unit.
    bound : float
        Attained by none.
    threshold : float
        ``2 sqrt(g_1 g_L)`` for the decays of the first and the last layer.
    """

    value: float
    bound: float
    threshold: float


def rectified_pull(problem: Problem) -> RectifiedPull | None:
    """The pull; None without samples, or for a loss without a slope at zero."""
    return problem.once("rectified_pull", lambda: _computed(problem))


def _computed(problem: Problem) -> RectifiedPull | None:
    samples = problem.samples
    unweighted = problem.loss is Loss.WEIGHTED_SQUARED and (samples is None or samples.weights is None)
    if samples is None or unweighted or problem.loss in (Loss.ABSOLUTE, Loss.QUANTILE):
        return None
    first = problem.network.layers[0]
    slope = first.slope if first.activation is Activation.LEAKY_RELU and first.slope is not None else 0.0
    if slope >= 1.0:
        return None
    span, errors = Span.of(samples.x), _errors_at_zero(problem, samples)
    # other networks than those of the rule are not worth a search
    rectified = problem.network.n_layers == 2 and first.activation in (Activation.RELU, Activation.LEAKY_RELU)
    pairs = [_largest(span, column, slope, search=rectified) for column in errors.T]
    value = max((value for value, _ in pairs), default=0.0)
    # of several outputs the length is at most that of all largest correlations together
    bound = pairs[0][1] if len(pairs) == 1 else sqrt(sum(bound**2 for _, bound in pairs)) * (1.0 + 1e-12)
    decays = problem.network.weight_decays
    return RectifiedPull(value, bound, 2.0 * sqrt(float(decays[0])) * sqrt(float(decays[-1])))


def _errors_at_zero(problem: Problem, samples: Samples) -> FloatArray:
    zeros = np.zeros_like(samples.y)
    return -data_loss(problem.loss, zeros, samples.y, samples.weights, samples.loss_parameter)[1]


def _largest(span: Span, errors: FloatArray, slope: float, *, search: bool) -> tuple[float, float]:
    """The largest correlation of errors (n,) with a unit: attained, and proved."""
    if not span.dimension or not errors.any():
        return 0.0, 0.0
    rows = span.with_errors(errors, slope)
    value, bound = 0.0, 0.0
    for one in (rows, rows.reversed):
        found = _of_one_sign(one, value) if search else _at_a_glance(one)
        value, bound = max(value, found[0]), max(bound, found[1])
    return value, bound


def _at_a_glance(rows: WeightedRows) -> tuple[float, float]:
    """Along the sum of the rows, and by one decomposition."""
    towards = (rows.plus - rows.minus) @ rows.x + rows.linear
    length = float(np.sqrt(towards @ towards))
    value = float(rows.correlation(towards[None] / length)[0]) if length > 0.0 else 0.0
    return max(value, 0.0), rows.crude_bound


def _of_one_sign(rows: WeightedRows, known: float) -> tuple[float, float]:
    if rows.x.shape[1] <= PLANE:
        plane = largest_on_plane(rows, np.inf)
        return plane.value, plane.bound
    whole = min(rows.crude_bound, spectral_bound(rows).bound)
    if rows.x.shape[1] > _MOST_RANK:
        return _at_a_glance(rows)[0], whole
    search = ConeSearch(rows, 0.0, missing=np.inf, rtol=_RTOL, found=known)
    search.run(most=_CONES)
    return search.value, min(whole, search.bound)
