"""Lower bounds of one-output problems on data as they are: the norm bound of a problem below theirs.

About a map the squared error of the data lies above a diagonal quadratic (`service.core.ground.enclosures.expansion`),
whose minimum under the decay is bounded by branch and bound, or in closed form where nothing is concave.
"""

from dataclasses import dataclass
from math import exp, log1p

import numpy as np

from service.core.ground.as_sent import expected_source
from service.core.ground.enclosures.expansion import ExpandedError
from service.core.ground.enclosures.measured import measure
from service.core.ground.enclosures.sources import UNIT
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.spectrum import Spectrum, length_of
from service.core.ground.problems import Problem
from service.core.one_output.norm_bound import GAP_TOLERANCE, norm_bound
from service.core.one_output.reduced import ReducedProblem, noise_changes_form, reduced_of

MOST_NOISE = 200.0
"""Logarithm of the factor C beyond which noise is bounded as if it were this much."""
FAR, NEARER = 1e6, (1e5, 1e4, 1e3)
"""Norms, relative to the returned map's, up to which a bound holds that cannot hold for all maps."""


@dataclass(frozen=True, slots=True)
class LowerBound:
    """A bound of the loss of every map, or of every map up to a norm.

    Attributes
    ----------
    value : float
        May be negative.
    allowance : float
        What was taken off for rounding.
    norm_limit : float or None
        The bound holds for maps of Frobenius norm up to this; None where it holds for all.
    """

    value: float
    allowance: float
    norm_limit: float | None = None


def lower_bound(problem: Problem, end_to_end_map: FloatArray, upper: float, unit: float, precise: bool) -> LowerBound:
    """Bound the loss of every map from below, sharpest if ``end_to_end_map`` (d,) is a minimum.

    Parameters
    ----------
    problem : Problem
        One output, linear, squared loss.
    end_to_end_map : (d,) array
        Validity does not depend on it.
    upper : float
        Loss of some weights, rounded up.
    unit : float
        What gaps are relative to.
    precise : bool
        Whether the data are read in about twice the working precision.
    """
    network, data, reduced = problem.network, problem.data, reduced_of(problem)
    # a free bias takes off at least as much as any bias can
    centre = bool(network.bias_layers) and data.x_mean is not None and data.y_mean is not None
    # the least loss grows with the noise, and stays where it is long before this
    hidden = float(np.expm1(min(reduced.log_noise_factor, MOST_NOISE)))
    source = expected_source(problem, centre, hidden, centre and not noise_changes_form(network, data))
    squares = reduced.spectrum.values * exp(min(reduced.log_factor, MOST_NOISE))
    decayed = bool(np.all(network.weight_decays > 0.0))
    measured = measure(
        source, reduced.spectrum.vectors, squares, end_to_end_map[None, :], unit, precise, decayed=decayed
    )
    expansion, norm = measured.decayed(network.weight_decays, upper)
    error = expansion.upper - expansion.value
    if reduced.log_decay == -np.inf:
        return undecayed_bound(expansion, length_of(end_to_end_map), unit)
    if reduced.n_hidden == 0:
        return LowerBound(expansion.ridge_minimum(float(network.weight_decays[0])), error)
    below = _below(reduced, expansion, norm)
    bound = norm_bound(below, 0.2 * GAP_TOLERANCE * unit, upper, length_of(end_to_end_map) or None)
    return LowerBound(bound.lower, bound.allowance + error)


def undecayed_bound(expansion: ExpandedError, norm: float, unit: float) -> LowerBound:
    """Bound without decay, where only the data keep maps from growing.

    Notes
    -----
    Along directions that are collinear to working precision nothing but a limit on the norm does: a million times the
    norm found, more while that costs a hundredth of the tolerance, or less where it costs a third of it.
    """
    error = expansion.upper - expansion.value
    if expansion.weak_cost(1e300) == 0.0:
        return LowerBound(expansion.rest, error)
    limits = [FAR * norm]
    while limits[-1] < 1e150 and expansion.weak_cost(10.0 * max(limits[-1], 1e-150)) <= 0.01 * GAP_TOLERANCE * unit:
        limits.append(10.0 * max(limits[-1], 1e-150))
    limit = limits[-1]
    for nearer in NEARER:
        if expansion.weak_cost(limit) > 0.3 * GAP_TOLERANCE * unit:
            limit = nearer * norm
    cost = expansion.weak_cost(limit)
    return LowerBound(expansion.rest - cost, error + cost, limit)


def _below(reduced: ReducedProblem, expansion: ExpandedError, norm: float) -> ReducedProblem:
    """The decayed problem with the expansion in the place of the squared error; below it for maps up to ``norm``."""
    layers, log_decay = reduced.n_hidden + 1, reduced.log_decay
    known = expansion.known
    response = expansion.response[:, known].T
    projections = response * np.sqrt(expansion.values[known])[:, None]
    cost = expansion.weak_cost(norm)
    spectrum = Spectrum(expansion.values[known], np.zeros((0, 0)), projections, 0.0, response, expansion.rest - cost)
    stretched = log1p(-min(expansion.stretch, 0.5)) / layers
    rounding = 8.0 * UNIT * (4.0 + abs(log_decay))
    return ReducedProblem(
        n_hidden=reduced.n_hidden,
        spectrum=spectrum,
        variance=float(np.sum(response * response)) + expansion.rest - cost,
        log_factor=0.0,
        log_noise_factor=0.0,
        log_kappa=log_decay + stretched - rounding,
        noise_base=None,
        input_noise=np.zeros(0),
    )
