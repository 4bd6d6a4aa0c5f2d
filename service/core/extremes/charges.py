"""What is taken off a lower bound for inputs that were brought into range.

Inputs in larger units decay more, and inputs that are zero explain less, than the caller's: a minimum of these data is
no less than one of theirs.  How much less theirs can be is bounded here: ``docs/theory/extreme-inputs.md``.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from service.core.ground.extremes import Extremes
from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, GlobalMinimum
from service.core.several_outputs.singular_values.common_decay import common_decay

DEPENDENT: Final = 1e-13
"""Least singular value of inputs of size one, relative to the largest, above which they count as independent."""
SEARCHED: Final = 1e6
"""Norms up to which the bound holds where large inputs are dependent, as a multiple of the norm found."""


def charged(problem: Problem, extremes: Extremes, minimum: GlobalMinimum, certificate: Certificate) -> Certificate:
    """The certificate of the data as the caller sent them, for a map under decay that has one value for each norm.

    Parameters
    ----------
    problem : Problem
        As it is in range.
    extremes : Extremes
    minimum : GlobalMinimum
    certificate : Certificate
        Of the problem as it is in range; its upper bound holds for the caller's data.
    """
    cost, limit = _cost_of_units(problem, extremes, minimum) if extremes.lowered.any() else (0.0, None)
    owed = cost + worth_of_absent(problem, extremes)
    limits = [each for each in (limit, certificate.norm_limit) if each is not None]
    lower = max(certificate.lower_bound - owed, 0.0)
    return replace(
        certificate,
        lower_bound=lower,
        relative_gap=float((certificate.upper_bound - lower) / problem.unit(certificate.upper_bound)),
        rounding_allowance=certificate.rounding_allowance + min(owed, certificate.lower_bound),
        norm_limit=min(limits) if limits else None,
    )


def worth_of_absent(problem: Problem, extremes: Extremes) -> float:
    """What inputs that are zero here can take off a loss that is no more than that of the origin."""
    size = float(np.linalg.norm(extremes.absent))
    if size == 0.0:
        return 0.0
    yy = problem.data.yy
    with np.errstate(over="ignore"):
        moved = size * _longest(problem) * float(np.sqrt(np.prod(1.0 + problem.network.noise_variances)))
        return moved * (2.0 * float(np.sqrt(yy)) + moved)


def _longest(problem: Problem) -> float:
    """Norm of the end-to-end map up to which decay alone costs no more than the origin."""
    mu = common_decay(problem.network.weight_decays)
    with np.errstate(over="ignore", divide="ignore"):
        return float(np.power(np.sqrt(problem.data.yy / mu), problem.network.n_layers))


def _cost_of_units(problem: Problem, extremes: Extremes, minimum: GlobalMinimum) -> tuple[float, float | None]:
    """What the decay of the weights of lowered inputs is at most, and up to which norm of maps if not to all."""
    data, network = problem.data, problem.network
    centre = bool(network.bias_layers) and data.x_mean is not None and data.y_mean is not None
    root = (data.central if centre else data).root.root
    norms = np.sqrt(np.einsum("ij,ij->j", root, root))
    lowered = extremes.lowered & (norms > 0.0)
    if not lowered.any():
        return 0.0, None
    layers, variances = network.n_layers, network.noise_variances
    longest, limit = None, None
    if data.outputs == 1 or not np.any(variances):
        longest = _length(problem, root, norms, lowered, 2.0 * float(np.sqrt(data.yy)))
        if longest is None:
            # nothing but a limit keeps the weights of dependent inputs short
            found = max(float(np.linalg.norm(minimum.end_to_end_map)), float(np.sqrt(data.yy) / norms[lowered].min()))
            longest = limit = SEARCHED * found
    elif layers == 2:
        # noise keeps each hidden neuron short; the sum over neurons is at most this many times its root
        longest = _length(problem, root, norms, lowered, float(np.sqrt(data.yy / variances[0])))
        longest = None if longest is None else longest * float(np.sqrt(network.hidden_widths[0]))
    if longest is None:
        return np.inf, None
    return layers * common_decay(network.weight_decays) * longest ** (2.0 / layers), limit


def _length(problem: Problem, root: FloatArray, norms: FloatArray, lowered: BoolArray, reach: float) -> float | None:
    """Longest map of the lowered inputs with a loss below the origin's; None where dependent inputs hide it.

    Parameters
    ----------
    problem : Problem
    root : (m, d) array
        Of the second moments of the inputs.
    norms : (d,) array
        Of its columns.
    lowered : (d,) array of bool
    reach : float
        Root mean square of what such a map may predict.
    """
    others = _longest(problem) * float(np.linalg.norm(norms[~lowered]))
    for columns, rest in ((norms > 0.0, 0.0), (lowered, others)):
        values = np.linalg.svd(root[:, columns] / norms[columns], compute_uv=False)
        if values.size == np.count_nonzero(columns) and values[-1] > DEPENDENT * values[0]:
            found = (reach + rest) / float(values[-1] * norms[lowered].min())
            if np.isfinite(found):
                return found
    return None
