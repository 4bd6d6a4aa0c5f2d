"""A point of the wire to the core, and what the core says about it back, in the caller's convention."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from service.core.curvature.hessian import DENSE_LIMIT, dense_hessian, is_plain
from service.core.curvature.spectrum import LARGEST, hessian_spectrum, layer_spectra
from service.core.extremes.reported import UNEVEN, times
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.results import Minima
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.trained import is_frozen
from service.core.points.diagnosis import Diagnosis
from service.core.points.directions import Direction, DirectionState
from service.core.points.escapes import Escape
from service.core.points.relu_point import with_verdict
from service.core.points.scaled_targets import point_inside, targets_inside
from service.errors import InputError, LimitExceeded
from service.operations.mapping import minima as minima_mapping
from service.operations.mapping import relu_verdict
from service.operations.mapping import weights as weights_mapping
from service.operations.mapping.arrays import matrix
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.problem import MappedProblem
from service.operations.mapping.relu_verdict import NO_VERDICT, PointVerdict
from service.operations.summaries.diagnose import summary_of_diagnosis
from service.schemas import diagnose as wire
from service.schemas.base import applicable
from service.schemas.minima import Terms
from service.schemas.weights import BiasVector, FactoredMatrix, Weight
from service.settings import Limits
from service.version import ENGINE_VERSION


def to_core(request: wire.DiagnoseOptions, limits: Limits) -> DenseParameters:
    """`point_to_core` of a request for a diagnosis."""
    return point_to_core(request.weights, request.biases, limits)


def point_to_core(weights: list[Weight], biases: list[BiasVector] | None, limits: Limits) -> DenseParameters:
    """Weights and biases as arrays, whether or not they fit a network.

    Raises
    ------
    InputError
        With locations ``weights`` and ``biases``.
    LimitExceeded
        If factors stand for more numbers than ``max_data_numbers``.
    """
    _check_numbers([*weights, *(biases or [])], limits)
    vectors = biases if biases is not None else [None] * len(weights)
    if len(vectors) != len(weights):
        raise InputError.at(("biases",), "must have one entry for each layer, null where there is no bias")
    return DenseParameters(
        tuple(_weight(weight, index) for index, weight in enumerate(weights)),
        tuple(_bias(bias, index) for index, bias in enumerate(vectors)),
    )


def _check_numbers(items: Sequence[Weight | BiasVector], limits: Limits) -> None:
    factored = [item for item in items if isinstance(item, FactoredMatrix)]
    if sum(math.prod(item.shape) for item in factored) > limits.max_data_numbers:
        raise LimitExceeded(("weights",), "max_data_numbers", limits.max_data_numbers, "numbers")


def _weight(weight: Weight, index: int) -> FloatArray:
    if isinstance(weight, FactoredMatrix):
        return weights_mapping.factored(weight, ("weights", index)).dense()
    return matrix(weight, ("weights", index))


def _bias(bias: BiasVector, index: int) -> FloatArray | None:
    if bias is None:
        return None
    if isinstance(bias, FactoredMatrix):
        column: FloatArray = weights_mapping.factored(bias, ("biases", index)).dense()[:, 0]
        return column
    return np.array(bias)


def to_wire(
    request: wire.DiagnoseRequest,
    mapped: MappedProblem,
    point: DenseParameters,
    found: Diagnosis,
    minima: Minima | None,
    limits: Limits,
    verdict: PointVerdict = NO_VERDICT,
) -> wire.DiagnoseAnswer:
    """The answer, validated.

    Raises
    ------
    LimitExceeded
        If a spectrum is asked for of more weights than it can be computed for.
    pydantic.ValidationError
        If the core returned a number that is not finite.
    """
    factor = mapped.scaling.loss
    known = None if minima is None else _known(minima, factor)
    judgement = None
    if verdict.judged is not None and verdict.form is not None:
        judged, form, width = verdict.judged, verdict.form, mapped.core.network.layers[0].width
        found = with_verdict(found, judged, form.unit)
        unit = form.unit * factor
        judgement = relu_verdict.to_wire(judged, form, unit, request.tolerance, width)
        known = relu_verdict.known_minimum(judged, unit, request.tolerance, width)
    reasons = dict(found.reasons)
    if known is None:
        reasons["global_minimum"] = reasons["gap"]
    if verdict.reason:
        reasons["relu_verdict"] = verdict.reason
    if found.plateau is None:
        reasons.setdefault("plateau", "the point itself counts as stationary")
    sharpness = _scaled(found.sharpness, factor)
    if sharpness is None or sharpness <= 0.0:
        reasons["largest_stable_step"] = reasons.get("sharpness", "no eigenvalue of the Hessian is positive")
    spectrum = _spectrum(mapped, found, point, reasons) if "spectrum" in request.include else None
    answer = wire.DiagnoseAnswer(
        summary=[],
        class_=found.point_class,
        evidence=found.evidence,
        because=found.because,
        loss=found.loss * factor,
        terms=Terms(
            fit=found.terms.fit * factor,
            noise=found.terms.noise * factor,
            decay=found.terms.decay * factor,
        ),
        gap=_scaled(found.gap, factor),
        gap_lower_bound=_scaled(found.gap_lower_bound, factor),
        gap_upper_bound=_scaled(found.gap_upper_bound, factor),
        global_minimum=known,
        gradient_norm=found.gradient_norm * factor,
        gradient_tolerance=found.gradient_tolerance * factor,
        tolerance_source=found.tolerance_source,
        precision=found.precision,
        least_hessian_eigenvalue=_scaled(found.least_hessian_eigenvalue, factor),
        sharpness=sharpness,
        largest_stable_step=2.0 / sharpness if sharpness is not None and sharpness > 0.0 else None,
        zero_tolerance=found.zero_tolerance * factor,
        inertia=None if found.inertia is None else wire.Inertia(**found.inertia),
        directions=None if found.directions is None else _directions(found.directions),
        escape=None if found.escape is None else _escape(found.escape, found.loss, mapped, point, limits),
        invariants=_invariants(found, mapped),
        next_stationary_loss=_scaled(found.next_stationary_loss, factor),
        plateau=None if found.plateau is None else minima_mapping.point_to_wire(found.plateau, mapped.scaling),
        reasons=reasons,
        convention=request.problem.objective.convention,
        engine_version=ENGINE_VERSION,
        problem_hash=problem_hash(request.problem),
        relu_verdict=judgement,
        spectrum=spectrum,
        model=request.model,
    )
    answer.summary.extend(summary_of_diagnosis(answer))
    return applicable(answer, "relu_verdict", "spectrum", "model")


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _known(minima: Minima, factor: float) -> wire.KnownMinimum:
    return wire.KnownMinimum(
        loss=minima.solution.minimum.loss * factor,
        lower_bound=minima.certificate.lower_bound * factor,
        status=minima.status,
        solver=minima.solution.solver,
    )


def _directions(found: tuple[Direction, ...]) -> wire.Directions:
    by_state: dict[str, list[wire.Direction]] = {state.value: [] for state in DirectionState}
    for item in found:
        reported = wire.Direction(
            index=item.index,
            target=item.target,
            reached=item.reached,
            output=item.output.tolist(),
            input=item.inputs.tolist(),
            optimal=item.optimal,
        )
        by_state[item.state.value].append(applicable(reported, "optimal"))
    return wire.Directions(**by_state)


def _escape(escape: Escape, loss: float, mapped: MappedProblem, point: DenseParameters, limits: Limits) -> wire.Escape:
    factor = mapped.scaling.loss
    weights: list[Any] | None = None
    biases: list[Any] | None = None
    reasons = {"weights": f"more than max_returned_numbers = {limits.max_returned_numbers} numbers"}
    if escape.direction.size <= limits.max_returned_numbers:
        direction, reasons = unflatten(escape.direction, point), {}
        weights = [weight.tolist() for weight in direction.weights]
        if any(bias is not None for bias in direction.biases):
            biases = [None if bias is None else bias.tolist() for bias in direction.biases]
    reported = wire.Escape(
        kind=escape.kind,
        step=escape.step,
        decrease=escape.decrease * factor,
        loss=(loss - escape.decrease) * factor,
        weights=weights,
        reasons=reasons,
        biases=biases,
    )
    return applicable(reported, "biases")


def _invariants(found: Diagnosis, mapped: MappedProblem) -> list[wire.Imbalance] | None:
    """Of trained neighbours, with the caller's decays as factors; without any decay they are 1 in every convention."""
    if found.imbalances is None:
        return None
    decay = mapped.scaling.decay if np.any(mapped.core.network.weight_decays) else 1.0
    trained = [layer.frozen_weights is None for layer in mapped.core.network.layers]
    return [
        wire.Imbalance(layers=[index, index + 1], imbalance=value / decay)
        for index, value in enumerate(found.imbalances, 1)
        if trained[index - 1] and trained[index]
    ]


def _spectrum(
    mapped: MappedProblem, found: Diagnosis, point: DenseParameters, reasons: dict[str, str]
) -> wire.HessianSpectrum | None:
    """All eigenvalues, from the Kronecker structure where the network has it."""
    problem, factor = mapped.core, mapped.scaling.loss
    if found.directions is None:
        reasons["spectrum"] = "/v1/spectra has it: this part is that of linear networks under squared loss"
        return None
    scaled = targets_inside(problem)
    if scaled is not None and problem.network.bias_layers:
        reasons["spectrum"] = UNEVEN
        return None
    if scaled is not None:
        problem, point = scaled.inside, point_inside(point, scaled.exponents)
        factor *= times(1.0, scaled.exponents.losses - 2 * (scaled.exponents.weights or 0))
    size, frozen = flatten(point).size, is_frozen(problem.network)
    plain = is_plain(problem) and not frozen
    largest = LARGEST if plain else DENSE_LIMIT
    if size > largest:
        reasons["spectrum"] = f"more than {largest} parameters"
        return None
    layers = None
    if not np.any(problem.network.noise_variances) and not frozen:
        layers = [(values * factor).tolist() for values in layer_spectra(problem, point.weights)]
    why = "a layer is not trained" if frozen else "with noise on hidden layers a layer has no Kronecker form"
    reported = {} if layers is not None else {"layers": why}
    if plain:
        whole = hessian_spectrum(problem, point.weights)
        values, error, blocks = whole.values, whole.error_bound, whole.blocks
    else:
        values = np.asarray(np.linalg.eigvalsh(dense_hessian(problem, point)), dtype=np.float64)
        error, blocks = 0.0, 1
    return wire.HessianSpectrum(
        values=(values * factor).tolist(),
        error_bound=error * factor,
        blocks=blocks,
        layers=layers,
        reasons=reported,
    )
