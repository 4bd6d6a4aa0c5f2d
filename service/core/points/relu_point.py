"""What a verdict on a two-layer ReLU network says about its point: class, gap, and no way down from a minimum."""

from dataclasses import replace

from service.core.points.diagnosis import Diagnosis, no_escape
from service.core.relu.given.verdict import Judged
from service.vocabulary import Evidence, PointClass, ReluVerdict

PROVED = "a lower bound on the loss of networks of any width proves it, within the tolerance"


def with_verdict(found: Diagnosis, judged: Judged, unit: float) -> Diagnosis:
    """The diagnosis of a point with the gap of its verdict; ``unit`` is the core's loss over that of the verdict."""
    given = judged.given
    value, rounding = given.value, given.rounding
    reasons = {name: why for name, why in found.reasons.items() if not name.startswith("gap")}
    told = replace(
        found,
        gap=unit * max(value - judged.best.value, 0.0),
        gap_lower_bound=unit * max(value - judged.narrow - 2.0 * rounding, 0.0),
        gap_upper_bound=unit * max(value + rounding - judged.dual.bound, 0.0),
        reasons=reasons,
    )
    if judged.verdict is not ReluVerdict.CERTIFIED:
        return told
    reasons["escape"] = no_escape(PointClass.GLOBAL_MINIMUM)
    return replace(
        told, point_class=PointClass.GLOBAL_MINIMUM, evidence=Evidence.CERTIFIED, because=PROVED, escape=None
    )
