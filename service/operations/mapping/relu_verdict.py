"""The verdict on a ReLU network in the caller's convention."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from service.core.losses.dense import DenseParameters
from service.core.relu.form import NAME, GivenWeights, ReluForm
from service.core.relu.given.verdict import Judged
from service.core.relu.networks import HiddenUnits
from service.operations.mapping.certificate import outwards
from service.operations.mapping.relu import METHOD, RELAXED
from service.schemas import relu_verdict as wire
from service.schemas.base import applicable
from service.schemas.diagnose import KnownMinimum
from service.schemas.relu import ReluCertificate
from service.vocabulary import ReluVerdict, Status


@dataclass(frozen=True, slots=True)
class PointVerdict:
    """A verdict with the form of its network, or why there is none.

    Attributes
    ----------
    judged : Judged or None
    form : ReluForm or None
    reason : str
        Why there is none; empty for networks that are of another kind.
    """

    judged: Judged | None = None
    form: ReluForm | None = None
    reason: str = ""


NO_VERDICT: Final = PointVerdict()
CLOSED: Final = "the gap is closed: nothing gains more than the tolerance"


def given_weights(point: DenseParameters, form: ReluForm) -> GivenWeights:
    """The weights of a point that fits the network; what is absent is zero."""
    first, second = point.weights
    hidden, output = point.biases
    return GivenWeights(
        first,
        second,
        np.zeros(len(first)) if hidden is None else hidden,
        0.0 if output is None else float(output[0]),
        np.zeros(form.inputs),
    )


def known_minimum(judged: Judged, factor: float, tolerance: float, width: int) -> KnownMinimum:
    """The best network known, which is the minimum where the gap is closed and the network is wide enough."""
    closed = judged.best_gap <= tolerance and judged.best.units <= width
    closed = closed or judged.verdict is ReluVerdict.CERTIFIED
    return KnownMinimum(
        loss=judged.best.value * factor,
        lower_bound=outwards(judged.dual.bound, factor, -np.inf),
        status=Status.CERTIFIED if closed else Status.BOUNDED,
        solver=NAME,
    )


def to_wire(judged: Judged, form: ReluForm, factor: float, tolerance: float, width: int) -> wire.ReluJudgement:
    """The judgement; ``factor`` is the loss of the request over that of the form."""
    given, reasons = judged.given, {}
    sizes = np.full(width, np.nan)
    sizes[given.places] = judged.ends
    closed = judged.verdict is ReluVerdict.CERTIFIED
    better = None if closed else _better(judged, factor, width)
    if better is None:
        reasons["better"] = CLOSED if closed else "no better network is known"
    missing = None if closed else _missing(judged, form, factor)
    if missing is None:
        reasons["missing_unit"] = CLOSED if closed else "no unit was found whose insertion lowers the loss"
    if not len(judged.ends):
        reasons["largest_deviation"] = "no unit reaches a sample"
    if judged.free is None:
        reasons["output_deviation"] = "the output has no bias"
    if len(judged.ends) < width:
        reasons["units.deviation"] = "null for a unit that reaches no sample"
    return wire.ReluJudgement(
        verdict=judged.verdict,
        certificate=_certificate(judged, form, factor, tolerance),
        better=better,
        missing_unit=missing,
        balancing_gain=float(given.gains.sum()) * factor,
        largest_deviation=float(np.abs(judged.ends).max()) if len(judged.ends) else None,
        output_deviation=judged.free,
        idle_units=width - len(judged.ends),
        units=[
            wire.GivenUnit(
                balancing_gain=float(gain) * factor,
                deviation=None if np.isnan(size) else float(size),
                active_samples=int(active),
            )
            for gain, size, active in zip(given.gains, sizes, given.active, strict=True)
        ],
        reasons=reasons,
    )


def _certificate(judged: Judged, form: ReluForm, factor: float, tolerance: float) -> ReluCertificate:
    return ReluCertificate(
        kind="certified" if judged.verdict is ReluVerdict.CERTIFIED else "bounded",
        upper_bound=outwards(judged.given.value + judged.given.rounding, factor, np.inf),
        lower_bound=outwards(judged.dual.bound, factor, -np.inf),
        relative_gap=judged.gap,
        tolerance=tolerance,
        method=RELAXED if judged.relaxed else METHOD,
        dual=judged.dual.errors.tolist(),
        feature_bound=judged.dual.feature_bound,
        beta=form.objective.beta,
        loss_per_sum=factor,
        cones=judged.cones,
        searches=judged.searches,
    )


def _better(judged: Judged, factor: float, width: int) -> wire.BetterNetwork | None:
    best, given = judged.best, judged.given
    if best.value >= given.value - 2.0 * given.rounding:
        return None
    return wire.BetterNetwork(
        loss=best.value * factor,
        decrease=(given.value - best.value) * factor,
        found_by=best.by,
        units=best.units,
        fits=best.units <= width,
    )


def _missing(judged: Judged, form: ReluForm, factor: float) -> wire.UnitToAdd | None:
    found = judged.missing
    if found is None:
        return None
    # what is no unit stays as it is
    nothing = np.zeros_like(judged.given.units.free)
    new = HiddenUnits(found.amplitude * found.direction[None], np.array([found.sign]), nothing)
    first, second, bias, _ = form.weights(new)
    weights: list[Any] = [first.tolist(), second.tolist()]
    unit = wire.UnitToAdd(
        direction=found.direction.tolist(),
        sign=int(found.sign),
        correlation=found.correlation,
        decrease=found.decrease * factor,
        loss=(judged.given.value - found.decrease) * factor,
        weights=weights,
        bias=None if bias is None else float(bias[0]),
    )
    return applicable(unit, "bias")
