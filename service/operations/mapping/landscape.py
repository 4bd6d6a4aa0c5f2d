"""Landscapes of the core to the wire, in the caller's convention."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from service.core.asked.landscape import Landscape, OriginSummary
from service.core.ground.rules import Fact, Finding
from service.core.landscapes.barcode import Bar
from service.core.landscapes.nearest import Near, nearest
from service.core.landscapes.verdicts import Applied, Ruling
from service.core.landscapes.witnesses.table import Witness
from service.core.losses.dense import DenseParameters
from service.operations.mapping import minima as minima_mapping
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.landscape_facts import facts_to_wire
from service.operations.mapping.problem import MappedProblem
from service.operations.summaries.landscape import summary_of_landscape
from service.schemas import landscape as wire
from service.schemas.base import applicable, with_reasons
from service.schemas.flatness import LearningCoefficient
from service.schemas.landscape import LandscapeRequest
from service.schemas.slices import SlicesAnswer
from service.schemas.spectra import SpectraAnswer
from service.settings import Limits
from service.version import ENGINE_VERSION
from service.vocabulary import Evidence

UNSCALED = frozenset(
    {
        "distance_from_kinks",
        "growth_of_norm",
        "relative_gap",
        "correlation_over_price",
        "largest_bias",
        "kernel_least_eigenvalue",
        "kernel_least_eigenvalue_at_the_start",
        "rate",
        "slowest_ratio",
        "largest_move_of_a_neuron",
    }
)
"""Numbers of witnesses that are not losses."""


class Pictures(Protocol):
    """The parts that a request includes, and the reasons of those that are null; see `operations.included`."""

    @property
    def slice(self) -> SlicesAnswer | None:
        """A plane."""
        ...

    @property
    def interpolation(self) -> SlicesAnswer | None:
        """The line to the origin."""
        ...

    @property
    def hessian(self) -> SpectraAnswer | None:
        """The spectrum."""
        ...

    @property
    def learning_coefficient(self) -> LearningCoefficient | None:
        """Of the global minima."""
        ...

    @property
    def reasons(self) -> dict[str, str]:
        """By the names of the parts."""
        ...


def to_wire(
    request: LandscapeRequest,
    mapped: MappedProblem,
    found: Landscape,
    witnesses: tuple[Witness, ...] | None,
    pictures: Pictures,
    limits: Limits,
) -> wire.LandscapeAnswer:
    """The answer, validated: no number that is not finite leaves here.

    Raises
    ------
    pydantic.ValidationError
        If the core returned a number that is not finite.
    """
    factor, curve = mapped.scaling.loss, found.curve
    shown = None if witnesses is None else [_witness(witness, factor, limits) for witness in witnesses]
    answer = wire.LandscapeAnswer(
        summary=[],
        verdicts={
            str(about): _verdict(ruling, () if ruling.value is not None else nearest(about, found.rules, found.tried))
            for about, ruling in found.verdicts.items()
        },
        rules=_rules(found.rules),
        origin=_origin(found.origin, factor),
        stationary_points=[minima_mapping.point_to_wire(point, mapped.scaling) for point in found.points],
        stationary_point_count=found.point_count,
        completeness=found.completeness,
        thresholds=None if found.thresholds is None else minima_mapping.thresholds_to_wire(found.thresholds),
        reduced_curve=None
        if curve is None
        else wire.ReducedCurve(norm=curve.norms.tolist(), loss=(curve.losses * factor).tolist()),
        barcode=[_bar(bar, factor) for bar in found.bars],
        facts=facts_to_wire(mapped.core),
        solver=found.solver,
        reasons={**found.reasons, **pictures.reasons},
        convention=request.problem.objective.convention,
        engine_version=ENGINE_VERSION,
        problem_hash=problem_hash(request.problem),
        slice=pictures.slice,
        interpolation=pictures.interpolation,
        hessian=pictures.hessian,
        learning_coefficient=pictures.learning_coefficient,
        input_columns=mapped.data.ranged_columns,
        classes=None if mapped.data.classes is None else list(mapped.data.classes),
        witnesses=shown,
    )
    answer.summary.extend(summary_of_landscape(answer))
    parts = ("slice", "interpolation", "hessian", "learning_coefficient")
    return applicable(answer, *parts, "input_columns", "classes", "witnesses")


def _witness(witness: Witness, factor: float, limits: Limits) -> wire.Witness:
    construction, point = witness.construction, witness.construction.point
    better = [] if construction.better is None else [construction.better]
    size = sum(weight.size for weight in point.weights)
    sent = size <= limits.max_returned_numbers
    all_sent = size * (1 + len(better) + len(construction.path)) <= limits.max_returned_numbers
    first = _point(point)
    reported = wire.Witness(
        id=construction.id,
        title=construction.title,
        rule=construction.rule,
        claim=construction.claim,
        verified=witness.verified.holds,
        evidence=Evidence.OBSERVED,
        numbers={name: _scaled(name, value, factor) for name, value in witness.verified.numbers.items()},
        weights=first.weights if sent else None,
        biases=first.biases if sent else None,
        better=_point(better[0]) if better and all_sent else None,
        path=[_point(corner) for corner in construction.path] if all_sent else [],
        classes=list(construction.classes),
        reason="" if all_sent else "too many weights for one answer",
        targets=None if construction.samples is None else construction.samples.y.tolist(),
        exponent=None if construction.exponent is None else construction.exponent.tolist(),
    )
    return applicable(reported, "targets", "exponent")


def _point(point: DenseParameters) -> wire.WitnessPoint:
    return wire.WitnessPoint(
        weights=[weight.tolist() for weight in point.weights],
        biases=[None if bias is None else bias.tolist() for bias in point.biases],
    )


def _scaled(name: str, value: Fact, factor: float) -> Fact:
    """Losses in the caller's convention; a step on a loss that is scaled by a factor is divided by it."""
    if not isinstance(value, float) or name in UNSCALED:
        return value
    return value / factor if name == "step" else value * factor


def _verdict(ruling: Ruling, near: Sequence[Near]) -> wire.Verdict:
    reported = wire.Verdict(
        value=ruling.value,
        evidence=ruling.evidence,
        because=list(ruling.because),
        reason=ruling.reason,
        vacuous=ruling.vacuous,
        nearest=[_near(one) for one in near] if ruling.value is None else None,
    )
    return applicable(reported, "nearest")


def _near(one: Near) -> wire.NearRule:
    missing = [
        wire.MissingHypothesis(name=each.finding.name, reason=each.finding.judgement.reason, remedy=each.remedy or None)
        for each in one.missing
    ]
    told = [applicable(each, "remedy") for each in missing]
    return wire.NearRule(rule=one.theorem.id, title=one.theorem.title, value=one.value, missing=told)


def _rules(rules: Iterable[Applied]) -> list[wire.Rule]:
    # rules share most of their findings: each is mapped once
    known: dict[int, wire.HypothesisResult] = {}

    def finding(found: Finding) -> wire.HypothesisResult:
        if id(found) not in known:
            known[id(found)] = _finding(found)
        return known[id(found)]

    return [
        wire.Rule(
            id=applied.theorem.id,
            title=applied.theorem.title,
            applies=applied.applies,
            status=applied.theorem.status,
            source=applied.theorem.source,
            hypotheses=[finding(found) for found in applied.findings],
            conditions=[finding(found) for found in applied.conditions],
            concludes=[wire.Conclusion(property=item.about, value=item.value) for item in applied.concludes],
            decides=applied.decides,
        )
        for applied in rules
    ]


def _finding(finding: Finding) -> wire.HypothesisResult:
    judgement = finding.judgement
    reported = wire.HypothesisResult(
        name=finding.name, holds=judgement.holds, evidence=dict(judgement.evidence), reason=judgement.reason
    )
    return applicable(reported, "reason")


def _origin(origin: OriginSummary, factor: float) -> wire.LandscapeOrigin:
    def scaled(value: float | None) -> float | None:
        return None if value is None else value * factor

    return wire.LandscapeOrigin(
        class_=origin.point_class,
        evidence=origin.evidence,
        because=list(origin.because),
        least_hessian_eigenvalue=scaled(origin.least_hessian_eigenvalue),
        barrier_height=scaled(origin.barrier_height),
        escape_norm=origin.escape_norm,
        reasons=dict(origin.reasons),
    )


def _bar(bar: Bar, factor: float) -> wire.Bar:
    def scaled(value: float | None) -> float | None:
        return None if value is None else value * factor

    reported = wire.Bar(
        birth=bar.birth * factor,
        death=scaled(bar.death),
        persistence=scaled(bar.persistence),
        death_at_least=scaled(bar.at_least),
        death_at_most=scaled(bar.at_most),
        norm=bar.norm,
        exact=bar.exact,
        reasons={},
    )
    return with_reasons(reported, lambda _: bar.reason or "the death itself is known")
