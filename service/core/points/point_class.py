"""The class of a point, no better known than its being stationary is.  See ``docs/theory/diagnosis.md``."""

from collections.abc import Mapping
from typing import Final

from service.core.ground.problems import Problem
from service.core.losses.dense import DenseParameters
from service.core.points.classes import Classified, Curvature, classify, closed_gap
from service.core.points.gaps import Gaps
from service.core.points.stationarity import Stationarity
from service.vocabulary import Evidence, NumberFormat, PointClass, ToleranceSource

STORED: Final[Mapping[NumberFormat, str]] = {
    NumberFormat.SINGLE: "stationary to single precision, in which the weights are stored",
    NumberFormat.HALF: "stationary to half precision, in which the weights are stored",
    NumberFormat.BFLOAT16: "stationary to bfloat16, in which the weights are stored",
}


def words_of(at: Stationarity) -> str:
    """In which sense a point counts as stationary whose gradient is not zero within its rounding."""
    return {
        ToleranceSource.MINIMUM: "as stationary as the weights that `minima` returns",
        ToleranceSource.REQUEST: "stationary within the gradient tolerance of the request",
    }.get(at.source) or STORED[at.precision]


def class_at(
    problem: Problem, parameters: DenseParameters, loss: float, gaps: Gaps, at: Stationarity, curvature: Curvature
) -> Classified:
    """The class, with evidence no stronger than that of the point being stationary."""
    if not at.stationary:
        return Classified(PointClass.NOT_STATIONARY, Evidence.PROVED, "the gradient is above its tolerance")
    gap = gaps.gap if gaps.certified else None
    if at.source is ToleranceSource.ROUNDING:
        return classify(problem, parameters, curvature, loss, gap)
    unit = at.unit if at.source is ToleranceSource.PRECISION else 0.0
    if gap is not None and closed_gap(problem, loss) < gap <= max(
        at.allowed_gap, 2.0 * (curvature.newton_decrease or 0.0)
    ):
        because = "the loss above the global minimum is what so small a gradient leaves"
        found = Classified(PointClass.GLOBAL_MINIMUM, Evidence.OBSERVED, because)
    else:
        found = classify(problem, parameters, curvature, loss, gap, unit)
    words = words_of(at)
    # a gap that is closed is closed whatever the gradient is
    sure = found.point_class is PointClass.GLOBAL_MINIMUM and found.evidence is Evidence.CERTIFIED
    evidence = found.evidence if sure else Evidence.OBSERVED
    return Classified(found.point_class, evidence, f"{words}; {found.because}")
