"""A problem below that of the data, for lower bounds of networks with several outputs.

About a map the squared error lies above a diagonal quadratic (`service.core.ground.enclosures.expansion`).  With the
decays reduced by what the directions lack of being orthonormal, every bound of a `Quadratic` holds for the data
themselves.
"""

from dataclasses import dataclass, replace

import numpy as np

from service.core.bounds.norm_below import undecayed_bound
from service.core.bounds.plain_data import plain_error
from service.core.ground.as_sent import expected_source
from service.core.ground.enclosures.expansion import ExpandedError
from service.core.ground.enclosures.longest import longest_useful
from service.core.ground.enclosures.measured import measure
from service.core.ground.enclosures.sources import UNIT
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.spectrum import EPSILON
from service.core.ground.problems import Problem
from service.core.ground.results import GlobalMinimum
from service.core.several_outputs.squared_error.expanded import quadratic_of_expansion
from service.core.several_outputs.squared_error.quadratic import Quadratic, quadratic_of, seen_spectrum


@dataclass(frozen=True)
class Below:
    """The problem below.

    Attributes
    ----------
    problem : Problem
        The network with decays that are no larger, on the same data.
    quadratic : Quadratic
        A squared error that is no larger for all maps, or for those up to ``norm_limit``.
    expansion : ExpandedError or None
        About the claimed map; None where eigenpairs of well-scaled data stand for the data.
    claimed : GlobalMinimum
    norm_limit : float or None
    unit : float
        What gaps are relative to.
    longest : float
        No map of a larger Frobenius norm is better than the claimed one; infinite without decay.
    """

    problem: Problem
    quadratic: Quadratic
    expansion: ExpandedError | None
    claimed: GlobalMinimum
    norm_limit: float | None
    unit: float
    longest: float

    @property
    def end_map(self) -> FloatArray:
        """The claimed map (k, rho) in the basis."""
        return self.quadratic.restrict(self.claimed.end_to_end_map)

    @property
    def arithmetic(self) -> float:
        """Rounding of a bound that adds and takes off numbers of the size of the loss of zero."""
        sizes = self.quadratic.target.shape
        return 16.0 * float(np.sqrt(sum(sizes))) * EPSILON * max(self.quadratic.total, 0.0)


def quick_below(problem: Problem, claimed: GlobalMinimum, upper: float, unit: float) -> Below | None:
    """The white coordinates that the solver used, less all that rounding may have done; None on hard data.

    Notes
    -----
    A map no worse than ``upper`` is no longer than least squares and ``sqrt(upper)`` over the least scale, which bounds
    by how much its squared error may be off.
    """
    network, data = problem.network, problem.data
    if problem.sources is not None:
        # the moments are not those that were sent
        return None
    centre = bool(network.bias_layers) and data.x_mean is not None and data.y_mean is not None
    spectrum = seen_spectrum(data, network.input_noise_variance, centre)
    error = plain_error(data, spectrum)
    if error is None:
        return None
    quadratic = quadratic_of(problem)
    length = float(np.linalg.norm(quadratic.target / quadratic.scales))
    beyond = length + 1.01 * float(np.sqrt(upper)) / quadratic.least_scale
    longest = min(beyond, longest_useful(network.weight_decays, upper))
    allowance = 2.0 * error.of_error(longest)
    below = replace(quadratic, residual=quadratic.residual - allowance, total=quadratic.total - allowance)
    return Below(problem, below, None, claimed, None, unit, longest)


def problem_below(problem: Problem, claimed: GlobalMinimum, upper: float, unit: float, precise: bool) -> Below:
    """Expand the squared error about the claimed map.

    Parameters
    ----------
    problem : Problem
        Linear, squared loss; hidden noise only adds to what is expanded here.
    claimed : GlobalMinimum
        Validity does not depend on it.
    upper : float
        Loss of some weights, rounded up.
    unit : float
    precise : bool
        Whether the data are read in about twice the working precision.
    """
    network, data = problem.network, problem.data
    # a free bias takes off at least as much as any bias can
    centre = bool(network.bias_layers) and data.x_mean is not None and data.y_mean is not None
    spectrum = seen_spectrum(data, network.input_noise_variance, centre)
    source = expected_source(problem, centre, 0.0, centre)
    decays = network.weight_decays
    decayed = bool(np.all(decays > 0.0))
    measured = measure(
        source, spectrum.vectors, spectrum.values, claimed.end_to_end_map, unit, precise, decayed=decayed
    )
    expansion, longest = measured.decayed(decays, upper)
    limit: float | None = None
    if decayed:
        cost = expansion.weak_cost(longest)
    else:
        length = float(np.linalg.norm(claimed.end_to_end_map))
        bound = undecayed_bound(expansion, length, unit)
        limit, cost = bound.norm_limit, expansion.rest - bound.value
    shrunk = (1.0 - min(expansion.stretch, 0.5)) * (1.0 - 64.0 * UNIT)
    layers = tuple(replace(layer, weight_decay=layer.weight_decay * shrunk) for layer in network.layers)
    reduced = replace(problem, network=replace(network, layers=layers))
    return Below(reduced, quadratic_of_expansion(expansion, cost), expansion, claimed, limit, unit, longest)
