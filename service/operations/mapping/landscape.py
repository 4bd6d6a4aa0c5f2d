"""Landscapes of the core to the wire, in the caller's convention."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from service.core.asked.landscape import Landscape, OriginSummary
from service.core.asked.small_targets import small_targets
from service.core.data_facts.facts import WHITE_TOLERANCE, data_facts_of
from service.core.data_facts.separation import separation_of
from service.core.extremes.targets import Exponents
from service.core.extremes.told import times
from service.core.ground.problems import Problem
from service.core.ground.rules import Fact, Finding
from service.core.landscapes.barcode import Bar
from service.core.landscapes.kernel import MOST_SAMPLES, kernel_of
from service.core.landscapes.verdicts import Applied, Ruling
from service.core.landscapes.witnesses.table import Witness
from service.core.losses.expected import DenseParameters
from service.operations.mapping import minima as minima_mapping
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.problem import MappedProblem
from service.schemas.landscape import LandscapeAnswer, LandscapeRequest
from service.settings import Limits
from service.version import ENGINE_VERSION
from service.vocabulary import Evidence, Loss

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
"""Numbers of witnesses that are no losses."""
LABELLED = (Loss.LOGISTIC, Loss.EXPONENTIAL, Loss.CROSS_ENTROPY)


def to_wire(
    request: LandscapeRequest,
    mapped: MappedProblem,
    found: Landscape,
    witnesses: tuple[Witness, ...] | None,
    pictures: tuple[Mapping[str, Any], Mapping[str, str]],
    limits: Limits,
) -> LandscapeAnswer:
    """The answer, validated: no number that is not finite leaves here.

    ``pictures`` are the parts that were included, on the wire already, and the reasons of those that are null.

    Raises
    ------
    pydantic.ValidationError
        If the core returned a number that is not finite.
    """
    factor = mapped.scaling.loss
    document: dict[str, Any] = {
        "verdicts": {str(about): _verdict(ruling) for about, ruling in found.verdicts.items()},
        "rules": _rules(found.rules),
        "origin": _origin(found.origin, factor),
        "stationary_points": [minima_mapping.point_to_wire(point, mapped.scaling) for point in found.points],
        "stationary_point_count": found.point_count,
        "completeness": found.completeness,
        "thresholds": None if found.thresholds is None else minima_mapping.thresholds_to_wire(found.thresholds),
        "reduced_curve": None
        if found.curve is None
        else {"norm": found.curve.norms.tolist(), "loss": (found.curve.losses * factor).tolist()},
        "barcode": [_bar(bar, factor) for bar in found.bars],
        "facts": _facts(mapped.core),
        "solver": found.solver,
        "reasons": dict(found.reasons),
        "convention": request.problem.objective.convention,
        "engine_version": ENGINE_VERSION,
        "problem_hash": problem_hash(request.problem),
    }
    if mapped.data.ranged_columns is not None:
        document["input_columns"] = mapped.data.ranged_columns
    if mapped.data.classes is not None:
        document["classes"] = list(mapped.data.classes)
    document |= pictures[0]
    document["reasons"] |= pictures[1]
    if witnesses is not None:
        document["witnesses"] = [_witness(witness, factor, limits) for witness in witnesses]
    return LandscapeAnswer.model_validate(document)


def _witness(witness: Witness, factor: float, limits: Limits) -> dict[str, Any]:
    construction, point = witness.construction, witness.construction.point
    numbers = {name: _scaled(name, value, factor) for name, value in witness.verified.numbers.items()}
    better = [] if construction.better is None else [construction.better]
    size = sum(weight.size for weight in point.weights)
    sent = size <= limits.max_returned_numbers
    all_sent = size * (1 + len(better) + len(construction.path)) <= limits.max_returned_numbers
    first = _point(point)
    document = {
        "id": construction.id,
        "title": construction.title,
        "rule": construction.rule,
        "claim": construction.claim,
        "verified": witness.verified.holds,
        "evidence": Evidence.OBSERVED,
        "numbers": numbers,
        "weights": first["weights"] if sent else None,
        "biases": first["biases"] if sent else None,
        "better": _point(better[0]) if better and all_sent else None,
        "path": [_point(corner) for corner in construction.path] if all_sent else [],
        "classes": list(construction.classes),
        "reason": "" if all_sent else "too many weights for one answer",
    }
    if construction.samples is not None:
        document["targets"] = construction.samples.y.tolist()
    if construction.exponent is not None:
        document["exponent"] = construction.exponent.tolist()
    return document


def _point(point: DenseParameters) -> dict[str, Any]:
    return {
        "weights": [weight.tolist() for weight in point.weights],
        "biases": [None if bias is None else bias.tolist() for bias in point.biases],
    }


def _scaled(name: str, value: Fact, factor: float) -> Fact:
    """Losses in the caller's convention; a step on a loss that is scaled by a factor is divided by it."""
    if not isinstance(value, float) or name in UNSCALED:
        return value
    return value / factor if name == "step" else value * factor


def _verdict(ruling: Ruling) -> dict[str, Any]:
    return {
        "value": ruling.value,
        "evidence": ruling.evidence,
        "because": list(ruling.because),
        "reason": ruling.reason,
        "vacuous": ruling.vacuous,
    }


def _rules(rules: Iterable[Applied]) -> list[dict[str, Any]]:
    # rules share most of their findings: each is mapped once
    known: dict[int, dict[str, Any]] = {}

    def finding(found: Finding) -> dict[str, Any]:
        if id(found) not in known:
            known[id(found)] = _finding(found)
        return known[id(found)]

    return [
        {
            "id": applied.theorem.id,
            "title": applied.theorem.title,
            "applies": applied.applies,
            "status": applied.theorem.status,
            "source": applied.theorem.source,
            "hypotheses": [finding(found) for found in applied.findings],
            "conditions": [finding(found) for found in applied.conditions],
            "concludes": [{"property": item.about, "value": item.value} for item in applied.concludes],
            "decides": applied.decides,
        }
        for applied in rules
    ]


def _finding(finding: Finding) -> dict[str, Any]:
    verdict = finding.verdict
    document: dict[str, Any] = {"name": finding.name, "holds": verdict.holds, "evidence": dict(verdict.evidence)}
    if verdict.reason:
        document["reason"] = verdict.reason
    return document


def _origin(origin: OriginSummary, factor: float) -> dict[str, Any]:
    def scaled(value: float | None) -> float | None:
        return None if value is None else value * factor

    return {
        "class": origin.point_class,
        "evidence": origin.evidence,
        "because": list(origin.because),
        "least_hessian_eigenvalue": scaled(origin.least_hessian_eigenvalue),
        "barrier_height": scaled(origin.barrier_height),
        "escape_norm": origin.escape_norm,
        "reasons": dict(origin.reasons),
    }


def _bar(bar: Bar, factor: float) -> dict[str, Any]:
    def scaled(value: float | None) -> float | None:
        return None if value is None else value * factor

    document: dict[str, Any] = {
        "birth": bar.birth * factor,
        "death": scaled(bar.death),
        "persistence": scaled(bar.persistence),
        "death_at_least": scaled(bar.at_least),
        "death_at_most": scaled(bar.at_most),
        "norm": bar.norm,
        "exact": bar.exact,
    }
    reason = bar.reason or "the death itself is known"
    document["reasons"] = {name: reason for name, value in document.items() if value is None}
    return document


def _facts(problem: Problem) -> dict[str, Any]:
    small = small_targets(problem)
    if small is not None:
        problem = small.inside
    facts = data_facts_of(problem)
    tolerance = None if facts.moments is None else facts.moments.spectrum.rank_tolerance
    deviation = None if facts.whitening is None else facts.whitening[1]
    finite = deviation is not None and math.isfinite(deviation)
    labelled = problem.loss in LABELLED
    separation = separation_of(problem, offset=True) if labelled else None
    document: dict[str, Any] = {
        "samples": facts.n,
        "distinct_inputs": facts.distinct,
        "conflicting_inputs": facts.conflicting,
        "rank_x": facts.rank_x,
        "rank_x_and_one": facts.rank_x_and_one,
        "rank_y": facts.rank_y,
        "rank_xy": facts.rank_xy,
        "rank_tolerance": tolerance,
        "singular_values": None if facts.explained is None else facts.explained.tolist(),
        "affine_residual": facts.affine_residual,
        "linearly_separable": None if separation is None else separation.separable,
        "margin_with_offset": None if separation is None else separation.margin,
        "whitened": None if deviation is None else deviation <= WHITE_TOLERANCE,
        "whitening_deviation": deviation if finite else None,
        "kernel_least_eigenvalue": kernel_of(problem) if (facts.n or 0) <= MOST_SAMPLES else None,
    }
    if small is not None:
        _in_sent_units(document, small.exponents)
    document["reasons"] = {
        name: _why(name, problem, labelled=labelled) for name, value in document.items() if value is None
    }
    return document


def _in_sent_units(facts: dict[str, Any], exponents: Exponents) -> None:
    """Facts of targets that were measured in a power of two."""
    if facts["singular_values"] is not None:
        facts["singular_values"] = np.ldexp(facts["singular_values"], exponents.targets).tolist()
    if facts["affine_residual"] is not None:
        facts["affine_residual"] = times(facts["affine_residual"], exponents.losses)


def _why(name: str, problem: Problem, *, labelled: bool) -> str:
    if problem.moments is None:
        return "there are no data"
    if name in ("linearly_separable", "margin_with_offset") and not labelled:
        return "the loss is not one of classification"
    if name == "whitening_deviation":
        return "all inputs are zero"
    if name == "kernel_least_eigenvalue" and problem.samples is not None:
        return f"computed for up to {MOST_SAMPLES} samples"
    if name in ("samples", "rank_x_and_one", "affine_residual") and problem.samples is None:
        return "not given with the moments"
    return "the samples themselves are needed"
