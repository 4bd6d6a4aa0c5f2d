"""How far the loss of a point is above the global minimum, and what a loss below it says about the minimum."""

from collections.abc import Callable
from dataclasses import dataclass, field

from service.core.ground.problems import Problem
from service.core.ground.results import Minima
from service.core.losses.dense import DenseParameters
from service.core.points.gradient_bound import GradientBound, sizes_of
from service.vocabulary import Status


@dataclass(frozen=True, slots=True)
class Gaps:
    """Loss above the global minimum or the best value known, and what is certain about it; none is negative.

    Attributes
    ----------
    gap, at_least, at_most : float or None
    certified : bool
        Whether the value that the gap is measured from is that of the global minimum.
    reasons : dict
        Why a number is missing, or why the gap is zero at a loss below the best value known.
    """

    gap: float | None
    at_least: float | None
    at_most: float | None
    certified: bool
    reasons: dict[str, str] = field(default_factory=dict)


def loss_rounding(problem: Problem, parameters: DenseParameters) -> float:
    """Bound on what rounding changes in the loss: ``gamma_m`` times the sum of the absolute values of its terms."""
    bound = GradientBound.of(problem)
    return bound.share * bound.loss(sizes_of(parameters))


def gaps_of(loss: float, rounding: Callable[[], float], minima: Minima | None, unknown: str) -> Gaps:
    """Compare the loss of a point with the minimum.

    Parameters
    ----------
    loss : float
    rounding : callable
        Bound on its error, asked for where there is a minimum.
    minima : Minima or None
    unknown : str
        Why the minimum is missing, if it is.

    Notes
    -----
    A loss below the lower bound by more than the rounding of the two refutes the bound, and no gap to that minimum is
    reported.  A loss between lower bound and minimum makes the point the best one known, at a gap of zero.
    """
    if minima is None:
        return _nothing(unknown)
    certificate = minima.certificate
    unsure = rounding() + certificate.rounding_allowance
    if loss < certificate.lower_bound - unsure:
        return _nothing("the loss is below the lower bound that was computed: the bound does not hold")
    found = minima.solution.minimum.loss
    reasons = {}
    if loss < found - unsure:
        reasons["gap"] = "zero, because the loss is below the best value found: these weights are the best known"
    return Gaps(
        max(loss - found, 0.0),
        max(loss - certificate.upper_bound, 0.0),
        max(loss - certificate.lower_bound, 0.0),
        minima.status is not Status.BOUNDED,
        reasons,
    )


def _nothing(why: str) -> Gaps:
    return Gaps(None, None, None, False, dict.fromkeys(("gap", "gap_lower_bound", "gap_upper_bound"), why))
