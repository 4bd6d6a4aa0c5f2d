"""Bounds of one linear layer under a convex loss: errors of its predictions, by duality.

Proof: ``docs/theory/linear-losses.md``.  Nothing of how the weights were found is used.
"""

from typing import Final

from service.core.convex_losses.differences import QuantileLoss
from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, Check, Solution, Terms, weights_missing
from service.core.one_layer.bounds import Enclosed, enclosed, weights_of
from service.core.one_layer.endless import is_endless
from service.core.one_layer.parts import parts_of
from service.core.one_layer.predicted import LayerWeights

SMOOTH: Final = 1e-9
KINKED: Final = 1e-7
"""Gap that counts as closed under a loss with kinks, which is told to the rounding of the targets that are met."""
METHOD: Final = (
    "upper bound: the loss of the weights; lower bound: duality, by errors of the predictions that balance exactly "
    "where there is no decay"
)
SEPARATED: Final = "every sample has a positive margin, along which the loss tends to zero"


def certify(problem: Problem, solution: Solution) -> Certificate:
    """Certificate of one layer, from its weights; from the map where the infimum is not attained."""
    minimum, parts = solution.minimum, parts_of(problem)
    tolerance = KINKED if any(isinstance(part.loss, QuantileLoss) for part in parts) else SMOOTH
    weights = weights_of(minimum.parameters) if minimum.parameters is not None else None
    mapped = LayerWeights(minimum.end_to_end_map, minimum.output_offset)
    if weights is None and not minimum.attained and is_endless(problem, mapped):
        return _certificate(solution, Enclosed(0.0, 0.0, 0.0, Terms(0.0, 0.0, 0.0), None), 1.0, tolerance, SEPARATED)
    found = enclosed(problem, parts, weights or mapped, tolerance)
    unit = problem.unit(found.upper)
    return _certificate(solution, found, unit, tolerance, METHOD)


def _certificate(solution: Solution, found: Enclosed, unit: float, tolerance: float, method: str) -> Certificate:
    minimum = solution.minimum
    own = found.terms.loss
    claimed = abs(minimum.loss - own) if minimum.attained else max(0.0, minimum.loss - own)
    allowed = 1e-9 + 4.0 * found.rounding / unit
    checks = [
        Check("claimed_loss", claimed / unit, allowed),
        Check("terms_sum", abs(minimum.terms.loss - minimum.loss) / unit, allowed),
        Check("bounds_in_order", max(0.0, found.lower - found.upper) / unit, 0.0),
        *weights_missing(minimum),
    ]
    return Certificate(
        upper_bound=found.upper,
        lower_bound=found.lower,
        relative_gap=(found.upper - found.lower) / unit,
        tolerance=tolerance,
        method=method,
        rounding_allowance=found.rounding,
        checks=tuple(checks),
        terms=found.terms,
        norm_limit=found.norm_limit,
    )
