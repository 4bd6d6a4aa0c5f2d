"""What a check of an answer says: a field of the answer, what was found for it, and whether the two agree."""

from dataclasses import dataclass

import numpy as np

from service.core.arrays import FloatArray
from service.core.linalg import EPSILON, length_of
from service.core.problems import Problem
from service.core.results import Certificate, GlobalMinimum, Solution
from service.vocabulary import Bias

MOST_HESSIAN = 400
"""Parameters up to which the Hessian is formed."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field of an answer beside what the weights or the data give.

    Attributes
    ----------
    field : str
        Path in the answer; the claimed value is the one that stands there.
    found : float, bool or str
    agrees : bool
    scales_with_loss : bool
        Whether ``found`` changes with the convention of the objective.
    """

    field: str
    found: float | bool | str
    agrees: bool
    scales_with_loss: bool = False


BEYOND = Comparison("global_minimum.weights", "what they give leaves double precision", agrees=False)
"""Said of weights at which nothing can be computed."""


@dataclass(frozen=True, slots=True)
class Verification:
    """All comparisons, and the fields that were not recomputed with the reason."""

    comparisons: tuple[Comparison, ...]
    not_covered: dict[str, str]

    @property
    def agrees(self) -> bool:
        """Whether every covered field agrees."""
        return all(comparison.agrees for comparison in self.comparisons)


@dataclass(frozen=True, slots=True)
class ClaimedAnswer:
    """A claimed answer to a problem, in the core's convention.

    Attributes
    ----------
    problem : Problem
    solution : Solution
    certificate : Certificate
        Claimed; nothing that is a tolerance is taken from it.
    fresh : Certificate
        Of the same weights, by this engine.
    """

    problem: Problem
    solution: Solution
    certificate: Certificate
    fresh: Certificate

    @property
    def minimum(self) -> GlobalMinimum:
        """The claimed minimum."""
        return self.solution.minimum

    @property
    def unit(self) -> float:
        """What errors of losses are relative to."""
        return unit_of(self.problem, self.fresh.upper_bound)


def unit_of(problem: Problem, upper: float) -> float:
    """What gaps and errors of losses are relative to: ``max(|upper|, 1e-6 yy)``, yy about the mean where that is free.

    Relative to raw targets with an offset of 1e9 a gap of a thousand would look closed.
    """
    return max(abs(upper), 1e-6 * spread_of(problem), 1e-300)


def spread_of(problem: Problem) -> float:
    """``E||y||^2``, about the mean of the targets where an output bias without decay takes it off."""
    data = problem.data
    if not mean_is_free(problem) or data.y_mean is None:
        return data.yy
    return max(data.yy - float(data.y_mean @ data.y_mean), 0.0)


def input_scales(problem: Problem) -> FloatArray:
    """Root mean square (d,) of each input, about the mean as in `spread_of`; 1 for one that does not vary."""
    data = problem.data
    square = data.xx.diagonal()
    if mean_is_free(problem) and data.x_mean is not None:
        square = square - data.x_mean**2
    scales = np.sqrt(np.maximum(square, 0.0))
    return np.where(scales > 0.0, scales, 1.0)


def correlation_of(problem: Problem) -> float:
    """Norm of ``E[x y^T]`` with inputs of unit scale, about the means as in `spread_of`."""
    data = problem.data
    cross = data.xy
    if mean_is_free(problem) and data.x_mean is not None and data.y_mean is not None:
        cross = cross - np.outer(data.x_mean, data.y_mean)
    return float(np.linalg.norm(cross / input_scales(problem)[:, None]))


def mean_is_free(problem: Problem) -> bool:
    """Whether the output has a bias that costs nothing."""
    network = problem.network
    decays = network.bias_weight_decays
    return network.bias in (Bias.ALL, Bias.OUTPUT) and not (decays and decays[-1] > 0.0)


def offset_size(problem: Problem, product: FloatArray) -> float:
    """Size of the terms of ``y_mean - W x_mean``; zero without means."""
    data = problem.data
    if data.x_mean is None or data.y_mean is None:
        return 0.0
    return float(np.linalg.norm(product)) * float(np.linalg.norm(data.x_mean)) + float(np.linalg.norm(data.y_mean))


def offset_rounding(problem: Problem, product: FloatArray) -> float:
    """What rounding makes of ``y_mean - W x_mean``."""
    return 64.0 * EPSILON * offset_size(problem, product)


def kind(claimed: Certificate, fresh: Certificate) -> Comparison:
    """Whether the returned weights are certified, where that is claimed."""
    broken = [check.name for check in fresh.checks if not check.passed]
    found = "certified" if fresh.holds else f"bounded: {', '.join(broken) or 'the gap is open'}"
    return Comparison("certificate.kind", found, fresh.holds or not claimed.holds)


def close(field: str, claimed: float, found: float, tolerance: float, *, scales: bool) -> Comparison:
    """Numbers that agree to a tolerance; ``scales`` as `Comparison.scales_with_loss`."""
    return Comparison(field, float(found), bool(abs(claimed - found) <= tolerance < np.inf), scales)


def close_maps(field: str, claimed: FloatArray, found: FloatArray, problem: Problem) -> Comparison:
    """End-to-end maps (k, d) that agree to 1e-9 of what they predict, whatever the units of the inputs."""
    scales = input_scales(problem)
    size = length_of(found * scales)
    return close_arrays(field, claimed * scales, found * scales, 1e-9 * max(size, 1e-300))


def close_arrays(field: str, claimed: FloatArray, found: FloatArray, tolerance: float) -> Comparison:
    """Arrays of one shape whose entries agree to a tolerance."""
    if claimed.shape != found.shape:
        return Comparison(field, f"shape {found.shape}", agrees=False)
    worst = float(np.max(np.abs(claimed - found), initial=0.0))
    share = worst / tolerance if tolerance > 0.0 else float(worst > 0.0)
    return Comparison(field, f"off by {share:.1e} of the tolerance", worst <= tolerance < np.inf)
