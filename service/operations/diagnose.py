"""Where given weights of a network stand: their loss, class, gap to the minimum, and the way out."""

from functools import partial
from typing import Final

import numpy as np
from pydantic import ValidationError

from service.core.dispatch import Extras, solve
from service.core.ground.hypotheses import LINEAR, NO_SKIPS, SOME_TRAINED, SQUARED_LOSS
from service.core.ground.problems import Problem
from service.core.ground.results import Minima
from service.core.ground.rules import Hypothesis, Judgement, conjunction, examine
from service.core.losses.dense import DenseParameters
from service.core.points.diagnosis import Diagnosis
from service.core.points.diagnosis import diagnose as diagnose_in_core
from service.core.points.given_weights import check_parameters
from service.core.points.sample_diagnosis import diagnose_on_samples
from service.core.points.scaled_targets import described, targets_inside
from service.errors import Attempt, InputError, LimitExceeded, Location, NotCovered, NumericalError
from service.operations.guards import check_time, double_precision, finite_answer
from service.operations.magnitudes import blamed_on_fields, extremes_of
from service.operations.mapping import diagnose as diagnose_mapping
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping.locations import located
from service.operations.relu_diagnose import verdict_of
from service.schemas.diagnose import DiagnoseAnswer, DiagnoseRequest
from service.schemas.parsing import Parsed, parse_request
from service.schemas.problem import ProblemDocument
from service.schemas.problem_details import Nearest
from service.settings import Limits

HYPOTHESES: Final = (NO_SKIPS, SOME_TRAINED)
NO_BOUND: Final = "no bound for this network is known"


def parse(body: object) -> Parsed[DiagnoseRequest]:
    """Read a bare or wrapped problem with weights; `InputError` with locations in ``body``."""
    return parse_request(DiagnoseRequest, body)


def diagnose(request: DiagnoseRequest, limits: Limits, problem_at: Location = ()) -> DiagnoseAnswer:
    """Describe a point of the landscape; parameters as in `operations.rows`.

    Raises
    ------
    InputError
        If the weights do not fit the network, by layer, or are so large that nothing can be computed at them.
    NotCovered
        If the network has skips or no trained layer; and, where it is not linear or the loss not the squared one, if
        the data have no samples or the network has noise.
    """
    check_time(request.time_limit_s, limits)
    with located(problem_at):
        _check_widths(request.problem, limits)
        mapped = problem_mapping.to_core(request.problem, limits, relu=True, one_layer=True)
        if mapped.core.moments is None:
            raise InputError.at(("data", "kind"), "must not be none: a loss needs data")
    point = diagnose_mapping.to_core(request, limits)
    check_parameters(mapped.core, point)
    _check_covered(mapped.core)
    extreme = partial(extremes_of, request.problem, mapped, problem_at)
    with blamed_on_fields(extreme), double_precision(), finite_answer():
        try:
            minima, unknown = _known_minimum(mapped.core)
            wanted = request.gradient_tolerance
            tolerance = None if wanted is None else wanted / mapped.scaling.loss
            found = _described(mapped.core, point, minima, unknown, tolerance)
            verdict = verdict_of(request, mapped, point, limits)
            answer = diagnose_mapping.to_wire(request, mapped, point, found, minima, limits, verdict)
        except (ValidationError, ArithmeticError, np.linalg.LinAlgError):
            _refuse_large(mapped.core, point)
            raise
    return answer


def _described(
    problem: Problem, point: DenseParameters, minima: Minima | None, unknown: str, tolerance: float | None
) -> Diagnosis:
    """Where the point is, looked at with targets of ordinary size where they are not."""
    if not _by_moments(problem):
        with np.errstate(over="raise", invalid="raise"):
            return diagnose_on_samples(problem, point, minima, unknown if minima else NO_BOUND, tolerance)
    scaled = targets_inside(problem)
    with np.errstate(over="raise", invalid="raise"):
        if scaled is None:
            return diagnose_in_core(problem, point, minima, unknown, tolerance)
        own, why = _known_minimum(scaled.inside)
        return described(
            scaled, point, tolerance, lambda at, limit: diagnose_in_core(scaled.inside, at, own, why, limit)
        )


def _refuse_large(problem: Problem, point: DenseParameters) -> None:
    """Name weights or biases as the reason why double precision was left, where they are larger than all data."""
    unit = max(1.0, float(np.abs(problem.data.xx).max()), problem.data.yy)
    for name, arrays in (("weights", point.weights), ("biases", point.biases)):
        largest = max((float(np.abs(array).max(initial=0.0)) for array in arrays if array is not None), default=0.0)
        if largest > unit:
            raise InputError.at(
                (name,), "hold entries so large that loss or curvature leaves double precision: send smaller ones"
            )


def _check_widths(problem: ProblemDocument, limits: Limits) -> None:
    """Second moments of every layer are formed, so that its width costs what that many inputs do."""
    for index, layer in enumerate(problem.network.layers):
        if layer.width > limits.max_inputs:
            at = ("network", "layers", index, "width")
            raise LimitExceeded(at, "max_inputs", limits.max_inputs, "neurons in a layer to be diagnosed")


def _by_moments(problem: Problem) -> bool:
    """Whether moments determine the loss, so that all is known exactly, under noise, too."""
    return conjunction(examine((LINEAR, SQUARED_LOSS), problem)) is True


def _check_covered(problem: Problem) -> None:
    hypotheses = HYPOTHESES if _by_moments(problem) else (*HYPOTHESES, SAMPLES, NO_NOISE)
    findings = examine(hypotheses, problem)
    if conjunction(findings) is not True:
        failed = {item.name: item.judgement.reason for item in findings if item.judgement.holds is not True}
        error = NotCovered([Attempt("diagnosis", failed)])
        # which says what can be said without a loss
        error.nearest = Nearest(operation="/v1/landscape")
        raise error


def _sampled(problem: Problem) -> Judgement:
    reason = "" if problem.samples is not None else f"the data have no samples: moments determine only {BY_MOMENTS}"
    return Judgement(not reason, {}, reason)


def _noiseless(problem: Problem) -> Judgement:
    noisy = bool(np.any(problem.network.noise_variances)) or problem.network.input_noise_variance > 0.0
    reason = f"the network has noise, under which only {BY_MOMENTS} is known exactly" if noisy else ""
    return Judgement(not reason, {}, reason)


BY_MOMENTS: Final = "the squared loss of a linear network"
SAMPLES: Final = Hypothesis("samples", _sampled)
NO_NOISE: Final = Hypothesis("no noise", _noiseless)


def _known_minimum(problem: Problem) -> tuple[Minima | None, str]:
    """The global minimum, or why it is not known: a point can be described without it."""
    try:
        return solve(problem, Extras(reductions=True)), ""
    except NotCovered:
        return None, "no solver covers this problem: its global minimum is not known"
    except NumericalError:
        return None, "the global minimum could not be computed in double precision"
