"""An answer on the wire read back as a claim of the core, in the core's convention."""

from dataclasses import dataclass, replace

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix, Parameters
from service.core.ground.problems import shapes_of
from service.core.ground.results import (
    Certificate,
    Check,
    GlobalMinimum,
    Origin,
    Solution,
    StationaryPoint,
    Terms,
    Thresholds,
    Transition,
)
from service.core.reductions.graph import end_map
from service.core.reductions.step import Weights
from service.errors import InputError, counted
from service.operations.mapping import arrays, weights
from service.operations.mapping.problem import MappedProblem
from service.schemas import certificate as wire_certificate
from service.schemas import minima as wire
from service.vocabulary import PointClass, SkipKind


@dataclass(frozen=True)
class Claimed:
    """What an answer says, in the core's words and convention."""

    solution: Solution
    certificate: Certificate


def to_core(answer: wire.MinimaAnswer, mapped: MappedProblem, *, attained: bool) -> Claimed:
    """The claimed solution and certificate.

    Parameters
    ----------
    answer : MinimaAnswer
    mapped : MappedProblem
    attained : bool
        Whether the weights are those of a minimum, or the map is one that is approached.

    Raises
    ------
    InputError
        If the weights, the map or its singular values do not have the shapes of the network.
    """
    factor = mapped.scaling.loss
    solution = Solution(
        solver=answer.solver,
        theorems=tuple(answer.theorems),
        minimum=_minimum(answer.global_minimum, mapped, attained=attained),
        stationary_points=tuple(_point(point, factor) for point in answer.stationary_points),
        completeness=answer.completeness,
        thresholds=_thresholds(answer.thresholds),
        origin=_origin(answer.origin, factor),
    )
    claimed = answer.certificate
    certificate = Certificate(
        upper_bound=claimed.upper_bound / factor,
        lower_bound=claimed.lower_bound / factor,
        relative_gap=claimed.relative_gap,
        tolerance=claimed.tolerance,
        method=claimed.method,
        rounding_allowance=claimed.rounding_allowance / factor,
        checks=tuple(_check(check, factor) for check in claimed.checks),
    )
    return Claimed(solution, certificate)


def _check(check: wire_certificate.Check, factor: float) -> Check:
    """A claimed check; that of the gradient is in the unit of the loss."""
    scales = check.name == "gradient_norm"
    scale = factor if scales else 1.0
    return Check(check.name, check.value / scale, check.tolerance / scale, scales)


def _minimum(minimum: wire.GlobalMinimum, mapped: MappedProblem, *, attained: bool) -> GlobalMinimum:
    factor = mapped.scaling.loss
    parameters = _parameters(minimum, mapped)
    product, singular, offset = _map(minimum, mapped, parameters)
    evaluation = mapped.evaluation_scaling
    fit = minimum.evaluation_fit
    return GlobalMinimum(
        loss=minimum.loss / factor,
        terms=Terms(minimum.terms.fit / factor, minimum.terms.noise / factor, minimum.terms.decay / factor),
        trivial=minimum.trivial,
        attained=attained,
        rank=minimum.rank,
        end_to_end_map=product,
        output_offset=offset,
        singular_values=singular,
        parameters=parameters,
        prediction_variance=minimum.prediction_variance,
        uniqueness=minimum.uniqueness,
        evaluation_fit=None if fit is None or evaluation is None else fit / evaluation.loss,
    )


def _map(
    minimum: wire.GlobalMinimum, mapped: MappedProblem, parameters: Parameters | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The claimed map (k, d), or that of the weights, its singular values and its offset (k,), of the right shapes."""
    outputs, inputs = mapped.core.network.outputs, mapped.core.data.inputs
    at = ("global_minimum", "end_to_end_map")
    if minimum.end_to_end_map is not None:
        product = arrays.matrix(minimum.end_to_end_map, at)
    elif parameters is None:
        raise InputError.at(at, "is needed where there are no weights: ask for it with `return.map`")
    else:
        product = _map_of(parameters, mapped)
    if product.shape != (outputs, inputs):
        raise InputError.at(at, f"must be {outputs} x {inputs}: outputs x inputs of the network")
    if len(minimum.singular_values) != min(outputs, inputs):
        raise InputError.at(
            ("global_minimum", "singular_values"), f"must have {counted(min(outputs, inputs), 'entry', 'entries')}"
        )
    offset = np.zeros(outputs) if minimum.output_offset is None else np.array(minimum.output_offset)
    if offset.shape != (outputs,):
        raise InputError.at(
            ("global_minimum", "output_offset"),
            f"must have {counted(outputs, 'entry', 'entries')}, one for each output",
        )
    return product, np.array(minimum.singular_values), offset


def _map_of(parameters: Parameters, mapped: MappedProblem) -> FloatArray:
    if parameters.skips:
        return end_map(mapped.core.network, Weights(parameters.weights, parameters.skips), mapped.core.data.inputs)
    dense = [weight.dense() for weight in parameters.weights]
    product: FloatArray = dense[0]
    for weight in dense[1:]:
        product = weight @ product
    return product


def _parameters(minimum: wire.GlobalMinimum, mapped: MappedProblem) -> Parameters | None:
    if minimum.weights is None:
        return None
    network = mapped.core.network
    shapes = shapes_of(network, mapped.core.data.inputs)
    if len(minimum.weights) != len(shapes):
        raise InputError.at(
            ("global_minimum", "weights"), f"must have {counted(len(shapes), 'entry', 'entries')}, one for each layer"
        )
    parameters = weights.to_core(minimum.weights, minimum.biases, ("global_minimum",))
    for index, (weight, shape) in enumerate(zip(parameters.weights, shapes, strict=True)):
        if weight.shape != shape:
            at = ("global_minimum", "weights", index)
            detail = f"must be {arrays.sides(shape)}, width x inputs of the layer, and is {arrays.sides(weight.shape)}"
            raise InputError.at(at, f"{detail}: transpose it" if weight.shape[::-1] == shape else detail)
    expected = [shape[0] if network.has_bias(index) else None for index, shape in enumerate(shapes)]
    if [None if bias is None else bias.shape[0] for bias in parameters.biases] != expected:
        raise InputError.at(("global_minimum", "biases"), "must have one vector for each layer with a bias")
    return replace(parameters, skips=_skips(minimum, mapped))


def _skips(minimum: wire.GlobalMinimum, mapped: MappedProblem) -> tuple[FactoredMatrix | None, ...]:
    network, at = mapped.core.network, ("global_minimum", "skip_weights")
    given = minimum.skip_weights or []
    if minimum.skip_weights is not None and len(given) != len(network.skips):
        raise InputError.at(at, f"must have {counted(len(network.skips), 'entry', 'entries')}, one for each skip")
    widths = [mapped.core.data.inputs, *(layer.width for layer in network.layers)]
    found: list[FactoredMatrix | None] = []
    for index, skip in enumerate(network.skips):
        own = given[index] if index < len(given) else None
        weight = None if own is None else weights.factored(own, (*at, index))
        shape = (widths[skip.target], widths[skip.source]) if skip.kind is SkipKind.TRAINABLE else None
        if (None if weight is None else weight.shape) != shape:
            wanted = "null" if shape is None else f"{shape[0]} x {shape[1]}"
            raise InputError.at((*at, index), f"must be {wanted}")
        found.append(weight)
    return tuple(found)


def _point(point: wire.StationaryPoint, factor: float) -> StationaryPoint:
    return StationaryPoint(
        kind=point.kind,
        loss=point.loss / factor,
        point_class=point.class_,
        evidence=point.evidence,
        norm=point.norm,
        parameter_norm=point.parameter_norm,
        label=dict(point.label or {}),
    )


def _thresholds(thresholds: wire.Thresholds) -> Thresholds:
    return Thresholds(
        critical_decay_scale=thresholds.critical_decay_scale,
        metastable_up_to_decay_scale=thresholds.metastable_up_to_decay_scale,
        critical_noise_variance=thresholds.critical_noise_variance,
        critical_noise_scale=thresholds.critical_noise_scale,
        transition_order=thresholds.transition_order,
        transitions=tuple(
            Transition(item.decay_scale, item.order, item.norm_before, item.norm_after)
            for item in thresholds.transitions
        ),
        reasons=dict(thresholds.reasons),
    )


def _origin(origin: wire.Origin, factor: float) -> Origin:
    def core(value: float | None) -> float | None:
        return None if value is None else value / factor

    return Origin(
        point_class=PointClass(origin.class_),
        least_hessian_eigenvalue=core(origin.least_hessian_eigenvalue),
        barrier_height=core(origin.barrier_height),
        escape_norm=origin.escape_norm,
        reasons=dict(origin.reasons),
    )
