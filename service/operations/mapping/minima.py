"""Minima of the core to the answer on the wire, in the caller's convention."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.ground.conditioning import advice_of, conditioning_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix, UniformColumn
from service.core.ground.results import GlobalMinimum, Minima, Origin, StationaryPoint, Thresholds
from service.operations.mapping import certificate, flatness, learning_coefficient, weights
from service.operations.mapping.conventions import Scaling
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.problem import MappedProblem
from service.operations.summaries.minima import summary_of_minima, with_advice
from service.schemas import minima as wire
from service.schemas.base import applicable, concise
from service.schemas.models import FeatureGeometry, Variational
from service.schemas.request import MinimaRequest
from service.schemas.weights import BiasVector, Weight
from service.settings import Limits
from service.version import ENGINE_VERSION


@dataclass(frozen=True, slots=True)
class Special:
    """What only the model of a problem has."""

    features: FeatureGeometry | None = None
    variational: Variational | None = None


NOTHING_SPECIAL: Final = Special()
NO_MAP: Final = "not requested: return.map is false"
ENDED_EARLY: Final = "allow more time: the search ended early because of `time_limit_s`"


def to_wire(
    request: MinimaRequest, mapped: MappedProblem, minima: Minima, limits: Limits, special: Special = NOTHING_SPECIAL
) -> wire.MinimaAnswer:
    """The answer, validated: no number that is not finite leaves here.

    Parameters
    ----------
    request : MinimaRequest
    mapped : MappedProblem
    minima : Minima
    limits : Limits
    special : Special
        Parts that only the model of this problem has.

    Raises
    ------
    LimitExceeded
        If the weights that were asked for are too many numbers.
    pydantic.ValidationError
        If the core returned a number that is not finite.
    """
    solution, scaling = minima.solution, mapped.scaling
    answer = wire.MinimaAnswer(
        status=minima.status,
        summary=[],
        solver=solution.solver,
        theorems=list(solution.theorems),
        global_minimum=_global_minimum(request, mapped, solution.minimum, limits),
        stationary_points=[point_to_wire(point, scaling) for point in solution.stationary_points],
        completeness=solution.completeness,
        thresholds=thresholds_to_wire(solution.thresholds),
        origin=_origin(solution.origin, scaling),
        certificate=certificate.to_wire(minima.certificate, scaling),
        hypotheses=[certificate.finding_to_wire(finding) for finding in minima.hypotheses],
        numerics=_numerics(mapped, minima),
        data=_data(request, mapped),
        convention=request.problem.objective.convention,
        engine_version=ENGINE_VERSION,
        problem_hash=problem_hash(request.problem),
        flatness=flatness.to_wire(mapped, minima) if "flatness" in request.include else None,
        learning_coefficient=(
            learning_coefficient.to_wire(mapped, minima) if "learning_coefficient" in request.include else None
        ),
        features=special.features,
        variational=special.variational,
        reductions=list(minima.reductions) or None,
        classes=None if mapped.data.classes is None else list(mapped.data.classes),
        problem=concise(request.problem) if request.return_.problem else None,
    )
    answer.summary.extend(summary_of_minima(answer, mapped.core.network.n_hidden))
    optional = ("flatness", "learning_coefficient", "features", "variational", "reductions", "classes", "problem")
    return applicable(answer, *optional)


def ended_early(answer: wire.MinimaAnswer) -> wire.MinimaAnswer:
    """The answer with the advice that a longer search may close its gap; as it is where nothing is open."""
    if answer.certificate.kind == "certified":
        return answer
    known = answer.numerics.advice
    advice = ENDED_EARLY if known is None else f"{ENDED_EARLY}; {known}"
    numerics, summary = answer.numerics.model_copy(update={"advice": advice}), with_advice(answer.summary, advice)
    return answer.model_copy(update={"numerics": numerics, "summary": summary})


def _numerics(mapped: MappedProblem, minima: Minima) -> wire.Numerics:
    """How the data are conditioned, and what would help where the gap is open."""
    found = conditioning_of(mapped.core)
    numerics = wire.Numerics(
        condition_number=minima.condition_number,
        rank_tolerance=minima.rank_tolerance,
        scaled_condition=found.scaled_condition,
        rank=found.rank,
        digits_lost_to_offsets=found.lost_digits,
        moments_changed_by=found.projected,
        advice=advice_of(found, minima.certificate, moments=mapped.core.data.factor is None),
    )
    return applicable(numerics, "advice")


def _global_minimum(
    request: MinimaRequest, mapped: MappedProblem, minimum: GlobalMinimum, limits: Limits
) -> wire.GlobalMinimum:
    factor, fit = mapped.scaling.loss, None
    if mapped.evaluation_scaling is not None and minimum.evaluation_fit is not None:
        fit = minimum.evaluation_fit * mapped.evaluation_scaling.loss
    reported, with_map = _weights(request, minimum, limits), request.return_.map
    answer = wire.GlobalMinimum(
        loss=minimum.loss * factor,
        terms=wire.Terms(
            fit=minimum.terms.fit * factor,
            noise=minimum.terms.noise * factor,
            decay=minimum.terms.decay * factor,
        ),
        trivial=minimum.trivial,
        attained=minimum.attained,
        rank=minimum.rank,
        end_to_end_map=minimum.end_to_end_map.tolist() if with_map else None,
        singular_values=minimum.singular_values.tolist(),
        prediction_variance=minimum.prediction_variance,
        uniqueness=minimum.uniqueness,
        reasons=reported.reasons | ({} if with_map else {"end_to_end_map": NO_MAP}),
        weights=reported.weights,
        biases=reported.biases,
        skip_weights=reported.skip_weights,
        layer_norms=reported.layer_norms,
        output_offset=minimum.output_offset.tolist() if mapped.core.network.bias_layers else None,
        in_units_sent=_in_units_sent(mapped, minimum, with_map=with_map),
        evaluation_fit=fit,
    )
    absent = ("biases", "skip_weights", "layer_norms", "output_offset", "in_units_sent", "evaluation_fit")
    return applicable(answer, *absent)


@dataclass(slots=True)
class _Reported:
    """The weights in the form that was asked for, and why there are none."""

    reasons: dict[str, str]
    weights: list[Weight] | None = None
    biases: list[BiasVector] | None = None
    skip_weights: list[Weight | None] | None = None
    layer_norms: list[float] | None = None


def _weights(request: MinimaRequest, minimum: GlobalMinimum, limits: Limits) -> _Reported:
    form, parameters = request.return_.weights, minimum.parameters
    norms = "layer_norms" in request.include
    if parameters is None:
        return _Reported(
            dict.fromkeys(("weights", "layer_norms") if norms else ("weights",), "no weights attain the infimum")
        )
    reported = _Reported({"weights": "not requested: return.weights is none"})
    if form != "none":
        matrices, biases = weights.to_wire(parameters, form, limits)
        skips = weights.skips_to_wire(parameters, form) if parameters.skips else None
        reported = _Reported({}, matrices, biases, skips)
    if norms:
        reported.layer_norms = [_norm(weight) for weight in parameters.weights]
    return reported


def _in_units_sent(mapped: MappedProblem, minimum: GlobalMinimum, *, with_map: bool) -> wire.MapInUnitsSent | None:
    """The map in the numbers as they were sent; null with a reason where one leaves double precision."""
    if mapped.data.units is None:
        return None
    matrix, offset = mapped.data.units.map_sent(minimum.end_to_end_map, minimum.output_offset)
    finite = {"end_to_end_map": np.isfinite(matrix).all(), "output_offset": np.isfinite(offset).all()}
    reasons = {name: "leaves double precision in these units" for name, whole in finite.items() if not whole}
    return wire.MapInUnitsSent(
        end_to_end_map=matrix.tolist() if with_map and finite["end_to_end_map"] else None,
        output_offset=offset.tolist() if finite["output_offset"] else None,
        reasons=reasons if with_map else reasons | {"end_to_end_map": NO_MAP},
    )


def _norm(weight: FactoredMatrix) -> float:
    """Frobenius norm of ``left diag(values) right^T`` from two small Gram matrices."""
    left, right = (_gram(side) for side in (weight.left, weight.right))
    return math.sqrt(max(0.0, float(weight.values @ (left * right) @ weight.values)))


def _gram(side: FloatArray | UniformColumn) -> FloatArray:
    if isinstance(side, UniformColumn):
        return np.array([[side.length * side.value * side.value]])
    product: FloatArray = side.T @ side
    return product


def point_to_wire(point: StationaryPoint, scaling: Scaling) -> wire.StationaryPoint:
    """A stationary point, its loss in the caller's convention."""
    found = wire.StationaryPoint(
        kind=point.kind,
        loss=point.loss * scaling.loss,
        class_=point.point_class,
        norm=point.norm,
        parameter_norm=point.parameter_norm,
        evidence=point.evidence,
        label=dict(point.label) if point.label else None,
    )
    return applicable(found, "label")


def thresholds_to_wire(thresholds: Thresholds) -> wire.Thresholds:
    """Thresholds, in which no convention enters."""
    return wire.Thresholds(
        critical_decay_scale=thresholds.critical_decay_scale,
        metastable_up_to_decay_scale=thresholds.metastable_up_to_decay_scale,
        critical_noise_variance=thresholds.critical_noise_variance,
        critical_noise_scale=thresholds.critical_noise_scale,
        transition_order=thresholds.transition_order,
        transitions=[
            wire.Transition(
                decay_scale=transition.decay_scale,
                order=transition.order,
                norm_before=transition.norm_before,
                norm_after=transition.norm_after,
            )
            for transition in thresholds.transitions
        ],
        reasons=dict(thresholds.reasons),
    )


def _origin(origin: Origin, scaling: Scaling) -> wire.Origin:
    def scaled(value: float | None) -> float | None:
        return None if value is None else value * scaling.loss

    return wire.Origin(
        class_=origin.point_class,
        least_hessian_eigenvalue=scaled(origin.least_hessian_eigenvalue),
        barrier_height=scaled(origin.barrier_height),
        escape_norm=origin.escape_norm,
        reasons=dict(origin.reasons),
    )


def _data(request: MinimaRequest, mapped: MappedProblem) -> wire.DataSummary:
    moments, kind = mapped.core.data, request.problem.data.kind
    assert kind != "dataset"  # noqa: S101 - what was kept of it has taken its place
    inputs, targets = (None, None) if mapped.data.units is None else mapped.data.units.columns_reported()
    summary = wire.DataSummary(
        kind=kind,
        inputs=mapped.data.inputs,
        outputs=moments.outputs,
        samples=moments.n,
        preparation=mapped.data.preparation,
        input_columns=inputs,
        target_columns=targets,
        reasons={"samples": "not given with the moments"} if moments.n is None else {},
    )
    return applicable(summary, "input_columns", "target_columns")
