"""Minima of the core to the answer on the wire, in the caller's convention."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from service.core.ground.conditioning import advice_of, conditioning_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix, UniformColumn
from service.core.ground.results import GlobalMinimum, Minima, Origin, StationaryPoint, Thresholds
from service.operations.mapping import certificate, weights
from service.operations.mapping.conventions import Scaling
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.problem import MappedProblem
from service.schemas.minima import MinimaAnswer
from service.schemas.request import MinimaRequest
from service.settings import Limits
from service.version import ENGINE_VERSION

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def to_wire(
    request: MinimaRequest, mapped: MappedProblem, minima: Minima, limits: Limits, special: Mapping[str, Any] = NOTHING
) -> MinimaAnswer:
    """The answer, validated: no number that is not finite leaves here.

    Parameters
    ----------
    request : MinimaRequest
    mapped : MappedProblem
    minima : Minima
    limits : Limits
    special : mapping
        Parts that only the model of this problem has.

    Raises
    ------
    LimitExceeded
        If the weights that were asked for are too many numbers.
    pydantic.ValidationError
        If the core returned a number that is not finite.
    """
    solution, scaling = minima.solution, mapped.scaling
    document: dict[str, Any] = {
        "status": minima.status,
        "solver": solution.solver,
        "theorems": list(solution.theorems),
        "global_minimum": _global_minimum(request, mapped, solution.minimum, limits),
        "stationary_points": [point_to_wire(point, scaling) for point in solution.stationary_points],
        "completeness": solution.completeness,
        "thresholds": thresholds_to_wire(solution.thresholds),
        "origin": _origin(solution.origin, scaling),
        "certificate": certificate.to_wire(minima.certificate, scaling),
        "hypotheses": [certificate.finding_to_wire(finding) for finding in minima.hypotheses],
        "numerics": _numerics(mapped, minima),
        "data": _data(request, mapped),
        "convention": request.problem.objective.convention,
        "engine_version": ENGINE_VERSION,
        "problem_hash": problem_hash(request.problem),
        **special,
    }
    if minima.reductions:
        document["reductions"] = list(minima.reductions)
    if mapped.data.classes is not None:
        document["classes"] = list(mapped.data.classes)
    if request.return_.problem:
        document["problem"] = request.problem
    return MinimaAnswer.model_validate(document)


def _numerics(mapped: MappedProblem, minima: Minima) -> dict[str, Any]:
    """How the data are conditioned, and what would help where the gap is open."""
    found = conditioning_of(mapped.core)
    document: dict[str, Any] = {
        "condition_number": minima.condition_number,
        "rank_tolerance": minima.rank_tolerance,
        "scaled_condition": found.scaled_condition,
        "rank": found.rank,
        "digits_lost_to_offsets": found.lost_digits,
        "moments_changed_by": found.projected,
    }
    advice = advice_of(found, minima.certificate, moments=mapped.core.data.factor is None)
    if advice:
        document["advice"] = advice
    return document


def _global_minimum(
    request: MinimaRequest, mapped: MappedProblem, minimum: GlobalMinimum, limits: Limits
) -> dict[str, Any]:
    factor = mapped.scaling.loss
    document: dict[str, Any] = {
        "loss": minimum.loss * factor,
        "terms": {
            "fit": minimum.terms.fit * factor,
            "noise": minimum.terms.noise * factor,
            "decay": minimum.terms.decay * factor,
        },
        "trivial": minimum.trivial,
        "attained": minimum.attained,
        "rank": minimum.rank,
        "end_to_end_map": minimum.end_to_end_map.tolist(),
        "singular_values": minimum.singular_values.tolist(),
        "weights": None,
        "prediction_variance": minimum.prediction_variance,
        "uniqueness": minimum.uniqueness,
        "reasons": {},
    }
    if mapped.core.network.bias_layers:
        document["output_offset"] = minimum.output_offset.tolist()
    if mapped.data.units is not None:
        sent = mapped.data.units.map_sent(minimum.end_to_end_map, minimum.output_offset)
        document["in_units_sent"] = _finite(dict(zip(("end_to_end_map", "output_offset"), sent, strict=True)))
    if mapped.evaluation_scaling is not None and minimum.evaluation_fit is not None:
        document["evaluation_fit"] = minimum.evaluation_fit * mapped.evaluation_scaling.loss
    _add_weights(document, request, minimum, limits)
    return document


def _add_weights(document: dict[str, Any], request: MinimaRequest, minimum: GlobalMinimum, limits: Limits) -> None:
    form, parameters = request.return_.weights, minimum.parameters
    if parameters is None:
        document["reasons"]["weights"] = "the infimum is not attained by any weights"
        if "layer_norms" in request.include:
            document["layer_norms"] = None
            document["reasons"]["layer_norms"] = "the infimum is not attained by any weights"
        return
    if form == "none":
        document["reasons"]["weights"] = "not asked for: return.weights is none"
    else:
        document["weights"], biases = weights.to_wire(parameters, form, limits)
        if biases is not None:
            document["biases"] = biases
        if parameters.skips:
            document["skip_weights"] = weights.skips_to_wire(parameters, form)
    if "layer_norms" in request.include:
        document["layer_norms"] = [_norm(weight) for weight in parameters.weights]


def _finite(arrays: Mapping[str, FloatArray]) -> dict[str, Any]:
    """Arrays as lists, null with a reason where one leaves double precision."""
    beyond = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    told: dict[str, Any] = {name: None if name in beyond else array.tolist() for name, array in arrays.items()}
    return {**told, "reasons": dict.fromkeys(beyond, "leaves double precision in these units")}


def _norm(weight: FactoredMatrix) -> float:
    """Frobenius norm of ``left diag(values) right^T`` from two small Gram matrices."""
    left, right = (_gram(side) for side in (weight.left, weight.right))
    return math.sqrt(max(0.0, float(weight.values @ (left * right) @ weight.values)))


def _gram(side: FloatArray | UniformColumn) -> FloatArray:
    if isinstance(side, UniformColumn):
        return np.array([[side.length * side.value * side.value]])
    product: FloatArray = side.T @ side
    return product


def point_to_wire(point: StationaryPoint, scaling: Scaling) -> dict[str, Any]:
    """A stationary point, its loss in the caller's convention."""
    document: dict[str, Any] = {
        "kind": point.kind,
        "loss": point.loss * scaling.loss,
        "class": point.point_class,
        "norm": point.norm,
        "parameter_norm": point.parameter_norm,
        "evidence": point.evidence,
    }
    if point.label:
        document["label"] = dict(point.label)
    return document


def thresholds_to_wire(thresholds: Thresholds) -> dict[str, Any]:
    """Thresholds, in which no convention enters."""
    return {
        "critical_decay_scale": thresholds.critical_decay_scale,
        "metastable_up_to_decay_scale": thresholds.metastable_up_to_decay_scale,
        "critical_noise_variance": thresholds.critical_noise_variance,
        "critical_noise_scale": thresholds.critical_noise_scale,
        "transition_order": thresholds.transition_order,
        "transitions": [
            {
                "decay_scale": transition.decay_scale,
                "order": transition.order,
                "norm_before": transition.norm_before,
                "norm_after": transition.norm_after,
            }
            for transition in thresholds.transitions
        ],
        "reasons": dict(thresholds.reasons),
    }


def _origin(origin: Origin, scaling: Scaling) -> dict[str, Any]:
    def scaled(value: float | None) -> float | None:
        return None if value is None else value * scaling.loss

    return {
        "class": origin.point_class,
        "least_hessian_eigenvalue": scaled(origin.least_hessian_eigenvalue),
        "barrier_height": scaled(origin.barrier_height),
        "escape_norm": origin.escape_norm,
        "reasons": dict(origin.reasons),
    }


def _data(request: MinimaRequest, mapped: MappedProblem) -> dict[str, Any]:
    moments = mapped.core.data
    document: dict[str, Any] = {
        "kind": request.problem.data.kind,
        "inputs": mapped.data.inputs,
        "outputs": moments.outputs,
        "samples": moments.n,
        "preparation": mapped.data.preparation,
        "reasons": {},
    }
    if mapped.data.units is not None:
        document |= mapped.data.units.columns_told()
    if moments.n is None:
        document["reasons"]["samples"] = "not given with the moments"
    return document
